//! Plans, reports, reviews and earlier applies as a page that is complete in itself: it loads
//! nothing, needs no script, and can be read on a phone and printed.
//!
//! Text from outside passes through [`crate::escape::escaped`]; the template library then escapes
//! it for HTML. Only the style sheet is written without an escape.

mod change;
mod graph;
mod history;
mod page;
mod plan;
mod plans;
mod report;
mod reports;
mod review;
mod spans;
mod text;
mod timeline;

pub(super) use history::render_history_html;
pub(super) use plan::render_plan_html;
pub(super) use plans::render_plans_html;
pub(super) use report::{render_past_apply_html, render_report_html};
pub(super) use reports::render_reports_html;
pub(super) use review::render_review_html;
