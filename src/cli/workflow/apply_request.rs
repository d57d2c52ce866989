//! The execution of a request to apply a plan: approval, writes, convergence check, report.

use std::collections::BTreeSet;
use std::io::Write as _;

use super::apply_session::ApplySession;
use super::approval::{self, Approved};
use super::convergence::{self, ConvergenceCheck};
use super::next_command::{NextStep, abandon_commands, saving_command};
use super::report::Reporting;
use super::{manifest_edit, packages, plan, plan_formats};
use crate::apply::{ApplyReport, Totals};
use crate::cli::clock;
use crate::cli::environment::provenance;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, with_precedence};
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::Io;
use crate::ident::Address;
use crate::outcome::OutcomeKind;
use crate::plan::{
    Adjustment, ApprovedPlan, Change, DiffOptions, InFlight, Mode, NarrowedPlan, Overrides, Plan,
    PlanOptions, SavedPlan, Summary, adjustments, approve,
};
use crate::render::{ReportView, render_not_approved, words};

/// A plan to execute.
pub(super) struct ApplyRequest {
    /// The plan that is executed.
    pub(super) plan: Plan,
    /// The plan with every approved change, if a saved plan is the approval.
    pub(super) narrowed: Option<NarrowedPlan>,
    /// The saved plan that is applied.
    pub(super) saved: Option<SavedPlan>,
    /// True if an earlier apply has completed all changes of the saved plan.
    pub(super) is_used_up: bool,
    pub(super) options: DiffOptions,
}

/// The workflow of an apply that holds its lock.
pub(super) struct ApplyWorkflow<'a, 'r> {
    pub(super) apply_session: &'a ApplySession<'a>,
    /// The command that goes on with this apply: completed changes of a saved plan count as done.
    pub(super) again: PrintedCommand,
    /// True if that command applies a saved plan.
    pub(super) repeats_saved: bool,
    /// The command that goes on after a second interrupt.
    pub(super) resume: &'a str,
    /// The plan that was shown already, if there is one; an equal plan is not shown again.
    pub(super) shown: Option<&'a Plan>,
    /// True if the manifest is changed after a roll-back.
    pub(super) writes_manifest: bool,
    pub(super) reporting: &'a mut Reporting<'r>,
    pub(super) io: &'a mut Io,
}

/// The end of an apply.
pub(super) struct Applied {
    pub(super) status: ExitStatus,
    /// The command that follows; none if nothing is left.
    pub(super) next: Option<NextStep>,
}

impl ApplyWorkflow<'_, '_> {
    /// Shows the plan, gets the approval, executes the plan, verifies the result and reports it.
    pub(super) async fn execute(mut self, request: ApplyRequest) -> Result<Applied, CommandError> {
        let (args, session) = (self.reporting.outputs.args, self.apply_session.session);
        let ApplyRequest {
            plan,
            narrowed,
            saved,
            is_used_up,
            options,
        } = request;
        let allowed = saved.as_ref().map(|saved| saved.options.allow);
        let overrides = allowed.unwrap_or_else(|| args.planning.overrides());
        let not_approved: Vec<Change> = narrowed
            .as_ref()
            .map_or_else(Vec::new, |narrowed| narrowed.not_approved.clone());
        let is_shown = self
            .shown
            .is_some_and(|shown| has_same_changes(shown, &plan));
        self.print_plan(&plan, narrowed.as_ref(), is_shown)?;
        self.reporting.mode = plan.mode;
        let (approved, shown) = judged(session, plan, narrowed, &overrides, self.io)?;
        let shown = shown.as_ref().unwrap_or_else(|| approved.plan());
        if !is_shown {
            plan_formats::stream_plan(shown, true, self.io);
        }
        self.io.flush_text()?;
        let has_changes = approved.has_changes();
        // The store must record that the plan is done, even if nothing is left to execute.
        let has_run = has_changes || (approved.has_decided() && !is_used_up);
        if has_changes && saved.is_none() && !args.auto_approve {
            self.ask(&options, overrides).await?;
        }
        let (apply, report, after) = if has_run {
            // A later `apply --resume` reads the plan in this form from the store.
            let kept = saved.unwrap_or_else(|| {
                let id = uuid::Uuid::new_v4().to_string();
                let (plan, options) = (approved.plan(), PlanOptions::new(&options, overrides));
                SavedPlan::new(plan.clone(), Vec::new(), options, id, clock::now_ms())
            });
            self.run_and_verify(&approved, &kept, &options).await?
        } else {
            let past = &self.apply_session.past;
            let mut report = ApplyReport::of_decided(&approved, &past.history);
            report.credit(&past.recovered);
            (None, report, ConvergenceCheck::unchanged(approved.plan()))
        };
        let in_flight = left_in_flight(approved.plan(), &report);
        let abandon_commands =
            abandon_commands(session, approved.plan(), &report, apply.as_deref());
        let checked = (&after, &in_flight[..]);
        let is_saved = self.repeats_saved;
        let next = NextStep::after(session, approved.plan(), &report, checked, is_saved);
        let mode = approved.plan().mode;
        let next_command = next.command(session, mode, &options, self.again.clone());
        let next_command = next_command.to_string();
        let provenance = self.reporting.provenance.clone();
        let (adjustments, written) = self.edit_manifest(approved.plan(), &report);
        let view = ReportView {
            plan: approved.plan(),
            run: apply.as_deref(),
            provenance: provenance.as_ref(),
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
            resume_command: &next_command,
            adjustments: &adjustments,
            has_written_manifest: matches!(written, Ok(true)),
        };
        let status = status_of(&view);
        match (self.reporting.write_report(&view, self.io), status) {
            // Writes were sent, so a closed output no longer changes the result.
            (Err(error), ExitStatus::Success | ExitStatus::Changes) if !error.is_closed() => {
                return Err(error);
            }
            // Remaining changes are more important than a report that could not be written.
            (Err(error), _) if !error.is_closed() => self.io.report(&error),
            (Ok(()) | Err(_), _) => {}
        }
        match (written, status) {
            (Err(error), ExitStatus::Success | ExitStatus::Changes) => return Err(error),
            (Err(error), _) => self.io.report(&error),
            (Ok(_), _) => {}
        }
        let next = (!view.is_success()).then_some(next);
        Ok(Applied { status, next })
    }

    /// Gets the approval of the plan that was shown.
    async fn ask(
        &mut self,
        options: &DiffOptions,
        overrides: Overrides,
    ) -> Result<(), CommandError> {
        let (args, session) = (self.reporting.outputs.args, self.apply_session.session);
        let question = question(session, self.reporting.mode);
        let may_ask = !args.planning.no_input;
        let kept = PlanOptions::new(options, overrides);
        let command = |verb: &str| session.context.command(verb);
        let mode = (self.reporting.mode, options.rolled_back());
        let saving = saving_command(command, mode, &kept);
        let cancel = self.apply_session.cancel;
        approval::ask(Approved::Plan(&saving), &question, may_ask, cancel, self.io).await
    }

    /// Returns the edits of the manifest, after which it declares what a roll-back restored, and
    /// true if they were requested and written.
    fn edit_manifest(
        &self,
        plan: &Plan,
        report: &ApplyReport,
    ) -> (Vec<Adjustment>, Result<bool, CommandError>) {
        let session = self.apply_session.session;
        let adjustments = match plan.mode {
            Mode::Converge | Mode::Destroy => Vec::new(),
            Mode::Rollback => adjusted(session, plan, report),
        };
        let written = if self.writes_manifest {
            manifest_edit::write(&session.context, &adjustments)
        } else {
            Ok(false)
        };
        (adjustments, written)
    }

    /// Prints the changes to execute, unless they were shown, and those that the saved plan does
    /// not approve.
    fn print_plan(
        &mut self,
        plan: &Plan,
        narrowed: Option<&NarrowedPlan>,
        is_shown: bool,
    ) -> std::io::Result<()> {
        if is_shown {
            // The plans of all environments were shown together.
        } else if narrowed.is_some() && !Summary::of(plan).has_changes() {
            writeln!(self.io.text(), "No approved change is left to execute.")?;
        } else {
            let detail = self.reporting.outputs.args.planning.detail.detail();
            plan_formats::print_plan(plan, detail, self.io)?;
        }
        if let Some(narrowed) = narrowed {
            render_not_approved(&narrowed.not_approved, &mut self.io.text())?;
        }
        self.io.flush_text()
    }

    /// Executes an approved plan and verifies the result. Returns the id of its record, too.
    async fn run_and_verify(
        &mut self,
        approved: &ApprovedPlan,
        kept: &SavedPlan,
        options: &DiffOptions,
    ) -> Result<(Option<String>, ApplyReport, ConvergenceCheck), CommandError> {
        let apply_session = self.apply_session;
        apply_session.cancel.set_next(self.resume);
        let args = self.reporting.outputs.args;
        let context = &apply_session.session.context;
        let found = provenance::find(&context.settings, &context.folder, args.message.as_deref());
        let provenance = found.await;
        self.reporting.provenance = Some(provenance.clone());
        let how = (args.planning.parallelism, provenance);
        let (apply, mut report) = apply_session
            .execute(approved, kept, options, how, self.io)
            .await?;
        report.credit(&apply_session.past.recovered);
        let planner = apply_session.planner(options);
        let interrupt = apply_session.cancel.interrupt();
        let after = convergence::check(planner, &report, interrupt, self.io).await;
        Ok((Some(apply), report, after))
    }
}

/// Returns the edits of the manifest, after which it declares what the roll-back restored.
fn adjusted(session: &Session, plan: &Plan, report: &ApplyReport) -> Vec<Adjustment> {
    let done: BTreeSet<&Address> = report
        .steps
        .iter()
        .filter(|step| step.outcome.done().is_some())
        .map(|step| &step.address)
        .collect();
    let is_done = |change: &Change| done.contains(&change.address);
    adjustments(session.manifest(), plan, is_done)
}

/// Returns true if both plans make the same changes. Notes and positions are not compared.
fn has_same_changes(one: &Plan, other: &Plan) -> bool {
    let actions = |change: &Change| (change.address.clone(), change.action.clone());
    one.to_do().map(actions).eq(other.to_do().map(actions))
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
    let (narrowed, shown) = match narrowed {
        None => (plan.into(), None),
        Some(narrowed) => (narrowed, Some(plan)),
    };
    let refused = match approve(narrowed, limits, overrides) {
        Ok(approved) => return Ok((approved, shown)),
        Err(refused) => refused,
    };
    let (plan, refusals) = (&refused.plan, &refused.refusals);
    plan_formats::stream_plan(plan, false, io);
    io.refusals(refusals, |refusal| packages::problem_of(session, refusal))?;
    Err(plan::blocked(Some(session), refusals, plan))
}

fn question(session: &Session, mode: Mode) -> String {
    let action = match mode {
        Mode::Converge | Mode::Rollback => "Do you want to perform these actions",
        Mode::Destroy => "Do you really want to delete these versions",
    };
    let environment = words::quoted(&session.manifest().environment.name);
    format!("{action} in environment {environment}?")
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

fn status_of(view: &ReportView<'_>) -> ExitStatus {
    let report = view.report;
    let has = |word| report.count(word) > 0;
    let is_partial = has(OutcomeKind::Failed)
        || has(OutcomeKind::Skipped)
        || !view.not_converged.is_empty()
        || !view.waiting_for_review.is_empty()
        || Summary::of(view.plan).is_partial()
        || view.unproven.is_some();
    let is_cancelled = has(OutcomeKind::Cancelled) || view.is_interrupted;
    let is_in_flight = has(OutcomeKind::Unknown) || !view.in_flight.is_empty();
    with_precedence(&[
        (is_cancelled, ExitStatus::Cancelled),
        (report.has_failed_verification(), ExitStatus::NotVerified),
        (is_in_flight, ExitStatus::InFlight),
        (is_partial, ExitStatus::Partial),
        (has(OutcomeKind::Refused), ExitStatus::Stale),
        (report.made() != Totals::default(), ExitStatus::Changes),
    ])
}
