//! The contents of a deployed record, as the apply that deployed it knew them: the store keeps them
//! for later plans.

use serde::{Deserialize, Serialize};

use super::action::AfterImage;
use super::package_contents::{Member, PackageContents};
use crate::ident::{Digest, Identity, SolutionId};

/// The version of the document in the store.
const VERSION: u32 = 1;

/// The maximum number of members in a document, and the maximum size of their names, in bytes.
const MEMBERS: usize = 10_000;
const NAMES: usize = 1024 * 1024;

/// The maximum size of a `package.json` in a document, in bytes.
const PACKAGE_JSON: usize = 64 * 1024;

/// The contents of a deployed record. A document of another version is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedPackage {
    v: u32,
    /// The record.
    pub id: SolutionId,
    /// The declared version.
    pub identity: Identity,
    /// The time of the deploy, in milliseconds since 1970.
    pub deployed_at_ms: u64,
    /// The digest of the package, if it was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// The fingerprint of the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digest>,
    /// The rest of the contents, if they were known at the deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<RecordedContents>,
}

/// The part of the contents of a package that a document has. It is small enough for each deployed
/// record to have one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedContents {
    /// The members; none if there are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Member>>,
    /// The text of `package.json`; none if it is too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_json: Option<String>,
}

impl RecordedContents {
    /// Returns the part of the contents that a document has.
    pub fn of(contents: &PackageContents) -> Self {
        let members = &contents.members;
        let names: usize = members.iter().map(|member| member.name.len()).sum();
        let is_small = members.len() <= MEMBERS && names <= NAMES;
        let json = &contents.package_json;
        Self {
            members: is_small.then(|| members.clone()),
            package_json: (json.len() <= PACKAGE_JSON).then(|| json.clone()),
        }
    }

    /// Returns the approximate size in memory, in bytes.
    pub fn size(&self) -> usize {
        let members = self.members.iter().flatten();
        let of_members: usize = members
            .map(|member| size_of::<Member>() + member.name.len())
            .sum();
        size_of::<Self>() + of_members + self.package_json.as_ref().map_or(0, String::len)
    }
}

impl DeployedPackage {
    /// Returns the document of a record that a deploy made.
    pub fn new(
        id: SolutionId,
        after: &AfterImage,
        contents: Option<RecordedContents>,
        deployed_at_ms: u64,
    ) -> Self {
        Self {
            v: VERSION,
            id,
            identity: after.identity.clone(),
            deployed_at_ms,
            sha256: after
                .upload
                .as_ref()
                .and_then(|upload| upload.source.sha256().cloned()),
            fingerprint: after.package.clone(),
            contents,
        }
    }

    /// Returns the document as JSON; `None` if nothing is known of the contents.
    pub fn to_json(&self) -> Option<Vec<u8>> {
        let is_known = self.sha256.is_some() || self.fingerprint.is_some();
        is_known.then(|| serde_json::to_vec(self).expect("invariant: the keys are strings"))
    }

    /// Reads the document of a record. `None` if it is damaged, of another version, or about
    /// another record.
    pub fn read(json: &[u8], id: &SolutionId) -> Option<Self> {
        let document: Self = serde_json::from_slice(json).ok()?;
        (document.v == VERSION && document.id == *id).then_some(document)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{contents, deployed_package, member};
    use super::*;

    #[test]
    fn documents_are_read_back() {
        let contents = contents(vec![member("a", 1), member("b", 2)], "{}");
        let document = deployed_package(&contents, Some(&Digest::of(b"x")));
        let json = document.to_json().unwrap();
        assert_eq!(DeployedPackage::read(&json, &document.id), Some(document));
        let other = SolutionId::parse("other").unwrap();
        assert_eq!(DeployedPackage::read(&json, &other), None);
        let id = SolutionId::parse("seven").unwrap();
        let text = String::from_utf8(json).unwrap();
        for damaged in ["", "{}", &text[..text.len() - 1]] {
            assert_eq!(DeployedPackage::read(damaged.as_bytes(), &id), None);
        }
        let newer = text.replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(DeployedPackage::read(newer.as_bytes(), &id), None);
        let more = text.replacen("\"v\":1", "\"v\":1,\"more\":[1]", 1);
        assert!(DeployedPackage::read(more.as_bytes(), &id).is_some());
    }

    #[test]
    fn large_contents_are_left_out() {
        let many = (0..=MEMBERS).map(|number| member(&number.to_string(), 1));
        let long = vec![member(&"x".repeat(NAMES + 1), 1)];
        for members in [many.collect(), long] {
            let recorded = RecordedContents::of(&contents(members, "{}"));
            assert_eq!(recorded.members, None);
            assert_eq!(recorded.package_json.as_deref(), Some("{}"));
        }
        let recorded = RecordedContents::of(&contents(Vec::new(), &"x".repeat(PACKAGE_JSON + 1)));
        assert_eq!(recorded.members, Some(Vec::new()));
        assert_eq!(recorded.package_json, None);
    }

    #[test]
    fn nothing_is_recorded_of_unknown_contents() {
        let mut document = deployed_package(&contents(Vec::new(), "{}"), None);
        document.contents = None;
        assert!(document.to_json().is_some());
        document.fingerprint = None;
        assert_eq!(document.to_json(), None);
    }
}
