//! Warnings about names that look the same but have different characters.
//!
//! The platform compares names byte for byte; a reader sees only their appearance.

use std::collections::HashMap;
use std::fmt::Write as _;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::code::Code;
use super::model::{Desired, Manifest};
use super::problem::Problem;
use super::source::SourceFile;
use crate::escape::{is_hidden, is_plain};

/// Returns the normal form of a name, which is equal for names that look the same: compatibility
/// composition, lower case, single spaces, no invisible characters.
pub(super) fn look_of(name: &str) -> String {
    // A manifest may have many names.
    if is_plain(name) && name.trim_matches(' ') == name && !name.contains("  ") {
        return name.to_ascii_lowercase();
    }
    let normalizer = const { ComposingNormalizerBorrowed::new_nfkc() };
    let composed = normalizer.normalize(name);
    let seen: String = composed
        .chars()
        .filter(|letter| letter.is_whitespace() || !is_hidden(*letter))
        .collect();
    let words: Vec<&str> = seen.split_whitespace().collect();
    normalizer
        .normalize(&words.join(" ").to_lowercase())
        .into_owned()
}

/// Returns a name as text that shows every difference between names: letters beyond ASCII, and
/// spaces that a reader could overlook, are escaped.
pub fn unmistakable(name: &str) -> String {
    let inner = name.trim_matches(' ');
    let is_edge = |at: usize| {
        let start = name.len() - name.trim_start_matches(' ').len();
        at < start || at >= start + inner.len()
    };
    let mut text = String::with_capacity(name.len());
    let mut is_after_space = false;
    for (at, letter) in name.char_indices() {
        let is_hidden_space = letter == ' ' && (is_edge(at) || is_after_space);
        if letter.is_ascii_graphic() || (letter == ' ' && !is_hidden_space) {
            text.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", letter.escape_unicode());
        }
        is_after_space = letter == ' ';
    }
    text
}

/// A live name that looks like a declared one, and is not declared itself.
#[derive(Debug, Clone, Copy)]
pub struct SimilarName<'a> {
    /// The first version that is declared with the similar name.
    pub declared: &'a Desired,
    /// The live name.
    pub live: &'a str,
}

impl SimilarName<'_> {
    /// Returns the warning at the declared version.
    pub fn warning(&self, source: &SourceFile) -> Problem {
        let message = format!(
            "the declared name `{}` looks like the live name `{}`, but differs from it",
            unmistakable(self.declared.identity.name.as_str()),
            unmistakable(self.live),
        );
        Problem::remote(source, &self.declared.position, Code::SimilarNames, message)
            .label("is declared here")
            .help(
                "Write the live name to manage the live solution. Otherwise the declared one is \
                 deployed beside it, and `manage.undeclared` is the policy for the live one.",
            )
    }
}

/// Returns the live names that look like a declared name and are not declared.
pub fn similar_to_live<'a>(
    manifest: &'a Manifest,
    live: impl Iterator<Item = &'a str>,
) -> Vec<SimilarName<'a>> {
    let first = manifest.by_name().filter_map(<[Desired]>::first);
    let entries: Vec<&Desired> = first.collect();
    let is_undeclared = |live: &&str| {
        let found = entries.binary_search_by(|entry| entry.identity.name.as_str().cmp(live));
        found.is_err()
    };
    let mut undeclared: Vec<&str> = live.filter(is_undeclared).collect();
    // The versions of a name are neighbours.
    undeclared.dedup();
    let mut declared: HashMap<String, Vec<&Desired>> = HashMap::new();
    if !undeclared.is_empty() {
        for entry in entries {
            let look = look_of(entry.identity.name.as_str());
            declared.entry(look).or_default().push(entry);
        }
    }
    let pairs = undeclared.into_iter().flat_map(|live| {
        let found = declared.get(&look_of(live)).into_iter().flatten();
        found.map(move |declared| SimilarName { declared, live })
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_have_one_normal_form() {
        let looks = [
            "Caf\u{e9} 1",
            "Cafe\u{301} 1",
            "caf\u{e9} 1",
            "CAFE\u{301} 1",
            "Caf\u{e9}\u{a0}1",
            "Caf\u{e9}  1",
            " Caf\u{e9} 1 ",
            "Caf\u{e9}\u{2003}1",
            "Caf\u{e9} \u{200b}1",
            "Caf\u{e9} 1\u{feff}",
            "Caf\u{e9} \u{ff11}",
        ];
        let mut shown = Vec::new();
        for name in looks {
            assert_eq!(look_of(name), "caf\u{e9} 1", "{name:?}");
            shown.push(unmistakable(name));
        }
        assert!(shown.iter().all(|text| text.is_ascii()), "{shown:?}");
        let count = shown.len();
        shown.sort();
        shown.dedup();
        assert_eq!(shown.len(), count, "{shown:?}");
        for other in ["Cafe 1", "Caf\u{e9}1", "Caf\u{e9} 2", "Caf\u{e9} 11"] {
            assert_ne!(look_of(other), "caf\u{e9} 1", "{other}");
        }
    }
}
