//! The comparison of what was deployed with the declared source.

use serde_json::Value;

use super::content_drift::{ContentDrift, DriftEvidence, DriftMember, MemberWord};
use super::deployed::DeployedPackage;
use super::line_diff::{DiffLine, line_diff};
use super::package::cut;
use super::package_contents::{
    MemberChange, PACKAGE_JSON, PackageContents, comparable_texts, counts_of, member_changes,
};
use crate::ident::{Digest, SolutionId};

/// The maximum number of different members that are kept for output.
const MEMBERS: usize = 10;

/// The maximum number of lines of `package.json` that are kept for output.
const LINES: usize = 24;

/// The declared source, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct SourceContents<'a> {
    /// The path, relative to the manifest.
    pub path: &'a str,
    /// The declared digest, or the digest of the file if it was computed.
    pub sha256: Option<&'a Digest>,
    /// The contents of the file, if it could be read.
    pub contents: Option<&'a PackageContents>,
}

/// The result of a comparison of a record with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The contents are equal.
    Same,
    /// The contents differ.
    Different(Box<ContentDrift>),
    /// Too little is known.
    Unknown,
}

impl DeployedPackage {
    /// Returns whether only the digest of the whole source can show a difference.
    pub fn needs_digest(&self) -> bool {
        let contents = self.contents.as_ref();
        self.sha256.is_some() && contents.is_none_or(|contents| contents.members.is_none())
    }

    /// Compares what was deployed with the source. Equal members are equal contents, in any
    /// archive.
    pub fn compare(&self, source: SourceContents<'_>) -> Comparison {
        let is_equal =
            |recorded: &Option<Digest>, now: Option<&Digest>| Some(recorded.as_ref()? == now?);
        let of_sha256 = is_equal(&self.sha256, source.sha256);
        let fingerprint = source.contents.map(|contents| &contents.info.fingerprint);
        let of_fingerprint = is_equal(&self.fingerprint, fingerprint);
        if of_sha256 == Some(true) || of_fingerprint == Some(true) {
            return Comparison::Same;
        }
        let mut drift = ContentDrift::new(&self.id, source.path, DriftEvidence::Digest);
        let recorded = self.contents.as_ref();
        if let (Some(recorded), Some(now)) = (recorded, source.contents) {
            if let Some(members) = &recorded.members {
                let changes = member_changes(members, &now.members);
                if changes.is_empty() {
                    return Comparison::Same;
                }
                drift.evidence = DriftEvidence::Members;
                (drift.added, drift.removed, drift.changed) = counts_of(&changes);
                let shown = changes.iter().take(MEMBERS);
                drift.members = shown.map(member_of).collect();
            }
            if let Some(before) = &recorded.package_json {
                drift.package_json = lines_of([before, &now.package_json]);
            }
            return Comparison::Different(Box::new(drift));
        }
        match of_sha256.or(of_fingerprint) {
            Some(_) => Comparison::Different(Box::new(drift)),
            None => Comparison::Unknown,
        }
    }
}

/// Compares the `package.json` in a deployed folder with the one of the source. The layout of the
/// text does not count.
pub fn compare_folder(id: &SolutionId, path: &str, deployed: &str, source: &str) -> Comparison {
    let [Some(before), Some(after)] = [deployed, source].map(value_of) else {
        return Comparison::Unknown;
    };
    if before == after {
        return Comparison::Same;
    }
    let mut drift = ContentDrift::new(id, path, DriftEvidence::Folder);
    drift.changed = 1;
    drift.members = vec![DriftMember {
        name: PACKAGE_JSON.to_owned(),
        change: MemberWord::Changed,
        before_size: Some(deployed.len() as u64),
        after_size: Some(source.len() as u64),
    }];
    drift.package_json = lines_of([deployed, source]);
    Comparison::Different(Box::new(drift))
}

fn value_of(text: &str) -> Option<Value> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// Returns the first different lines of two texts.
fn lines_of(texts: [&str; 2]) -> Vec<DiffLine> {
    let [before, after] = comparable_texts(texts);
    let groups = line_diff(&before, &after).unwrap_or_default();
    let lines = groups.into_iter().flatten().take(LINES);
    lines
        .map(|line| DiffLine {
            text: cut(&line.text),
            ..line
        })
        .collect()
}

/// Returns a different member for output.
fn member_of(change: &MemberChange<'_>) -> DriftMember {
    let (word, before, after) = match change {
        MemberChange::Added(new) => (MemberWord::Added, None, Some(new.size)),
        MemberChange::Removed(old) => (MemberWord::Removed, Some(old.size), None),
        MemberChange::Changed(old, new) => (MemberWord::Changed, Some(old.size), Some(new.size)),
    };
    DriftMember {
        name: cut(change.name()),
        change: word,
        before_size: before,
        after_size: after,
    }
}

#[cfg(test)]
mod tests {
    use super::super::package_contents::Member;
    use super::super::testing::{contents, deployed_package, member};
    use super::*;

    fn source<'a>(
        contents: Option<&'a PackageContents>,
        sha256: Option<&'a Digest>,
    ) -> SourceContents<'a> {
        SourceContents {
            path: "a.ibsolution",
            sha256,
            contents,
        }
    }

    fn word(comparison: &Comparison) -> &'static str {
        match comparison {
            Comparison::Same => "same",
            Comparison::Different(drift) => drift.evidence.as_str(),
            Comparison::Unknown => "unknown",
        }
    }

    #[test]
    fn the_strongest_known_fact_decides() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let old = contents(vec![member("a", 1)], "{}");
        let new = contents(vec![member("a", 2)], "{}");
        // Another archive with the same members.
        let mut again = old.clone();
        again.info.fingerprint = Digest::of(b"again");
        let whole = deployed_package(&old, Some(&one));
        let mut bare = whole.clone();
        bare.contents = None;
        let mut unhashed = bare.clone();
        unhashed.sha256 = None;
        let mut empty = unhashed.clone();
        empty.fingerprint = None;
        for (name, document, contents, sha256, expected) in [
            ("equal digests", &whole, None, Some(&one), "same"),
            (
                "the declared digest counts",
                &whole,
                Some(&new),
                Some(&one),
                "same",
            ),
            ("equal archives", &whole, Some(&old), Some(&two), "same"),
            ("equal members", &whole, Some(&again), Some(&two), "same"),
            ("other members", &whole, Some(&new), Some(&two), "members"),
            (
                "other members, no digest",
                &whole,
                Some(&new),
                None,
                "members",
            ),
            ("only digests", &whole, None, Some(&two), "digest"),
            ("nothing of the source", &whole, None, None, "unknown"),
            ("no members", &bare, Some(&again), Some(&one), "same"),
            (
                "no members, other digest",
                &bare,
                Some(&again),
                Some(&two),
                "digest",
            ),
            ("no digest", &unhashed, Some(&again), Some(&two), "digest"),
            (
                "equal fingerprints",
                &unhashed,
                Some(&old),
                Some(&two),
                "same",
            ),
            ("no digest, no file", &unhashed, None, Some(&two), "unknown"),
            (
                "nothing of the record",
                &empty,
                Some(&new),
                Some(&two),
                "unknown",
            ),
        ] {
            let comparison = document.compare(source(contents, sha256));
            assert_eq!(word(&comparison), expected, "{name}");
        }
        let needs: Vec<bool> = [&whole, &bare, &unhashed]
            .map(DeployedPackage::needs_digest)
            .into();
        assert_eq!(needs, [false, true, false]);
    }

    #[test]
    fn a_drift_counts_all_and_shows_some() {
        let members = |crc32: u32, from: u32| -> Vec<Member> {
            let names = (from..from + 20).map(|number| format!("m{number:02}"));
            names.map(|name| member(&name, crc32)).collect()
        };
        let old = contents(members(1, 0), "{\n  \"version\": 1\n}");
        let new = contents(members(2, 5), "{\n  \"version\": 2\n}");
        let comparison = deployed_package(&old, None).compare(source(Some(&new), None));
        let Comparison::Different(drift) = comparison else {
            panic!("{comparison:?}");
        };
        assert_eq!((drift.added, drift.removed, drift.changed), (5, 5, 15));
        assert_eq!(
            (drift.not_shown(), drift.members.len()),
            (25 - MEMBERS, MEMBERS)
        );
        let kinds: Vec<&str> = drift
            .package_json
            .iter()
            .map(|line| line.kind.as_str())
            .collect();
        assert_eq!(kinds, ["context", "removed", "added", "context"]);
        let json = serde_json::to_string(&drift).unwrap();
        assert_eq!(
            serde_json::from_str::<Box<ContentDrift>>(&json).unwrap(),
            drift
        );
    }

    #[test]
    fn the_layout_of_a_deployed_package_json_does_not_count() {
        let id = SolutionId::parse("seven").unwrap();
        for (deployed, now, expected) in [
            (
                "{\"a\":1,\"b\":2}",
                "\u{feff}{ \"b\": 2,\n\"a\": 1 }",
                "same",
            ),
            ("{\"a\":1}", "{\"a\":\"1\"}", "folder"),
            ("{\"a\":1,\"b\":2}", "{\"a\":1}", "folder"),
            ("<html>", "{\"a\":1}", "unknown"),
            ("", "{\"a\":1}", "unknown"),
        ] {
            let comparison = compare_folder(&id, "a.ibsolution", deployed, now);
            assert_eq!(word(&comparison), expected, "{deployed}");
        }
    }
}
