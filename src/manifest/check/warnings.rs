//! Warnings about values that are allowed but look like a mistake.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::super::invisible;
use super::super::masking::printable;
use super::super::near::head;
use super::super::position::Mark;
use super::super::problem::{Code, Problem};
use super::super::similar::{look_of, unmistakable};
use super::context::Context;
use super::entry::Entry;
use crate::attribute::{State, Visibility};
use crate::ident::{Owner, OwnerPair};

impl Context<'_> {
    /// Warns about declared versions. Invalid versions are missing from the entries.
    pub(super) fn warn(
        &mut self,
        entries: &[Entry],
        is_complete: bool,
        pair: Option<OwnerPair<'_>>,
    ) {
        if entries.is_empty() && is_complete {
            let message = format!("the environment `{}` declares no solution", self.name);
            self.problems.report(Code::EmptyManifest, message, self.key);
        }
        self.warn_of_invisible_characters(entries);
        self.warn_of_visibility(entries, pair);
        self.warn_of_similar_versions(entries);
        self.warn_of_similar_names(entries);
        self.warn_of_shared_paths(entries);
    }

    /// Warns about invisible characters that come from escapes and variables. The text of the file
    /// itself is searched once for all environments.
    fn warn_of_invisible_characters(&mut self, entries: &[Entry]) {
        for entry in entries {
            let desired = &entry.desired;
            let identity = &desired.identity;
            let path = desired.path.as_ref().zip(entry.path_at());
            let texts = [
                Some((identity.name.as_str(), entry.name_at)),
                Some((identity.version.as_str(), entry.at())),
                path.map(|(path, at)| (&*path.text, at)),
            ];
            for (text, at) in texts.into_iter().flatten() {
                if let Some(problem) = invisible::in_value(self.problems.source, text, at) {
                    self.problems.add(problem);
                }
            }
        }
    }

    /// Warns about an owner that does not match the visibility. The platform stores public
    /// solutions under one owner, and private ones under their user's name
    /// (docs/platform.md, "Owner and visibility"). The owners of the owner pair match every
    /// visibility.
    fn warn_of_visibility(&mut self, entries: &[Entry], pair: Option<OwnerPair<'_>>) {
        // One wrong default can concern thousands of versions: one warning for all of them.
        let mut groups: IndexMap<(Mark, &Owner), Vec<&Entry>> = IndexMap::new();
        for entry in entries {
            let desired = &entry.desired;
            let owner = &desired.identity.owner;
            let is_match = match desired.visibility {
                Some(Visibility::Public) => owner.is_ib_deployed(),
                Some(Visibility::Private) => !owner.is_ib_deployed(),
                Some(Visibility::PendingReview) | None => true,
            };
            if let Some(at) = entry.visibility_at
                && !is_match
                && !pair.is_some_and(|pair| pair.contains(owner))
                && desired.state != State::Absent
            {
                groups.entry((at, owner)).or_default().push(entry);
            }
        }
        for ((at, owner), entries) in groups {
            let what = addresses(&entries);
            let owner_text = printable(owner.as_str());
            let (visibility, help) = if owner.is_ib_deployed() {
                (
                    Visibility::Private,
                    "Set `owner` to the user name, under which the platform keeps private \
                     solutions, or name the token's user as `user` in the environment."
                        .to_owned(),
                )
            } else {
                (
                    Visibility::Public,
                    format!(
                        "Set `owner` to `IB_DEPLOYED`, under which the platform keeps public \
                         solutions, or name the token's user as `user: {owner_text}` in the \
                         environment."
                    ),
                )
            };
            let message = format!("{what}: `{visibility}` with the owner `{owner_text}`");
            let problem = self.problems.problem(Code::OwnerVisibility, message, at);
            let problem = with_positions(problem.help(help), &entries, "this version");
            self.problems.add(problem);
        }
    }

    fn warn_of_similar_versions(&mut self, entries: &[Entry]) {
        let mut seen: HashMap<(&str, &str, String), &Entry> = HashMap::new();
        // Most names have one version.
        let several = by_name(entries).filter(|entries| entries.len() > 1);
        for entry in several.flatten() {
            let identity = &entry.desired.identity;
            let form = canonical(identity.version.as_str());
            let key = (identity.owner.as_str(), identity.name.as_str(), form);
            let first = *seen.entry(key).or_insert(entry);
            if std::ptr::eq(first, entry) {
                continue;
            }
            let message = format!(
                "the versions `{}` and `{}` of `{}` differ only in notation",
                printable(first.desired.identity.version.as_str()),
                printable(identity.version.as_str()),
                printable(identity.name.as_str()),
            );
            self.warn_of_similar(Code::SimilarVersions, message, first.at(), entry.at());
        }
    }

    fn warn_of_similar_names(&mut self, entries: &[Entry]) {
        let mut seen: HashMap<String, &Entry> = HashMap::new();
        for entry in by_name(entries).filter_map(<[Entry]>::first) {
            let name = entry.desired.identity.name.as_str();
            let first = *seen.entry(look_of(name)).or_insert(entry);
            if std::ptr::eq(first, entry) {
                continue;
            }
            let message = format!(
                "the names `{}` and `{}` look the same",
                unmistakable(first.desired.identity.name.as_str()),
                unmistakable(name),
            );
            self.warn_of_similar(Code::SimilarNames, message, first.name_at, entry.name_at);
        }
    }

    /// Warns at the later of two positions.
    fn warn_of_similar(&mut self, code: Code, message: String, left: Mark, right: Mark) {
        let problem = self.problems.problem(code, message, left.max(right));
        let problem = problem.related(left.min(right), "the other");
        self.problems.add(problem);
    }

    /// Warns about versions with the same path: a package holds exactly one name and version.
    fn warn_of_shared_paths(&mut self, entries: &[Entry]) {
        let mut seen: HashMap<&str, &Entry> = HashMap::new();
        let mut groups: IndexMap<&str, Vec<&Entry>> = IndexMap::new();
        for entry in entries {
            let Some(path) = &entry.desired.path else {
                continue;
            };
            if let Some(first) = seen.insert(&path.text, entry) {
                groups
                    .entry(&path.text)
                    .or_insert_with(|| vec![first])
                    .push(entry);
            }
        }
        for entries in groups.into_values() {
            let Some(at) = entries.iter().filter_map(|entry| entry.path_at()).max() else {
                continue;
            };
            let message = format!("several versions have one package: {}", addresses(&entries));
            let problem = self.problems.problem(Code::SharedPath, message, at);
            let problem = with_positions(problem, &entries, "uses this path");
            self.problems.add(problem);
        }
    }
}

/// Returns the versions of each name: entries are sorted, so they are neighbours.
fn by_name(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    entries.chunk_by(|left, right| left.desired.identity.name == right.desired.identity.name)
}

/// Adds the positions of the first [`SHOWN`] versions to a problem.
fn with_positions(problem: Problem, entries: &[&Entry], label: &str) -> Problem {
    let shown = entries.iter().take(SHOWN);
    shown.fold(problem, |problem, entry| problem.related(entry.at(), label))
}

/// The maximum number of versions that a warning names.
const SHOWN: usize = 3;

fn addresses(entries: &[&Entry]) -> String {
    head(entries, SHOWN, |entry| {
        format!("`{}`", printable(entry.desired.identity.address().as_str()))
    })
}

/// Returns the notation that `1.0`, `1.0.0`, `01.0` and `v1` have in common.
fn canonical(version: &str) -> String {
    let text = version.to_lowercase();
    let text = match text.strip_prefix('v') {
        Some(rest) if rest.starts_with(|char: char| char.is_ascii_digit()) => rest,
        Some(_) | None => &text,
    };
    let mut parts: Vec<&str> = text
        .split('.')
        .map(|part| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_number {
                part.trim_start_matches('0')
            } else {
                part
            }
        })
        .collect();
    // Without its leading zeros, a zero is an empty text.
    while parts.len() > 1 && parts.last() == Some(&"") {
        parts.pop();
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn versions_have_one_canonical_notation() {
        let cases = [
            ("1.0", "1.0.0", true),
            ("1", "1.0", true),
            ("v1.2", "1.2", true),
            ("1.02", "1.2", true),
            ("0.0", "0", true),
            ("1.10", "1.1", false),
            ("1.0.1", "1.1", false),
            ("1.0-rc", "1.0", false),
            ("10", "1", false),
            ("vx", "x", false),
        ];
        for (left, right, expected) in cases {
            assert_eq!(
                canonical(left) == canonical(right),
                expected,
                "{left} {right}"
            );
        }
    }
}
