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
        Content::Plan(plan, _) => render_json(&gitlab_document([plan]), out),
        Content::Plans(plans) => {
            let plans = plans.iter().filter_map(|one| Some(&one.value()?.plan));
            render_json(&gitlab_document(plans), out)
        }
        Content::Report(..)
        | Content::Reports(_)
        | Content::Review(_)
        | Content::Promotion(_)
        | Content::History(..)
        | Content::PastApply(..)
        | Content::Problems(_)
        | Content::Errors(_) => Ok(()),
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

/// Returns the counts of plans for GitLab's widget, which shows one number of each kind.
pub fn gitlab_document<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> GitlabDocument {
    let mut document = GitlabDocument {
        create: 0,
        update: 0,
        delete: 0,
    };
    for summary in plans.into_iter().map(Summary::of) {
        document.create += summary.add;
        document.update += summary.change;
        document.delete += summary.destroy;
    }
    document
}
