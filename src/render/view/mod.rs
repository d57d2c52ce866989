//! The sentences, risks and counts that all formats share.

mod abandon;
pub(super) mod drift;
pub(super) mod matrix;
pub(super) mod order;
mod package;
pub(super) mod past;
pub(super) mod plan;
pub(super) mod promotion;
pub(super) mod report;
pub(super) mod review;

pub use abandon::Abandoned;
pub use package::PackageView;
pub use promotion::promotion_warnings;
pub use report::ReportView;
