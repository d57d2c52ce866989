//! The records of deployed solutions.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tracked::Tracked;
use crate::access::Caller;
use crate::knobs::RecordKeys;
use crate::path::NodePath;

/// The owner of public solutions in the API.
pub(crate) const PUBLIC_OWNER: &str = "IB_DEPLOYED";

/// The states that PATCH can set and the filter documents.
pub(crate) const STATES: [&str; 2] = ["ACTIVE", "INACTIVE"];

/// A deployed solution. State and visibility are text, because a seed may contain any word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags are independent, and stored separately"
)]
pub(crate) struct Solution {
    pub(crate) id: String,
    /// The position in the order of creation, because times are too coarse for an order.
    pub(crate) sequence: u64,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) owner: String,
    pub(crate) author: String,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) state: String,
    pub(crate) visibility: String,
    /// Serialised JSON, as the API shows it.
    pub(crate) metadata: String,
    /// True while its deploy job is pending.
    pub(crate) deploying: bool,
    /// True while a delete job for it is pending.
    pub(crate) deleting: bool,
    #[serde(default)]
    pub(crate) customizable: bool,
    /// The accounts that it is shared with.
    #[serde(default)]
    pub(crate) shared_accounts: Vec<String>,
    /// True if a deployment refers to it.
    #[serde(default)]
    pub(crate) referenced: bool,
}

impl Solution {
    pub(crate) fn is_visible_to(&self, caller: &Caller) -> bool {
        caller.admin || self.visibility == "PUBLIC" || self.belongs_to(caller)
    }

    pub(crate) fn belongs_to(&self, caller: &Caller) -> bool {
        caller.admin || self.owner == caller.name || self.author == caller.name
    }
}

/// Returns the folder of the server that contains the files of a solution.
pub(crate) fn server_folder(id: &str) -> NodePath {
    let path = format!("system/global/fs/Instabase Drive/Applications/Deployed/All/{id}");
    NodePath::parse(&path).expect("invariant: an id is a path segment; seeds are checked for it")
}

/// All records, in the order of their creation.
#[derive(Debug)]
pub(crate) struct Solutions {
    pub(crate) items: Tracked<u64, Solution>,
    by_id: HashMap<String, u64>,
}

impl Solutions {
    /// Creates the records from a map, which does not count as a change.
    pub(crate) fn restored(items: BTreeMap<u64, Solution>) -> Self {
        let by_id = items
            .values()
            .map(|solution| (solution.id.clone(), solution.sequence))
            .collect();
        Self {
            items: Tracked::restored(items),
            by_id,
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Solution> {
        self.items.get(self.by_id.get(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Solution> {
        self.items.get_mut(self.by_id.get(id)?)
    }

    pub(crate) fn insert(&mut self, solution: Solution) {
        self.by_id.insert(solution.id.clone(), solution.sequence);
        self.items.insert(solution.sequence, solution);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Solution> {
        self.items.remove(&self.by_id.remove(id)?)
    }
}

/// Returns metadata with the keys that the knob asks for. Captured records have more keys than the
/// authors, and are serialised with spaces.
pub(crate) fn metadata(keys: RecordKeys, authors: &Value) -> String {
    match keys {
        RecordKeys::Docs => json!({ "authors": authors }).to_string(),
        RecordKeys::Aihub => format!(
            "{{\"authors\": {authors}, \"icon\": \"icon.png\", \"samples\": [], \"results\": [], \
             \"schema\": {{}}, \"billing_model\": \"default\"}}"
        ),
    }
}
