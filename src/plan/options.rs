//! What a user may ask of a plan besides the manifest.

use std::fmt;

use super::change::{Change, Mode};
use super::diff::DiffError;
use crate::attribute::State;
use crate::ident::{Address, Identity};
use crate::live::LiveState;
use crate::manifest::{Desired, Manifest};

/// How to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffOptions {
    /// Converge or destroy.
    pub mode: Mode,
    /// Only these, and what they wait for; empty means all.
    pub targets: Vec<Selector>,
    /// All but these, and what waits for them.
    pub excludes: Vec<Selector>,
    /// Versions to delete and deploy again.
    pub replace: Vec<Address>,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Converge,
            targets: Vec::new(),
            excludes: Vec::new(),
            replace: Vec::new(),
        }
    }
}

/// One `--target` or `--exclude`: an address, or a name for all of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(String);

impl Selector {
    /// Takes the text as typed.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether it means that version.
    pub fn selects(&self, identity: &Identity) -> bool {
        let is_short = |text: &str| {
            text.strip_suffix(identity.version.as_str())
                .and_then(|text| text.strip_suffix('@'))
                == Some(identity.name.as_str())
        };
        let unowned = self
            .0
            .strip_prefix(identity.owner.as_str())
            .and_then(|text| text.strip_prefix(':'));
        self.0 == identity.name.as_str() || is_short(&self.0) || unowned.is_some_and(is_short)
    }

    /// Whether it is that address, to the letter.
    pub(super) fn is_address(&self, address: &Address) -> bool {
        self.0 == address.as_str()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Finds the selectors that select nothing, declared, live or planned.
pub(super) fn check_selectors(
    manifest: &Manifest,
    live: &LiveState,
    options: &DiffOptions,
    changes: &[Change],
) -> Vec<DiffError> {
    let is_known = |selector: &Selector| {
        let is_declared = manifest
            .desired
            .iter()
            .any(|entry| selector.selects(&entry.identity));
        is_declared
            || live
                .versions()
                .iter()
                .any(|version| selector.selects(&version.identity))
            || changes
                .iter()
                .any(|change| selector.is_address(&change.address))
    };
    options
        .targets
        .iter()
        .chain(&options.excludes)
        .filter(|selector| !is_known(selector))
        .map(|selector| DiffError::SelectsNothing {
            selector: selector.to_string(),
        })
        .collect()
}

/// Finds the versions that cannot be replaced.
pub(super) fn check_replace(
    manifest: &Manifest,
    live: &LiveState,
    options: &DiffOptions,
) -> Vec<DiffError> {
    let check = |address: &Address| {
        let declared: Vec<&Desired> = manifest
            .desired
            .iter()
            .filter(|entry| entry.state != State::Absent && address.means(&entry.identity))
            .collect();
        let address = address.clone();
        match declared.as_slice() {
            [] => Some(DiffError::ReplaceNotDeclared { address }),
            [entry] => match live.records_of(&entry.identity).len() {
                0 => Some(DiffError::ReplaceNotLive { address }),
                1 => None,
                count => Some(DiffError::ReplaceManyRecords { address, count }),
            },
            several => Some(DiffError::ReplaceAmbiguous {
                address,
                count: several.len(),
            }),
        }
    };
    options.replace.iter().filter_map(check).collect()
}
