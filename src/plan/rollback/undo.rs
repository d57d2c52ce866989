//! The declaration of the versions that an apply changed, as they were before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::action::{Action, AfterImage, LiveImage, Patch};
use super::super::change::Mode;
use super::super::inspection::entry_of;
use super::super::loss::{Loss, Unrestored};
use super::super::name::live_record;
use super::super::options::{DiffOptions, Inputs, Selector};
use super::super::own_writes::OwnWrites;
use super::super::past_apply::{KnownPackage, Rollback, UndoStep};
use super::super::progress::PastWrite;
use crate::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use crate::ident::{Address, Identity, Owner, SolutionId, SolutionName};
use crate::live::LiveVersion;
use crate::manifest::{
    Desired, KeyPositions, Manifest, SolutionPath, Superseded, SupersededPolicy, Undeclared,
    entries_of,
};

/// The declaration whose plan rolls an apply back.
pub(in crate::plan) struct Target {
    /// The manifest that declares the versions as they were.
    pub(in crate::plan) manifest: Manifest,
    /// The options with the versions that are deployed again.
    pub(in crate::plan) options: DiffOptions,
    pub(in crate::plan) unrestored: Vec<Unrestored>,
}

/// Returns the declaration of everything that the apply changed, as it was before.
pub(in crate::plan) fn target(rollback: &Rollback, inputs: Inputs<'_>) -> Target {
    let mut undo = Undo {
        inputs,
        rollback,
        restored: BTreeMap::new(),
        unrestored: BTreeSet::new(),
        replace: Vec::new(),
        without_service: BTreeMap::new(),
    };
    for step in &rollback.steps {
        undo.step(step);
    }
    undo.drop_older_records();
    undo.keep_in_service();
    let Undo {
        restored,
        unrestored,
        replace,
        ..
    } = undo;
    let mut manifest = inputs.manifest.clone();
    manifest.scope.undeclared = Undeclared::Ignore;
    manifest.desired = restored
        .into_values()
        .flatten()
        .map(|entry| entry.desired)
        .collect();
    let options = DiffOptions {
        mode: Mode::Converge,
        replace,
        rollback: None,
        reverify: Vec::new(),
        redeploy: BTreeMap::new(),
        ..inputs.options.clone()
    };
    let selects = |selectors: &[Selector], identity: &Identity| {
        selectors.iter().any(|selector| selector.selects(identity))
    };
    let is_selected = |found: &Unrestored| {
        let (targets, excludes) = (&options.targets, &options.excludes);
        (targets.is_empty() || selects(targets, &found.identity))
            && !selects(excludes, &found.identity)
    };
    let unrestored = unrestored.into_iter().filter(is_selected).collect();
    Target {
        manifest,
        options,
        unrestored,
    }
}

/// A version as it was before the apply.
struct Restored {
    desired: Desired,
    /// The live record; none if the version must be deployed again.
    record: Option<SolutionId>,
}

struct Undo<'a> {
    inputs: Inputs<'a>,
    rollback: &'a Rollback,
    /// The versions to declare. Several records may have the same identity.
    restored: BTreeMap<Identity, Vec<Restored>>,
    unrestored: BTreeSet<Unrestored>,
    replace: Vec<Address>,
    /// The versions that were in service before, and do not come back, by name.
    without_service: BTreeMap<SolutionName, Identity>,
}

impl<'a> Undo<'a> {
    fn step(&mut self, step: &UndoStep) {
        let Some(write) = &step.write else {
            if step.is_done {
                self.lose(&step.identity, None, Loss::FoundDone);
            }
            return;
        };
        let before = write.action.before();
        if step.is_unknown {
            self.lose(&step.identity, before, Loss::Unknown);
            return;
        }
        match &write.action {
            Action::Create { after, .. } => self.retire(step, after),
            Action::Update { before, .. } | Action::Delete { before } => {
                self.restore(step, write, before);
            }
            Action::Replace { before, .. } => self.restore(step, write, before),
            Action::NoOp { .. } => {}
        }
    }

    /// Records that a version is not restored. `before` is the version before the apply.
    fn lose(&mut self, identity: &Identity, before: Option<&LiveImage>, loss: Loss) {
        let served = before.is_some_and(|before| before.state.is_in_service());
        let is_lost = loss.may_end_service()
            && before.is_some_and(|before| {
                let record = self.record(&before.identity, &before.id);
                !record.is_some_and(|record| record.state.is_in_service())
            });
        if served && is_lost {
            let name = identity.name.clone();
            self.without_service
                .entry(name)
                .or_insert_with(|| identity.clone());
        }
        self.unrestored.insert(Unrestored {
            identity: identity.clone(),
            loss,
        });
    }

    /// Records that a version is left alone, because it has changed since the apply.
    fn changed_since(
        &mut self,
        identity: &Identity,
        before: Option<&LiveImage>,
        difference: String,
    ) {
        self.lose(identity, before, Loss::ChangedSince { difference });
    }

    /// Returns a live record. Its owner may have changed, but not its name.
    fn record(&self, identity: &Identity, id: &SolutionId) -> Option<&'a LiveVersion> {
        let named = self.inputs.live.named(&identity.name);
        named.iter().find(|record| record.id == *id)
    }

    /// Takes a version that the apply deployed out of service.
    fn retire(&mut self, step: &UndoStep, after: &AfterImage) {
        if let Some(found) = &step.made_other {
            let found = found.clone();
            self.lose(&step.identity, None, Loss::MadeOther { found });
            return;
        }
        let made = step.made.as_ref();
        let Some(now) = made.and_then(|id| self.record(&step.identity, id)) else {
            return;
        };
        if !now.state.is_in_service() {
            return;
        }
        // The apply has not brought an unfinished version to any known state.
        let is_whole = step
            .write
            .as_ref()
            .is_some_and(|write| write.is_done && step.is_done);
        if let Some(difference) = difference_from(after, now).filter(|_| is_whole) {
            self.changed_since(&step.identity, None, difference);
            return;
        }
        if !self.is_managed(now) {
            self.lose(&step.identity, None, Loss::NotManaged);
            return;
        }
        self.declare(&now.identity, Some(now), State::Inactive, None, None);
    }

    /// Restores a version that was live before the apply.
    fn restore(&mut self, step: &UndoStep, write: &PastWrite, before: &LiveImage) {
        let Some(now) = self.record(&before.identity, &before.id) else {
            if write.is_deleted {
                self.restore_deleted(step, write, before);
            } else {
                let difference = "its record is no longer live".to_owned();
                self.changed_since(&step.identity, Some(before), difference);
            }
            return;
        };
        if let Some(difference) = foreign_difference(write, before, now) {
            self.changed_since(&step.identity, Some(before), difference);
            return;
        }
        let patches = write.patches.iter().filter(|(id, _)| *id == before.id);
        let sets_visibility = patches.clone().any(|(_, set)| set.visibility().is_some());
        self.set_back(&step.identity, before, now, sets_visibility);
    }

    /// Restores a version whose record the apply deleted.
    fn restore_deleted(&mut self, step: &UndoStep, write: &PastWrite, before: &LiveImage) {
        let id = before.id.clone();
        let named = self.inputs.live.named(&before.identity.name);
        let of_version = named.iter().filter(|it| it.identity == before.identity);
        let newest = LiveVersion::newest(of_version);
        let made = step.made.as_ref();
        let own = made.and_then(|made| self.record(&before.identity, made));
        let is_replace = matches!(write.action, Action::Replace { .. });
        if let (true, Some(own)) = (is_replace, own) {
            self.restore_replaced(step, write, before, own);
            return;
        }
        if let Some(now) = newest {
            // A roll-back of the same apply has deployed it, or others have.
            let is_begun = self.inputs.history.is_begun(&now.id, &now.identity);
            let is_as_before = now.state == before.state
                && is_same_visibility(before.visibility.as_ref(), now.visibility.as_ref());
            if is_as_before || is_begun {
                self.lose(&step.identity, None, Loss::Id { id });
                self.set_back(&step.identity, before, now, true);
            } else {
                let difference = "it was deployed again".to_owned();
                self.changed_since(&step.identity, Some(before), difference);
            }
            return;
        }
        if is_replace && made.is_some() && !self.inputs.history.deleted.contains(&before.identity) {
            let difference = "its record is no longer live".to_owned();
            self.changed_since(&step.identity, Some(before), difference);
            return;
        }
        let Inputs {
            manifest, history, ..
        } = self.inputs;
        let user = manifest.environment.user.as_ref();
        let is_managed = manifest.covers(&before.identity, user.map(Owner::as_str));
        if !is_managed && !history.deployed.contains_key(&before.id) {
            self.lose(&step.identity, Some(before), Loss::NotManaged);
            return;
        }
        let Some(state) = settable_state(&before.state) else {
            let before_state = before.state.clone();
            let loss = Loss::State {
                before: before_state,
            };
            self.lose(&step.identity, Some(before), loss);
            return;
        };
        if let Some(problem) = self.rollback.lost.get(&before.identity) {
            let problem = problem.clone();
            self.lose(&step.identity, Some(before), Loss::Package { problem });
            return;
        }
        let Some(path) = self.path_of(before) else {
            self.lose(&step.identity, Some(before), Loss::NoPackage);
            return;
        };
        let visibility = self.visibility_before(&step.identity, before);
        self.lose(&step.identity, None, Loss::Id { id });
        self.declare(&before.identity, None, state, visibility, Some(path));
    }

    /// Restores a version that the apply replaced.
    fn restore_replaced(
        &mut self,
        step: &UndoStep,
        write: &PastWrite,
        before: &LiveImage,
        now: &LiveVersion,
    ) {
        let Some((path, target)) = write.action.deploy() else {
            return;
        };
        let is_whole = write.is_done && step.is_done;
        if let Some(difference) = difference_from(target.after, now).filter(|_| is_whole) {
            self.changed_since(&step.identity, Some(before), difference);
            return;
        }
        let id = before.id.clone();
        self.lose(&step.identity, None, Loss::Id { id });
        let old = self.rollback.packages.get(&before.id).cloned();
        let known = |package: &KnownPackage| package.fingerprint.clone();
        let fingerprints = old
            .as_ref()
            .and_then(known)
            .zip(target.after.package.clone());
        let is_same = fingerprints.is_some_and(|(old, new)| old == new);
        let is_lost = self.rollback.lost.contains_key(&now.identity);
        let other = old.filter(|old| old.path != path && !is_lost);
        match (is_same, other, settable_state(&before.state)) {
            (false, Some(old), Some(state)) => {
                let visibility = self.visibility_before(&step.identity, before);
                let path = old.path;
                self.declare(&now.identity, Some(now), state, visibility, Some(path));
                self.replace.push(now.identity.escaped_address());
            }
            (is_same, ..) => {
                if !is_same {
                    self.lose(&step.identity, None, Loss::Contents);
                }
                self.set_back(&step.identity, before, now, true);
            }
        }
    }

    /// Declares the state and visibility from before the apply for a live record.
    fn set_back(
        &mut self,
        identity: &Identity,
        before: &LiveImage,
        now: &LiveVersion,
        sets_visibility: bool,
    ) {
        let mut visibility = if sets_visibility {
            self.visibility_before(identity, before)
        } else {
            None
        };
        // A version that waits for a review is not patched, and must not hold others up.
        if visibility == Some(Visibility::Public)
            && now.visibility == Some(LiveVisibilityWord::PendingReview)
        {
            visibility = None;
            let before = before.visibility.clone();
            self.lose(identity, None, Loss::Visibility { before });
        }
        let Some(state) = settable_state(&before.state) else {
            let before_state = before.state.clone();
            if now.state != before_state {
                let loss = Loss::State {
                    before: before_state,
                };
                self.lose(identity, Some(before), loss);
            } else if sets_visibility
                && !is_same_visibility(before.visibility.as_ref(), now.visibility.as_ref())
            {
                // A declaration of the version would also set its state.
                let before = before.visibility.clone();
                self.lose(identity, None, Loss::Visibility { before });
            }
            return;
        };
        if before.state == LiveStateWord::Production && !now.state.is_in_service() {
            let before_state = before.state.clone();
            self.unrestored.insert(Unrestored {
                identity: identity.clone(),
                loss: Loss::State {
                    before: before_state,
                },
            });
        }
        if !self.is_managed(now) {
            self.lose(identity, Some(before), Loss::NotManaged);
            return;
        }
        self.declare(&now.identity, Some(now), state, visibility, None);
    }

    /// Returns the visibility to set, or records that the one from before cannot be set.
    fn visibility_before(&mut self, identity: &Identity, before: &LiveImage) -> Option<Visibility> {
        match &before.visibility {
            Some(LiveVisibilityWord::Public) => Some(Visibility::Public),
            Some(LiveVisibilityWord::Private) => Some(Visibility::Private),
            other => {
                let before = other.clone();
                self.lose(identity, None, Loss::Visibility { before });
                None
            }
        }
    }

    fn is_managed(&self, now: &LiveVersion) -> bool {
        let Inputs {
            manifest, history, ..
        } = self.inputs;
        manifest.covers(&now.identity, now.author.as_deref())
            || history.deployed.contains_key(&now.id)
    }

    /// Returns the path of the package of a deleted record: as the apply that deployed it recorded,
    /// else as the manifest declares.
    fn path_of(&self, before: &LiveImage) -> Option<String> {
        let known = self.rollback.packages.get(&before.id);
        let declared = || {
            let entry = entry_of(self.inputs.manifest, &before.identity)?;
            Some(entry.path.as_ref()?.text.to_string())
        };
        known.map(|known| known.path.clone()).or_else(declared)
    }

    fn declare(
        &mut self,
        identity: &Identity,
        record: Option<&LiveVersion>,
        state: State,
        visibility: Option<Visibility>,
        path: Option<String>,
    ) {
        let manifest = self.inputs.manifest;
        let entry = entry_of(manifest, identity);
        let position = entry.map_or(&manifest.environment.position, |entry| &entry.position);
        let path = path.map(|text| SolutionPath {
            text: text.into(),
            position: position.clone(),
        });
        let desired = Desired {
            identity: identity.clone(),
            path,
            source: None,
            // The gate is that of every plan: a record that has passed is not verified again.
            verification: entry
                .or_else(|| entries_of(&manifest.desired, &identity.name).first())
                .and_then(|entry| entry.verification.clone()),
            state,
            visibility,
            superseded: Arc::new(Superseded {
                policy: SupersededPolicy::Keep,
                retain: None,
                keys: KeyPositions::default(),
            }),
            drain: manifest.drain_of(&identity.name).cloned(),
            position: position.clone(),
        };
        let record = record.map(|record| record.id.clone());
        let restored = Restored { desired, record };
        let same = self.restored.entry(identity.clone()).or_default();
        same.push(restored);
    }

    /// Keeps one record of each version: the one that a plan changes. The others are named.
    fn drop_older_records(&mut self) {
        let mut manifest = self.inputs.manifest.clone();
        let first = self.restored.values().filter_map(|same| same.first());
        manifest.desired = first.map(|first| first.desired.clone()).collect();
        for (identity, same) in std::mem::take(&mut self.restored) {
            let found = same
                .first()
                .and_then(|first| live_record(&manifest, self.inputs.live, &first.desired));
            let found = found.map(|found| found.id.clone());
            let (mut meant, others): (Vec<Restored>, Vec<Restored>) =
                same.into_iter().partition(|it| it.record == found);
            // Two deleted records of one version come back as one.
            meant.truncate(1);
            let serves = |kept: &[Restored]| {
                let mut kept = kept.iter();
                kept.any(|kept| kept.desired.state == State::Active)
            };
            if serves(&others) && !serves(&meant) {
                let name = identity.name.clone();
                self.without_service.insert(name, identity.clone());
            }
            if meant.is_empty() && others.iter().any(|other| other.record.is_none()) {
                let difference = "another record of the version is live".to_owned();
                self.changed_since(&identity, None, difference);
            }
            for id in others.into_iter().filter_map(|other| other.record) {
                self.lose(&identity, None, Loss::OlderRecord { id });
            }
            self.restored.insert(identity, meant);
        }
    }

    /// Keeps the versions in service whose predecessor does not come back.
    fn keep_in_service(&mut self) {
        for (name, because) in std::mem::take(&mut self.without_service) {
            let named = self.inputs.live.named(&name);
            let goes = |restored: &Restored| {
                let is_meant = |live: &&LiveVersion| Some(&live.id) == restored.record.as_ref();
                let live = named.iter().find(is_meant);
                restored.desired.state == State::Inactive
                    && live.is_some_and(|live| live.state.is_in_service())
            };
            let of_name = self.restored.iter();
            let of_name =
                of_name.filter(|(identity, same)| identity.name == name && same.iter().any(goes));
            let kept: Vec<Identity> = of_name.map(|(identity, _)| identity.clone()).collect();
            for identity in kept {
                self.restored.remove(&identity);
                let because = because.clone();
                self.lose(&identity, None, Loss::Kept { because });
            }
        }
    }
}

/// Returns the state that a patch sets to get a live state back.
fn settable_state(before: &LiveStateWord) -> Option<State> {
    match before {
        LiveStateWord::Active | LiveStateWord::Production => Some(State::Active),
        LiveStateWord::Inactive => Some(State::Inactive),
        LiveStateWord::Other(_) => None,
    }
}

/// Returns whether two visibilities are equal, as far as they are known.
fn is_same_visibility(
    before: Option<&LiveVisibilityWord>,
    now: Option<&LiveVisibilityWord>,
) -> bool {
    before.is_none() || now.is_none() || before == now
}

/// Returns the difference of a live version from what an apply declared for it.
fn difference_from(after: &AfterImage, now: &LiveVersion) -> Option<String> {
    if !now.state.satisfies(after.state) {
        return Some(differs("state", after.state.as_str(), now.state.as_str()));
    }
    let (declared, word) = (after.visibility?, now.visibility.as_ref()?);
    let differs = differs("visibility", declared.as_str(), word.as_str());
    (!word.satisfies(declared)).then_some(differs)
}

/// Returns the difference of a live version from its image that the writes of a step do not
/// explain.
fn foreign_difference(write: &PastWrite, before: &LiveImage, now: &LiveVersion) -> Option<String> {
    let mut before = before.clone();
    let mut now = LiveImage::of(now);
    if before.visibility.is_none() || now.visibility.is_none() {
        before.visibility = None;
        now.visibility = None;
    }
    let left = OwnWrites::of([write]).rebase(&before, &now);
    if left == now {
        return None;
    }
    let sets = |set: &Patch| (set.state(), set.visibility());
    let (states, visibilities): (Vec<_>, Vec<_>) =
        write.patches.iter().map(|(_, set)| sets(set)).unzip();
    if left.state != now.state {
        let set = states.into_iter().flatten().last();
        let left = match set {
            Some(set) => set.as_str(),
            None => before.state.as_str(),
        };
        return Some(differs("state", left, now.state.as_str()));
    }
    if left.visibility != now.visibility {
        let set = visibilities
            .into_iter()
            .flatten()
            .last()
            .map(Visibility::as_str);
        let left = set.or(before.visibility.as_ref().map(LiveVisibilityWord::as_str))?;
        return Some(differs(
            "visibility",
            left,
            now.visibility.as_ref()?.as_str(),
        ));
    }
    let (left, now) = (&left.identity.owner, &now.identity.owner);
    Some(differs("owner", left.as_str(), now.as_str()))
}

fn differs(field: &str, left: &str, now: &str) -> String {
    format!("its {field} was left {left}, and is {now}")
}
