//! HTML pages as an output format.

use std::io::{self, Write};

use super::format::{Channel, Content, Document, Format, Subject};
use crate::render::html::{
    render_history_html, render_past_apply_html, render_plan_html, render_plans_html,
    render_report_html, render_reports_html, render_review_html,
};

/// A page that is complete in itself.
pub const HTML: Format = Format {
    name: "html",
    help: "A page for a browser, complete in one file",
    channel: Channel::Document,
    subjects: &[
        Subject::Plan,
        Subject::Report,
        Subject::Review,
        Subject::History,
        Subject::PastApply,
    ],
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    match document.content {
        Content::Plan(plan, refusals) => render_plan_html(plan, refusals, document.abandon, out),
        Content::Plans(plans) => render_plans_html(plans, out),
        Content::Report(report, _) => render_report_html(report, out),
        Content::Reports(reports) => render_reports_html(reports, out),
        Content::Review(review) => render_review_html(review, out),
        Content::History(environment, applies) => render_history_html(environment, applies, out),
        Content::PastApply(environment, apply) => render_past_apply_html(environment, apply, out),
        Content::Promotion(_) | Content::Problems(_) | Content::Errors(_) => Ok(()),
    }
}
