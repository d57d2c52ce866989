//! The work of each kind of job, and its result.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::knobs::RunEnd;
use crate::refusal::Refusal;

/// The work of a job, which is done at its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    Deploy(Deploy),
    Delete {
        solution: String,
        /// The error message, if the job will fail.
        #[serde(rename = "trouble")]
        failure: Option<String>,
    },
    Run(Run),
    Task(Task),
}

impl Work {
    /// Returns the word for the kind of work, for the control routes.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Deploy(_) => "deploy",
            Self::Delete { .. } => "delete",
            Self::Run(_) => "run",
            Self::Task(_) => "task",
        }
    }
}

/// The work that a deploy job does at its end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Deploy {
    /// The id of the record that the job creates or updates.
    pub(crate) solution: Option<String>,
    /// The new values of a record that is updated in place. A new record has its values from the
    /// start.
    #[serde(rename = "renewal")]
    pub(crate) update: Option<RecordUpdate>,
    /// The ids of the records that the new one replaces.
    #[serde(rename = "displaced")]
    pub(crate) replaced: Vec<String>,
    /// The error message, if the job will fail.
    #[serde(rename = "trouble")]
    pub(crate) failure: Option<String>,
    /// The path of a package that is read again at the end of the job.
    pub(crate) read_again: Option<String>,
}

impl Deploy {
    /// Creates the work of a job that creates or updates this record.
    pub(crate) fn of(solution: String) -> Self {
        Self {
            solution: Some(solution),
            ..Self::default()
        }
    }

    /// Creates the work of a job that will fail with this message.
    pub(crate) fn failing(message: String) -> Self {
        Self {
            failure: Some(message),
            ..Self::default()
        }
    }
}

/// The values that an updated record takes from the package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordUpdate {
    pub(crate) visibility: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) metadata: String,
}

/// A run of a solution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) solution: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) owner: String,
    pub(crate) input: String,
    pub(crate) output: String,
    /// The error message, if the run will fail.
    #[serde(rename = "trouble")]
    pub(crate) failure: Option<String>,
}

/// The keys of the result of a task beside its status, or the reason why it has failed.
pub(crate) type TaskResult = Result<Map<String, Value>, Refusal>;

/// The stored result of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The keys of the result beside its status.
    pub(crate) result: Map<String, Value>,
    /// The error message, if the task has failed.
    #[serde(rename = "trouble")]
    failure: Option<String>,
}

impl Task {
    pub(crate) fn of(result: TaskResult) -> Self {
        Self {
            failure: result.as_ref().err().map(ToString::to_string),
            result: result.unwrap_or_default(),
        }
    }

    /// Returns the verdict on the job of the task. `fault` is the error message of a fault.
    pub(crate) fn verdict(&self, fault: Option<String>) -> Verdict {
        match fault.or_else(|| self.failure.clone()) {
            Some(message) => Verdict::Failed { message },
            None => Verdict::Done { solution: None },
        }
    }
}

/// The result of a job that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Done {
        solution: Option<String>,
    },
    Failed {
        message: String,
    },
    /// A run that neither completed nor failed.
    Stopped {
        end: RunEnd,
    },
}

impl Verdict {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Failed { message }
    }
}

/// An end other than success that a fault, a control route or a caller chooses for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Failed(String),
    /// The end of a run; other jobs fail.
    Run(RunEnd),
}

impl Ending {
    /// Returns the error message for a job that is not a run.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Failed(message) => message.clone(),
            Self::Run(end) => format!("the job was ended as {}", end.word()),
        }
    }
}
