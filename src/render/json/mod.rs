//! The documents of `--json`: one value per command, with a version and a schema.

mod v1;

pub use v1::{
    JobDocument, RunsDocument, SolutionsDocument, job_document, render_json, runs_document,
    schema_of, solutions_document,
};
