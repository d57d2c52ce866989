//! The execution of a request to apply a plan: approval, writes, verification, report.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use super::apply_session::ApplySession;
use super::approval::{self, Approval};
use super::cancellation::Cancellation;
use super::execution::{self, ApplyResult};
use super::next_command::{abandon_commands, next_command};
use super::report::Reporting;
use super::verification::{self, Verification};
use super::{packages, plan, plan_formats, saved_plan};
use crate::apply::{ApplyReport, Totals};
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, with_precedence};
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::Io;
use crate::ident::Address;
use crate::outcome::OutcomeKind;
use crate::plan::{
    ApprovedPlan, Change, DiffOptions, InFlight, Mode, NarrowedPlan, Overrides, Plan, PlanOptions,
    SavedPlan, Summary, approve, approve_narrowed,
};
use crate::render::{PlanDetail, ReportView, render_not_approved, words};

/// The saved plan that is applied.
pub(super) struct SavedFrom {
    pub(super) plan: SavedPlan,
    /// The plan file; none if an interrupted apply is resumed.
    pub(super) file: Option<PathBuf>,
    /// True if an earlier apply has completed all changes of the plan.
    pub(super) is_used_up: bool,
}

/// A plan to execute, and how to show it.
pub(super) struct ApplyRequest {
    /// The plan that is executed.
    pub(super) plan: Plan,
    /// The plan with every approved change, if a saved plan is the approval.
    pub(super) narrowed: Option<NarrowedPlan>,
    pub(super) saved: Option<SavedFrom>,
    pub(super) options: DiffOptions,
    pub(super) overrides: Overrides,
    pub(super) approval: Approval,
    pub(super) parallelism: usize,
    /// The detail of the printed plan and outcomes.
    pub(super) detail: PlanDetail,
}

/// The workflow of an apply that holds its lock.
pub(super) struct ApplyWorkflow<'a, 'r> {
    pub(super) session: &'a Session,
    pub(super) apply_session: &'a ApplySession,
    pub(super) cancel: &'a Cancellation,
    pub(super) reporting: &'a mut Reporting<'r>,
    pub(super) io: &'a mut Io,
}

impl ApplyWorkflow<'_, '_> {
    /// Shows the plan, gets the approval, executes the plan, verifies the result and reports it.
    pub(super) async fn execute(
        mut self,
        request: ApplyRequest,
    ) -> Result<ExitStatus, CommandError> {
        let session = self.session;
        let again = (again_command(session, &request), request.saved.is_some());
        let ApplyRequest {
            plan,
            narrowed,
            saved,
            options,
            overrides,
            approval,
            parallelism,
            detail,
        } = request;
        self.reporting.detail = detail;
        let not_approved: Vec<Change> = narrowed
            .as_ref()
            .map_or_else(Vec::new, |narrowed| narrowed.not_approved.clone());
        print_plan(&plan, narrowed.as_ref(), detail, self.io)?;
        let mode = plan.mode;
        self.reporting.mode = mode;
        let (approved, shown) = judged(session, plan, narrowed, &overrides, self.io)?;
        plan_formats::stream_plan(
            shown.as_ref().unwrap_or_else(|| approved.plan()),
            true,
            self.io,
        );
        self.io.flush_text()?;
        let has_changes = approved.has_changes();
        // The store must record that the plan is done, even if nothing is left to execute.
        let has_run = has_changes
            || (approved.has_decided() && saved.as_ref().is_none_or(|saved| !saved.is_used_up));
        if has_changes && let Approval::Ask { may_ask } = approval {
            let question = question(session, mode);
            approval::ask(
                approval::Approved::Plan,
                &question,
                may_ask,
                self.cancel,
                self.io,
            )
            .await?;
        }
        let (run, report, after) = if has_run {
            let kept = kept_plan(&approved, PlanOptions::new(&options, overrides), saved);
            self.run_and_verify(&approved, &kept, &options, parallelism)
                .await?
        } else {
            let mut report = ApplyReport::of_decided(&approved);
            report.credit(&self.apply_session.recovered);
            (None, report, Verification::unchanged(approved.plan()))
        };
        let in_flight = left_in_flight(approved.plan(), &report);
        let abandon_commands = abandon_commands(session, approved.plan(), &report, run.as_deref());
        let next = next_command(
            session,
            approved.plan(),
            &options,
            &report,
            (&after, &in_flight),
            again,
        )
        .to_string();
        let view = ReportView {
            plan: approved.plan(),
            run: run.as_deref(),
            began_at_ms: self.reporting.began_at_ms,
            ended_at_ms: clock::now_ms(),
            report: &report,
            not_converged: &after.not_converged,
            waiting_for_review: &after.waiting_for_review,
            unproven: after.unproven.as_deref(),
            not_approved: &not_approved,
            in_flight: &in_flight,
            is_interrupted: after.is_interrupted,
            abandon_commands: &abandon_commands,
            abandon: &session.context.command("abandon").to_string(),
            resume_command: &next,
        };
        let status = status_of(approved.plan(), &report, &after, &in_flight);
        match (self.reporting.write_report(&view, self.io), status) {
            // Writes were sent, so a closed output no longer changes the result.
            (Ok(()), _) => Ok(status),
            (Err(error), _) if error.is_closed() => Ok(status),
            (Err(error), ExitStatus::Success | ExitStatus::Changes) => Err(error),
            // Remaining changes are more important than a report that could not be written.
            (Err(error), _) => {
                self.io.report(&error);
                Ok(status)
            }
        }
    }

    /// Executes an approved plan and verifies the result. Returns the id of its record, too.
    async fn run_and_verify(
        &mut self,
        approved: &ApprovedPlan,
        kept: &SavedPlan,
        options: &DiffOptions,
        parallelism: usize,
    ) -> Result<(Option<String>, ApplyReport, Verification), CommandError> {
        let Self {
            session,
            apply_session,
            cancel,
            io,
            ..
        } = self;
        cancel.set_next(&session.context.command("apply").argument("--resume"));
        let ApplyResult { run, mut report } = execution::run_apply(
            session,
            approved,
            kept,
            (options, parallelism),
            apply_session,
            cancel,
            io,
        )
        .await?;
        report.credit(&apply_session.recovered);
        let (plan, history) = (approved.plan(), &apply_session.history);
        let interrupt = cancel.interrupt();
        let after =
            verification::verify(session, &report, plan, history, options, interrupt, io).await;
        Ok((Some(run), report, after))
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
        writeln!(io.text(), "{message}")?;
    } else {
        plan_formats::print_plan(plan, detail, io)?;
    }
    if let Some(narrowed) = narrowed {
        render_not_approved(&narrowed.not_approved, &mut io.text())?;
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

/// Returns the command that executes the remaining changes.
fn again_command(session: &Session, request: &ApplyRequest) -> PrintedCommand {
    // A saved plan is applied again unchanged: completed changes count as done.
    let is_resumed = request
        .saved
        .as_ref()
        .is_some_and(|saved| saved.file.is_none());
    let verb = match request.plan.mode {
        Mode::Destroy if !is_resumed => "destroy",
        Mode::Destroy | Mode::Converge => "apply",
    };
    let command = session.context.command(verb);
    match &request.saved {
        None => command
            .options("--target", &request.options.targets)
            .options("--exclude", &request.options.excludes),
        Some(SavedFrom {
            plan,
            file: Some(file),
            ..
        }) => saved_plan::with_repeated_options(command, plan).file(file),
        Some(SavedFrom { file: None, .. }) => command.argument("--resume"),
    }
}
