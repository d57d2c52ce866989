//! The steps of a release: the changes of a name whose new version must pass its verification, in
//! the order in which apply executes them.

use std::collections::BTreeMap;

use crate::attribute::State;
use crate::ident::SolutionName;
use crate::manifest::DrainMode;
use crate::plan::{Action, AfterImage, Change, Patch, Plan};
use crate::render::words;

/// The maximum number of releases in a plan for people.
const MAX_SHOWN: usize = 10;

/// The steps of one name.
pub(in crate::render) struct Release<'a> {
    pub(in crate::render) name: &'a SolutionName,
    pub(in crate::render) steps: Vec<Step<'a>>,
}

/// A step.
pub(in crate::render) struct Step<'a> {
    /// The change that it is a part of.
    pub(in crate::render) change: &'a Change,
    /// The stable word.
    pub(in crate::render) word: &'static str,
    /// The step as a phrase, escaped for a terminal.
    pub(in crate::render) text: String,
}

/// Returns the releases of a plan, by name.
pub(in crate::render) fn releases(plan: &Plan) -> Vec<Release<'_>> {
    let mut by_name: BTreeMap<&SolutionName, Vec<&Change>> = BTreeMap::new();
    for change in plan.to_do() {
        let name = &change.identity.name;
        by_name.entry(name).or_default().push(change);
    }
    let is_release = |changes: &Vec<&Change>| changes.iter().any(|it| it.action.is_verified());
    by_name.retain(|_, changes| is_release(changes));
    let releases = by_name.into_iter().map(|(name, mut changes)| {
        // A change that takes a version out of service waits for all that bring one in, and a
        // replace for those and for earlier replaces.
        changes.sort_by_key(|change| change.waits_for.len());
        let steps = changes.into_iter().flat_map(steps_of).collect();
        Release { name, steps }
    });
    releases.collect()
}

/// Returns the first releases of a plan, and the sentence about the others, if there are any.
pub(in crate::render) fn first_releases(plan: &Plan) -> (Vec<Release<'_>>, Option<String>) {
    let mut releases = releases(plan);
    let more = releases.len().saturating_sub(MAX_SHOWN);
    releases.truncate(MAX_SHOWN);
    let more = (more > 0).then(|| {
        let solutions = words::count(more, "more solution");
        format!("{solutions} in such steps; --json shows all of them.")
    });
    (releases, more)
}

fn steps_of(change: &Change) -> Vec<Step<'_>> {
    let address = words::address(&change.address);
    let mut steps = Vec::new();
    let mut add = |word, text| steps.push(Step { change, word, text });
    match change.drain.as_ref().map(|drain| drain.mode) {
        Some(DrainMode::Wait) => add("drain", format!("wait for the RUNNING runs of {address}")),
        Some(DrainMode::Fail) => add("drain", format!("check that {address} has no RUNNING run")),
        None => {}
    }
    match &change.action {
        Action::NoOp { .. } => {}
        Action::Delete { .. } => add("delete", format!("delete {address}")),
        Action::Update { patch, after, .. } => {
            verify(after, &address, &mut add);
            match (patch.state(), patch.visibility()) {
                (Some(State::Inactive), None) => add("patch", format!("deactivate {address}")),
                _ => add("patch", format!("set {address} to {}", values(*patch))),
            }
        }
        Action::Create { after, .. } | Action::Replace { after, .. } => {
            if change.action.before().is_some() {
                add("delete", format!("delete {address}"));
            }
            if let Some(upload) = &after.upload {
                let source = words::escaped(&upload.source.quoted());
                add("upload", format!("upload {source}"));
            }
            let deploy = format!("deploy {address}, in the state and visibility of its package");
            add("deploy", deploy);
            verify(after, &address, &mut add);
            if let Some(patch) = Patch::new(Some(after.state), after.visibility) {
                let values = values(patch);
                add("patch", format!("set {address} to {values}, if it is not"));
            }
        }
    }
    steps
}

fn verify(after: &AfterImage, address: &str, add: &mut impl FnMut(&'static str, String)) {
    if let Some(verification) = &after.verification {
        let runs = words::escaped(&verification.to_string());
        add("verify", format!("verify {address} with {runs}"));
    }
}

fn values(patch: Patch) -> String {
    let state = patch.state().map(|state| state.to_string());
    let visibility = patch.visibility().map(|visibility| visibility.to_string());
    let values: Vec<String> = state.into_iter().chain(visibility).collect();
    values.join(" and ")
}
