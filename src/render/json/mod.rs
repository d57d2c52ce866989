//! The documents of `--json` and `--format json`, each with a version and a schema.

mod abandon;
mod diagnostic;
mod doctor;
mod drift;
mod drift_report;
mod events;
mod explanation;
mod items;
mod line;
mod matrix;
mod package;
mod past;
mod plan;
mod promotion;
mod report;
mod reports;
mod review;
mod revocation;
mod v1;

pub use abandon::AbandonDocument;
pub use diagnostic::Diagnostic;
pub use doctor::{DoctorDocument, doctor_document};
pub use drift_report::DriftDocument;
pub use events::StreamMessage;
pub use explanation::ExplanationsDocument;
pub use items::orphaned_sentence;
pub(super) use items::{
    InFlightItem, OrphanedItem, PositionItem, UnrestoredItem, in_backticks, leftovers,
};
pub use line::StreamLine;
pub use matrix::{
    EnvironmentResult, ListMatrixDocument, ListResult, PlanMatrixDocument, PlanResult,
    list_matrix_document, plan_matrix_document,
};
pub(super) use matrix::{lists, plans};
pub use package::{PackageDiffDocument, PackageDocument};
pub use past::{HistoryDocument, PastApplyDocument, history_document, past_apply_document};
pub(super) use past::{past_report_document, past_step_item};
pub(super) use plan::note_word;
pub use plan::{PlanDocument, plan_document};
pub use promotion::{PromotionDocument, promotion_document};
pub(super) use report::{JobTimes, Remark, ReportChange, VerifiedRunItem};
pub use report::{NotApplied, ReportDocument, not_applied_document, report_document};
pub(super) use reports::report_matrix_document;
pub use reports::{EnvironmentEnd, EnvironmentReport, ReportMatrixDocument, ReportsView};
pub use review::{ReviewDocument, review_document};
pub use revocation::RevocationDocument;
pub use v1::{
    JobDocument, RunsDocument, SolutionsDocument, job_document, render_json, runs_document,
    schema_of, solutions_document,
};
