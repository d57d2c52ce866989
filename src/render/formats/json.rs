//! JSON documents as an output format.

use std::io::{self, Write};

use super::format::{Channel, Content, DOCUMENTS, Document, Format};
use crate::render::json::{
    history_document, past_apply_document, plan_document, plan_matrix_document, promotion_document,
    render_json, report_matrix_document, review_document,
};

/// JSON documents.
pub const JSON: Format = Format {
    name: "json",
    help: "A JSON document; that of a plan has Terraform's keys, with ours under x_solution",
    channel: Channel::Document,
    subjects: DOCUMENTS,
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    match document.content {
        Content::Plan(plan, refusals) => render_json(&plan_document(plan, refusals), out),
        Content::Plans(plans) => render_json(&plan_matrix_document(plans), out),
        Content::Report(report, _) => render_json(report, out),
        Content::Reports(reports) => render_json(&report_matrix_document(reports), out),
        Content::Review(review) => render_json(&review_document(review), out),
        Content::Promotion(promotion) => render_json(&promotion_document(promotion), out),
        Content::History(environment, applies) => {
            render_json(&history_document(environment, applies), out)
        }
        Content::PastApply(environment, apply) => {
            render_json(&past_apply_document(environment, apply), out)
        }
        Content::Problems(_) | Content::Errors(_) => Ok(()),
    }
}
