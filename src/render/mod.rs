//! Turns values into text. Renderers only write to a writer; they make no decisions.
//!
//! Text from a server or a manifest is escaped here, by [`words::escaped`] and [`words::quoted`],
//! so no name or message can move the cursor or forge a line.

mod explanation;
mod formats;
mod html;
mod human;
mod json;
mod manifest;
mod markdown;
mod mermaid;
mod problems;
mod progress;
#[cfg(test)]
mod properties;
mod styles;
mod text_diff;
mod view;
mod webhook;
pub mod words;
mod wrap;

pub use explanation::{
    CodeKind, Explanation, POLICIES, near_codes, render_codes, render_explanations,
};
pub use formats::{
    Channel, Content, Document, FORMATS, Format, GITHUB, GITLAB, GitlabDocument, HTML, JSON,
    MARKDOWN, MERMAID, Subject, TEXT, gitlab_document,
};
pub use human::{
    PlanDetail, drift_lines, render_abandoned, render_doctor, render_drift, render_environment,
    render_history, render_job, render_list_matrix, render_not_approved, render_package,
    render_package_diff, render_past_apply, render_plan_in, render_plan_matrix, render_promotion,
    render_refusal, render_report, render_reports_verdict, render_review, render_revocation,
    render_runs, render_solution, render_solutions, render_verdict, render_verdict_alone,
};
pub use json::{
    AbandonDocument, Diagnostic, DoctorDocument, DriftDocument, EnvironmentEnd, EnvironmentReport,
    EnvironmentResult, ExplanationsDocument, HistoryDocument, JobDocument, ListMatrixDocument,
    ListResult, NotApplied, PackageDiffDocument, PackageDocument, PastApplyDocument, PlanDocument,
    PlanMatrixDocument, PlanResult, PromotionDocument, ReportDocument, ReportMatrixDocument,
    ReportsView, ReviewDocument, RevocationDocument, RunsDocument, SolutionsDocument, StreamLine,
    StreamMessage, doctor_document, history_document, job_document, list_matrix_document,
    not_applied_document, orphaned_sentence, past_apply_document, plan_document,
    plan_matrix_document, promotion_document, render_json, report_document, review_document,
    runs_document, schema_of, solutions_document,
};
pub use manifest::render_manifest;
pub use markdown::{
    render_markdown, render_past_apply_markdown, render_plan_matrix_markdown,
    render_promotion_markdown, render_report_markdown, render_review_markdown,
};
pub use problems::render_problem;
pub use progress::render_event;
pub use styles::{StyledWriter, Styles, styled};
pub use text_diff::render_text_diff;
pub use view::{
    Abandoned, DriftLine, DriftReport, PackageView, ReportView, Revocation, Unreported,
    drift_message, promotion_warnings,
};
pub use webhook::{WEBHOOK_FORMATS, WebhookFormat};
pub use wrap::{PROSE_WIDTH, wrapped};

/// The start of the command that clears an orphaned record, in tests.
#[cfg(test)]
pub const ABANDON: &str = "solform abandon";
