//! The watch of an environment: plans at an interval, and reports drift when it changes.
//!
//! What is kept from one plan to the next does not grow: the digest of the drift, the newest
//! report, and the last errors.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::apply;
use super::cancellation::Cancellation;
use super::watched_plan::{self, FailedPlan, WatchedPlan, signature};
use crate::cli::args::{ChangeArgs, ManifestArgs};
use crate::cli::clock;
use crate::cli::error::{CommandError, ErrorKind, ExitStatus};
use crate::cli::io::{Io, redact_json};
use crate::cli::settings::Settings;
use crate::delivery::CancelToken;
use crate::platform::PlanRequests;
use crate::render::{DriftReport, StreamMessage, Unreported, WebhookFormat, render_drift, words};
use crate::watch::{Metrics, Undelivered, Webhook, WebhookError};

/// What a watch does, besides planning.
pub(in crate::cli) struct Watch<'a> {
    pub(in crate::cli) manifest: &'a ManifestArgs,
    pub(in crate::cli) store: Option<&'a str>,
    pub(in crate::cli) interval: Duration,
    pub(in crate::cli) ends_on_drift: bool,
    /// The options of an apply, if drift is healed.
    pub(in crate::cli) heal: Option<ChangeArgs>,
    pub(in crate::cli) webhook: Option<(Webhook, &'static WebhookFormat)>,
    pub(in crate::cli) metrics: Metrics,
    pub(in crate::cli) cancel: &'a Cancellation,
    pub(in crate::cli) settings: &'a Settings,
}

/// The maximum number of doublings of the pause after an apply of `--heal` that failed.
const MAX_DOUBLINGS: u32 = 6;

/// What a watch remembers between two plans.
#[derive(Default)]
struct Seen {
    /// The newest drift; none before the first plan that succeeded.
    report: Option<DriftReport>,
    undelivered: Undelivered,
    /// True if a plan was tried.
    has_planned: bool,
    /// The errors of the last plan, of the last apply and of the last post, and the roll-back that
    /// prevents an apply; none after a success.
    plan_error: Option<String>,
    apply_error: Option<String>,
    post_error: Option<String>,
    held_by: Option<String>,
    /// The number of applies that failed one after the other, and of the plans after which the next
    /// one is tried.
    failed_applies: u32,
    plans_to_skip: u32,
}

impl Watch<'_> {
    /// Plans until a signal arrives, or until the first drift if that is requested.
    pub(in crate::cli) async fn run(&self, io: &mut Io) -> Result<ExitStatus, CommandError> {
        let mut seen = Seen::default();
        let at_once = PlanRequests::new().map_err(CommandError::runtime)?;
        let mut ticks = Ticks::new(self.interval, at_once);
        let interrupt = self.cancel.interrupt();
        while ticks.next(interrupt).await {
            match self.plan_and_act(&mut seen, io).await {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(status)) => return Ok(status),
                Err(_) if interrupt.is_raised() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(ExitStatus::Success)
    }

    /// Makes one plan, reports it, and does what follows from it.
    async fn plan_and_act(
        &self,
        seen: &mut Seen,
        io: &mut Io,
    ) -> Result<ControlFlow<ExitStatus>, CommandError> {
        let began = Instant::now();
        let mut branch = io.quiet_branch();
        let planning = watched_plan::make(self.manifest, self.store, self.settings, &mut branch);
        let planned = self.cancel.or_interrupted::<_, CommandError>(async {
            // A plan that failed is no error of the watch.
            Ok(planning.await)
        });
        let planned = planned.await?;
        io.release_new(branch)?;
        let at_ms = clock::now_ms();
        let took = began.elapsed();
        let may_end = !std::mem::replace(&mut seen.has_planned, true);
        let planned = match planned {
            Ok(planned) => {
                self.metrics.planned(&planned.plan, at_ms, took);
                self.report(&planned, seen, at_ms, io)?;
                Some(planned)
            }
            Err(FailedPlan { error, is_usage }) if is_usage && may_end => return Err(error),
            Err(FailedPlan { error, .. }) => {
                self.metrics.failed(at_ms, took);
                let is_changed = is_new(&mut seen.plan_error, signature(&error));
                io.send(|| StreamMessage::plan_failed(&error.to_string(), is_changed));
                if is_changed {
                    io.report(&error);
                }
                None
            }
        };
        io.flush()?;
        self.post(seen, io).await?;
        io.flush()?;
        let Some(planned) = planned else {
            return Ok(ControlFlow::Continue(()));
        };
        if self.ends_on_drift && planned.plan.to_do().next().is_some() {
            return Ok(ControlFlow::Break(ExitStatus::Changes));
        }
        self.heal(&planned, seen, io).await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Reports the drift if it has changed. The event stream gets every plan.
    fn report(
        &self,
        planned: &WatchedPlan,
        seen: &mut Seen,
        at_ms: u64,
        io: &mut Io,
    ) -> std::io::Result<()> {
        let WatchedPlan { plan, refusals, .. } = planned;
        let last = seen.report.as_ref();
        let digest = last.and_then(|report| report.digest.as_ref());
        let report = DriftReport::new(plan, refusals, digest, at_ms);
        io.send(|| StreamMessage::watched_plan(plan, refusals, &report));
        let had_failed = seen.plan_error.take().is_some();
        if last.is_none() {
            self.print_start(&report, io)?;
        }
        if report.is_changed || last.is_none() || had_failed {
            render_drift(&report, &planned.command, &mut io.text())?;
        }
        if report.is_changed {
            seen.undelivered.add(at_ms);
        }
        seen.report = Some(report);
        Ok(())
    }

    fn print_start(&self, report: &DriftReport, io: &mut Io) -> std::io::Result<()> {
        use std::io::Write as _;
        let interval = words::duration(self.interval);
        writeln!(
            io.text(),
            "Environment {} at {}, planned every {interval}:",
            words::quoted(&report.environment),
            words::escaped(&report.url)
        )
    }

    /// Posts the newest drift, if a change of it was not delivered yet.
    async fn post(&self, seen: &mut Seen, io: &mut Io) -> Result<(), CommandError> {
        let (Some((webhook, format)), Some(report)) = (&self.webhook, &seen.report) else {
            return Ok(());
        };
        if !seen.undelivered.is_due() {
            return Ok(());
        }
        let Undelivered { changes, since_ms } = seen.undelivered;
        let mut body = format.body(report, &Unreported { changes, since_ms });
        redact_json(&io.secrets, &mut body);
        let posted = self.cancel.or_interrupted::<_, CommandError>(async {
            // A post that failed is no error of the watch.
            Ok(webhook.post(&body).await)
        });
        let posted = posted.await?;
        self.metrics.posted(posted.is_ok());
        match posted {
            Ok(()) => {
                seen.undelivered = Undelivered::default();
                seen.post_error = None;
            }
            Err(error) => warn_of_post(&error, seen, io)?,
        }
        Ok(())
    }

    /// Applies a plan with changes, if that is requested, and nothing prevents it.
    async fn heal(
        &self,
        planned: &WatchedPlan,
        seen: &mut Seen,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        let Some(args) = &self.heal else {
            return Ok(());
        };
        let plan = &planned.plan;
        // An apply also finishes what an earlier one left in flight.
        let has_changes = plan.to_do().next().is_some() || !plan.in_flight.is_empty();
        // A plan that is blocked was reported with the reasons.
        if !has_changes || !planned.refusals.is_empty() {
            seen.held_by = None;
            return Ok(());
        }
        if let Some(id) = &planned.held_by {
            if is_new(&mut seen.held_by, id.clone()) {
                io.note(&format!(
                    "Nothing is applied: the newest apply, {id}, is a roll-back, and the manifest \
                     has not changed since."
                ))?;
            }
            return Ok(());
        }
        seen.held_by = None;
        // An apply that fails again and again would fill the history with its records.
        if seen.plans_to_skip > 0 {
            seen.plans_to_skip -= 1;
            return Ok(());
        }
        let observe = |report: &_| self.metrics.reported(report);
        let healing = apply::heal(args, self.cancel, &observe, self.settings, io);
        let healed = Box::pin(healing).await;
        let status = healed
            .as_ref()
            .map_or_else(|error| error.kind.exit_status(), |status| *status);
        self.metrics.applied(status.word());
        if matches!(status, ExitStatus::Success | ExitStatus::Changes) {
            seen.failed_applies = 0;
        } else {
            seen.failed_applies = (seen.failed_applies + 1).min(MAX_DOUBLINGS);
            seen.plans_to_skip = (1 << seen.failed_applies) - 1;
        }
        match healed {
            Ok(_) => seen.apply_error = None,
            // A closed output ends the watch.
            Err(error) if matches!(error.kind, ErrorKind::Closed) => return Err(error),
            Err(error) if self.cancel.interrupt().is_raised() => return Err(error),
            Err(error) => {
                if is_new(&mut seen.apply_error, signature(&error)) {
                    io.report(&error);
                }
            }
        }
        io.flush()?;
        Ok(())
    }
}

/// Warns that a post failed, unless the one before failed in the same way.
fn warn_of_post(error: &WebhookError, seen: &mut Seen, io: &mut Io) -> std::io::Result<()> {
    let mut causes = vec![error.to_string()];
    causes.extend(words::causes(error));
    if !is_new(&mut seen.post_error, causes.concat()) {
        return Ok(());
    }
    let summary = "the drift could not be posted to the webhook, and is posted again after the \
                   next plan";
    io.warn(summary, causes)
}

/// Keeps a text, and returns true if it is not the one before.
fn is_new(last: &mut Option<String>, text: String) -> bool {
    last.replace(text.clone()) != Some(text)
}

/// The times of the plans: the first is at once.
struct Ticks {
    interval: tokio::time::Interval,
    /// The requests to plan at once.
    at_once: PlanRequests,
}

impl Ticks {
    fn new(interval: Duration, at_once: PlanRequests) -> Self {
        let mut interval = tokio::time::interval(interval);
        // After a plan that took longer than the interval, the next one starts at once.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, at_once }
    }

    /// Waits for the time of the next plan. Returns false if an interrupt came before.
    async fn next(&mut self, interrupt: &CancelToken) -> bool {
        tokio::select! {
            biased;
            () = interrupt.raised() => false,
            _ = self.interval.tick() => true,
            () = self.at_once.next() => {
                self.interval.reset();
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
