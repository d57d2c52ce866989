//! The order of a plan's changes as a Mermaid flowchart.

use std::io::{self, Write};

use super::format::{Channel, Content, Document, Format, Subject};
use crate::render::mermaid::{render_order, render_orders};

/// A Mermaid flowchart.
pub const MERMAID: Format = Format {
    name: "mermaid",
    help: "The order of the changes alone, as a Mermaid flowchart",
    channel: Channel::Document,
    subjects: &[Subject::Plan],
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    match document.content {
        Content::Plan(plan, _) => render_order(plan, out),
        Content::Plans(environments) => {
            let plans = environments.iter().map(|one| {
                let plan = one.value().map(|value| &value.plan);
                (one.name.as_str(), plan)
            });
            render_orders(plans, out)
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
