//! Markdown as an output format.

use std::io::{self, Write};

use super::format::{Channel, Content, DOCUMENTS, Document, Format};
use crate::render::markdown::{
    render_history_markdown, render_markdown, render_past_apply_markdown,
    render_plan_matrix_markdown, render_promotion_markdown, render_report_markdown,
    render_reports_markdown, render_review_markdown,
};

/// Markdown for a comment on a pull request.
pub const MARKDOWN: Format = Format {
    name: "markdown",
    help: "For a comment on a pull request",
    channel: Channel::Document,
    subjects: DOCUMENTS,
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let max_bytes = document.max_bytes;
    match document.content {
        Content::Plan(plan, refusals) => {
            render_markdown(plan, refusals, document.abandon, max_bytes, out)
        }
        Content::Plans(plans) => render_plan_matrix_markdown(plans, max_bytes, out),
        Content::Report(report, _) => render_report_markdown(report, max_bytes, out),
        Content::Reports(reports) => render_reports_markdown(reports, max_bytes, out),
        Content::Review(review) => render_review_markdown(review, max_bytes, out),
        Content::Promotion(promotion) => render_promotion_markdown(promotion, max_bytes, out),
        Content::History(environment, applies) => {
            render_history_markdown(environment, applies, max_bytes, out)
        }
        Content::PastApply(_, apply) => render_past_apply_markdown(apply, max_bytes, out),
        Content::Problems(_) | Content::Errors(_) => Ok(()),
    }
}
