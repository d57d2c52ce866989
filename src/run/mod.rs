//! Starts and watches runs of solutions. A start is a write like any other.

mod report;
mod start;
mod watch;

pub use report::{JobOutcome, JobReport, RunEvent};
pub use start::{RunContext, RunEventSink, RunStartError, StartedRun, start_run};
pub use watch::{WatchedJob, look_at_job, watch_job};
