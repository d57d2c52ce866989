//! The plans of several environments: `plan` shows them, and `apply` executes them.

use std::io::Write as _;

use indexmap::IndexMap;

use super::known_applies::KnownApplies;
use super::plan;
use super::several::{self, ReadEnvironment};
use super::{packages, several_errors};
use crate::cli::args::{ManifestArgs, PlanningArgs};
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::plan::{DiffError, DiffOptions, Mode, Plan, Refusal, SavedPlan, approve, judge};
use crate::render::{EnvironmentResult, PlanResult, words};
use crate::store::progress_of;

/// The plan of one of several environments.
pub(in crate::cli) struct PlannedEnvironment {
    pub(in crate::cli) plan: Plan,
    pub(in crate::cli) refusals: Vec<Refusal>,
    /// The options that the plan was made with.
    pub(in crate::cli) options: DiffOptions,
    /// The selectors that select nothing in this environment.
    unused: Vec<DiffError>,
}

/// The saved plans that approve the changes of several environments.
pub(super) struct SavedSource<'a> {
    pub(super) saved: &'a [SavedPlan],
    /// Checks a saved plan before its environment is read.
    pub(super) check: &'a (dyn Fn(&SavedPlan, &Session) -> Result<()> + Sync),
}

impl SavedSource<'_> {
    /// Makes a new plan of an environment, without its lock, and narrows it to the approved
    /// changes.
    async fn narrowed(
        &self,
        session: &Session,
        store: Option<&str>,
        io: &mut Io,
    ) -> Result<PlannedEnvironment> {
        let manifest = session.manifest();
        let name = &manifest.environment.name;
        let mut saved = self.saved.iter();
        let saved = saved.find(|saved| saved.environment() == name);
        let saved = saved.ok_or_else(|| CommandError::failed("it has no saved plan"))?;
        (self.check)(saved, session)?;
        let known = KnownApplies::read(session, store, io).await?;
        let progress = progress_of(&known.applies, &saved.id);
        let (mode, replace) = (saved.plan.mode, &saved.options.replace);
        let options = DiffOptions {
            held_back: known.held_back.clone(),
            ..saved.options.of_new_plan(mode, replace, &progress)
        };
        let planner = known.planner(session, &options);
        let narrowed = planner.make_narrowed(saved, &progress, io).await?;
        let plan = narrowed.to_show();
        let limits = &manifest.environment.limits;
        let refused = approve(narrowed, limits, &saved.options.allow).err();
        Ok(PlannedEnvironment {
            plan,
            refusals: refused.map(|refused| refused.refusals).unwrap_or_default(),
            options,
            unused: Vec::new(),
        })
    }
}

/// Plans several environments at the same time, without locks. The error of one does not hide the
/// plans of the others; a selector that selects nothing in all of them is an error.
pub(in crate::cli) async fn make(
    args: &ManifestArgs,
    planning: &PlanningArgs,
    mode: Mode,
    store: Option<&str>,
    settings: &Settings,
    io: &mut Io,
) -> Result<Vec<ReadEnvironment<PlannedEnvironment>>> {
    make_from(None, args, (planning, mode), store, settings, io).await
}

/// Does the same; with saved plans, the plans are narrowed to their changes.
pub(super) async fn make_from(
    source: Option<&SavedSource<'_>>,
    args: &ManifestArgs,
    (planning, mode): (&PlanningArgs, Mode),
    store: Option<&str>,
    settings: &Settings,
    io: &mut Io,
) -> Result<Vec<ReadEnvironment<PlannedEnvironment>>> {
    let overrides = planning.overrides();
    let opened = several::open(args, settings, io).await?;
    let planned = several::read(opened, "cannot be planned", io, async |session, io| {
        if let Some(source) = source {
            return source.narrowed(session, store, io).await;
        }
        let mut options = planning.diff_options(mode);
        // A version may be declared in some of the environments only.
        options.may_select_nothing = true;
        let known = KnownApplies::read(session, store, io).await?;
        options.held_back.clone_from(&known.held_back);
        let planner = known.planner(session, &options);
        let (live, plan) = planner.make_plan_and_live(None, &overrides, io).await?;
        let unused = planner.unused_selectors(&live);
        plan::drop_in_background(live);
        let refusals = judge(&plan, &session.manifest().environment.limits, &overrides);
        Ok(PlannedEnvironment {
            plan,
            refusals,
            options,
            unused,
        })
    })
    .await?;
    let unused = unused_everywhere(&planned);
    if unused.is_empty() {
        Ok(planned)
    } else {
        Err(plan::option_error(&unused))
    }
}

/// Returns the selectors that select nothing in any environment; none if an environment could not
/// be read.
fn unused_everywhere(planned: &[ReadEnvironment<PlannedEnvironment>]) -> Vec<DiffError> {
    let values: Option<Vec<&PlannedEnvironment>> =
        planned.iter().map(ReadEnvironment::value).collect();
    let Some((first, others)) = values.as_deref().and_then(<[_]>::split_first) else {
        return Vec::new();
    };
    let is_unused = |error: &&DiffError| {
        let is_same = |other: &DiffError| other.is_about_same_selector(error);
        others.iter().all(|other| other.unused.iter().any(is_same))
    };
    first.unused.iter().filter(is_unused).cloned().collect()
}

/// The plan of an environment, and its session; both are errors if there is no plan.
type Planned<'a> = (&'a EnvironmentResult<PlanResult>, &'a Result<Session>);

/// Shows the errors of the environments without a plan, and the reasons why plans cannot be
/// applied. Returns the status of each environment; that of a plan is given by `status_of_plan`.
pub(in crate::cli) fn report(
    plans: &[EnvironmentResult<PlanResult>],
    sessions: &[Result<Session>],
    status_of_plan: impl Fn(&Plan) -> ExitStatus,
    io: &mut Io,
) -> Result<Vec<ExitStatus>> {
    several_errors::report(plans, sessions, io)?;
    let each = plans.iter().zip(sessions);
    let planned = each
        .clone()
        .filter_map(|(environment, session)| Some((environment, session.as_ref().ok()?)));
    report_blocked(planned.map(|(plan, session)| (plan, Some(session))), io)?;
    let status = |(environment, session): Planned<'_>| match (environment.value(), session) {
        (Some(PlanResult { plan, refusals, .. }), _) if refusals.is_empty() => status_of_plan(plan),
        (Some(PlanResult { plan, refusals, .. }), session) => {
            let blocked = plan::blocked(session.as_ref().ok(), refusals, plan);
            blocked.kind.exit_status()
        }
        (None, Err(error)) => error.kind.exit_status(),
        (None, Ok(_)) => ExitStatus::Error,
    };
    Ok(each.map(status).collect())
}

/// Shows the reasons why the plans of environments cannot be applied; equal reasons of several are
/// shown once. Without a session, they are shown without their location in the manifest.
pub(in crate::cli) fn report_blocked<'a>(
    plans: impl Iterator<Item = (&'a EnvironmentResult<PlanResult>, Option<&'a Session>)>,
    io: &mut Io,
) -> Result<()> {
    let mut groups: IndexMap<Vec<String>, Vec<_>> = IndexMap::new();
    for (environment, session) in plans {
        let Some(result) = environment.value() else {
            continue;
        };
        let texts: Vec<String> = result.refusals.iter().map(ToString::to_string).collect();
        if !texts.is_empty() {
            let name = environment.name.as_str();
            groups
                .entry(texts)
                .or_default()
                .push((name, session, result));
        }
    }
    io.out.flush()?;
    for group in groups.into_values() {
        let names: Vec<&str> = group.iter().map(|(name, ..)| *name).collect();
        let noun = if names.len() == 1 { "plan" } else { "plans" };
        let of = words::environments(&names);
        writeln!(io.err, "The {noun} of {of} cannot be applied:")?;
        let (_, session, result) = group[0];
        io.refusals(&result.refusals, |refusal| {
            session.and_then(|session| packages::problem_of(session, refusal))
        })?;
        for (name, session, PlanResult { plan, refusals, .. }) in group {
            io.send_error(&plan::blocked(session, refusals, plan), Some(name));
        }
    }
    Ok(())
}

/// Returns the error of an option that a command takes for one environment only.
pub(in crate::cli) fn one_only(option: &str, hint: &str) -> CommandError {
    let message = format!("{option} is for one environment, and several are given");
    CommandError::failed(message).hint(hint)
}
