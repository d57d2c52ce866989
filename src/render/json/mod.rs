//! The documents of `--json`: one value per command, with a version and a schema.

mod doctor;
mod plan;
mod review;
mod v1;

pub use doctor::{DoctorDocument, doctor_document};
pub use plan::{GitlabDocument, PlanDocument, gitlab_document, plan_document};
pub use review::{ReviewDocument, review_document};
pub use v1::{
    HistoryDocument, JobDocument, RunHistoryDocument, RunsDocument, SolutionsDocument,
    history_document, job_document, render_json, run_history_document, runs_document, schema_of,
    solutions_document,
};
