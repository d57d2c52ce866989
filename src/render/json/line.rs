//! The lines of the event stream, as types: Terraform's keys, and ours under `x_solution`.

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::plan::{ChangeExtension, InFlightItem, OrphanedItem, SummaryItem};
use super::report::ReportDocument;

/// The version of Terraform's stream whose types and keys are used.
pub(super) const UI_VERSION: &str = "1.3";

/// A line of the stream.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StreamLine {
    /// The level.
    #[serde(rename = "@level")]
    pub(super) level: Level,
    /// The line for people.
    #[serde(rename = "@message")]
    pub(super) message: String,
    /// Always `solform.ui`.
    #[serde(rename = "@module")]
    pub(super) module: &'static str,
    /// When it was written, as RFC 3339.
    #[serde(rename = "@timestamp")]
    pub(super) timestamp: String,
    #[serde(flatten)]
    pub(super) event: StreamEvent,
}

/// The level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Info,
    Warn,
    Error,
}

/// The content of a line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum StreamEvent {
    /// The first line.
    Version {
        /// The solform that writes.
        solform: &'static str,
        /// The version of Terraform's stream whose types and keys are used.
        ui: &'static str,
        /// The version of this format, `MAJOR.MINOR`.
        format_version: &'static str,
    },
    /// Something that Terraform has no type for.
    Log {
        /// The event; none if the message is sufficient.
        #[serde(skip_serializing_if = "Option::is_none")]
        x_solution: Option<LogExtension>,
    },
    /// An error or a warning.
    Diagnostic {
        /// The diagnostic.
        diagnostic: Box<Diagnostic>,
    },
    /// A change of the plan.
    PlannedChange {
        /// The change.
        change: PlannedItem,
        /// Values without a key in Terraform's format.
        x_solution: Box<ChangeExtension>,
    },
    /// The numbers: of the plan, and at the end those of what happened.
    ChangeSummary {
        /// The numbers.
        changes: ChangesItem,
        /// Values without a key in Terraform's format.
        x_solution: Box<SummaryExtension>,
    },
    /// A change is begun.
    ApplyStart {
        /// The change.
        hook: HookItem,
    },
    /// A change is in progress; sent every 10 s.
    ApplyProgress {
        /// The change.
        hook: HookItem,
    },
    /// A change is done.
    ApplyComplete {
        /// The change.
        hook: HookItem,
        /// The outcome.
        x_solution: OutcomeExtension,
    },
    /// A change ended in another way, or was not tried.
    ApplyErrored {
        /// The change.
        hook: HookItem,
        /// The outcome.
        x_solution: OutcomeExtension,
    },
}

/// The version that a line is about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ResourceItem {
    /// `Name@version`, with the owner in front where two would look alike.
    pub(super) addr: String,
    /// Always empty.
    pub(super) module: &'static str,
    /// The same as `addr`.
    pub(super) resource: String,
    /// Always `solform`.
    pub(super) implied_provider: &'static str,
    /// Always `solform_solution`.
    pub(super) resource_type: &'static str,
    /// The solution's name.
    pub(super) resource_name: String,
    /// The solution's version.
    pub(super) resource_key: String,
}

/// A change of the plan.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct PlannedItem {
    /// The version.
    pub(super) resource: ResourceItem,
    /// `noop`, `create`, `update`, `replace` or `delete`.
    pub(super) action: &'static str,
}

/// The numbers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ChangesItem {
    /// Versions that are added; a replace counts here and in `remove`.
    pub(super) add: usize,
    /// Versions that are changed.
    pub(super) change: usize,
    /// Always 0.
    pub(super) import: usize,
    /// Versions that are removed.
    pub(super) remove: usize,
    /// `plan`, `apply` or `destroy`.
    pub(super) operation: &'static str,
}

/// The additional values of the counts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SummaryExtension {
    /// Of a plan, all its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<SummaryItem>,
    /// Of a plan, whether there is something to apply, nothing blocks it, and no write of an
    /// earlier apply is in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) applyable: Option<bool>,
    /// Of a plan, the writes of earlier applies whose end is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) in_flight: Option<Vec<InFlightItem>>,
    /// Of a plan, the live records that failed deploys left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) orphaned: Option<Vec<OrphanedItem>>,
    /// Of an apply or destroy, the report: every change with what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<ReportDocument>,
}

/// A change in progress.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct HookItem {
    /// The version.
    pub(super) resource: ResourceItem,
    /// `create`, `update`, `replace` or `delete`.
    pub(super) action: &'static str,
    /// The key that names the record, where one is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_key: Option<&'static str>,
    /// The platform's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_value: Option<String>,
    /// The time since the start of the change, or its duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) elapsed_seconds: Option<f64>,
}

/// The outcome of a change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OutcomeExtension {
    /// `done`, `failed`, `skipped`, `refused`, `cancelled` or `unknown`.
    pub(super) outcome: &'static str,
    /// The reason why it is not done, or a note on a change that is done.
    pub(super) detail: Option<String>,
    /// The jobs that it started, in order.
    pub(super) jobs: Vec<String>,
    /// Calls that were sent a second time.
    pub(super) sent_twice: Vec<&'static str>,
}

/// An event between the start and the end of a change.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum LogExtension {
    /// The server accepted a call.
    JobStarted {
        /// The change.
        address: String,
        /// `deploy`, `patch` or `delete`.
        call: &'static str,
        /// The job; null where the server named none.
        job: Option<String>,
    },
    /// A job's answer changed.
    JobAnswered {
        /// The change.
        address: String,
        /// The job.
        job: String,
        /// The server's word.
        word: String,
    },
    /// A call is tried again after a while.
    Retrying {
        /// The change.
        address: String,
        /// The call.
        call: &'static str,
        /// The maximum wait.
        after_seconds: f64,
        /// True if the call may have been taken, so that its effect is looked for meanwhile.
        ambiguous: bool,
        /// Why.
        why: String,
    },
    /// The first interrupt was seen: nothing new starts.
    Draining {
        /// The number of changes in progress.
        at_work: usize,
    },
}
