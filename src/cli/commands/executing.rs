//! What apply and destroy share: approve, ask, make it so, look again, tell.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use super::afterwards::{self, Afterwards};
use super::keeping::{self, Keeping};
use super::planning;
use crate::apply::{
    self, ApplyReport, ApplySettings, Execution, Interrupt, Interrupter, OutcomeWord, PollPolicy,
    Totals,
};
use crate::cli::args::ChangeArgs;
use crate::cli::clock;
use crate::cli::error::CommandError;
use crate::cli::exit::{ExitStatus, most_telling};
use crate::cli::io::Io;
use crate::cli::progress::Progress;
use crate::cli::session::{self, Session};
use crate::cli::settings::Settings;
use crate::cli::signals;
use crate::plan::{ApprovedPlan, DiffOptions, Mode, Overrides, Plan, SavedPlan, Summary, approve};
use crate::render::{
    ReportView, render_concise_plan, render_plan, render_refusals, render_report, render_verdict,
    words,
};
use crate::store::{Entry, Journal};

/// Watches for signals from the command's start on.
pub(super) struct Start {
    interrupt: Interrupt,
}

impl Start {
    pub(super) fn new() -> Result<Self, CommandError> {
        let (interrupter, interrupt) = Interrupter::new();
        signals::watch(interrupter).map_err(|source| CommandError::Runtime { source })?;
        Ok(Self { interrupt })
    }

    /// Says when to stop.
    pub(super) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Does something that changes nothing, and gives it up at once on a signal.
    pub(super) async fn or_interrupted<T>(
        &mut self,
        work: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<T, CommandError> {
        tokio::select! {
            biased;
            () = self.interrupt.raised() => Err(CommandError::Interrupted),
            result = work => result,
        }
    }
}

/// Whether somebody must still say yes.
pub(super) enum Approval {
    /// By `--auto-approve`, or by the review of a saved plan.
    Given,
    /// Not yet.
    Ask {
        /// Whether asking is wanted.
        may_ask: bool,
    },
}

/// The saved plan that is applied.
pub(super) struct SavedFrom {
    /// Its id.
    pub(super) id: String,
    /// Its file; none where an interrupted run is resumed.
    pub(super) file: Option<PathBuf>,
}

/// What is to be made so.
pub(super) struct Order {
    pub(super) plan: Plan,
    pub(super) saved: Option<SavedFrom>,
    pub(super) options: DiffOptions,
    pub(super) overrides: Overrides,
    pub(super) approval: Approval,
    pub(super) parallelism: usize,
    /// Whether the plan is printed in two lines a change.
    pub(super) is_concise: bool,
}

/// Plans from the manifest, and makes it so.
pub(super) async fn plan_and_execute(
    args: &ChangeArgs,
    mode: Mode,
    settings: &Settings,
    mut start: Start,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let session = session::open(&args.manifest, settings, io).await?;
    let keeping = keeping::take(&session, &args.store, &mut start, io).await?;
    let done = plan_and_make_so(&session, args, mode, &keeping, &mut start, io).await;
    keeping.end().await;
    done
}

async fn plan_and_make_so(
    session: &Session,
    args: &ChangeArgs,
    mode: Mode,
    keeping: &Keeping,
    start: &mut Start,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let options = args.planning.diff_options(mode);
    let overrides = args.planning.overrides();
    let plan = start
        .or_interrupted(planning::make_plan(session, &options, &overrides, io))
        .await?;
    let order = Order {
        plan,
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
        is_concise: args.planning.concise,
    };
    execute(session, order, keeping, start, io).await
}

/// Shows the plan, gets it approved, makes it so, looks again, and tells how it ended.
pub(super) async fn execute(
    session: &Session,
    order: Order,
    keeping: &Keeping,
    start: &mut Start,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let resume = resume_command(session, &order, keeping);
    let Order {
        plan,
        saved,
        options,
        overrides,
        approval,
        parallelism,
        is_concise,
    } = order;
    if is_concise {
        render_concise_plan(&plan, &io.out_styles, &mut io.out)?;
    } else {
        render_plan(&plan, &io.out_styles, &mut io.out)?;
    }
    io.out.flush()?;
    let mode = plan.mode;
    let limits = &session.manifest().environment.limits;
    let approved = match approve(plan, limits, &overrides) {
        Ok(approved) => approved,
        Err(refused) => {
            render_refusals(&refused.refusals, &io.err_styles, &mut io.err)?;
            return Err(planning::blocked(&refused.refusals));
        }
    };
    let has_changes = Summary::of(approved.plan()).has_changes();
    if has_changes && let Approval::Ask { may_ask } = approval {
        if !(may_ask && io.can_ask) {
            return Err(CommandError::NobodyToAsk);
        }
        if let Err(error) = start.or_interrupted(ask(session, mode, io)).await {
            // The cursor stands behind the question.
            writeln!(io.err)?;
            return Err(error);
        }
    }
    let (report, after) = if has_changes {
        let kept = kept_plan(&approved, overrides, saved);
        let report = make_so(session, &approved, &kept, parallelism, keeping, start, io).await?;
        let after = afterwards::look_again(
            session,
            &report,
            approved.plan(),
            &options,
            &start.interrupt,
            io,
        )
        .await;
        (report, after)
    } else {
        let report = ApplyReport {
            steps: Vec::new(),
            interrupted: false,
        };
        (report, Afterwards::unchanged(approved.plan()))
    };
    // Writes were sent: whether somebody still reads our output decides nothing any more.
    if let Err(error) = tell(mode, &report, &after, &resume, io) {
        tracing::warn!(%error, "the report could not be written");
    }
    Ok(status_of(&report, &after))
}

/// Asks on the terminal; only `yes` is a yes.
async fn ask(session: &Session, mode: Mode, io: &mut Io) -> Result<(), CommandError> {
    let environment = words::quoted(&session.manifest().environment.name);
    let question = match mode {
        Mode::Converge => {
            format!("Do you want to perform these actions in environment {environment}?")
        }
        Mode::Destroy => {
            format!("Do you really want to delete these versions in environment {environment}?")
        }
    };
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
fn kept_plan(approved: &ApprovedPlan, overrides: Overrides, saved: Option<SavedFrom>) -> SavedPlan {
    let id = saved.map_or_else(|| uuid::Uuid::new_v4().to_string(), |saved| saved.id);
    SavedPlan::new(approved.plan().clone(), overrides, id, clock::now_ms())
}

/// What steps work with.
pub(super) fn execution(
    session: &Session,
    keeping: &Keeping,
    journal: &Arc<Journal>,
    start: &Start,
    parallelism: usize,
    progress: &Progress,
) -> Execution {
    let timeouts = session.manifest().environment.timeouts;
    Execution {
        reader: session.reader(),
        writer: session.writer(),
        journal: Arc::clone(journal),
        interrupt: start.interrupt.clone(),
        settings: ApplySettings {
            parallelism,
            deploy: timeouts.deploy,
            delete: timeouts.delete,
            settle: timeouts.settle,
            run: timeouts.run,
            poll: PollPolicy::default(),
        },
        events: progress.sink(),
        now_ms: Arc::new(clock::now_ms),
        vouched: keeping.memory.vouched.clone(),
        suspects: keeping.memory.suspects.clone(),
        unfinished: keeping.memory.unfinished.clone(),
        in_flight: keeping.in_flight.clone(),
        sent_before: keeping.sent_before.clone(),
        lease: Arc::clone(&keeping.lease),
        seed: fastrand::u64(..),
    }
}

async fn make_so(
    session: &Session,
    approved: &ApprovedPlan,
    kept: &SavedPlan,
    parallelism: usize,
    keeping: &Keeping,
    start: &Start,
    io: &mut Io,
) -> Result<ApplyReport, CommandError> {
    // The last look before the first write.
    if start.interrupt.is_raised() {
        return Err(CommandError::Interrupted);
    }
    let plan = approved.plan();
    let total = plan
        .changes
        .iter()
        .filter(|change| !change.is_no_op())
        .count();
    let run = clock::new_run_id(clock::now_ms(), keeping.newest.as_deref());
    let journal = keeping
        .store
        .begin(&run, kept.to_json().as_bytes())
        .await
        .map_err(CommandError::Store)?;
    let journal = Arc::new(journal);
    let begin = Entry::Begin {
        run: run.clone(),
        plan: Some(kept.id.clone()),
        subject: plan.subject.clone(),
        changes: total,
    };
    journal
        .record(clock::now_ms(), begin)
        .await
        .map_err(CommandError::Journal)?;
    let progress = Progress::new(total, io.is_watched, io.err_styles, &io.secrets);
    let execution = execution(session, keeping, &journal, start, parallelism, &progress);
    let report = tokio::select! {
        report = apply::apply(approved, execution) => report,
        never = progress.beat() => match never {},
    };
    let end = Entry::End {
        complete: report.is_complete(),
    };
    if let Err(error) = journal.record(clock::now_ms(), end).await {
        tracing::warn!(%error, "the journal's last line could not be written");
    }
    if let Ok(journal) = Arc::try_unwrap(journal)
        && let Err(error) = keeping.store.close(&run, journal).await
    {
        tracing::warn!(%error, "the journal could not be closed");
    }
    Ok(report)
}

fn tell(
    mode: Mode,
    report: &ApplyReport,
    after: &Afterwards,
    resume: &str,
    io: &mut Io,
) -> std::io::Result<()> {
    writeln!(io.out)?;
    render_report(report, &io.out_styles, &mut io.out)?;
    let view = ReportView {
        mode,
        report,
        not_converged: &after.not_converged,
        waiting_for_review: &after.waiting_for_review,
        unproven: after.unproven.as_deref(),
        is_interrupted: after.is_interrupted,
        resume_command: resume,
    };
    render_verdict(&view, &io.out_styles, &mut io.out)
}

fn status_of(report: &ApplyReport, after: &Afterwards) -> ExitStatus {
    let has = |word| report.count(word) > 0;
    let is_partial = has(OutcomeWord::Failed)
        || has(OutcomeWord::Skipped)
        || !after.not_converged.is_empty()
        || !after.waiting_for_review.is_empty()
        || after.unproven.is_some();
    let holding: Vec<ExitStatus> = [
        (
            has(OutcomeWord::Cancelled) || after.is_interrupted,
            ExitStatus::Cancelled,
        ),
        (has(OutcomeWord::Unknown), ExitStatus::InFlight),
        (is_partial, ExitStatus::Partial),
        (has(OutcomeWord::Refused), ExitStatus::Stale),
        (report.made() != Totals::default(), ExitStatus::Changes),
    ]
    .into_iter()
    .filter_map(|(holds, status)| holds.then_some(status))
    .collect();
    most_telling(&holding)
}

/// The command that goes on where this one ended, as a shell takes it.
fn resume_command(session: &Session, order: &Order, keeping: &Keeping) -> String {
    // A saved plan is applied again as it is: what is done counts as done.
    let verb = match order.plan.mode {
        Mode::Destroy if order.saved.is_none() => "destroy",
        Mode::Destroy | Mode::Converge => "apply",
    };
    let mut words = session.command_words(verb);
    words.extend(order.saved.iter().map(|saved| {
        saved
            .file
            .as_ref()
            .map_or_else(|| "--resume".to_owned(), |file| file.display().to_string())
    }));
    // What is in flight is known to that store only.
    if let Some(store) = &keeping.store_argument {
        words.extend(["--store".to_owned(), store.clone()]);
    }
    for target in &order.options.targets {
        words.extend(["--target".to_owned(), target.to_string()]);
    }
    for exclude in &order.options.excludes {
        words.extend(["--exclude".to_owned(), exclude.to_string()]);
    }
    Session::printed(&words)
}
