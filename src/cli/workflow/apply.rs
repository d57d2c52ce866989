//! The workflow of apply and destroy: plan, approval, execution, verification, report.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::apply_session::ApplySession;
use super::approval::{self, Approval};
use super::cancellation::Cancellation;
use super::execution::{self, ApplyResult};
use super::report::Reporting;
use super::verification::{self, Verification};
use super::{packages, plan, plan_formats, recovery};
use crate::apply::{ApplyReport, Outcome, StepError, StepReport, Totals};
use crate::attribute::State;
use crate::cli::args::ChangeArgs;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, with_precedence};
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::ident::{Address, Identity};
use crate::outcome::{OutcomeKind, WriteKind};
use crate::plan::{
    ActionKind, ApprovedPlan, Change, DiffOptions, InFlight, Mode, NarrowedPlan, Overrides, Plan,
    PlanOptions, SavedPlan, Summary, approve, approve_narrowed,
};
use crate::render::{PlanDetail, ReportView, render_not_approved, words};

/// The saved plan that is applied.
pub(in crate::cli) struct SavedFrom {
    pub(in crate::cli) plan: SavedPlan,
    /// The plan file; none if an interrupted apply is resumed.
    pub(in crate::cli) file: Option<PathBuf>,
    /// True if an earlier apply has completed all changes of the plan.
    pub(in crate::cli) is_used_up: bool,
}

/// A plan to execute, and how to show it.
pub(in crate::cli) struct ApplyRequest {
    /// The plan that is executed.
    pub(in crate::cli) plan: Plan,
    /// The plan with every approved change, if a saved plan is the approval.
    pub(in crate::cli) narrowed: Option<NarrowedPlan>,
    pub(in crate::cli) saved: Option<SavedFrom>,
    pub(in crate::cli) options: DiffOptions,
    pub(in crate::cli) overrides: Overrides,
    pub(in crate::cli) approval: Approval,
    pub(in crate::cli) parallelism: usize,
    /// The detail of the printed plan and outcomes.
    pub(in crate::cli) detail: PlanDetail,
}

/// Makes a plan from the manifest, and executes it.
pub(in crate::cli) async fn plan_and_execute(
    args: &ChangeArgs,
    settings: &Settings,
    mut start: Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    reporting.check(args.auto_approve, &args.manifest.file)?;
    if reporting.mode == Mode::Destroy && !args.planning.replace.is_empty() {
        return Err(plan::replace_with_destroy());
    }
    let session = start.open(&args.manifest, settings, io).await?;
    reporting.set_environment(&session);
    start.set_next(&session.context.command(match reporting.mode {
        Mode::Converge => "apply",
        Mode::Destroy => "destroy",
    }));
    let apply_session = recovery::open(&session, &args.store, &mut start, io).await?;
    let done = plan_then_execute(&session, args, &apply_session, &mut start, reporting, io).await;
    apply_session.end().await;
    done
}

async fn plan_then_execute(
    session: &Session,
    args: &ChangeArgs,
    apply_session: &ApplySession,
    start: &mut Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let mut options = args.planning.diff_options(reporting.mode);
    options.held_back.clone_from(&apply_session.held_back);
    let overrides = args.planning.overrides();
    session.reader().serve_steps(args.planning.parallelism);
    let plan = start
        .or_interrupted(plan::make_plan(
            session,
            None,
            &apply_session.history,
            &options,
            &overrides,
            io,
        ))
        .await?;
    let order = ApplyRequest {
        plan,
        narrowed: None,
        saved: None,
        options,
        overrides,
        approval: if args.auto_approve {
            Approval::Given
        } else {
            Approval::Ask {
                may_ask: !args.planning.no_input,
            }
        },
        parallelism: args.planning.parallelism,
        detail: args.planning.detail.detail(),
    };
    execute(session, order, apply_session, start, reporting, io).await
}

/// Shows the plan, gets the approval, executes the plan, verifies the result and reports it.
pub(in crate::cli) async fn execute(
    session: &Session,
    order: ApplyRequest,
    apply_session: &ApplySession,
    start: &mut Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let again = (again_command(session, &order), order.saved.is_some());
    let ApplyRequest {
        plan,
        narrowed,
        saved,
        options,
        overrides,
        approval,
        parallelism,
        detail,
    } = order;
    reporting.detail = detail;
    let not_approved: Vec<Change> = narrowed
        .as_ref()
        .map_or_else(Vec::new, |narrowed| narrowed.not_approved.clone());
    print_plan(&plan, narrowed.as_ref(), detail, io)?;
    let mode = plan.mode;
    reporting.mode = mode;
    let (approved, shown) = judged(session, plan, narrowed, &overrides, io)?;
    plan_formats::stream_plan(shown.as_ref().unwrap_or_else(|| approved.plan()), true, io);
    io.flush_text()?;
    let has_changes = approved.has_changes();
    // The store must record that the plan is done, even if nothing is left to execute.
    let has_run = has_changes
        || (approved.has_decided() && saved.as_ref().is_none_or(|saved| !saved.is_used_up));
    if has_changes && let Approval::Ask { may_ask } = approval {
        let question = question(session, mode);
        approval::ask(&question, may_ask, start, io).await?;
    }
    let (run, report, after) = if has_run {
        let kept = kept_plan(&approved, PlanOptions::new(&options, overrides), saved);
        start.set_next(&session.context.command("apply").argument("--resume"));
        let applying = execution::run_apply(
            session,
            &approved,
            &kept,
            (&options, parallelism),
            apply_session,
            start,
            io,
        );
        let ApplyResult { run, mut report } = applying.await?;
        report.credit(&apply_session.recovered);
        let after = verification::verify(
            session,
            &report,
            approved.plan(),
            &apply_session.history,
            &options,
            start.interrupt(),
            io,
        )
        .await;
        (Some(run), report, after)
    } else {
        let mut report = ApplyReport::of_decided(&approved);
        report.credit(&apply_session.recovered);
        (None, report, Verification::unchanged(approved.plan()))
    };
    let in_flight = left_in_flight(approved.plan(), &report);
    let abandon_commands = abandon_commands(session, approved.plan(), &report, run.as_deref());
    let next = next_command(session, approved.plan(), &options, &report, &after, again).to_string();
    let view = ReportView {
        plan: approved.plan(),
        run: run.as_deref(),
        began_at_ms: reporting.began_at_ms,
        ended_at_ms: clock::now_ms(),
        report: &report,
        not_converged: &after.not_converged,
        waiting_for_review: &after.waiting_for_review,
        unproven: after.unproven.as_deref(),
        not_approved: &not_approved,
        in_flight: &in_flight,
        is_interrupted: after.is_interrupted,
        abandon_commands: &abandon_commands,
        resume_command: &next,
    };
    let status = status_of(approved.plan(), &report, &after, &in_flight);
    match (reporting.write_report(&view, io), status) {
        // Writes were sent, so a closed output no longer changes the result.
        (Ok(()), _) => Ok(status),
        (Err(error), _) if error.is_closed() => Ok(status),
        (Err(error), ExitStatus::Success | ExitStatus::Changes) => Err(error),
        // Remaining changes are more important than a report that could not be written.
        (Err(error), _) => {
            io.report(&error);
            Ok(status)
        }
    }
}

/// Prints the changes to execute, and those that the saved plan does not approve.
fn print_plan(
    plan: &Plan,
    narrowed: Option<&NarrowedPlan>,
    detail: PlanDetail,
    io: &mut Io,
) -> Result<(), CommandError> {
    if narrowed.is_some() && !Summary::of(plan).has_changes() {
        let message = "No approved change is left to execute.";
        writeln!(io.text().0, "{message}")?;
    } else {
        plan_formats::print_plan(plan, detail, io)?;
    }
    if let Some(narrowed) = narrowed {
        render_not_approved(&narrowed.not_approved, io.text().0)?;
    }
    io.flush_text()?;
    Ok(())
}

/// Checks a plan against limits and protections, and shows the refusals. Also returns the shown
/// plan, if it differs from the executed one.
fn judged(
    session: &Session,
    plan: Plan,
    narrowed: Option<NarrowedPlan>,
    overrides: &Overrides,
    io: &mut Io,
) -> Result<(ApprovedPlan, Option<Plan>), CommandError> {
    let limits = &session.manifest().environment.limits;
    let (approved, shown) = match narrowed {
        None => (approve(plan, limits, overrides), None),
        Some(narrowed) => (approve_narrowed(narrowed, limits, overrides), Some(plan)),
    };
    let refused = match approved {
        Ok(approved) => return Ok((approved, shown)),
        Err(refused) => refused,
    };
    plan_formats::stream_plan(&refused.plan, false, io);
    io.refusals(&refused.refusals, |refusal| {
        packages::problem_of(session, refusal)
    })?;
    Err(plan::blocked(
        Some(session),
        &refused.refusals,
        &refused.plan,
    ))
}

fn question(session: &Session, mode: Mode) -> String {
    let environment = words::quoted(&session.manifest().environment.name);
    match mode {
        Mode::Converge => {
            format!("Do you want to perform these actions in environment {environment}?")
        }
        Mode::Destroy => {
            format!("Do you really want to delete these versions in environment {environment}?")
        }
    }
}

/// Returns the plan in the form that the store keeps for a later `apply --resume`.
fn kept_plan(approved: &ApprovedPlan, options: PlanOptions, saved: Option<SavedFrom>) -> SavedPlan {
    if let Some(saved) = saved {
        return saved.plan;
    }
    let id = uuid::Uuid::new_v4().to_string();
    let plan = approved.plan().clone();
    SavedPlan::new(plan, Vec::new(), options, id, clock::now_ms())
}

/// Returns the writes in flight of earlier applies that no step of this apply covers. Their record
/// may be live already, but the outcome of their job is not known.
fn left_in_flight(plan: &Plan, report: &ApplyReport) -> Vec<InFlight> {
    let reported: BTreeSet<&Address> = report.steps.iter().map(|step| &step.address).collect();
    let writes = plan.in_flight.iter();
    writes
        .filter(|write| !reported.contains(&plan.address_of(&write.identity)))
        .cloned()
        .collect()
}

fn status_of(
    plan: &Plan,
    report: &ApplyReport,
    after: &Verification,
    in_flight: &[InFlight],
) -> ExitStatus {
    let has = |word| report.count(word) > 0;
    let is_partial = has(OutcomeKind::Failed)
        || has(OutcomeKind::Skipped)
        || !after.not_converged.is_empty()
        || !after.waiting_for_review.is_empty()
        || Summary::of(plan).is_partial()
        || after.unproven.is_some();
    let is_cancelled = has(OutcomeKind::Cancelled) || after.is_interrupted;
    let is_in_flight = has(OutcomeKind::Unknown) || !in_flight.is_empty();
    with_precedence(&[
        (is_cancelled, ExitStatus::Cancelled),
        (is_in_flight, ExitStatus::InFlight),
        (is_partial, ExitStatus::Partial),
        (has(OutcomeKind::Refused), ExitStatus::Stale),
        (report.made() != Totals::default(), ExitStatus::Changes),
    ])
}

/// Returns true if the same command would end in the same way again: refused changes stay refused,
/// and changes that did not converge are planned and executed again.
fn needs_new_plan(report: &ApplyReport, after: &Verification) -> bool {
    report.count(OutcomeKind::Refused) > 0
        || report.steps.iter().any(is_held_back)
        || !after.not_converged.is_empty()
        || !after.waiting_for_review.is_empty()
        || after.unproven.is_some()
}

/// Returns true if a deploy was not sent because of the record that the last one left.
fn is_held_back(step: &StepReport) -> bool {
    matches!(
        &step.outcome,
        Outcome::Failed(StepError::MadeOtherBefore { .. } | StepError::MadeUnknownBefore)
    )
}

/// Returns the versions whose failed deploys left records: only `--replace` deploys them again.
fn orphaned(session: &Session, plan: &Plan, report: &ApplyReport) -> BTreeSet<Address> {
    let steps = report.steps.iter();
    let own = steps
        .filter(|step| {
            matches!(
                &step.outcome,
                Outcome::Failed(StepError::JobFailed {
                    suspect: Some(_),
                    ..
                })
            )
        })
        .map(|step| step.address.clone());
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

/// Returns the next command. `again` is the same command, and true if it applies a saved plan.
fn next_command(
    session: &Session,
    plan: &Plan,
    options: &DiffOptions,
    report: &ApplyReport,
    after: &Verification,
    (again, is_saved): (PrintedCommand, bool),
) -> PrintedCommand {
    let is_all_done = report.is_complete() && left_in_flight(plan, report).is_empty();
    let needs_plan = needs_new_plan(report, after);
    let orphaned = orphaned(session, plan, report);
    if (is_all_done || needs_plan) && orphaned.is_empty() {
        return plan_command(session, plan.mode, options);
    }
    let command = if needs_plan || (is_saved && !orphaned.is_empty()) {
        plan_command(session, plan.mode, options)
    } else {
        again
    };
    // A saved plan and an interrupted apply contain the replaces that are not done.
    let replaced = report
        .steps
        .iter()
        .filter(|step| !is_saved && is_not_replaced(step));
    let replaced = replaced.map(|step| step.address.clone());
    let replaced: BTreeSet<Address> = replaced.chain(orphaned).collect();
    command.options("--replace", replaced)
}

/// Returns true if a replace has not deleted its record.
fn is_not_replaced(step: &StepReport) -> bool {
    let is_before_deploy = match &step.outcome {
        Outcome::Skipped(_)
        | Outcome::Cancelled
        | Outcome::Failed(StepError::NotDeleted { .. }) => true,
        Outcome::Failed(
            StepError::CallRefused { call, .. }
            | StepError::NotSent { call, .. }
            | StepError::HeldBack { call }
            | StepError::LockLost { call }
            | StepError::JobFailed { call, .. }
            | StepError::NotConfirmed { call, .. },
        ) => *call != WriteKind::Deploy,
        Outcome::Done(_) | Outcome::Failed(_) | Outcome::Refused(_) | Outcome::Unknown { .. } => {
            false
        }
    };
    step.kind == ActionKind::Replace && is_before_deploy
}

/// Returns the command that shows the remaining changes.
fn plan_command(session: &Session, mode: Mode, options: &DiffOptions) -> PrintedCommand {
    let command = session.context.command("plan");
    let command = match mode {
        Mode::Converge => command,
        Mode::Destroy => command.argument("--destroy"),
    };
    command
        .options("--target", &options.targets)
        .options("--exclude", &options.excludes)
}

/// Returns the commands that stop waiting for the jobs whose outcome is not known.
fn abandon_commands(
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

/// Returns the command that executes the remaining changes.
fn again_command(session: &Session, order: &ApplyRequest) -> PrintedCommand {
    // A saved plan is applied again unchanged: completed changes count as done.
    let is_resumed = order
        .saved
        .as_ref()
        .is_some_and(|saved| saved.file.is_none());
    let verb = match order.plan.mode {
        Mode::Destroy if !is_resumed => "destroy",
        Mode::Destroy | Mode::Converge => "apply",
    };
    let command = session.context.command(verb);
    match &order.saved {
        None => command
            .options("--target", &order.options.targets)
            .options("--exclude", &order.options.excludes),
        Some(SavedFrom {
            plan,
            file: Some(file),
            ..
        }) => plan::with_repeated_options(command, plan).file(file),
        Some(SavedFrom { file: None, .. }) => command.argument("--resume"),
    }
}
