//! Text for people as an output format.

use std::io::{self, Write};

use super::format::{Channel, Content, DOCUMENTS, Document, Format};
use crate::render::human::{
    PlanDetail, render_errors, render_history, render_past_apply, render_plan_in,
    render_plan_matrix, render_promotion, render_report, render_reports, render_review,
    render_verdict,
};
use crate::render::styles::StyledWriter;

/// Text for people.
pub const TEXT: Format = Format {
    name: "text",
    help: "For people",
    channel: Channel::Text,
    subjects: DOCUMENTS,
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Document { styles, width, .. } = *document;
    let out = &mut StyledWriter { out, styles, width };
    match document.content {
        Content::Plan(plan, _) => render_plan_in(document.detail, plan, document.abandon, out),
        Content::Plans(plans) => render_plan_matrix(plans, document.detail, out),
        Content::Report(_, Some(view)) => {
            render_plan_in(PlanDetail::Verbose, view.plan, document.abandon, out)?;
            writeln!(out)?;
            render_report(view.report, true, out)?;
            render_verdict(view, out)
        }
        Content::Report(report, None) => {
            render_errors(&report.errors, out)?;
            writeln!(out, "{}", report.verdict())
        }
        Content::Reports(reports) => render_reports(reports, out),
        Content::Review(review) => render_review(review, out),
        Content::Promotion(promotion) => render_promotion(promotion, out),
        Content::History(_, applies) => render_history(applies, out),
        Content::PastApply(_, apply) => render_past_apply(apply, out),
        Content::Problems(_) | Content::Errors(_) => Ok(()),
    }
}
