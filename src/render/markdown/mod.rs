//! Plans, reports, reviews and promotions for the comment of a pull request.

mod budget;
mod escape;
mod history;
mod matrix;
mod plan;
mod promotion;
mod report;
mod reports;
mod review;

pub(super) use history::render_history_markdown;
pub use matrix::render_plan_matrix_markdown;
pub use plan::render_markdown;
pub use promotion::render_promotion_markdown;
pub(super) use report::{notes, urgency};
pub use report::{render_past_apply_markdown, render_report_markdown};
pub(super) use reports::render_reports_markdown;
pub use review::render_review_markdown;
