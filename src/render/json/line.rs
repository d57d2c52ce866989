//! The lines of the event stream, as types. Keys that Terraform does not have are in `x_solution`.

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::items::{InFlightItem, OrphanedItem, UnrestoredItem};
use super::plan::{ChangeExtension, SummaryItem};
use super::report::{ReportDocument, VerifiedRunItem};
use super::reports::EnvironmentResultItem;

/// The version of Terraform's stream whose types and keys are used.
pub(super) const UI_VERSION: &str = "1.3";

/// A line of the stream.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StreamLine {
    /// The level.
    #[serde(rename = "@level")]
    pub(super) level: Level,
    /// The message for people.
    #[serde(rename = "@message")]
    pub(super) message: String,
    /// Always `solform.ui`.
    #[serde(rename = "@module")]
    pub(super) module: &'static str,
    /// The time, as RFC 3339.
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
        /// The version of solform.
        solform: &'static str,
        /// The version of Terraform's stream whose types and keys are used.
        ui: &'static str,
        /// The version of this format, `MAJOR.MINOR`.
        format_version: &'static str,
    },
    /// An event without a Terraform type.
    Log {
        /// The event; absent if the message is sufficient.
        #[serde(skip_serializing_if = "Option::is_none")]
        x_solution: Option<LogItem>,
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
    /// The counts of the plan, or at the end of an apply those of the completed changes.
    ChangeSummary {
        /// The counts.
        changes: ChangesItem,
        /// Values without a key in Terraform's format.
        x_solution: Box<SummaryExtension>,
    },
    /// A change started.
    ApplyStart {
        /// The change.
        hook: HookItem,
        /// The environment; only in an apply of several environments.
        #[serde(skip_serializing_if = "Option::is_none")]
        x_solution: Option<OfEnvironment>,
    },
    /// A change is in progress; sent every 10 s.
    ApplyProgress {
        /// The change.
        hook: HookItem,
        /// The environment; only in an apply of several environments.
        #[serde(skip_serializing_if = "Option::is_none")]
        x_solution: Option<OfEnvironment>,
    },
    /// A change is done.
    ApplyComplete {
        /// The change.
        hook: HookItem,
        /// The outcome.
        x_solution: OutcomeExtension,
    },
    /// A change is not done: it failed, was skipped or has an unknown outcome.
    ApplyErrored {
        /// The change.
        hook: HookItem,
        /// The outcome.
        x_solution: OutcomeExtension,
    },
}

/// The environment of a line that has no other additional values.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OfEnvironment {
    /// The name in the manifest.
    pub(super) environment: String,
}

/// The version that a line is about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct ResourceItem {
    /// `Name@version`, with the owner in front if two versions have the same name and version.
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

/// A change of the plan, with its details.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlannedChangeItem {
    /// The change.
    pub(super) change: PlannedItem,
    /// Values without a key in Terraform's format.
    pub(super) x_solution: Box<ChangeExtension>,
}

/// A change of the plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlannedItem {
    /// The version.
    pub(super) resource: ResourceItem,
    /// `noop`, `create`, `update`, `replace` or `delete`.
    pub(super) action: &'static str,
}

/// The counts.
#[derive(Debug, Serialize, JsonSchema)]
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
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct SummaryExtension {
    /// The environment; only if there are several, and absent in the line about all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<String>,
    /// All counts of a plan; only in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<SummaryItem>,
    /// True if the plan has something to apply, nothing blocks it, and no write of an earlier apply
    /// is in flight; only in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) applyable: Option<bool>,
    /// Writes of earlier applies whose outcome is not known; only in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) in_flight: Option<Vec<InFlightItem>>,
    /// Live records that failed deploys left; only in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) orphaned: Option<Vec<OrphanedItem>>,
    /// The drift; only in a plan of `watch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) watch: Option<WatchedItem>,
    /// The id of the apply that is rolled back; only in the plan of a roll-back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rollback_of: Option<String>,
    /// The versions that are not restored, or not completely; only in the plan of a roll-back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unrestored: Option<Vec<UnrestoredItem>>,
    /// The report, with every change and its outcome; only at the end of an apply or destroy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<ReportDocument>,
    /// The results of all environments; only at the end of an apply of several environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environments: Option<Vec<EnvironmentResultItem>>,
    /// The command that continues an apply of several environments; absent if nothing is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resume_command: Option<String>,
}

/// The drift that a plan of `watch` shows.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WatchedItem {
    /// The environment.
    pub(super) environment: String,
    /// True if anything is not as declared.
    pub(super) drifted: bool,
    /// True if the drift is not that of the plan before. Before the first plan there is none.
    pub(super) changed: bool,
    /// Every change, and every unchanged version with a note or a difference.
    pub(super) changes: Vec<PlannedChangeItem>,
    /// The refusals of the plan.
    pub(super) refusals: Vec<String>,
    /// The warnings of policies.
    pub(super) warnings: Vec<String>,
}

/// A change in progress.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HookItem {
    /// The version.
    pub(super) resource: ResourceItem,
    /// `create`, `update`, `replace` or `delete`.
    pub(super) action: &'static str,
    /// The key of the record's id, always `id`; absent if no record is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_key: Option<&'static str>,
    /// The platform's id of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_value: Option<String>,
    /// The time since the start of the change, or its duration, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) elapsed_seconds: Option<f64>,
}

/// The outcome of a change.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OutcomeExtension {
    /// The environment; only in an apply of several environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<String>,
    /// `done`, `failed`, `skipped`, `refused`, `cancelled` or `unknown`.
    pub(super) outcome: &'static str,
    /// The reason why it is not done, or a note on a change that is done.
    pub(super) detail: Option<String>,
    /// The jobs that it started, in order.
    pub(super) jobs: Vec<String>,
    /// Writes that were sent a second time.
    pub(super) sent_twice: Vec<&'static str>,
    /// True if a replace deleted the version, and the version is not known to be deployed again.
    pub(super) deleted: bool,
}

/// An event with its environment.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LogItem {
    /// The environment; only if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<String>,
    #[serde(flatten)]
    pub(super) event: Option<LogExtension>,
}

/// An event between the start and the end of a change.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum LogExtension {
    /// A plan of `watch` failed.
    PlanFailed {
        /// True if the plan before did not fail with the same error. Diagnostics follow then.
        changed: bool,
    },
    /// A part of a package was uploaded.
    Uploading {
        /// The change.
        address: String,
        /// The number of bytes that were sent; 0 at the beginning.
        done: u64,
        /// The number of bytes of the package.
        total: u64,
    },
    /// The server accepted a write.
    JobStarted {
        /// The change.
        address: String,
        /// `deploy`, `patch` or `delete`.
        call: &'static str,
        /// The job; null if the server returned none.
        job: Option<String>,
    },
    /// The server's answer about a job changed.
    JobAnswered {
        /// The change.
        address: String,
        /// The job.
        job: String,
        /// The server's word for its state.
        word: String,
    },
    /// A run of a verification is started.
    RunStarted {
        /// The change.
        address: String,
        /// The declared name of the run.
        name: String,
        /// The run.
        run: String,
    },
    /// The server's answer about a run changed.
    RunAnswered {
        /// The change.
        address: String,
        /// The declared name of the run.
        name: String,
        /// The run.
        run: String,
        /// The server's word for its state.
        word: String,
    },
    /// A run of a verification has its result.
    RunEnded {
        /// The change.
        address: String,
        /// The result.
        result: VerifiedRunItem,
    },
    /// The change waits until the RUNNING runs of the version have ended.
    WaitingForRuns {
        /// The change.
        address: String,
        /// The number of runs.
        runs: usize,
    },
    /// A write is sent again, or its effect is checked, after a delay.
    Retrying {
        /// The change.
        address: String,
        /// The write: `upload`, `deploy`, `patch` or `delete`.
        call: &'static str,
        /// The maximum delay, in seconds.
        after_seconds: f64,
        /// True if the server may have accepted the write, so its effect is checked during the
        /// delay.
        ambiguous: bool,
        /// The reason.
        why: String,
    },
    /// The apply received the first interrupt: no new change starts.
    Draining {
        /// The number of changes in progress.
        at_work: usize,
    },
}
