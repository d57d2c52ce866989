//! The complete answer about a job, for the commands that show it.

use super::run::RunState;
use super::state::JobState;

word_enum! {
    /// The kinds of jobs, which the Job API distinguishes by its parameter `type`
    /// (docs/platform.md, "Jobs").
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum JobKind {
        /// Deploys and deletes.
        Async = "async",
        /// Runs of solutions.
        Flow = "flow",
        /// Refiner programs.
        Refiner = "refiner",
        /// Jobs of the deprecated file calls.
        Job = "job",
        /// Groups of jobs.
        Group = "group",
    }
}

/// Everything that an answer contains about a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobStatus {
    /// The state, on which callers act.
    pub state: JobState,
    /// The server's message.
    pub message: Option<String>,
    /// The progress of a run; other jobs report none in a known form (docs/platform.md, "Jobs").
    pub flow: Option<FlowStatus>,
    /// The path of the results, from the first result with a folder.
    pub output_folder: Option<String>,
}

/// The progress of a run, from the JSON text `cur_status` (docs/platform.md, "Jobs").
#[derive(Debug, Clone, PartialEq)]
pub struct FlowStatus {
    /// The state.
    pub state: RunState,
    /// The completed share, from 0 to 1.
    pub progress: Option<f64>,
}
