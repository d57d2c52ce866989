//! The platform's jobs and the runs of solutions, reduced to the values that callers act on.
//!
//! The API calls both a "job"; here a deploy or delete is a job, and the running of a solution is a
//! run. Values only: `api` fills them, `apply` acts on them, `render` shows them. The state of a
//! job alone proves nothing: `apply` confirms every end of a deploy or delete by reading the live
//! state.

mod run;
mod state;
mod status;

pub use run::{RunFilter, RunList, RunRecord, RunRequest, RunState, RunTarget};
pub use state::{JobResult, JobState, NoAnswer};
pub use status::{FlowStatus, JobKind, JobStatus};
