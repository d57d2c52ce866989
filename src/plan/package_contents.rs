//! The members of a package, and the differences between two packages.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::package::PackageInfo;

/// The member that describes a package.
pub const PACKAGE_JSON: &str = "package.json";

/// The maximum length of the lines of a `package.json` that people read, in bytes.
const READABLE: usize = 200;

/// The contents of a package, without the contents of its members besides `package.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageContents {
    /// The fields of `package.json`.
    pub info: PackageInfo,
    /// The text of `package.json`.
    pub package_json: String,
    /// The size of the file, in bytes.
    pub size: u64,
    /// The members that are files, ordered by name.
    pub members: Vec<Member>,
}

/// A member of a package, as the directory of the archive describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The path in the package.
    pub name: String,
    /// The size of the content, in bytes.
    pub size: u64,
    /// The size of the content in the archive, in bytes.
    pub packed_size: u64,
    /// The checksum of the content.
    pub crc32: u32,
    /// True if the content is encrypted: the archive may then have no checksum of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_encrypted: bool,
}

/// The differences between the members of two packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageDiff<'a> {
    /// The package on the `-` side.
    pub before: &'a PackageContents,
    /// The package on the `+` side.
    pub after: &'a PackageContents,
    /// The different members, ordered by name.
    pub changes: Vec<MemberChange<'a>>,
}

/// A difference between two packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange<'a> {
    /// Only the `+` side has the member.
    Added(&'a Member),
    /// Only the `-` side has the member.
    Removed(&'a Member),
    /// Both sides have a member of the name, with different contents.
    Changed(&'a Member, &'a Member),
}

impl PackageContents {
    /// Returns true if `package.json` begins with a byte order mark.
    pub fn has_byte_order_mark(&self) -> bool {
        self.package_json.starts_with('\u{feff}')
    }
}

impl Member {
    /// Returns true if two members have the same content, as far as the archives show it.
    fn has_content_of(&self, other: &Self) -> bool {
        let Self {
            name: _,
            size,
            packed_size,
            crc32,
            is_encrypted,
        } = self;
        let is_packed_alike = *packed_size == other.packed_size || !is_encrypted;
        (size, crc32, is_encrypted) == (&other.size, &other.crc32, &other.is_encrypted)
            && is_packed_alike
    }
}

/// Compares two lists of members that are ordered by name.
pub(super) fn member_changes<'a>(
    before: &'a [Member],
    after: &'a [Member],
) -> Vec<MemberChange<'a>> {
    let mut changes = Vec::new();
    let mut left = before.iter().peekable();
    let mut right = after.iter().peekable();
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => left.name.cmp(&right.name),
        };
        let old = left.next_if(|_| order.is_le());
        let new = right.next_if(|_| order.is_ge());
        match (old, new) {
            (Some(old), None) => changes.push(MemberChange::Removed(old)),
            (None, Some(new)) => changes.push(MemberChange::Added(new)),
            (Some(old), Some(new)) if !old.has_content_of(new) => {
                changes.push(MemberChange::Changed(old, new));
            }
            _ => {}
        }
    }
}

/// Returns the numbers of added, removed and changed members.
pub(super) fn counts_of(changes: &[MemberChange<'_>]) -> (usize, usize, usize) {
    let count = |is_counted: fn(&MemberChange<'_>) -> bool| {
        changes.iter().filter(|one| is_counted(one)).count()
    };
    (
        count(|one| matches!(one, MemberChange::Added(_))),
        count(|one| matches!(one, MemberChange::Removed(_))),
        count(|one| matches!(one, MemberChange::Changed(..))),
    )
}

/// Returns two texts of `package.json` for a comparison by lines. A text that a program wrote on
/// one line is laid out first, and so is the other one.
pub(super) fn comparable_texts(texts: [&str; 2]) -> [Cow<'_, str>; 2] {
    let is_long = |text: &&str| text.lines().any(|line| line.len() > READABLE);
    if texts.iter().any(is_long)
        && let [Some(before), Some(after)] = texts.map(laid_out)
        && before != after
    {
        return [before.into(), after.into()];
    }
    texts.map(Cow::Borrowed)
}

impl<'a> PackageDiff<'a> {
    /// Compares two packages, member by member.
    pub fn of(before: &'a PackageContents, after: &'a PackageContents) -> Self {
        Self {
            before,
            after,
            changes: member_changes(&before.members, &after.members),
        }
    }

    /// Returns true if a member differs.
    pub fn is_different(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Returns true if the two archives have the same directory too, with its order and times.
    pub fn is_same_archive(&self) -> bool {
        self.before.info.fingerprint == self.after.info.fingerprint
    }

    /// Returns the two texts of `package.json` for a comparison by lines.
    pub fn package_json(&self) -> [Cow<'a, str>; 2] {
        comparable_texts([self.before, self.after].map(|side| side.package_json.as_str()))
    }

    /// Returns the numbers of added, removed and changed members.
    pub fn counts(&self) -> (usize, usize, usize) {
        counts_of(&self.changes)
    }
}

/// Returns a JSON text with one value on each line; none if it is no JSON.
fn laid_out(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    serde_json::to_string_pretty(&value).ok()
}

impl MemberChange<'_> {
    /// Returns true if `package.json` changed.
    pub fn is_package_json(&self) -> bool {
        matches!(self, Self::Changed(..)) && self.name() == PACKAGE_JSON
    }

    /// The path of the member.
    pub fn name(&self) -> &str {
        match self {
            Self::Added(member) | Self::Removed(member) | Self::Changed(member, _) => &member.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Digest;
    use crate::plan::PackageField;

    fn member(name: &str, size: u64, crc32: u32) -> Member {
        Member {
            name: name.to_owned(),
            size,
            packed_size: size,
            crc32,
            is_encrypted: false,
        }
    }

    fn contents(members: Vec<Member>) -> PackageContents {
        let text = |text: &str| PackageField::Text(text.to_owned());
        PackageContents {
            info: PackageInfo {
                name: text("A"),
                version: text("1"),
                owner: text("svc"),
                solution_type: text("ibflowbin"),
                visibility: None,
                fingerprint: Digest::of(b""),
            },
            package_json: String::new(),
            size: 0,
            members,
        }
    }

    #[test]
    fn members_are_compared_by_size_and_checksum() {
        let before = [("a", 1, 1), ("b", 1, 1), ("c", 1, 1), ("e", 1, 1)];
        let after = [("b", 1, 1), ("c", 1, 2), ("d", 1, 1), ("e", 2, 1)];
        let of = |list: [(&str, u64, u32); 4]| {
            contents(
                list.map(|(name, size, crc)| member(name, size, crc))
                    .to_vec(),
            )
        };
        let (before, after) = (of(before), of(after));
        let diff = PackageDiff::of(&before, &after);
        let shown: Vec<String> = diff
            .changes
            .iter()
            .map(|change| {
                let sign = match change {
                    MemberChange::Added(_) => '+',
                    MemberChange::Removed(_) => '-',
                    MemberChange::Changed(..) => '~',
                };
                format!("{sign}{}", change.name())
            })
            .collect();
        assert_eq!(shown, ["-a", "~c", "+d", "~e"]);
        assert_eq!(diff.counts(), (1, 1, 2));
        assert!(!PackageDiff::of(&before, &before).is_different());
    }

    #[test]
    fn a_package_json_on_one_line_is_laid_out() {
        let of = |json: String| PackageContents {
            package_json: json,
            ..contents(Vec::new())
        };
        let short = of("{ \"name\":\n1 }".to_owned());
        let long = of(format!("{{\"name\":1,\"text\":\"{}\"}}", "x".repeat(300)));
        let [before, after] = PackageDiff::of(&short, &long).package_json();
        assert_eq!(before, "{\n  \"name\": 1\n}");
        assert!(after.starts_with("{\n  \"name\": 1,\n"), "{after}");
        let [before, after] = PackageDiff::of(&short, &short).package_json();
        assert_eq!(
            (before.as_ref(), after),
            (short.package_json.as_str(), before.clone())
        );
    }

    /// An archive may have no checksum of an encrypted member.
    #[test]
    fn encrypted_members_need_equal_packed_sizes() {
        let of = |packed_size| {
            contents(vec![Member {
                packed_size,
                is_encrypted: true,
                ..member("a", 9, 0)
            }])
        };
        let (left, right) = (of(30), of(31));
        assert!(PackageDiff::of(&left, &right).is_different());
        assert!(!PackageDiff::of(&left, &left).is_different());
    }
}
