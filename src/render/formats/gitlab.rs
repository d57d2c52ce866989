//! The counts of a plan for GitLab's merge-request widget.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::format::{Channel, Content, Document, Format, Subject};
use crate::plan::{Plan, Summary};
use crate::render::json::render_json;

/// The counts for GitLab's merge-request widget.
pub const GITLAB: Format = Format {
    name: "gitlab",
    help: "The counts that GitLab's merge-request widget shows",
    channel: Channel::Document,
    subjects: &[Subject::Plan],
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    match document.content {
        Content::Plan(plan, _) => render_json(&gitlab_document(plan), out),
        Content::Report(..) | Content::Review(_) | Content::PastApply(..) | Content::Errors(_) => {
            Ok(())
        }
    }
}

/// The counts that GitLab's merge-request widget reads.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GitlabDocument {
    /// Versions that are deployed.
    create: usize,
    /// Versions that are patched.
    update: usize,
    /// Versions that are deleted.
    delete: usize,
}

/// Returns the counts of a plan for GitLab's widget.
pub fn gitlab_document(plan: &Plan) -> GitlabDocument {
    let summary = Summary::of(plan);
    GitlabDocument {
        create: summary.add,
        update: summary.change,
        delete: summary.destroy,
    }
}
