//! The commands that a report names, for the changes that are left.

use std::collections::BTreeSet;

use super::convergence::ConvergenceCheck;
use crate::apply::{ApplyReport, Outcome, StepError, StepReport};
use crate::attribute::State;
use crate::cli::environment::session::Session;
use crate::cli::invocation::PrintedCommand;
use crate::ident::{Address, Identity};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{
    ActionKind, DiffOptions, InFlight, Mode, Overrides, Plan, PlanOptions, Reason, repeated_options,
};

/// The options of a plan that a printed command repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    /// All of them: nothing of the plan is done, so the command makes the same plan.
    All,
    /// Those that select versions: changes may be done, so that the replaces and the allowed counts
    /// are other ones.
    Selection,
    /// Those that the apply of a saved plan requires: the plan contains its selection.
    BesideSavedPlan,
}

/// Adds the options of a plan to a printed command. Every printed command gets them here.
pub(super) fn with_options(
    command: PrintedCommand,
    options: &PlanOptions,
    repeated: Repeated,
) -> PrintedCommand {
    let selection = (options.selection()).filter(|_| repeated != Repeated::BesideSavedPlan);
    let others = repeated_options(&options.replace, &options.allow).into_iter();
    selection
        .chain(others.filter(|_| repeated != Repeated::Selection))
        .fold(command, |command, (name, value)| {
            command.option(name, value)
        })
}

/// Returns the command that plans in this mode, with the apply that it rolls back. `command` starts
/// a command.
fn planning_command(
    command: impl Fn(&str) -> PrintedCommand,
    mode: Mode,
    apply: Option<&str>,
) -> PrintedCommand {
    match mode {
        Mode::Converge => command("plan"),
        Mode::Destroy => command("plan").argument("--destroy"),
        Mode::Rollback => of_apply(command("rollback"), apply),
    }
}

/// Names the apply in a command that rolls it back.
pub(super) fn of_apply(rollback: PrintedCommand, apply: Option<&str>) -> PrintedCommand {
    match apply {
        Some(apply) => rollback.first_argument(apply),
        None => rollback,
    }
}

/// Returns the command that saves a new plan with these options. The other arguments are those of
/// [`planning_command`].
pub(super) fn saving_command(
    command: impl Fn(&str) -> PrintedCommand,
    (mode, apply): (Mode, Option<&str>),
    options: &PlanOptions,
) -> PrintedCommand {
    let planning = planning_command(command, mode, apply);
    with_options(planning, options, Repeated::All).option("--out", "FILE")
}

/// Returns true if the same command would end in the same way again: refused changes stay refused,
/// and changes that did not converge are planned and executed again.
fn needs_new_plan(report: &ApplyReport, after: &ConvergenceCheck) -> bool {
    report.count(OutcomeKind::Refused) > 0
        // The same package is not verified again.
        || report.has_failed_verification()
        || report.steps.iter().any(is_held_back)
        || !after.not_converged.is_empty()
        || !after.waiting_for_review.is_empty()
        || after.unproven.is_some()
}

/// Returns true if a new plan blocks the deploy, because the last one made something else.
fn is_held_back(step: &StepReport) -> bool {
    matches!(
        &step.outcome,
        Outcome::Failed(StepError::DeployedBefore(_) | StepError::OtherIdentity { .. })
    )
}

/// Returns the versions whose failed deploys left records: only `--replace` deploys them again.
fn orphaned(session: &Session, plan: &Plan, report: &ApplyReport) -> BTreeSet<Address> {
    // A roll-back deploys nothing on request.
    if plan.mode == Mode::Rollback {
        return BTreeSet::new();
    }
    let has_left_record = |step: &&StepReport| match &step.outcome {
        Outcome::Failed(StepError::JobFailed { orphan, .. }) => orphan.is_some(),
        _ => false,
    };
    let own = report.steps.iter().filter(has_left_record);
    let own = own.map(|step| step.address.clone());
    let is_declared = |identity: &Identity| {
        let mut desired = session.manifest().desired.iter();
        desired.any(|entry| entry.identity == *identity && entry.state != State::Absent)
    };
    // Another solution, or a version that is not declared, must be deleted on the platform.
    let of_plan = plan.orphaned.iter().filter(|record| {
        plan.mode == Mode::Converge && record.made.is_none() && is_declared(&record.identity)
    });
    let earlier = of_plan.map(|record| plan.address_of(&record.identity));
    own.chain(earlier).collect()
}

/// The kind of the command that follows an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextKind {
    /// A plan: nothing is left, as far as is known.
    Check,
    /// A plan: the same command would end in the same way again.
    Plan,
    /// The same command.
    Again,
}

/// The command that follows an apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NextStep {
    pub(super) kind: NextKind,
    /// The versions that it replaces.
    pub(super) replace: BTreeSet<Address>,
}

impl NextStep {
    /// Returns the same command, without replaces.
    pub(super) fn again() -> Self {
        Self {
            kind: NextKind::Again,
            replace: BTreeSet::new(),
        }
    }

    /// Returns the step after a report. `is_saved` is true if the same command applies a saved
    /// plan.
    pub(super) fn after(
        session: &Session,
        plan: &Plan,
        report: &ApplyReport,
        (after, in_flight): (&ConvergenceCheck, &[InFlight]),
        is_saved: bool,
    ) -> Self {
        let is_all_done = report.is_complete() && in_flight.is_empty();
        let needs_plan = needs_new_plan(report, after);
        let orphaned = orphaned(session, plan, report);
        if (is_all_done || needs_plan) && orphaned.is_empty() {
            let kind = if needs_plan {
                NextKind::Plan
            } else {
                NextKind::Check
            };
            return Self {
                kind,
                ..Self::again()
            };
        }
        let kind = if needs_plan || (is_saved && !orphaned.is_empty()) {
            NextKind::Plan
        } else {
            NextKind::Again
        };
        // A saved plan and an interrupted apply contain the replaces that are not done.
        let replaced = report
            .steps
            .iter()
            .filter(|step| !is_saved && is_not_replaced(step, plan));
        let replaced = replaced.map(|step| step.address.clone());
        let replace = replaced.chain(orphaned).collect();
        Self { kind, replace }
    }

    /// Returns the command for one environment. `again` is the same command.
    pub(super) fn command(
        &self,
        session: &Session,
        mode: Mode,
        options: &DiffOptions,
        again: PrintedCommand,
    ) -> PrintedCommand {
        let command = match self.kind {
            NextKind::Check | NextKind::Plan => plan_command(session, mode, options),
            NextKind::Again => again,
        };
        command.options("--replace", &self.replace)
    }
}

/// Returns true if a replace has not deleted its record, and if a new plan does not contain it
/// without `--replace`.
fn is_not_replaced(step: &StepReport, plan: &Plan) -> bool {
    let is_before_delete = match &step.outcome {
        Outcome::Skipped(_)
        | Outcome::Cancelled
        | Outcome::Failed(
            StepError::NotDeleted { .. }
            | StepError::SourceNotRead { .. }
            | StepError::SourceChanged { .. }
            | StepError::SourceDigest { .. }
            | StepError::PackageExists { .. },
        ) => true,
        Outcome::Failed(
            StepError::CallRefused { call, .. }
            | StepError::NotSent { call, .. }
            | StepError::HeldBack { call }
            | StepError::LockLost { call }
            | StepError::JobFailed { call, .. }
            | StepError::NotConfirmed { call, .. },
        ) => *call != WriteKind::Deploy,
        _ => false,
    };
    let mut changes = plan.changes.iter();
    let change = changes.find(|change| change.address == step.address);
    let is_requested = change.is_some_and(|change| change.reason == Reason::Requested);
    let has_deleted = step.deleted || step.deployed.is_some();
    step.kind == ActionKind::Replace && is_before_delete && !has_deleted && is_requested
}

/// Returns the command that shows the remaining changes.
fn plan_command(session: &Session, mode: Mode, options: &DiffOptions) -> PrintedCommand {
    let command = |verb: &str| session.context.command(verb);
    let plan = planning_command(command, mode, options.rolled_back());
    let plan = match mode {
        Mode::Converge | Mode::Destroy => plan,
        Mode::Rollback => plan.argument("--plan-only"),
    };
    let options = PlanOptions::new(options, Overrides::default());
    with_options(plan, &options, Repeated::Selection)
}

/// Returns the commands that stop waiting for the jobs whose outcome is not known.
pub(super) fn abandon_commands(
    session: &Session,
    plan: &Plan,
    report: &ApplyReport,
    run: Option<&str>,
) -> Vec<String> {
    let is_earlier = |step: &StepReport| {
        let mut earlier = plan.in_flight.iter();
        earlier.any(|write| write.identity == step.identity)
    };
    // A write without a job has nothing that could run for ever: the next apply checks for it.
    let earlier = plan
        .in_flight
        .iter()
        .filter(|write| write.job.is_some())
        .map(|write| (plan.address_of(&write.identity), write.apply.as_str()));
    let is_unknown =
        |step: &StepReport| matches!(step.outcome, Outcome::Unknown { job: Some(_), .. });
    let own = report
        .steps
        .iter()
        .filter(|step| is_unknown(step) && !is_earlier(step))
        .filter_map(|step| Some((step.address.clone(), run?)));
    earlier
        .chain(own)
        .map(|(address, apply)| {
            let command = session.context.command("abandon").first_argument(address);
            command.option("--apply", apply).to_string()
        })
        .collect()
}
