//! The difference between what was deployed and the source that is declared now.

use schemars::JsonSchema;
use serde::Serialize;

use super::package::LineItem;
use crate::plan::{ContentDrift, DriftMember};

/// The difference between the contents of a live version and its source.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DriftItem {
    /// The source, relative to the manifest.
    source: String,
    /// The compared facts: `members`, `digest` if the members that were deployed are not known, or
    /// `folder` for the `package.json` in the deployed folder.
    evidence: &'static str,
    /// The number of members that only the source has.
    added: usize,
    /// The number of members that only the live version has.
    removed: usize,
    /// The number of members with other contents.
    changed: usize,
    /// The first different members, by name.
    members: Vec<DriftMemberItem>,
    /// The first different lines of `package.json`, with the lines around them.
    package_json: Vec<LineItem>,
}

/// A member that differs.
#[derive(Debug, Serialize, JsonSchema)]
struct DriftMemberItem {
    /// The path in the package.
    name: String,
    /// `added`, `removed` or `changed`.
    change: &'static str,
    /// The deployed size, in bytes; null if the live version does not have the member.
    before_size: Option<u64>,
    /// The size in the source, in bytes; null if the source does not have the member.
    after_size: Option<u64>,
}

impl DriftItem {
    /// Returns the item of a difference.
    pub(super) fn of(drift: &ContentDrift) -> Self {
        let ContentDrift {
            id: _, // The values before the change have it.
            source,
            evidence,
            added,
            removed,
            changed,
            members,
            package_json,
        } = drift;
        Self {
            source: source.clone(),
            evidence: evidence.as_str(),
            added: *added,
            removed: *removed,
            changed: *changed,
            members: members.iter().map(DriftMemberItem::of).collect(),
            package_json: package_json.iter().cloned().map(LineItem::of).collect(),
        }
    }
}

impl DriftMemberItem {
    fn of(member: &DriftMember) -> Self {
        let DriftMember {
            name,
            change,
            before_size,
            after_size,
        } = member;
        Self {
            name: name.clone(),
            change: change.as_str(),
            before_size: *before_size,
            after_size: *after_size,
        }
    }
}
