//! The sentences, risks and counts that all formats share.

mod abandon;
pub(super) mod drift;
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
pub use package::PackageView;
pub use promotion::promotion_warnings;
pub use report::ReportView;
pub use revocation::Revocation;
