//! What apply and destroy share: approve, ask, execute, verify, report.

use std::collections::BTreeSet;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use super::apply_session::{self, ApplySession};
use super::execution::{self, ApplyOptions, ApplyResult};
use super::report::Reporting;
use super::verification::{self, Verification};
use super::{packages, plan, plan_formats};
use crate::apply::{
    ApplyReport, CancelHandle, CancelToken, Outcome, StepError, StepReport, Totals,
};
use crate::cli::args::{ChangeArgs, ManifestArgs};
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::exit::{ExitStatus, most_telling};
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::{Io, SharedErr};
use crate::cli::session::{self, Session};
use crate::cli::settings::Settings;
use crate::cli::signals::{self, NextCommand};
use crate::ident::Address;
use crate::outcome::OutcomeKind;
use crate::plan::{
    ApprovedPlan, Change, DiffOptions, InFlight, Mode, NarrowedPlan, Overrides, Plan, PlanOptions,
    SavedPlan, Summary, approve, approve_narrowed,
};
use crate::render::{PlanDetail, ReportView, render_not_approved, words};

/// Watches for signals from the command's start on.
pub(in crate::cli) struct Cancellation {
    interrupt: CancelToken,
    next: NextCommand,
}

impl Cancellation {
    pub(in crate::cli) fn new(io: &Io) -> Result<Self, CommandError> {
        let (cancel_handle, interrupt) = CancelHandle::new();
        let next = NextCommand::default();
        let err = SharedErr::new(&io.secrets);
        signals::watch(cancel_handle, io.stream.clone(), err, next.clone())
            .map_err(|source| CommandError::Runtime { source })?;
        Ok(Self { interrupt, next })
    }

    /// Sets the command that a second signal names.
    pub(in crate::cli) fn set_next(&self, command: &PrintedCommand) {
        self.next.set(command.to_string());
    }

    /// Says when to stop.
    pub(in crate::cli) fn interrupt(&self) -> &CancelToken {
        &self.interrupt
    }

    /// Opens the environment, also from a manifest that standard input brings.
    pub(in crate::cli) async fn open(
        &self,
        args: &ManifestArgs,
        settings: &Settings,
        io: &mut Io,
    ) -> Result<Session, CommandError> {
        self.or_interrupted(session::open(args, settings, io)).await
    }

    /// Does something that changes nothing, and gives it up at once on a signal.
    pub(in crate::cli) async fn or_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<T, CommandError> {
        tokio::select! {
            biased;
            () = self.interrupt.raised() => Err(CommandError::Interrupted),
            result = work => result,
        }
    }
}

/// True if somebody must still say yes.
pub(in crate::cli) enum Approval {
    /// By `--auto-approve`, or by the review of a saved plan.
    Given,
    /// Not yet.
    Ask {
        /// True if asking is wanted.
        may_ask: bool,
    },
}

/// The saved plan that is applied.
pub(in crate::cli) struct SavedFrom {
    pub(in crate::cli) plan: SavedPlan,
    /// Its file; none where an interrupted run is resumed.
    pub(in crate::cli) file: Option<PathBuf>,
    /// True if an earlier apply ended with every change of it done.
    pub(in crate::cli) is_used_up: bool,
}

/// What is to be made so.
pub(in crate::cli) struct ApplyRequest {
    /// What is executed.
    pub(in crate::cli) plan: Plan,
    /// The same with every approved change, where a saved plan is the approval.
    pub(in crate::cli) narrowed: Option<NarrowedPlan>,
    pub(in crate::cli) saved: Option<SavedFrom>,
    pub(in crate::cli) options: DiffOptions,
    pub(in crate::cli) overrides: Overrides,
    pub(in crate::cli) approval: Approval,
    pub(in crate::cli) parallelism: usize,
    /// How much of the plan and of its outcomes is printed.
    pub(in crate::cli) detail: PlanDetail,
}

/// Plans from the manifest, and makes it so.
pub(in crate::cli) async fn plan_and_execute(
    args: &ChangeArgs,
    settings: &Settings,
    mut start: Cancellation,
    reporting: &mut Reporting<'_>,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    reporting.check(args.auto_approve, &args.manifest.file)?;
    if reporting.mode == Mode::Destroy && !args.planning.replace.is_empty() {
        return Err(CommandError::ReplaceWithDestroy);
    }
    let session = start.open(&args.manifest, settings, io).await?;
    reporting.learn(&session);
    start.set_next(&session.place.command(match reporting.mode {
        Mode::Converge => "apply",
        Mode::Destroy => "destroy",
    }));
    let apply_session = apply_session::take(&session, &args.store, &mut start, io).await?;
    let done = plan_and_make_so(&session, args, &apply_session, &mut start, reporting, io).await;
    apply_session.end().await;
    done
}

async fn plan_and_make_so(
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

/// Shows the plan, gets it approved, makes it so, looks again, and tells how it ended.
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
    // Also where nothing is left to execute, the store must know that the plan is done.
    let has_run = has_changes
        || (approved.has_decided() && saved.as_ref().is_none_or(|saved| !saved.is_used_up));
    if has_changes && let Approval::Ask { may_ask } = approval {
        if !(may_ask && io.can_ask) {
            return Err(CommandError::NobodyToAsk);
        }
        let question = question(session, mode);
        if let Err(error) = start.or_interrupted(ask(&question, io)).await {
            // The cursor stands behind the question.
            writeln!(io.err)?;
            return Err(error);
        }
    }
    let (run, report, after) = if has_run {
        let kept = kept_plan(&approved, PlanOptions::new(&options, overrides), saved);
        start.set_next(&session.place.command("apply").argument("--resume"));
        let applying = execution::run_apply(
            session,
            &approved,
            &kept,
            apply_options(apply_session, &options, parallelism),
            apply_session,
            start,
            io,
        );
        let ApplyResult { run, mut report } = applying.await?;
        report.credit(&apply_session.recovered);
        let after = verification::look_again(
            session,
            &report,
            approved.plan(),
            &apply_session.history,
            &options,
            &start.interrupt,
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
    match (reporting.tell(&view, io), status) {
        // Writes were sent: whether somebody still reads our output decides nothing any more.
        (Ok(()) | Err(CommandError::Closed), _) => Ok(status),
        (Err(error), ExitStatus::Success | ExitStatus::Changes) => Err(error),
        // What is left to do outweighs a report that could not be written.
        (Err(error), _) => {
            io.report(&error);
            Ok(status)
        }
    }
}

/// Prints what is executed, and what a saved plan does not approve.
fn print_plan(
    plan: &Plan,
    narrowed: Option<&NarrowedPlan>,
    detail: PlanDetail,
    io: &mut Io,
) -> Result<(), CommandError> {
    if narrowed.is_some() && !Summary::of(plan).has_changes() {
        let said = "No approved change is left to execute.";
        writeln!(io.text().0, "{said}")?;
    } else {
        plan_formats::print_plan(plan, detail, io)?;
    }
    if let Some(narrowed) = narrowed {
        render_not_approved(&narrowed.not_approved, io.text().0)?;
    }
    io.flush_text()?;
    Ok(())
}

/// Judges a plan by limits and protection, and shows what stands against it. Returns the plan that
/// is shown too, where it is not the one that is executed.
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

/// Asks on the terminal; only `yes` is a yes.
pub(in crate::cli) async fn ask(question: &str, io: &mut Io) -> Result<(), CommandError> {
    writeln!(io.err, "\n{question}\n  Only `yes` is accepted.")?;
    write!(io.err, "\n  Enter a value: ")?;
    io.err.flush()?;
    // Reading blocks its thread; a signal must still be seen.
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    })
    .await;
    match line {
        Ok(Ok(line)) if line.trim() == "yes" => Ok(()),
        Ok(_) | Err(_) => Err(CommandError::Declined),
    }
}

/// The plan as the store keeps it, for whoever finishes the run.
fn kept_plan(approved: &ApprovedPlan, options: PlanOptions, saved: Option<SavedFrom>) -> SavedPlan {
    if let Some(saved) = saved {
        return saved.plan;
    }
    let id = uuid::Uuid::new_v4().to_string();
    let plan = approved.plan().clone();
    SavedPlan::new(plan, Vec::new(), options, id, clock::now_ms())
}

/// The writes that earlier applies have in flight and that no step of this one is about: their
/// record may be live already, and yet it is not known how their job will end.
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
        || !plan.orphaned.is_empty()
        || Summary::of(plan).unknown > 0
        || after.unproven.is_some();
    let holding: Vec<ExitStatus> = [
        (
            has(OutcomeKind::Cancelled) || after.is_interrupted,
            ExitStatus::Cancelled,
        ),
        (
            has(OutcomeKind::Unknown) || !in_flight.is_empty(),
            ExitStatus::InFlight,
        ),
        (is_partial, ExitStatus::Partial),
        (has(OutcomeKind::Refused), ExitStatus::Stale),
        (report.made() != Totals::default(), ExitStatus::Changes),
    ]
    .into_iter()
    .filter_map(|(holds, status)| holds.then_some(status))
    .collect();
    most_telling(&holding)
}

/// Returns whether the same command again would come to the same end: what was refused stays
/// refused, and what did not converge is planned and done as before.
fn needs_new_plan(report: &ApplyReport, after: &Verification) -> bool {
    report.count(OutcomeKind::Refused) > 0
        || report.steps.iter().any(is_held_back)
        || !after.not_converged.is_empty()
        || !after.waiting_for_review.is_empty()
        || after.unproven.is_some()
}

/// What holds deploys back, where `--replace` does not ask for them.
fn apply_options(
    apply_session: &ApplySession,
    options: &DiffOptions,
    parallelism: usize,
) -> ApplyOptions {
    let mut held_back = apply_session.held_back.clone();
    held_back.retain(|identity, _| options.held_back_until(identity).is_some());
    let mut made_other = apply_session.history.made_other.clone();
    made_other.retain(|identity, made| {
        let mut asked_for = options.replace.iter();
        made.record.is_some() || !asked_for.any(|address| address.means(identity))
    });
    ApplyOptions {
        parallelism,
        held_back,
        made_other,
    }
}

/// Returns whether a deploy was not sent because of what the last one made.
fn is_held_back(step: &StepReport) -> bool {
    matches!(
        &step.outcome,
        Outcome::Failed(StepError::MadeOtherBefore { .. } | StepError::MadeUnknownBefore)
    )
}

/// The changes whose failed deploys left records: without `--replace` nothing more comes of them.
fn orphaned(report: &ApplyReport) -> Vec<&Address> {
    let steps = report.steps.iter();
    steps
        .filter(|step| {
            matches!(
                &step.outcome,
                Outcome::Failed(StepError::JobFailed {
                    suspect: Some(_),
                    ..
                })
            )
        })
        .map(|step| &step.address)
        .collect()
}

/// The command that goes on from here. `again` is the same command again, and whether it applies a
/// saved plan.
fn next_command(
    session: &Session,
    plan: &Plan,
    options: &DiffOptions,
    report: &ApplyReport,
    after: &Verification,
    (again, is_saved): (PrintedCommand, bool),
) -> PrintedCommand {
    let is_all_done = report.is_complete() && left_in_flight(plan, report).is_empty();
    if is_all_done || needs_new_plan(report, after) {
        return plan_command(session, plan.mode, options);
    }
    let orphaned = orphaned(report);
    let command = if is_saved && !orphaned.is_empty() {
        plan_command(session, plan.mode, options)
    } else {
        again
    };
    command.options("--replace", orphaned)
}

/// The command that shows what is left.
fn plan_command(session: &Session, mode: Mode, options: &DiffOptions) -> PrintedCommand {
    let command = session.place.command("plan");
    let command = match mode {
        Mode::Converge => command,
        Mode::Destroy => command.argument("--destroy"),
    };
    command
        .options("--target", &options.targets)
        .options("--exclude", &options.excludes)
}

/// The commands that stop waiting for the jobs whose end is not known.
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
    let earlier = plan
        .in_flight
        .iter()
        .map(|write| (plan.address_of(&write.identity), write.apply.as_str()));
    let own = report
        .steps
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Unknown { .. }) && !is_earlier(step))
        .filter_map(|step| Some((step.address.clone(), run?)));
    earlier
        .chain(own)
        .map(|(address, apply)| {
            let command = session.place.command("abandon").first_argument(address);
            command.option("--apply", apply).to_string()
        })
        .collect()
}

/// The command that does what is left of this one.
fn again_command(session: &Session, order: &ApplyRequest) -> PrintedCommand {
    // A saved plan is applied again as it is: what is done counts as done.
    let is_resumed = order
        .saved
        .as_ref()
        .is_some_and(|saved| saved.file.is_none());
    let verb = match order.plan.mode {
        Mode::Destroy if !is_resumed => "destroy",
        Mode::Destroy | Mode::Converge => "apply",
    };
    let command = session.place.command(verb);
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
