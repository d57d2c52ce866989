//! Compares manifest and live state.
//!
//! Both sides are ordered by identity, so that one pass visits every name once, with all its
//! declared and live versions. Each decision is a small total function of both sides.

use std::collections::HashSet;
use std::ops::Range;

use thin_vec::ThinVec;

use super::action::Reason;
use super::change::{Block, Change, Mode, Note, Plan, Subject, Undo};
use super::diff_error::DiffError;
use super::drain::declare_drains;
use super::history::{ApplyHistory, OrphanedRecord};
use super::judgement::Judgement;
use super::name::NameView;
use super::options::{
    DiffOptions, Inputs, Selector, check_replace, check_selectors, without_impossible,
};
use super::order;
use super::origin::Origin;
use super::policy::apply_policies;
use super::propose::{create, declared_no_op, delete, replace, update_or_no_op};
use super::rollback;
use super::verification::verify_before_retirement;
use crate::attribute::State;
use crate::ident::{Identity, SolutionId};
use crate::live::{Coverage, LiveState, LiveVersion};
use crate::manifest::{Desired, Manifest};

/// Plans the changes that converge the live state to the manifest. Collects every error. `history`
/// is what earlier applies left; it is empty if their journals are not known.
pub fn diff(
    manifest: &Manifest,
    live: &LiveState,
    history: &ApplyHistory,
    options: &DiffOptions,
) -> Result<Plan, Vec<DiffError>> {
    let inputs = Inputs {
        manifest,
        live,
        history,
        options,
    };
    let Some(rollback) = &options.rollback else {
        return diff_inputs(inputs);
    };
    let target = rollback::target(rollback, inputs);
    let plan = diff_inputs(Inputs {
        manifest: &target.manifest,
        options: &target.options,
        ..inputs
    })?;
    Ok(rollback::as_rollback(
        plan,
        rollback,
        target.unrestored,
        manifest,
    ))
}

fn diff_inputs(given: Inputs<'_>) -> Result<Plan, Vec<DiffError>> {
    let Inputs {
        manifest,
        live,
        history,
        options,
    } = given;
    let possible;
    let mut inputs = given;
    if options.is_approval {
        possible = without_impossible(inputs);
        inputs.options = &possible;
    }
    let options = inputs.options;
    let mut differ = Differ {
        inputs,
        changes: Vec::with_capacity(manifest.desired.len()),
        pathless: Vec::new(),
        unmanaged: 0,
        left_out: 0,
    };
    let names = differ.diff_names();
    let Differ {
        mut changes,
        pathless,
        unmanaged,
        left_out,
        ..
    } = differ;
    order::disambiguate_changes(&mut changes);
    for (name, range) in names {
        order::connect(&mut changes[range], name);
    }
    let mut errors = check_replace(inputs);
    if !options.is_approval {
        errors.extend(check_selectors(inputs, &changes));
    }
    let total = changes.len();
    let mut changes = order::select(manifest, changes, &options.targets, &options.excludes);
    declare_drains(manifest, &mut changes);
    for change in &mut changes {
        // No write checks an unknown visibility.
        if change.lacks_visibility() && !change.notes.contains(&Note::VisibilityNotKnown) {
            change.notes.push(Note::VisibilityNotKnown);
        }
    }
    let pathless: Vec<&Desired> = pathless
        .into_iter()
        .filter(|entry| is_deployed(&changes, &entry.identity))
        .collect();
    if options.is_approval {
        // Without a path, no approved change can be the deploy of such a version.
        changes.retain(|change| {
            let is_pathless = |entry: &&Desired| entry.identity == change.identity;
            change.action.deploy().is_none() || !pathless.iter().any(is_pathless)
        });
    } else {
        errors.extend(pathless.into_iter().map(no_path));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Plan {
        mode: options.mode,
        subject: Subject {
            environment: manifest.environment.name.clone(),
            url: manifest.environment.url.as_str().to_owned(),
            manifest: manifest.digest.clone(),
        },
        rollback: None,
        coverage: live.coverage().clone(),
        left_out: left_out + total - changes.len(),
        in_flight: history.in_flight.clone(),
        orphaned: orphaned(inputs, &changes),
        judgement: Judgement::pending(&manifest.policies),
        changes,
        unmanaged,
        live_in_scope: live
            .versions()
            .iter()
            .filter(|version| manifest.covers(&version.identity, version.author.as_deref()))
            .count(),
        expected: None,
    })
}

/// Returns the orphaned records that are live and are not deleted. Targets and excludes select them
/// like changes.
fn orphaned(inputs: Inputs<'_>, changes: &[Change]) -> Vec<OrphanedRecord> {
    let Inputs { live, options, .. } = inputs;
    let orphaned = &inputs.history.orphaned;
    if orphaned.is_empty() {
        return Vec::new();
    }
    let goes: HashSet<&SolutionId> = changes
        .iter()
        .filter(|change| change.undo() == Undo::Irreversible)
        .filter_map(Change::record)
        .collect();
    let selected = |selectors: &[Selector], record: &OrphanedRecord| {
        selectors
            .iter()
            .any(|selector| selector.selects(&record.identity) || selector.selects(record.live()))
    };
    live.versions()
        .iter()
        .filter_map(|version| {
            let record = orphaned.get(&version.id)?;
            let other_owner = inputs.manifest.other_owner(&record.identity.owner);
            Some(record.seen_as(&version.identity, other_owner.as_ref()))
        })
        .filter(|record| !goes.contains(&record.id))
        .filter(|record| options.targets.is_empty() || selected(&options.targets, record))
        .filter(|record| !selected(&options.excludes, record))
        .collect()
}

/// Returns the smaller of the next names on both sides.
fn next_name<'a>(desired: &'a [Desired], versions: &'a [LiveVersion]) -> Option<&'a str> {
    let declared = desired.first().map(|entry| entry.identity.name.as_str());
    let present = versions
        .first()
        .map(|version| version.identity.name.as_str());
    match (declared, present) {
        (Some(declared), Some(present)) => Some(declared.min(present)),
        (declared, present) => declared.or(present),
    }
}

fn split_while<T>(items: &[T], belongs: impl Fn(&T) -> bool) -> (&[T], &[T]) {
    let end = items
        .iter()
        .position(|item| !belongs(item))
        .unwrap_or(items.len());
    items.split_at(end)
}

fn is_deployed(changes: &[Change], identity: &Identity) -> bool {
    changes
        .binary_search_by(|change| change.identity.natural_cmp(identity))
        .is_ok_and(|place| changes[place].action.deploy().is_some())
}

fn no_path(entry: &Desired) -> DiffError {
    DiffError::NoPath {
        address: entry.identity.address(),
        position: entry.position.clone(),
    }
}

struct Differ<'a> {
    inputs: Inputs<'a>,
    changes: Vec<Change>,
    /// The versions that must be deployed and have no path. An error only if the change is
    /// selected: a listing for `--target` makes all other versions look absent.
    pathless: Vec<&'a Desired>,
    unmanaged: usize,
    left_out: usize,
}

impl<'a> Differ<'a> {
    /// Plans name after name. Returns the range of changes for each name that is not as declared.
    fn diff_names(&mut self) -> Vec<(NameView<'a>, Range<usize>)> {
        let mut names = Vec::new();
        let mut desired = self.inputs.manifest.desired.as_slice();
        let mut versions = self.inputs.live.versions();
        debug_assert!(
            desired.is_sorted_by(|left, right| left.identity < right.identity),
            "invariant: a manifest is ordered by identity, and has each once"
        );
        while let Some(name) = next_name(desired, versions) {
            let (declared, desired_rest) =
                split_while(desired, |entry| entry.identity.name.as_str() == name);
            let (present, versions_rest) =
                split_while(versions, |version| version.identity.name.as_str() == name);
            desired = desired_rest;
            versions = versions_rest;
            if self.is_left_out(declared) {
                self.left_out += declared.len();
                continue;
            }
            let view = NameView {
                manifest: self.inputs.manifest,
                mode: self.inputs.options.mode,
                history: self.inputs.history,
                declared,
                live: present,
            };
            let start = self.changes.len();
            self.diff_name(view);
            // Names are visited in order, so that sorting within each name sorts the whole plan.
            self.changes[start..].sort_by(|left, right| left.identity.natural_cmp(&right.identity));
            // Most names of a big manifest are as declared.
            let is_as_declared =
                |change: &Change| change.is_no_op() && change.reason == Reason::Declared;
            if !self.changes[start..].iter().all(is_as_declared) {
                names.push((view, start..self.changes.len()));
            }
        }
        names
    }

    /// Returns whether a name was not listed because the targets do not select it: its live state
    /// is unknown.
    fn is_left_out(&self, declared: &[Desired]) -> bool {
        let targets = &self.inputs.options.targets;
        let Some(first) = declared.first() else {
            return false;
        };
        match self.inputs.live.coverage() {
            Coverage::Whole | Coverage::Unproven(_) => false,
            Coverage::Names(names) => {
                !targets.is_empty()
                    && !names.contains(&first.identity.name)
                    && !declared
                        .iter()
                        .any(|entry| targets.iter().any(|target| target.selects(&entry.identity)))
            }
        }
    }

    /// Plans the changes of one name.
    fn diff_name(&mut self, name: NameView<'a>) {
        let start = self.changes.len();
        let mut is_declared = vec![false; name.live.len()];
        for entry in name.declared {
            let found = name.find(entry);
            for index in &found {
                is_declared[*index] = true;
            }
            self.diff_declared(name, entry, &found);
        }
        let rest: Vec<&LiveVersion> = name
            .live
            .iter()
            .zip(is_declared)
            .filter(|(_, is_declared)| !is_declared)
            .map(|(version, _)| version)
            .collect();
        if name.mode == Mode::Converge && !rest.is_empty() {
            self.changes.extend(apply_policies(name, &rest));
        }
        verify_before_retirement(&mut self.changes[start..], name);
        let touched = self.changes[start..]
            .iter()
            .filter(|change| change.action.before().is_some())
            .count();
        self.unmanaged += name.live.len() - touched;
    }

    fn diff_declared(&mut self, name: NameView<'a>, entry: &'a Desired, found: &[usize]) {
        let mut records = found.iter().map(|index| &name.live[*index]);
        let meant = records.next();
        let others: Vec<&LiveVersion> = records.collect();
        let mut change = match (meant, name.mode, entry.state) {
            (None, Mode::Destroy, _) => return,
            (None, Mode::Converge | Mode::Rollback, State::Absent) => {
                let mut change = declared_no_op(entry, None, ThinVec::new(), Reason::Tombstone);
                // Another user published them.
                let kept: Vec<&LiveVersion> = name.records_of_other_owner(entry).collect();
                change.notes.extend(records_of_other_owner(&kept));
                change
            }
            (None, Mode::Converge | Mode::Rollback, State::Active | State::Inactive) => {
                self.create(name, entry)
            }
            (Some(meant), Mode::Destroy, _) => {
                self.delete_all(name, entry, meant, &others, &Reason::Requested);
                return;
            }
            (Some(meant), Mode::Converge | Mode::Rollback, State::Absent) => {
                self.delete_all(name, entry, meant, &others, &Reason::Tombstone);
                return;
            }
            (Some(meant), Mode::Converge | Mode::Rollback, State::Active | State::Inactive) => {
                self.converge(name, entry, meant)
            }
        };
        change.blocked.extend(self.made_before(&change, entry));
        change.notes.extend(more_records(&others));
        self.changes.push(change);
    }

    /// Returns the block of a deploy whose package made another solution before. If only some names
    /// were listed, that solution may be hidden, and the step finds it.
    fn made_before(&self, change: &Change, entry: &Desired) -> Option<Block> {
        let (path, target) = change.action.deploy()?;
        let is_redeployed = self.inputs.options.is_redeployed(&entry.identity);
        let made = self
            .inputs
            .history
            .made_instead(path, target.after, is_redeployed)?;
        let record = made.record.as_ref();
        let is_there = record.is_none_or(|(id, _)| self.inputs.live.lists(id));
        is_there.then(|| Block::Package {
            problem: made.problem(),
            origin: entry.path.as_ref().map(|path| Origin::of(&path.position)),
        })
    }

    fn create(&mut self, name: NameView<'a>, entry: &'a Desired) -> Change {
        let path = self.path_of(entry);
        let mut change = create(name, entry, path);
        let until_ms = self.inputs.options.held_back_until(&entry.identity);
        change
            .notes
            .extend(until_ms.map(|until_ms| Note::HeldBack { until_ms }));
        change
    }

    fn converge(&mut self, name: NameView<'a>, entry: &'a Desired, meant: &LiveVersion) -> Change {
        let mut change = if let Some(reason) = self.reason_to_replace(entry, meant) {
            let path = self.path_of(entry);
            replace(name, entry, meant, path, reason)
        } else {
            let is_reverified = self.inputs.options.is_reverified(&entry.identity);
            update_or_no_op(name, entry, meant, is_reverified)
        };
        if meant.identity != entry.identity {
            change.notes.push(Note::FollowedOwner {
                owner: meant.identity.owner.clone(),
            });
        }
        change
    }

    /// Returns the reason why a version that is live is deployed again, if there is one.
    fn reason_to_replace(&self, entry: &Desired, meant: &LiveVersion) -> Option<Reason> {
        let options = self.inputs.options;
        if options.is_redeployed(&entry.identity) {
            return Some(Reason::Requested);
        }
        let drift = options.redeploy.get(&entry.identity)?;
        (drift.id == meant.id).then(|| Reason::ContentChanged {
            drift: drift.clone(),
        })
    }

    /// Deletes every record of a version that must be absent. While a record of the exact owner is
    /// live, a record of the other owner of the pair is deleted only if an apply of this store
    /// deployed it.
    fn delete_all(
        &mut self,
        name: NameView<'_>,
        entry: &Desired,
        newest: &LiveVersion,
        others: &[&LiveVersion],
        reason: &Reason,
    ) {
        let is_exact = |record: &LiveVersion| record.identity.owner == entry.identity.owner;
        let delete = |record: &LiveVersion| {
            delete(name, record, is_exact(record), reason.clone(), Some(entry))
        };
        let (deleted, kept): (Vec<&LiveVersion>, Vec<&LiveVersion>) = others
            .iter()
            .copied()
            .partition(|record| is_exact(record) || !is_exact(newest) || name.is_deployed(record));
        let mut change = delete(newest);
        change.notes.extend(more_records(&deleted));
        change.notes.extend(records_of_other_owner(&kept));
        self.changes.push(change);
        self.changes
            .extend(deleted.iter().map(|record| delete(record)));
    }

    fn path_of(&mut self, entry: &'a Desired) -> &'a str {
        if let Some(path) = &entry.path {
            &path.text
        } else {
            self.pathless.push(entry);
            ""
        }
    }
}

fn more_records(others: &[&LiveVersion]) -> Option<Note> {
    let ids = ids_of(others);
    (!ids.is_empty()).then_some(Note::MoreRecords { ids })
}

fn records_of_other_owner(kept: &[&LiveVersion]) -> Option<Note> {
    let ids = ids_of(kept);
    (!ids.is_empty()).then_some(Note::RecordsOfOtherOwner { ids })
}

fn ids_of(records: &[&LiveVersion]) -> Vec<SolutionId> {
    records.iter().map(|record| record.id.clone()).collect()
}

#[cfg(test)]
mod tests;
