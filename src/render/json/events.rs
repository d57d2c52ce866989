//! The event stream of `--json` on plan, apply, destroy and watch: one object per line, with
//! Terraform's types and keys. Other values are under `x_solution`.

use std::time::Duration;

use super::diagnostic::Diagnostic;
use super::items::{InFlightItem, OrphanedItem, UnrestoredItem, seconds};
use super::line::{
    ChangesItem, HookItem, Level, LogExtension, LogItem, OfEnvironment, OutcomeExtension,
    PlannedChangeItem, PlannedItem, ResourceItem, StreamEvent, StreamLine, SummaryExtension,
    UI_VERSION, WatchedItem,
};
use super::plan::{RESOURCE_TYPE, SummaryItem, extension, is_applyable_now};
use super::report::{ReportDocument, VerifiedRunItem};
use super::reports::{EnvironmentResultItem, ReportsView};
use super::v1::FORMAT_VERSION;
use crate::apply::{ApplyEvent, StepReport, Totals};
use crate::ident::{Address, Identity};
use crate::manifest::Severity;
use crate::plan::{
    ActionKind, Change, Decision, Plan, Refusal, Successions, Summary, Verdict, VerifiedRun,
};
use crate::render::progress::sentence;
use crate::render::view::DriftReport;
use crate::render::view::plan as view;
use crate::render::words;

/// A line without its time.
#[derive(Debug)]
pub struct StreamMessage {
    level: Level,
    message: String,
    event: StreamEvent,
}

impl StreamMessage {
    /// Returns the line with this time, in milliseconds since 1970.
    pub fn at(self, now_ms: u64) -> StreamLine {
        StreamLine {
            level: self.level,
            message: self.message,
            module: "solform.ui",
            timestamp: words::time(now_ms).unwrap_or_default(),
            event: self.event,
        }
    }

    /// Returns the same line about one of several environments.
    #[must_use]
    pub fn in_environment(mut self, name: &str) -> Self {
        let environment = Some(name.to_owned());
        match &mut self.event {
            StreamEvent::PlannedChange { x_solution, .. } => x_solution.environment = environment,
            StreamEvent::ChangeSummary { x_solution, .. } => x_solution.environment = environment,
            StreamEvent::Diagnostic { diagnostic } => {
                diagnostic.x_solution.environment = environment;
                // The message of an error names the environment where it needs to.
                return self;
            }
            StreamEvent::ApplyStart { x_solution, .. }
            | StreamEvent::ApplyProgress { x_solution, .. } => {
                *x_solution = environment.map(|environment| OfEnvironment { environment });
            }
            StreamEvent::ApplyComplete { x_solution, .. }
            | StreamEvent::ApplyErrored { x_solution, .. } => x_solution.environment = environment,
            StreamEvent::Log { x_solution } => {
                let event = x_solution.take().and_then(|item| item.event);
                *x_solution = Some(LogItem { environment, event });
            }
            StreamEvent::Version { .. } => {}
        }
        self.message = format!("{name}: {}", self.message);
        self
    }

    fn new(level: Level, message: String, event: StreamEvent) -> Self {
        Self {
            level,
            message,
            event,
        }
    }

    /// Returns the first line of a stream: the versions.
    pub fn version() -> Self {
        let solform = env!("CARGO_PKG_VERSION");
        let event = StreamEvent::Version {
            solform,
            ui: UI_VERSION,
            format_version: FORMAT_VERSION,
        };
        Self::new(Level::Info, format!("solform {solform}"), event)
    }

    /// Returns a line with a message for people only.
    pub fn log(message: impl Into<String>) -> Self {
        let event = StreamEvent::Log { x_solution: None };
        Self::new(Level::Info, message.into(), event)
    }

    /// Returns the line of an error or a warning.
    pub fn diagnostic(diagnostic: Diagnostic) -> Self {
        let (level, head) = match diagnostic.severity {
            Severity::Error => (Level::Error, "Error"),
            Severity::Warning => (Level::Warn, "Warning"),
        };
        let message = format!("{head}: {}", diagnostic.summary);
        let diagnostic = Box::new(diagnostic);
        Self::new(level, message, StreamEvent::Diagnostic { diagnostic })
    }

    /// Returns the lines of a plan: what a roll-back does not restore, every change, every
    /// unchanged version with a note or a difference, then the counts.
    pub fn plan(plan: &Plan, is_applyable: bool) -> impl Iterator<Item = Self> {
        let lines = planned_changes(plan).map(|PlannedChangeItem { change, x_solution }| {
            let message = format!("{}: Plan to {}", change.resource.addr, change.action);
            let event = StreamEvent::PlannedChange { change, x_solution };
            Self::new(Level::Info, message, event)
        });
        let warnings = plan.judgement.warnings();
        let warnings = warnings.map(|it| Self::diagnostic(Diagnostic::of_warning(it)));
        // What is not restored comes before the changes.
        let unrestored = UnrestoredItem::all(plan).into_iter().map(not_restored);
        unrestored
            .chain(lines)
            .chain(warnings)
            .chain([Self::counts(plan, is_applyable, None)])
    }

    /// Returns the line of a plan of a watch: everything that is not as declared, and the counts.
    pub fn watched_plan(plan: &Plan, refusals: &[Refusal], report: &DriftReport) -> Self {
        let watched = WatchedItem {
            environment: plan.subject.environment.clone(),
            drifted: report.has_drifted(),
            changed: report.is_changed,
            changes: planned_changes(plan).collect(),
            refusals: refusals.iter().map(ToString::to_string).collect(),
            warnings: view::policy_warnings(plan),
        };
        Self::counts(plan, refusals.is_empty(), Some(watched))
    }

    /// Returns the line of a plan of a watch that failed. The diagnostics are lines of their own.
    pub fn plan_failed(error: &str, is_changed: bool) -> Self {
        let event = LogExtension::PlanFailed {
            changed: is_changed,
        };
        let x_solution = Some(LogItem {
            environment: None,
            event: Some(event),
        });
        let message = format!("The plan failed: {error}");
        Self::new(Level::Warn, message, StreamEvent::Log { x_solution })
    }

    fn counts(plan: &Plan, is_applyable: bool, watch: Option<WatchedItem>) -> Self {
        let summary = Summary::of(plan);
        let counts = [summary.add, summary.change, summary.destroy];
        let (verdict, rest) = view::verdict(plan.mode, &summary);
        let x_solution = SummaryExtension {
            summary: Some(SummaryItem(summary)),
            applyable: Some(is_applyable && is_applyable_now(&summary)),
            in_flight: Some(InFlightItem::all(plan, &plan.in_flight)),
            orphaned: Some(OrphanedItem::all(plan)),
            watch,
            rollback_of: plan.rollback.as_ref().map(|of| of.apply.clone()),
            unrestored: UnrestoredItem::of_rollback(plan),
            ..SummaryExtension::default()
        };
        Self::summary("plan", verdict + rest, counts, x_solution)
    }

    /// Returns the last line of an apply: the report.
    pub fn report(report: ReportDocument) -> Self {
        let Totals {
            added,
            changed,
            destroyed,
        } = report.totals;
        let (operation, verdict) = (report.operation(), report.verdict());
        let x_solution = SummaryExtension {
            report: Some(report),
            ..SummaryExtension::default()
        };
        Self::summary(operation, verdict, [added, changed, destroyed], x_solution)
    }

    /// Returns the last line of an apply of several environments.
    pub fn reports(reports: &ReportsView<'_>) -> Self {
        let verdict = reports.verdict();
        let Totals {
            added,
            changed,
            destroyed,
        } = verdict.totals();
        let x_solution = SummaryExtension {
            environments: Some(EnvironmentResultItem::all(reports.environments)),
            resume_command: reports.next.map(str::to_owned),
            ..SummaryExtension::default()
        };
        let sentence = verdict.sentence();
        Self::summary("apply", sentence, [added, changed, destroyed], x_solution)
    }

    fn summary(
        operation: &'static str,
        verdict: String,
        [add, change, remove]: [usize; 3],
        x_solution: SummaryExtension,
    ) -> Self {
        let event = StreamEvent::ChangeSummary {
            changes: ChangesItem {
                add,
                change,
                import: 0,
                remove,
                operation,
            },
            x_solution: Box::new(x_solution),
        };
        Self::new(Level::Info, verdict, event)
    }

    /// Returns the line of a change that is in progress.
    pub fn progress(
        address: &Address,
        identity: Option<&Identity>,
        kind: ActionKind,
        elapsed: Duration,
    ) -> Self {
        let message = format!(
            "{address}: Still {}... [{} elapsed]",
            kind.doing().to_lowercase(),
            words::duration(elapsed)
        );
        let mut hook = hook(address, identity, kind);
        hook.elapsed_seconds = Some(whole(elapsed));
        Self::new(
            Level::Info,
            message,
            StreamEvent::ApplyProgress {
                hook,
                x_solution: None,
            },
        )
    }

    fn step_finished(step: &StepReport, identity: Option<&Identity>, message: String) -> Self {
        let done = step.outcome.done();
        let id = done.and_then(|done| done.id.as_ref());
        let why = step.why();
        let mut hook = hook(&step.address, identity, step.kind);
        hook.elapsed_seconds = Some(seconds(step.took));
        hook.id_key = id.map(|_| "id");
        hook.id_value = id.map(ToString::to_string);
        let x_solution = OutcomeExtension {
            environment: None,
            outcome: step.outcome.word().as_str(),
            detail: why.clone(),
            jobs: step.jobs.iter().map(|job| job.id.to_string()).collect(),
            sent_twice: step.sent_twice.iter().map(|call| call.as_str()).collect(),
            deleted: step.deleted,
        };
        if done.is_some() {
            let event = StreamEvent::ApplyComplete { hook, x_solution };
            return Self::new(Level::Info, message, event);
        }
        let message = match why {
            Some(why) => format!("{message}: {why}"),
            None => message,
        };
        let event = StreamEvent::ApplyErrored { hook, x_solution };
        Self::new(Level::Error, message, event)
    }

    /// Returns the line of an event during an apply.
    pub fn event(event: &ApplyEvent<'_>, identity: Option<&Identity>) -> Self {
        let message = sentence(event);
        let (level, event) = match event {
            ApplyEvent::StepStarted { address, kind } => {
                let hook = hook(address, identity, *kind);
                let x_solution = None;
                let event = StreamEvent::ApplyStart { hook, x_solution };
                return Self::new(Level::Info, message, event);
            }
            ApplyEvent::StepFinished(step) => return Self::step_finished(step, identity, message),
            ApplyEvent::Uploading {
                address,
                done,
                total,
            } => {
                let event = LogExtension::Uploading {
                    address: address.to_string(),
                    done: *done,
                    total: *total,
                };
                (Level::Info, event)
            }
            ApplyEvent::JobStarted { address, call, job } => {
                let event = LogExtension::JobStarted {
                    address: address.to_string(),
                    call: call.as_str(),
                    job: job.as_ref().map(ToString::to_string),
                };
                (Level::Info, event)
            }
            ApplyEvent::JobAnswered { address, job, word } => {
                let event = LogExtension::JobAnswered {
                    address: address.to_string(),
                    job: job.to_string(),
                    word: word.clone(),
                };
                (Level::Info, event)
            }
            ApplyEvent::RunStarted { address, name, run } => {
                let event = LogExtension::RunStarted {
                    address: address.to_string(),
                    name: name.clone(),
                    run: run.to_string(),
                };
                (Level::Info, event)
            }
            ApplyEvent::RunAnswered {
                address,
                name,
                run,
                word,
            } => {
                let event = LogExtension::RunAnswered {
                    address: address.to_string(),
                    name: name.clone(),
                    run: run.to_string(),
                    word: word.clone(),
                };
                (Level::Info, event)
            }
            ApplyEvent::RunEnded { address, run } => run_ended(address, run),
            ApplyEvent::WaitingForRuns { address, runs } => {
                let event = LogExtension::WaitingForRuns {
                    address: address.to_string(),
                    runs: *runs,
                };
                (Level::Info, event)
            }
            ApplyEvent::Retrying {
                address,
                call,
                after,
                is_ambiguous,
                why,
            } => {
                let event = LogExtension::Retrying {
                    address: address.to_string(),
                    call: call.as_str(),
                    after_seconds: seconds(*after),
                    ambiguous: *is_ambiguous,
                    why: why.clone(),
                };
                (Level::Warn, event)
            }
            ApplyEvent::Draining { in_progress } => {
                let at_work = *in_progress;
                (Level::Warn, LogExtension::Draining { at_work })
            }
        };
        let x_solution = Some(LogItem {
            environment: None,
            event: Some(event),
        });
        Self::new(level, message, StreamEvent::Log { x_solution })
    }
}

fn run_ended(address: &Address, run: &VerifiedRun) -> (Level, LogExtension) {
    let event = LogExtension::RunEnded {
        address: address.to_string(),
        result: VerifiedRunItem::of(run),
    };
    let level = match run.verdict {
        Verdict::Passed => Level::Info,
        Verdict::Failed | Verdict::Unchecked => Level::Warn,
    };
    (level, event)
}

/// Returns the warning about a version that a roll-back does not restore.
fn not_restored(item: UnrestoredItem) -> StreamMessage {
    let summary = format!("not restored: {}", item.sentence(str::to_owned));
    StreamMessage::diagnostic(Diagnostic {
        address: Some(item.address),
        ..Diagnostic::new(Severity::Warning, summary)
    })
}

/// Returns every change of a plan, and every unchanged version with a note or a difference.
fn planned_changes(plan: &Plan) -> impl Iterator<Item = PlannedChangeItem> {
    let is_listed = |change: &&Change| {
        let is_left = |decision: Decision| decision != Decision::Apply;
        !change.is_no_op()
            || !change.notes.is_empty()
            || change.fields.iter().any(|field| is_left(field.decision))
    };
    let successions = Successions::of(plan);
    let item = move |change: &Change| PlannedChangeItem {
        change: PlannedItem {
            resource: resource(&change.address, Some(&change.identity)),
            action: action_word(change.action.kind()),
        },
        x_solution: Box::new(extension(change, successions.of_change(change))),
    };
    plan.changes.iter().filter(is_listed).map(item)
}

/// Returns the word of an action in the stream: `noop`, where the plan document has `no-op`.
fn action_word(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::NoOp => "noop",
        ActionKind::Create | ActionKind::Update | ActionKind::Replace | ActionKind::Delete => {
            kind.as_str()
        }
    }
}

fn hook(address: &Address, identity: Option<&Identity>, kind: ActionKind) -> HookItem {
    HookItem {
        resource: resource(address, identity),
        action: action_word(kind),
        id_key: None,
        id_value: None,
        elapsed_seconds: None,
    }
}

/// Returns the resource of a change. If its identity is not known, its name and version are taken
/// from the address.
fn resource(address: &Address, identity: Option<&Identity>) -> ResourceItem {
    let text = address.to_string();
    let (name, version) = match identity {
        Some(identity) => (identity.name.to_string(), identity.version.to_string()),
        None => text.rsplit_once('@').map_or_else(
            || (text.clone(), String::new()),
            |(name, version)| (name.to_owned(), version.to_owned()),
        ),
    };
    ResourceItem {
        addr: text.clone(),
        module: "",
        resource: text,
        implied_provider: "solform",
        resource_type: RESOURCE_TYPE,
        resource_name: name,
        resource_key: version,
    }
}

/// Returns whole seconds, which are exact enough for a line every 10 s.
fn whole(elapsed: Duration) -> f64 {
    seconds(Duration::from_secs(elapsed.as_secs()))
}
