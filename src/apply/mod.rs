//! Executes an approved plan: the only part of solform that writes to the platform.
//!
//! Takes an [`ApprovedPlan`](crate::plan::ApprovedPlan), returns an [`ApplyReport`] with one
//! outcome for every change. It makes no choices about *what* to do, with one exception: after a
//! deploy it patches what is not proven equal to the declared after-image.
//!
//! Runs of solutions are started and watched here too: a start is a write like any other.

mod create;
mod delete;
mod event;
mod executor;
mod interrupt;
mod job_times;
mod package;
mod patch;
mod recovery;
mod release;
mod report;
mod run_report;
mod run_start;
mod run_watch;
mod send;
mod step;
mod wait;
mod why;

pub use event::ApplyEvent;
pub use executor::{ApplySettings, EventSink, Execution, apply};
pub use interrupt::{CancelHandle, CancelToken};
pub use package::inspect_package;
pub use recovery::{RecoveredOutcome, RecoveredStep, Recovery, recover, unfinished_words};
pub use report::{
    ApplyReport, Done, NotReleased, Outcome, SkipReason, StepError, StepReport, Totals,
};
pub use run_report::{JobOutcome, JobReport, RunEvent};
pub use run_start::{RunEventSink, RunExecution, RunStartError, StartedRun, start_run};
pub use run_watch::{WatchedJob, look_at_job, watch_job};
pub use wait::PollPolicy;
