//! The documents of `--json`: one value per command, with a version and a schema.

mod v1;

pub use v1::{
    HistoryDocument, JobDocument, RunHistoryDocument, RunsDocument, SolutionsDocument,
    history_document, job_document, render_json, run_history_document, runs_document, schema_of,
    solutions_document,
};
