//! The steps that several commands share: plan, approve, execute, recover, verify, report.

pub(in crate::cli) mod apply;
mod apply_request;
pub(in crate::cli) mod apply_session;
mod apply_several;
pub(in crate::cli) mod approval;
pub(in crate::cli) mod cancellation;
pub(in crate::cli) mod convergence;
mod drift;
pub(in crate::cli) mod execution;
mod next_command;
mod next_of_several;
pub(in crate::cli) mod output_files;
pub(in crate::cli) mod packages;
pub(in crate::cli) mod plan;
pub(in crate::cli) mod plan_formats;
pub(in crate::cli) mod recovery;
pub(in crate::cli) mod report;
pub(in crate::cli) mod run_watch;
mod running_runs;
pub(in crate::cli) mod saved_plan;
pub(in crate::cli) mod several;
pub(in crate::cli) mod several_errors;
mod several_execution;
pub(in crate::cli) mod several_plans;
pub(in crate::cli) mod sources;
pub(in crate::cli) mod verify_inputs;
