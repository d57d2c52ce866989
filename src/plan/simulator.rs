//! A small server and executor in one, for tests: it splits a plan into single writes and sends
//! them in any order that the plan allows. Any of them may fail.
//!
//! Every write is checked by the preconditions of the plan, as in an apply, and every intermediate
//! state is checked too.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroI64;

use super::testing::Scenario;
use super::{
    Action, AfterImage, Change, Decided, LiveImage, Mode, PastWrite, Patch, Plan, PlanProgress,
    PreconditionResult, Reason, check_delete, check_update,
};
use crate::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use crate::ident::{Address, Identity, Owner, SolutionId, SolutionName};
use crate::live::LiveVersion;

/// The server's behaviour where it is not documented (docs/platform.md, "Unknowns").
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    /// No answer shows a visibility (docs/platform.md, 8.3).
    pub(crate) hides_visibility: bool,
    /// A version becomes PUBLIC only after a review (U8).
    pub(crate) reviews: bool,
    /// A change of visibility changes the owner, from `user` to `IB_DEPLOYED` and back (U7).
    pub(crate) moves_owner: bool,
    /// The visibility in a package (U11).
    pub(crate) deploys: Visibility,
}

impl Server {
    pub(crate) const PLAIN: Self = Self {
        hides_visibility: false,
        reviews: false,
        moves_owner: false,
        deploys: Visibility::Private,
    };
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed,
    Refused,
    Skipped,
}

/// Executes one plan of a scenario, and changes the live versions of the scenario.
pub(crate) struct Run<'a> {
    scenario: &'a Scenario,
    server: Server,
    plan: &'a Plan,
    world: Vec<LiveVersion>,
    rng: fastrand::Rng,
    /// The number of writes of ten that fail.
    faults: u8,
    deployed: BTreeMap<Identity, SolutionId>,
    /// The replaces that have deleted a version in service and not deployed it again.
    in_the_air: BTreeMap<Address, SolutionName>,
    /// The records that are declared inactive, but active until they are patched. They do not count
    /// as in service.
    half_made: BTreeSet<SolutionId>,
    ends: BTreeMap<Address, End>,
    /// The requests that each change has sent.
    sent: BTreeMap<Address, PastWrite>,
    /// The number of writes before the apply is killed.
    left: usize,
    /// The names that had a version in service in every state: for all owners, then for those in
    /// scope.
    service: Vec<BTreeMap<(SolutionName, bool), bool>>,
}

/// The progress of a running change.
enum Next {
    First,
    Deploy,
    Patch(SolutionId),
}

impl<'a> Run<'a> {
    pub(crate) fn new(scenario: &'a Scenario, plan: &'a Plan, server: Server, seed: u64) -> Self {
        let mut run = Self {
            scenario,
            server,
            plan,
            world: scenario.live.clone(),
            rng: fastrand::Rng::with_seed(seed),
            faults: 0,
            deployed: BTreeMap::new(),
            in_the_air: BTreeMap::new(),
            half_made: BTreeSet::new(),
            ends: BTreeMap::new(),
            sent: BTreeMap::new(),
            left: usize::MAX,
            service: Vec::new(),
        };
        run.record_service();
        run
    }

    pub(crate) fn failing(mut self, faults: u8) -> Self {
        self.faults = faults;
        self
    }

    /// Adds the ends of changes that are not executed.
    pub(crate) fn after(mut self, decided: &BTreeMap<Address, Decided>) -> Self {
        let ends = decided.iter().map(|(address, decided)| {
            let end = match decided {
                Decided::Done(_) => End::Done,
                Decided::Refused(_) => End::Refused,
            };
            (address.clone(), end)
        });
        self.ends.extend(ends);
        self
    }

    /// Executes the plan to its end. Returns every outcome and the live versions.
    pub(crate) fn finish(mut self) -> (BTreeMap<Address, End>, Vec<LiveVersion>) {
        self.execute();
        self.check_service();
        (self.ends, self.world)
    }

    /// Kills the apply after a number of steps. Returns the live versions and the journalled
    /// writes.
    pub(crate) fn killed_after(mut self, steps: usize) -> (Vec<LiveVersion>, PlanProgress) {
        self.left = steps;
        self.execute();
        for (address, write) in &mut self.sent {
            let identity = write.action.identity().unwrap();
            let record = self.deployed.get(identity).filter(|_| write.is_deployed);
            write.record = record.cloned();
            if self.ends.get(address) == Some(&End::Done) {
                write.is_done = true;
            }
        }
        let to_do = self.plan.changes.iter().filter(|change| !change.is_no_op());
        let progress = PlanProgress {
            is_used_up: to_do
                .clone()
                .all(|change| self.ends.get(&change.address) == Some(&End::Done))
                && to_do.count() > 0,
            steps: self.sent.into_values().collect(),
        };
        (self.world, progress)
    }

    fn execute(&mut self) {
        let plan = self.plan;
        let mut waiting: Vec<&Change> = plan
            .changes
            .iter()
            .filter(|change| !change.is_no_op())
            .collect();
        let mut running: Vec<(&Change, Next)> = Vec::new();
        loop {
            self.skip_dependants(&mut waiting);
            let (ready, rest): (Vec<&Change>, Vec<&Change>) = waiting
                .into_iter()
                .partition(|change| self.is_released(change));
            waiting = rest;
            running.extend(ready.into_iter().map(|change| (change, Next::First)));
            if running.is_empty() {
                break;
            }
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let chosen = self.rng.usize(..running.len());
            let (change, next) = running.swap_remove(chosen);
            match self.step(change, next) {
                Ok(next) => running.push((change, next)),
                Err(end) => {
                    self.ends.insert(change.address.clone(), end);
                }
            }
            self.record_service();
        }
        assert!(
            waiting.is_empty(),
            "a circle, or a change that waits for no other: {waiting:?}"
        );
    }

    /// Records that a change sends a write.
    fn announce(&mut self, change: &Change) -> &mut PastWrite {
        self.sent
            .entry(change.address.clone())
            .or_insert_with(|| PastWrite::new(change.action.clone()))
    }

    fn is_released(&self, change: &Change) -> bool {
        change
            .waits_for
            .iter()
            .all(|address| self.ends.get(address) == Some(&End::Done))
    }

    fn skip_dependants(&mut self, waiting: &mut Vec<&Change>) {
        loop {
            let ends = &self.ends;
            let (skipped, rest): (Vec<&Change>, Vec<&Change>) =
                waiting.drain(..).partition(|change| {
                    change
                        .waits_for
                        .iter()
                        .any(|address| ends.get(address).is_some_and(|end| *end != End::Done))
                });
            *waiting = rest;
            if skipped.is_empty() {
                return;
            }
            for change in skipped {
                self.ends.insert(change.address.clone(), End::Skipped);
            }
        }
    }

    /// Executes the next write of a change.
    fn step(&mut self, change: &Change, next: Next) -> Result<Next, End> {
        let target = change.action.deploy().map(|(_, target)| target);
        match (&change.action, next) {
            (Action::Create { after, .. }, Next::First) => {
                let named = self.seen_named(&after.identity.name);
                match target.unwrap().check_create(&named) {
                    PreconditionResult::Done => Err(End::Done),
                    PreconditionResult::Moved(_) => Err(End::Refused),
                    PreconditionResult::Ready => {
                        self.announce(change).is_deployed = true;
                        self.deploy(after)
                    }
                }
            }
            (Action::Update { before, patch, .. }, Next::First) => {
                self.check_release(change)?;
                match check_update(before, *patch, self.seen(&before.id).as_ref()) {
                    PreconditionResult::Done => Err(End::Done),
                    PreconditionResult::Moved(_) => Err(End::Refused),
                    PreconditionResult::Ready => {
                        self.check_touch(change, before);
                        self.announce(change)
                            .patches
                            .push((before.id.clone(), *patch));
                        self.patch(&before.id, *patch)
                    }
                }
            }
            (Action::Delete { before }, Next::First) => {
                self.check_release(change)?;
                self.delete(change, before)?;
                Err(End::Done)
            }
            (Action::Replace { before, .. }, Next::First) => {
                self.check_release(change)?;
                self.delete(change, before)?;
                if change.action.takes_out_of_service() && change.action.brings_into_service() {
                    let name = before.identity.name.clone();
                    self.in_the_air.insert(change.address.clone(), name);
                }
                Ok(Next::Deploy)
            }
            (Action::Replace { after, .. }, Next::Deploy) => {
                let named = self.seen_named(&after.identity.name);
                let result = target.unwrap().check_redeploy(&named);
                assert_eq!(
                    result,
                    PreconditionResult::Ready,
                    "deleted and not deployed again"
                );
                self.announce(change).is_deployed = true;
                let next = self.deploy(after);
                self.in_the_air.remove(&change.address);
                next
            }
            (Action::Create { after, .. } | Action::Replace { after, .. }, Next::Patch(id)) => {
                let Some(live) = self.seen(&id) else {
                    return Err(End::Failed);
                };
                match after.missing_in(&live.state, live.visibility.as_ref()) {
                    Some(patch) => {
                        self.announce(change).patches.push((id.clone(), patch));
                        self.patch(&id, patch)
                    }
                    None => Err(End::Done),
                }
            }
            (action, _) => panic!("no such step of {action:?}"),
        }
    }

    fn check_release(&self, change: &Change) -> Result<(), End> {
        let named = self.seen_named(&change.identity.name);
        let is_released = change.successors.iter().all(|successor| {
            let deployed = self.deployed.get(&successor.after.identity);
            successor.is_live_among(&named, deployed)
        });
        if is_released {
            Ok(())
        } else {
            Err(End::Skipped)
        }
    }

    /// Returns whether the write fails before the server acts, or after it.
    fn fault(&mut self) -> (bool, bool) {
        if self.rng.u8(..10) < self.faults {
            let is_before = self.rng.bool();
            (is_before, !is_before)
        } else {
            (false, false)
        }
    }

    fn deploy(&mut self, after: &AfterImage) -> Result<Next, End> {
        let (before, behind) = self.fault();
        if before {
            return Err(End::Failed);
        }
        let id = SolutionId::parse(&format!("deployed-{}", self.rng.u64(..))).unwrap();
        self.deployed.insert(after.identity.clone(), id.clone());
        self.world.push(LiveVersion {
            id: id.clone(),
            identity: after.identity.clone(),
            author: self.user().map(|user| user.as_str().into()),
            state: LiveStateWord::Active,
            visibility: Some(self.server.deploys.into()),
            created_at_ms: Some(NonZeroI64::MAX),
            updated_at_ms: None,
        });
        if after.state == State::Inactive {
            self.half_made.insert(id.clone());
        }
        if behind {
            Err(End::Failed)
        } else {
            Ok(Next::Patch(id))
        }
    }

    fn patch(&mut self, id: &SolutionId, patch: Patch) -> Result<Next, End> {
        let (before, behind) = self.fault();
        if before {
            return Err(End::Failed);
        }
        let user = self.user().cloned();
        let taken: Vec<Identity> = self
            .world
            .iter()
            .map(|version| version.identity.clone())
            .chain(
                self.scenario
                    .manifest
                    .desired
                    .iter()
                    .map(|entry| entry.identity.clone()),
            )
            .collect();
        let server = self.server;
        let Some(record) = self.world.iter_mut().find(|version| version.id == *id) else {
            return Err(End::Failed);
        };
        if let Some(state) = patch.state() {
            record.state = LiveStateWord::new(state.as_str());
        }
        if let Some(visibility) = patch.visibility() {
            if server.reviews && visibility == Visibility::Public {
                record.visibility = Some(LiveVisibilityWord::PendingReview);
                return Err(End::Failed);
            }
            record.visibility = Some(visibility.into());
            let is_followed = user.as_ref().is_some_and(|user| {
                let owner = &record.identity.owner;
                record.author.as_deref() == Some(user.as_str())
                    && (owner.is_ib_deployed() || owner == user)
            });
            if server.moves_owner && is_followed {
                let owner = match visibility {
                    Visibility::Public => Owner::parse(Owner::IB_DEPLOYED).ok(),
                    Visibility::Private => user,
                    Visibility::PendingReview => None,
                };
                let moved = Identity {
                    owner: owner.unwrap_or_else(|| record.identity.owner.clone()),
                    ..record.identity.clone()
                };
                if !taken.contains(&moved) {
                    record.identity = moved;
                }
            }
        }
        Err(if behind { End::Failed } else { End::Done })
    }

    fn delete(&mut self, change: &Change, image: &LiveImage) -> Result<(), End> {
        match check_delete(image, self.seen(&image.id).as_ref()) {
            PreconditionResult::Done => return Ok(()),
            PreconditionResult::Moved(_) => return Err(End::Refused),
            PreconditionResult::Ready => {}
        }
        self.check_touch(change, image);
        self.announce(change).is_deleted = true;
        let (before, behind) = self.fault();
        if before {
            return Err(End::Failed);
        }
        self.world.retain(|version| version.id != image.id);
        if behind { Err(End::Failed) } else { Ok(()) }
    }

    /// Asserts that a write may change its record.
    fn check_touch(&self, change: &Change, image: &LiveImage) {
        let manifest = &self.scenario.manifest;
        let record = self
            .world
            .iter()
            .find(|version| version.id == image.id)
            .unwrap();
        let identity = &record.identity;
        let author = record.author.as_deref();
        let is_deployed = self.scenario.history.deployed.contains_key(&record.id);
        assert!(
            manifest.covers(identity, author) || is_deployed,
            "out of scope: {record:?}"
        );
        if matches!(
            change.action,
            Action::Delete { .. } | Action::Replace { .. }
        ) {
            assert!(
                !manifest.protects(identity, author),
                "protected: {record:?}"
            );
            let is_exact = match change.reason {
                Reason::Undeclared => manifest.scope.has_owner(&identity.owner),
                Reason::Superseded { .. }
                | Reason::Declared
                | Reason::Tombstone
                | Reason::Requested
                | Reason::RolledBack { .. }
                | Reason::ContentChanged { .. } => manifest.desired.iter().any(|entry| {
                    entry.identity.name == identity.name && entry.identity.owner == identity.owner
                }),
            };
            assert!(
                is_exact || is_deployed,
                "a delete across owners: {record:?}"
            );
        }
        let entry = manifest
            .desired
            .iter()
            .find(|entry| entry.identity == *identity);
        match change.reason {
            Reason::Superseded { .. } | Reason::Undeclared => {
                assert!(entry.is_none(), "a policy over a declaration: {identity:?}");
                assert!(
                    matches!(
                        record.state,
                        LiveStateWord::Active | LiveStateWord::Inactive
                    ),
                    "a policy over the state {}",
                    record.state
                );
                assert_eq!(self.plan.mode, Mode::Converge);
            }
            Reason::Declared
            | Reason::Tombstone
            | Reason::Requested
            | Reason::RolledBack { .. }
            | Reason::ContentChanged { .. } => {}
        }
        let has_entry = manifest
            .desired
            .iter()
            .any(|entry| entry.identity.owner == identity.owner);
        let is_undeclared = matches!(
            change.reason,
            Reason::Undeclared | Reason::RolledBack { .. }
        );
        if entry.is_none() && !has_entry && !is_undeclared {
            let user = self.user().map(Owner::as_str);
            assert!(
                is_deployed || (user.is_some() && record.author.as_deref() == user),
                "an unmanaged record: {record:?}"
            );
        }
    }

    fn user(&self) -> Option<&Owner> {
        self.scenario.manifest.environment.user.as_ref()
    }

    fn seen(&self, id: &SolutionId) -> Option<LiveVersion> {
        let found = self.world.iter().find(|version| version.id == *id)?;
        Some(reported(self.server, found))
    }

    fn seen_named(&self, name: &SolutionName) -> Vec<LiveVersion> {
        self.world
            .iter()
            .filter(|version| version.identity.name == *name)
            .map(|version| reported(self.server, version))
            .collect()
    }

    /// Records the names that are in service now.
    fn record_service(&mut self) {
        let mut service = BTreeMap::new();
        for version in &self.world {
            if version.state.is_in_service() && !self.half_made.contains(&version.id) {
                let name = &version.identity.name;
                service.insert((name.clone(), false), true);
                let manifest = &self.scenario.manifest;
                if manifest.covers(&version.identity, version.author.as_deref()) {
                    service.insert((name.clone(), true), true);
                }
            }
        }
        // An exception: a replaced version is out of service until its deploy is confirmed.
        for name in self.in_the_air.values() {
            service.insert((name.clone(), false), true);
            service.insert((name.clone(), true), true);
        }
        self.service.push(service);
    }

    /// Asserts that no name that had a version in service before and after was without one.
    fn check_service(&self) {
        let (Some(first), Some(last)) = (self.service.first(), self.service.last()) else {
            return;
        };
        for key in first.keys().filter(|key| last.contains_key(*key)) {
            for (moment, service) in self.service.iter().enumerate() {
                assert!(
                    service.contains_key(key),
                    "`{}` was out of service at moment {moment}",
                    key.0
                );
            }
        }
    }
}

/// Returns a record as the server shows it.
pub(crate) fn reported(server: Server, version: &LiveVersion) -> LiveVersion {
    LiveVersion {
        visibility: version
            .visibility
            .clone()
            .filter(|_| !server.hides_visibility),
        ..version.clone()
    }
}
