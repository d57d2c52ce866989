//! Text for people, with the Terraform literals that other programs search for.

mod abandon;
mod change;
mod doctor;
mod drift_report;
mod history;
mod matrix;
mod package;
mod plan;
mod promotion;
mod report;
mod reports;
mod review;
mod revocation;
mod runs;
mod solutions;
mod table;

pub use abandon::render_abandoned;
pub use change::drift_lines;
pub use doctor::render_doctor;
pub use drift_report::render_drift;
pub use history::{render_history, render_past_apply};
pub use matrix::{render_list_matrix, render_plan_matrix};
pub use package::{render_package, render_package_diff};
#[cfg(test)]
pub(super) use plan::plan_text;
pub use plan::{PlanDetail, render_plan_in, render_refusal};
pub use promotion::render_promotion;
pub use report::{render_not_approved, render_report, render_verdict, render_verdict_alone};
pub use reports::{render_environment, render_reports_verdict};
pub(super) use reports::{render_errors, render_reports};
pub use review::render_review;
pub use revocation::render_revocation;
pub use runs::{render_job, render_runs};
pub use solutions::{render_solution, render_solutions};
