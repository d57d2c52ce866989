//! The sentences, risks and counts that all formats share.

mod abandon;
pub(super) mod drift;
mod drift_report;
pub(super) mod matrix;
pub(super) mod notes;
pub(super) mod order;
mod package;
pub(super) mod past;
pub(super) mod plan;
pub(super) mod promotion;
pub(super) mod report;
pub(super) mod reports;
pub(super) mod review;
mod revocation;
pub(super) mod steps;

pub use abandon::Abandoned;
pub use drift::drift_message;
pub use drift_report::{DriftLine, DriftReport, Unreported};
pub use package::PackageView;
pub use promotion::promotion_warnings;
pub use report::ReportView;
pub use revocation::Revocation;
