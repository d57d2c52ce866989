//! The sentences, risks and counts that all formats share.

pub(super) mod plan;
pub(super) mod report;
pub(super) mod review;

pub use report::ReportView;
