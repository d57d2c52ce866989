//! Executes an approved plan: with `run`, the only part of solform that writes to the platform.
//!
//! Takes an [`ApprovedPlan`](crate::plan::ApprovedPlan), returns an [`ApplyReport`] with one
//! outcome for every change. It makes no choices about *what* to do, with one exception: after a
//! deploy it patches what is not proven equal to the declared after-image.

mod batch;
mod confirm;
mod contents;
mod context;
mod deployed;
mod durations;
mod event;
mod executor;
mod package;
mod poll;
mod recovery;
mod report;
mod schedule;
mod source;
mod step;
mod step_error;
mod steps;
mod successor;

pub use contents::{ContentsRecorder, RecordFailures};
pub use context::{ApplyContext, ApplySettings, EventSink, SharedState};
pub use event::ApplyEvent;
pub use executor::apply;
pub use package::{inspect_contents, inspect_package};
pub use recovery::{RecoveredOutcome, RecoveredStep, Recovery, recover};
pub use report::{
    ApplyReport, Done, NotReleased, Outcome, SkipReason, StepJob, StepReport, Totals, Uploaded,
};
pub use source::{PlatformPackage, SourceReader, SourceReaders};
pub use step_error::StepError;
