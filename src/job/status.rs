//! The whole answer about one job, for people who ask for it.

use super::run::RunState;
use super::state::JobState;

/// The kinds of jobs that the Job API tells apart by its parameter `type` (docs/platform.md,
/// "Jobs").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Deploys and deletes.
    Async,
    /// Runs of solutions.
    Flow,
    /// Refiner programs.
    Refiner,
    /// Jobs of the deprecated file calls.
    Job,
    /// Groups of jobs.
    Group,
}

impl JobKind {
    /// The platform's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Async => "async",
            Self::Flow => "flow",
            Self::Refiner => "refiner",
            Self::Job => "job",
            Self::Group => "group",
        }
    }
}

/// Everything that one answer tells of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobStatus {
    /// What can be acted on.
    pub state: JobState,
    /// The server's message.
    pub message: Option<String>,
    /// What a run tells of its progress; other jobs tell nothing that is known (docs/platform.md,
    /// "Jobs").
    pub flow: Option<FlowStatus>,
    /// Where the results lie, as the first result with a folder says.
    pub output_folder: Option<String>,
}

/// The progress of a run, from the JSON text `cur_status` (docs/platform.md, "Jobs").
#[derive(Debug, Clone, PartialEq)]
pub struct FlowStatus {
    /// Its state.
    pub state: RunState,
    /// The share that is done, 0 to 1.
    pub progress: Option<f64>,
}
