//! Text for people, in Terraform's literals where other programs look for them (design 7).

mod plan;
mod report;

pub use plan::{render_plan, render_refusals};
pub use report::{ReportView, render_report, render_verdict};
