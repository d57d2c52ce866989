//! The edits of the manifest after which it declares what a roll-back restored.

use super::super::action::{Action, LiveImage};
use super::super::change::{Change, Plan};
use super::super::origin::Origin;
use crate::attribute::{State, Visibility};
use crate::ident::{Address, Identity, SolutionName, Version};
use crate::manifest::{Desired, Manifest, SupersededPolicy, entries_of};

/// An edit of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The address of the declared version that the edit is about, or of one that is not declared.
    pub address: Address,
    /// The solution.
    pub name: SolutionName,
    /// The declared version; none if the version must be declared.
    pub declared: Option<Version>,
    /// The key with its new value.
    pub key: AdjustedKey,
    /// The position of the declaration.
    pub origin: Option<Origin>,
}

/// A key of the manifest with its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdjustedKey {
    /// `version`: another version is the declared one.
    Version(Version),
    /// `state`.
    State(State),
    /// `visibility`.
    Visibility(Visibility),
    /// `versions`: another version is declared, too. Only people can choose its place.
    Versions(Version),
}

impl AdjustedKey {
    /// Returns the name of the key.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Version(_) => "version",
            Self::State(_) => "state",
            Self::Visibility(_) => "visibility",
            Self::Versions(_) => "versions",
        }
    }

    /// Returns the new value, as text.
    pub fn value(&self) -> String {
        match self {
            Self::Version(version) => version.to_string(),
            Self::State(state) => state.to_string(),
            Self::Visibility(visibility) => visibility.to_string(),
            Self::Versions(version) => format!("{{ {version}: {{ state: ACTIVE }} }}"),
        }
    }
}

/// A version that is live as a roll-back restored it.
struct Live<'a> {
    identity: &'a Identity,
    state: Option<State>,
    visibility: Option<Visibility>,
}

/// Returns the edits of the manifest after which it declares what the plan of a roll-back restored.
/// `is_done` returns whether a change of the plan is done.
pub fn adjustments(
    manifest: &Manifest,
    plan: &Plan,
    is_done: impl Fn(&Change) -> bool,
) -> Vec<Adjustment> {
    let live = plan.changes.iter();
    let live = live.filter(|change| change.is_no_op() || is_done(change));
    let live: Vec<Live<'_>> = live.filter_map(live_after).collect();
    let of_one_name = live.chunk_by(|left, right| left.identity.name == right.identity.name);
    of_one_name
        .flat_map(|live| of_name(manifest, live))
        .collect()
}

fn live_after(change: &Change) -> Option<Live<'_>> {
    let (identity, state, visibility) = match &change.action {
        Action::Create { after, .. } | Action::Replace { after, .. } => {
            (&after.identity, Some(after.state), after.visibility)
        }
        Action::Update { before, after, .. } => {
            let visibility = after.visibility.or_else(|| visibility_of(before));
            (&after.identity, Some(after.state), visibility)
        }
        Action::NoOp { before } => {
            let before = before.as_ref()?;
            let states = [State::Active, State::Inactive];
            let state = states
                .into_iter()
                .find(|state| before.state.satisfies(*state));
            (&before.identity, state, visibility_of(before))
        }
        Action::Delete { .. } => return None,
    };
    Some(Live {
        identity,
        state,
        visibility,
    })
}

fn visibility_of(live: &LiveImage) -> Option<Visibility> {
    let word = live.visibility.as_ref()?;
    Visibility::of_word(word.as_str())
}

fn of_name(manifest: &Manifest, live: &[Live<'_>]) -> Vec<Adjustment> {
    let Some(first) = live.first() else {
        return Vec::new();
    };
    let declared = entries_of(&manifest.desired, &first.identity.name);
    let mut found = Vec::new();
    let mut undeclared: Vec<&Live<'_>> = Vec::new();
    for live in live {
        let is_meant = |entry: &&Desired| {
            let (declared, owner) = (&entry.identity, &live.identity.owner);
            declared.is_same_version(live.identity) && manifest.is_one_owner(&declared.owner, owner)
        };
        match declared.iter().find(is_meant) {
            Some(entry) => found.extend(of_entry(entry, live)),
            None if live.state == Some(State::Active) => undeclared.push(live),
            None => {}
        }
    }
    // The usual upgrade: the only declared version goes, and an older one comes back. If the policy
    // deletes what is superseded, the version that goes stays declared: a roll-back must not delete
    // it.
    if let ([entry], [other], [back]) = (declared, undeclared.as_slice(), &found[..])
        && back.key == AdjustedKey::State(State::Inactive)
        && entry.superseded.policy != SupersededPolicy::Delete
    {
        let version = AdjustedKey::Version(other.identity.version.clone());
        let visibility = differing_visibility(entry, other).map(AdjustedKey::Visibility);
        let keys = std::iter::once(version).chain(visibility);
        return keys.map(|key| adjustment(entry, key)).collect();
    }
    let origin = declared.first().map(|entry| Origin::of(&entry.position));
    found.extend(undeclared.into_iter().map(|live| Adjustment {
        address: live.identity.address(),
        name: live.identity.name.clone(),
        declared: None,
        key: AdjustedKey::Versions(live.identity.version.clone()),
        origin: origin.clone(),
    }));
    found
}

fn of_entry(entry: &Desired, live: &Live<'_>) -> Vec<Adjustment> {
    let state = live.state.filter(|state| *state != entry.state);
    let state = state.map(AdjustedKey::State);
    let visibility = differing_visibility(entry, live).map(AdjustedKey::Visibility);
    let keys = state.into_iter().chain(visibility);
    keys.map(|key| adjustment(entry, key)).collect()
}

/// Returns the live visibility, if another one is declared.
fn differing_visibility(entry: &Desired, live: &Live<'_>) -> Option<Visibility> {
    let declared = entry.visibility?;
    live.visibility.filter(|visibility| *visibility != declared)
}

fn adjustment(entry: &Desired, key: AdjustedKey) -> Adjustment {
    Adjustment {
        address: entry.identity.address(),
        name: entry.identity.name.clone(),
        declared: Some(entry.identity.version.clone()),
        key,
        origin: Some(Origin::of(&entry.position)),
    }
}
