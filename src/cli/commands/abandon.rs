//! `abandon`: records that solform stops waiting for the job of an earlier apply, or accepts a
//! record that a failed deploy left. Sends only GETs to the platform.

use std::io::Write as _;
use std::time::Duration;

use clap::Args;

use super::decision::DecisionArgs;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::cli::workflow::approval::Approved;
use crate::cli::workflow::cancellation::Cancellation;
use crate::ident::{Address, Identity, JobId, SolutionId};
use crate::job::{JobResult, JobState};
use crate::live::LiveVersion;
use crate::outcome::{OutcomeKind, WriteKind};
use crate::render::{AbandonDocument, Abandoned, render_abandoned, render_json};
use crate::store::{Entry, PastApply, PastSending, PastStep, Store};

/// Stop waiting for the job of an earlier apply
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform abandon -e prod 'Form W-2@0.0.2' --apply 0192f1c4\n  \
    solform abandon -e prod 'Form W-2@0.0.2' --apply 0192f1c4 --auto-approve --json")]
pub(in crate::cli) struct AbandonArgs {
    /// Version whose job does not end, or whose failed deploy left a record
    #[arg(value_name = "ADDR", value_parser = Address::parse)]
    address: Address,
    /// Id of the apply that sent the write, or its first characters
    #[arg(long, value_name = "ID")]
    apply: String,
    #[command(flatten)]
    decision: DecisionArgs,
}

pub(super) async fn run(
    args: &AbandonArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    let decide =
        async |session: &Session, store: &dyn Store, cancel: &Cancellation, io: &mut Io| {
            abandon(args, session, store, cancel, io).await
        };
    let decision = &args.decision;
    decision
        .with_lock(Approved::Abandonment, settings, io, decide)
        .await
}

async fn abandon(
    args: &AbandonArgs,
    session: &Session,
    store: &dyn Store,
    cancel: &Cancellation,
    io: &mut Io,
) -> Result<ExitStatus> {
    let runs = cancel
        .or_interrupted(apply_session::applies_of(store))
        .await?;
    let run = apply_session::find_apply(&runs, &args.apply)?;
    let step = find_step(run, &args.address)?;
    let (Some(identity), Some(Left { sent, orphaned })) = (step.identity(), left_of(step)) else {
        return Err(nothing(run, step));
    };
    let job = sent.and_then(|sent| sent.job.as_ref());
    let looked = cancel.or_interrupted(look(session, identity, job));
    let (last_answer, live) = looked.await?;
    let now_ms = clock::now_ms();
    let environment = &session.manifest().environment;
    let call = sent.map(|sent| sent.call);
    let is_deploy = orphaned.is_none() && call == Some(WriteKind::Deploy);
    let abandoned = Abandoned {
        environment: &environment.name,
        apply: &run.id,
        address: step.address(),
        call,
        job,
        age: sent.map(|sent| Duration::from_millis(now_ms.saturating_sub(sent.at_ms))),
        last_answer: last_answer.as_deref(),
        orphaned,
        live: &live,
        hold: is_deploy.then_some(environment.timeouts.deploy),
    };
    if !args.decision.json {
        render_abandoned(&abandoned, &mut io.out)?;
        io.out.flush()?;
    }
    let question = format!(
        "Do you really want to abandon {} of apply {}?",
        step.address(),
        run.id
    );
    let decision = &args.decision;
    decision
        .ask(Approved::Abandonment, &question, cancel, io)
        .await?;
    let abandon = Entry::Abandon {
        change: step.change.clone(),
        job: job.cloned(),
        made: made_by(step, &live),
        who: session.context.settings.who.clone(),
    };
    apply_session::add_entry(store, run, abandon).await?;
    if args.decision.json {
        render_json(&AbandonDocument::of(&abandoned), io.document())?;
    } else {
        let next = session.context.command("plan");
        writeln!(io.out, "Abandoned. Next: {next}")?;
    }
    Ok(ExitStatus::Success)
}

/// The part of a step that can be abandoned.
struct Left<'a> {
    /// The last write.
    sent: Option<&'a PastSending>,
    /// The record that a failed deploy left.
    orphaned: Option<&'a SolutionId>,
}

fn left_of(step: &PastStep) -> Option<Left<'_>> {
    let outcome = step.outcome.as_ref().filter(|outcome| {
        !step.is_abandoned() && outcome.word != OutcomeKind::Done && !outcome.unfinished
    });
    let orphaned = if step.is_open() {
        None
    } else {
        Some(outcome?.id.as_ref()?)
    };
    let sent = step.sendings.last();
    Some(Left { sent, orphaned })
}

fn find_step<'a>(run: &'a PastApply, address: &Address) -> Result<&'a PastStep> {
    let exact = |step: &&PastStep| step.address() == address;
    let means = |step: &&PastStep| step.identity().is_some_and(|id| address.means(id));
    let mut found: Vec<&PastStep> = run.steps.iter().filter(exact).collect();
    if found.is_empty() {
        found = run.steps.iter().filter(means).collect();
    }
    if let [step] = found.as_slice() {
        return Ok(step);
    }
    let steps = run.steps.iter().filter(|step| left_of(step).is_some());
    let names: Vec<String> = steps.map(|step| step.address().to_string()).collect();
    let error = CommandError::failed(format!("apply `{}` has no change of `{address}`", run.id));
    Err(if names.is_empty() {
        error.hint(see_changes(run))
    } else {
        error.hint(format!(
            "Name one of its changes that can be abandoned: {}.",
            names.join(", ")
        ))
    })
}

fn see_changes(run: &PastApply) -> String {
    format!(
        "Run `solform history show {}` to see its changes and their jobs.",
        run.id
    )
}

fn nothing(run: &PastApply, step: &PastStep) -> CommandError {
    let state = if step.is_abandoned() {
        "is abandoned already"
    } else {
        "waits for no job and left no record"
    };
    let message = format!("`{}` of apply `{}` {state}", step.address(), run.id);
    CommandError::failed(message).hint(see_changes(run))
}

/// Reads the last answer about a job and the live records of the version. An unreadable job is no
/// error, because the command exists for such jobs.
async fn look(
    session: &Session,
    identity: &Identity,
    job: Option<&JobId>,
) -> Result<(Option<String>, Vec<LiveVersion>)> {
    let reader = session.reader();
    let last_answer = match job {
        Some(job) => Some(match reader.job(job).await {
            Ok(JobState::Pending(word)) => word,
            Ok(JobState::Finished(JobResult::Done { .. })) => "it ended well".to_owned(),
            Ok(JobState::Finished(JobResult::Failed(message))) => {
                format!("it failed: {message}")
            }
            Ok(JobState::NoAnswer(why)) => why.to_string(),
            Err(error) => error.to_string(),
        }),
        None => None,
    };
    let named = session.read(reader.named(&identity.name)).await?;
    let live = named
        .into_iter()
        .filter(|live| live.identity.version == identity.version)
        .collect();
    Ok((last_answer, live))
}

/// Returns the only live record of the version that was not live before the deploy.
fn made_by(step: &PastStep, live: &[LiveVersion]) -> Option<SolutionId> {
    let mut sendings = step.sendings.iter().rev();
    let known = sendings.find_map(|sent| sent.known.as_ref())?;
    let mut fresh = live.iter().filter(|live| !known.contains(&live.id));
    let made = fresh.next()?;
    fresh.next().is_none().then(|| made.id.clone())
}
