//! Plan files as a user may edit them: with only the documented meaning of the fingerprint.

use std::fmt::Write as _;

use indexmap::IndexMap;
use serde_json::{Value, json};
use sha2::Digest as _;

/// A plan file. Its top-level keys keep their order.
#[derive(Debug, Clone)]
pub(crate) struct PlanFile(IndexMap<String, Value>);

impl PlanFile {
    pub(crate) fn read(text: &str) -> Self {
        Self::parse(text).unwrap()
    }

    /// Returns the file; `None` if the text is not a JSON object.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// Returns the value of a top-level key.
    pub(crate) fn at(&mut self, key: &str) -> &mut Value {
        &mut self.0[key]
    }

    pub(crate) fn changes(&mut self) -> &mut Vec<Value> {
        self.0["plan"]["changes"].as_array_mut().unwrap()
    }

    /// Returns the change at an address.
    pub(crate) fn change(&mut self, address: &str) -> &mut Value {
        let mut changes = self.changes().iter_mut();
        changes.find(|change| change["address"] == address).unwrap()
    }

    /// Returns the file's text, with the fingerprint of its current content.
    pub(crate) fn sealed(&self) -> String {
        let values: Vec<&Value> = self
            .0
            .iter()
            .filter(|(key, _)| *key != "fingerprint")
            .map(|(_, value)| value)
            .collect();
        let hash = sha2::Sha256::digest(serde_json::to_vec(&values).unwrap());
        let mut fingerprint = String::new();
        for byte in hash {
            write!(fingerprint, "{byte:02x}").unwrap();
        }
        let mut sealed = self.0.clone();
        sealed.insert("fingerprint".to_owned(), json!(fingerprint));
        serde_json::to_string_pretty(&sealed).unwrap()
    }
}
