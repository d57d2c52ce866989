//! The options of a plan, in addition to the manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::change::{Change, Mode};
use super::content_drift::ContentDrift;
use super::diff_error::DiffError;
use super::history::ApplyHistory;
use super::name::NameView;
use super::past_apply::Rollback;
use super::progress::PlanProgress;
use crate::attribute::State;
use crate::ident::{Address, Identity, SolutionName, disambiguate};
use crate::live::LiveState;
use crate::manifest::{Desired, Manifest, entries_of};

/// The options for comparing manifest and live state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiffOptions {
    /// Converge or destroy.
    pub mode: Mode,
    /// The only selected versions, with the versions that they wait for; empty selects all.
    pub targets: Vec<Selector>,
    /// The versions that are left out, with the versions that wait for them.
    pub excludes: Vec<Selector>,
    /// The versions to delete and deploy again.
    pub replace: Vec<Address>,
    /// The versions to verify again, whatever earlier applies found.
    pub reverify: Vec<Address>,
    /// The versions whose contents changed, and which the manifest lets apply replace. Only the
    /// record that was compared is replaced.
    pub redeploy: BTreeMap<Identity, Box<ContentDrift>>,
    /// True if a selector may select nothing, and a version of `replace` may be absent: another
    /// environment may have it, and after an apply, it may be deleted.
    pub may_select_nothing: bool,
    /// True if the plan is narrowed to a saved plan afterwards, which contained the other options.
    /// An option that no longer applies is then no error: the difference is reported for each
    /// approved change.
    pub is_approval: bool,
    /// The earlier apply that the plan rolls back.
    pub rollback: Option<Arc<Rollback>>,
    /// The versions that must not be deployed before a time, in milliseconds since 1970, because
    /// the job of their last deploy was abandoned. `replace` deploys them anyway.
    pub held_back: BTreeMap<Identity, u64>,
    /// The number of jobs at the same time, from which the expected duration follows.
    pub parallelism: usize,
}

impl DiffOptions {
    /// Returns the earliest time for a deploy of the version, if it is held back.
    pub fn held_back_until(&self, identity: &Identity) -> Option<u64> {
        let until_ms = self.held_back.get(identity).copied();
        until_ms.filter(|_| !self.is_redeployed(identity))
    }

    /// Returns the id of the apply that the plan rolls back.
    pub fn rolled_back(&self) -> Option<&str> {
        let rollback = self.rollback.as_ref();
        rollback.map(|rollback| rollback.apply.as_str())
    }

    /// Returns whether `--reverify` requests another verification of the version.
    pub fn is_reverified(&self, identity: &Identity) -> bool {
        self.reverify.iter().any(|address| address.means(identity))
    }

    /// Returns whether `--replace` requests another deploy of the version.
    pub fn is_redeployed(&self, identity: &Identity) -> bool {
        self.replace.iter().any(|address| address.means(identity))
    }
}

/// The inputs of a plan.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) live: &'a LiveState,
    pub(super) history: &'a ApplyHistory,
    pub(super) options: &'a DiffOptions,
}

/// A `--target` or `--exclude`: an address, or a name for all of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector(String);

impl Selector {
    /// Creates a selector from the text of the option.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns whether it selects that version.
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
        self.0 == identity.name.as_str()
            || is_short(&self.0)
            || unowned.is_some_and(is_short)
            || (self.0.contains('\\') && self.0 == identity.escaped_address().as_str())
    }

    /// Returns the names that the selector may refer to. `owner:Name@version` has the same form as
    /// a name with a colon or an `@`.
    pub fn names(&self) -> impl Iterator<Item = SolutionName> {
        let before = self.0.rsplit_once('@').map(|(before, _)| before);
        let behind = before.and_then(|before| before.split_once(':').map(|(_, name)| name));
        [Some(self.0.as_str()), before, behind]
            .into_iter()
            .flatten()
            .filter_map(|name| SolutionName::parse(name).ok())
    }

    /// Returns whether it is exactly that address.
    pub(super) fn is_address(&self, address: &Address) -> bool {
        self.0 == address.as_str()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Finds the selectors that match no declared, live or planned version.
pub(super) fn check_selectors(inputs: Inputs<'_>, changes: &[Change]) -> Vec<DiffError> {
    let Inputs { live, options, .. } = inputs;
    if options.may_select_nothing {
        return Vec::new();
    }
    let identities = || {
        let declared = inputs.manifest.desired.iter().map(|entry| &entry.identity);
        declared.chain(live.versions().iter().map(|version| &version.identity))
    };
    let is_known = |selector: &Selector| {
        identities().any(|identity| selector.selects(identity))
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
            near: near_addresses(&selector.0, identities()),
        })
        .collect()
}

/// Returns suggestions for a text that is neither a name nor an address of these: names for a name,
/// addresses for an address.
pub fn near_addresses<'a>(
    text: &str,
    identities: impl Iterator<Item = &'a Identity>,
) -> Vec<String> {
    const MOST: usize = 3;
    let typed = text.rsplit_once('@');
    let typed_name = typed.map_or(text, |(name, _)| name);
    let typed_name = typed_name
        .split_once(':')
        .filter(|_| typed.is_some())
        .map_or(typed_name, |(_, name)| name);
    let folded = |text: &str| text.to_lowercase();
    let mut near: BTreeSet<(usize, usize, String)> = BTreeSet::new();
    for identity in identities {
        let name = identity.name.as_str();
        let longest = name.chars().count().max(typed_name.chars().count());
        let shortest = name.chars().count().min(typed_name.chars().count());
        let limit = longest.div_ceil(3);
        // Skips the comparison for a long text, or for one whose length differs too much.
        if longest > 128 || longest - shortest > limit {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&folded(typed_name), &folded(name));
        if distance > limit {
            continue;
        }
        let found = match typed {
            None => (distance, 0, name.to_owned()),
            Some((_, version)) => (
                distance,
                strsim::damerau_levenshtein(version, identity.version.as_str()),
                identity.address().to_string(),
            ),
        };
        near.insert(found);
        if near.len() > MOST {
            near.pop_last();
        }
    }
    near.into_iter().map(|(_, _, text)| text).collect()
}

/// Finds the versions that cannot be replaced.
pub(super) fn check_replace(inputs: Inputs<'_>) -> Vec<DiffError> {
    let addresses = inputs.options.replace.iter();
    let errors = addresses.filter_map(|address| replace_error(inputs, address));
    let may_be_absent = inputs.options.may_select_nothing;
    errors
        .filter(|error| !(may_be_absent && error.selects_nothing()))
        .collect()
}

/// Returns the options without the versions that can no longer be replaced.
pub(super) fn without_impossible(inputs: Inputs<'_>) -> DiffOptions {
    let mut options = inputs.options.clone();
    options
        .replace
        .retain(|address| replace_error(inputs, address).is_none());
    options
}

fn replace_error(inputs: Inputs<'_>, address: &Address) -> Option<DiffError> {
    let (manifest, options) = (inputs.manifest, inputs.options);
    let declared: Vec<&Desired> = manifest
        .desired
        .iter()
        .filter(|entry| entry.state != State::Absent && address.means(&entry.identity))
        .collect();
    let address = address.clone();
    match declared.as_slice() {
        [] => Some(DiffError::ReplaceNotDeclared { address }),
        [entry] => {
            let name = NameView {
                manifest,
                mode: options.mode,
                history: inputs.history,
                declared: entries_of(&manifest.desired, &entry.identity.name),
                live: inputs.live.named(&entry.identity.name),
            };
            let found = name.find(entry);
            let is_elsewhere = || !name.records_of_version(&entry.identity.version).is_empty();
            match found.as_slice() {
                [] if options.held_back.contains_key(&entry.identity) => None,
                // The deploy is held back too: the result of the last deploy was not found.
                [] if inputs.history.made_other.contains_key(&entry.identity) => None,
                // The create is blocked, and its message names the owner of the live version.
                [] if is_elsewhere() => None,
                [] => Some(DiffError::ReplaceNotLive { address }),
                [_] => None,
                [_, others @ ..] => Some(DiffError::ReplaceManyRecords {
                    address,
                    count: found.len(),
                    other_owner: others
                        .iter()
                        .map(|index| &name.live[*index].identity.owner)
                        .find(|owner| **owner != entry.identity.owner)
                        .cloned(),
                }),
            }
        }
        several => {
            let items: Vec<_> = several
                .iter()
                .map(|entry| (&entry.identity, None))
                .collect();
            Some(DiffError::ReplaceAmbiguous {
                address,
                choices: disambiguate(&items),
            })
        }
    }
}

/// The options that a plan was made with, as typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanOptions {
    /// `--target`.
    pub target: Vec<Selector>,
    /// `--exclude`.
    pub exclude: Vec<Selector>,
    /// `--replace`.
    pub replace: Vec<Address>,
    /// `--reverify`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverify: Vec<Address>,
    /// `--allow-destroy` and `--allow-change`.
    pub allow: Overrides,
}

impl PlanOptions {
    /// Copies the options of a plan.
    pub fn new(options: &DiffOptions, allow: Overrides) -> Self {
        Self {
            target: options.targets.clone(),
            exclude: options.excludes.clone(),
            replace: options.replace.clone(),
            reverify: options.reverify.clone(),
            allow,
        }
    }

    /// Returns the options that select versions, with their values.
    pub fn selection(&self) -> impl Iterator<Item = (&'static str, String)> {
        let named = |name| move |selector: &Selector| (name, selector.to_string());
        let targets = self.target.iter().map(named("--target"));
        targets.chain(self.exclude.iter().map(named("--exclude")))
    }

    /// Returns the options of the new plan that this saved plan approves: its selection, and these
    /// replacements without those that are done.
    pub fn of_new_plan(
        &self,
        mode: Mode,
        replace: &[Address],
        progress: &PlanProgress,
    ) -> DiffOptions {
        let is_left = |address: &&Address| !progress.has_replaced(address);
        DiffOptions {
            mode,
            targets: self.target.clone(),
            excludes: self.exclude.clone(),
            replace: replace.iter().filter(is_left).cloned().collect(),
            // It only runs a verification again, and skips none.
            reverify: self.reverify.clone(),
            is_approval: true,
            may_select_nothing: true,
            ..DiffOptions::default()
        }
    }

    /// Returns whether the options that must be repeated at the apply are the same. Order and
    /// duplicates do not count.
    pub fn is_repeated_by(&self, replace: &[Address], allow: &Overrides) -> bool {
        let set = |addresses: &[Address]| addresses.iter().cloned().collect::<BTreeSet<_>>();
        self.allow == *allow && set(&self.replace) == set(replace)
    }
}

/// Returns the options that must be repeated at the apply, with their values.
pub fn repeated_options(replace: &[Address], allow: &Overrides) -> Vec<(&'static str, String)> {
    let replace = replace
        .iter()
        .map(|address| ("--replace", address.to_string()));
    let destroy = allow
        .destroy
        .map(|count| ("--allow-destroy", count.to_string()));
    let change = allow
        .change
        .map(|count| ("--allow-change", count.to_string()));
    replace.chain(destroy).chain(change).collect()
}

/// The counts that a user named on the command line. They raise a limit to exactly that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// `--allow-destroy N`.
    pub destroy: Option<usize>,
    /// `--allow-change N`.
    pub change: Option<usize>,
}
