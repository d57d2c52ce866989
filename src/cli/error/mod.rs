//! The errors of commands: their kinds, their exit status, and their diagnostics.

mod command_error;
mod exit_status;

pub(in crate::cli) use command_error::{
    CommandError, ErrorKind, Result, WARNINGS_SENT, diagnostics_of, more_problems,
};
pub(in crate::cli) use exit_status::{ExitStatus, detailed_help, status_of_all, with_precedence};
