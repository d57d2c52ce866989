//! Executes the steps of a plan concurrently. A step starts when all steps that it waits for are
//! done.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::context::ApplyContext;
use super::event::ApplyEvent;
use super::report::{ApplyReport, Done, Outcome, SkipReason, StepReport};
use super::schedule::Schedule;
use super::step::Step;
use super::step_error::StepError;
use crate::outcome::WriteKind;
use crate::plan::{Action, ApprovedPlan, Change};
use crate::store::{ChangeRef, Entry, RecordedOutcome};

/// Executes an approved plan. Always returns one outcome for every change that is not a no-op.
pub async fn apply(plan: &ApprovedPlan, mut context: ApplyContext<'_>) -> ApplyReport {
    let all = &plan.plan().changes;
    context.shared.planned = all.iter().map(|change| change.identity.clone()).collect();
    context.shared.awaited = all
        .iter()
        .flat_map(|change| change.waits_for.clone())
        .collect();
    context.reader.serve_steps(context.settings.parallelism);
    let context = &context;
    let changes: Vec<&Change> = plan.plan().to_do().collect();
    let mut schedule = Schedule::new(&changes);
    let mut running = FuturesUnordered::new();
    let mut steps: Vec<Option<StepReport>> = changes.iter().map(|_| None).collect();
    let mut has_emitted = false;
    loop {
        while let Ok(permit) = context.shared.permits.try_acquire()
            && let Some(index) = schedule.next_ready()
        {
            let change = changes[index];
            let decided = plan.decided(&change.address);
            if let Some(outcome) = schedule.obstacle(index, decided, context) {
                schedule.finish(index, matches!(outcome, Outcome::Done(_)));
                let report = StepReport::new(change, outcome, context.history);
                steps[index] = Some(conclude(context, change, report).await);
            } else {
                running.push(async move { (index, perform(context, change, permit).await) });
            }
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            Some((index, report)) = running.next() => {
                let is_done = matches!(report.outcome, Outcome::Done(_));
                schedule.finish(index, is_done);
                steps[index] = Some(report);
            }
            // A step that only confirms its effect does not hold a permit.
            _ = context.shared.permits.acquire(), if schedule.has_ready() => {}
            () = context.interrupt.raised(), if !has_emitted => {
                has_emitted = true;
                context.emit(&ApplyEvent::Draining { in_progress: running.len() });
            }
        }
    }
    ApplyReport {
        steps: steps
            .into_iter()
            .map(|step| step.expect("invariant: the loop ends when every step has its outcome"))
            .collect(),
        interrupted: context.interrupt.is_raised(),
    }
}

/// Executes one change, and reports its outcome.
async fn perform<'a>(
    context: &'a ApplyContext<'a>,
    change: &'a Change,
    permit: SemaphorePermit<'a>,
) -> StepReport {
    let begun = Instant::now();
    let began_at_ms = (context.now_ms)();
    context.emit(&ApplyEvent::StepStarted {
        address: change.address.clone(),
        kind: change.action.kind(),
    });
    let mut step = Step::new(context, change, permit);
    let ends_at = context.shared.ends_at;
    let stopped = tokio::select! {
        biased;
        result = execute(&mut step) => Ok(result),
        () = context.interrupt.grace_over() => Err(Outcome::Cancelled),
        () = tokio::time::sleep_until(ends_at) => Err(Outcome::Skipped(SkipReason::OutOfTime)),
    };
    let outcome = match stopped {
        Ok(Ok(done)) => {
            // A record that already existed is not confirmed: its deploy may still be in progress.
            if let Some(id) = done.id.as_ref().filter(|_| !done.was_already) {
                context.confirm(&change.identity, id);
            }
            Outcome::Done(done)
        }
        Ok(Err(outcome)) => outcome,
        Err(outcome) if !step.is_in_doubt() => outcome,
        Err(_) => Outcome::unknown(step.job.clone()),
    };
    let is_done = outcome.done().is_some();
    let report = StepReport::new(change, outcome, context.history);
    let report = StepReport {
        deleted: step.deployed.is_none() && (report.deleted || (step.deleted && !is_done)),
        deployed: step.deployed.take(),
        began_at_ms: Some(began_at_ms),
        jobs: std::mem::take(&mut step.jobs),
        sent_twice: std::mem::take(&mut step.sent_twice),
        uploaded: step.uploaded,
        verified: step.verified.take(),
        left_file: step.left_file.take(),
        took: begun.elapsed(),
        ..report
    };
    // The step holds its permit until the end, unless it released it before.
    conclude(context, change, report).await
}

async fn execute(step: &mut Step<'_>) -> Result<Done, Outcome> {
    let action = &step.change.action;
    if let Some((path, target)) = action.deploy() {
        let replaced = action.before();
        if let Some(before) = replaced {
            // The old version is deleted only when the package of the new one is there.
            if let Some(upload) = &target.after.upload {
                step.upload(path, upload).await?;
            }
            step.delete(before).await?;
            step.deleted = true;
            step.context.contents.forget(&before.id).await;
        }
        return step
            .deploy(path, target, replaced.map(|before| &before.id))
            .await;
    }
    match action {
        Action::Update {
            before,
            patch,
            after,
        } => step.update(before, *patch, after).await,
        Action::Delete { before } => {
            let done = step.delete(before).await?;
            step.context.contents.forget(&before.id).await;
            Ok(done)
        }
        Action::Create { .. } | Action::Replace { .. } | Action::NoOp { .. } => {
            Ok(Done::already(None))
        }
    }
}

/// Journals and emits the end of a change.
async fn conclude(context: &ApplyContext<'_>, change: &Change, report: StepReport) -> StepReport {
    let outcome = &report.outcome;
    // The declared version was deployed, and the patch after it is missing.
    let deployed = report.deployed.clone();
    let unfinished = deployed.filter(|_| !matches!(outcome, Outcome::Done(_)));
    let mut recorded = match outcome {
        Outcome::Failed(error) => error.recorded(),
        _ => RecordedOutcome::new(outcome.word()),
    };
    match outcome {
        Outcome::Done(done) => recorded.id = done.id.clone().filter(|_| !done.was_already),
        Outcome::Failed(StepError::NotConfirmed {
            call: WriteKind::Deploy,
            ..
        }) => {
            let after = change.action.after();
            recorded.unconfirmed = after.is_some_and(|after| after.package.is_none());
        }
        _ => {}
    }
    let jobs = report.jobs.iter();
    recorded.job_ends = jobs
        .filter_map(|job| Some((job.id.clone(), job.ended_at_ms?)))
        .collect();
    recorded.unfinished = unfinished.is_some();
    recorded.deleted = report.deleted;
    recorded.id = recorded.id.or(unfinished);
    let entry = Entry::Outcome {
        change: ChangeRef::of(change),
        outcome: recorded,
    };
    // The outcome stays valid if its journal entry cannot be written.
    if let Err(error) = context.journal.record((context.now_ms)(), entry).await {
        tracing::warn!(address = %change.address, %error, "the outcome could not be journalled");
    }
    context.emit(&ApplyEvent::StepFinished(&report));
    report
}
