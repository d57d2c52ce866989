//! The approval of a plan.

use std::io::{BufRead as _, Write as _};

use super::cancellation::Cancellation;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::Io;

/// What is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Approved<'a> {
    /// A plan. The command saves the same plan, which is an approval too.
    Plan(&'a PrintedCommand),
    /// The abandonment of a change.
    Abandonment,
    /// The revocation of a verification record.
    Revocation,
}

/// Prompts on the terminal; only `yes` is an approval. `may_ask` is false with `--no-input`.
pub(in crate::cli) async fn ask(
    what: Approved<'_>,
    question: &str,
    may_ask: bool,
    cancel: &Cancellation,
    io: &mut Io,
) -> Result<(), CommandError> {
    if !(may_ask && io.can_ask) {
        return Err(not_approved(what, false));
    }
    let answer = cancel.or_interrupted(prompt(question, io)).await;
    if answer.is_err() {
        // The cursor is at the end of the prompt.
        writeln!(io.err)?;
    }
    answer
}

async fn prompt(question: &str, io: &mut Io) -> Result<(), CommandError> {
    writeln!(io.err, "\n{question}\n  Only `yes` is accepted.")?;
    write!(io.err, "\n  Enter a value: ")?;
    io.err.flush()?;
    // Reading blocks its thread; signals must still be handled.
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    })
    .await;
    match line {
        Ok(Ok(line)) if line.trim() == "yes" => Ok(()),
        Ok(_) | Err(_) => {
            let message = "cancelled: nothing was changed";
            Err(CommandError::new(ErrorKind::Cancelled, message))
        }
    }
}

/// Returns the error of an approval that is needed while no prompt is possible: because of a JSON
/// output, or without a terminal.
pub(in crate::cli) fn not_approved(what: Approved<'_>, is_json: bool) -> CommandError {
    let (subject, alternative, hint) = match what {
        Approved::Plan(saving) => (
            "the plan",
            " or a saved plan",
            format!("Pass --auto-approve, or a plan that `{saving}` saved."),
        ),
        Approved::Abandonment => (
            "abandoning the change",
            "",
            "Pass --auto-approve.".to_owned(),
        ),
        Approved::Revocation => ("the revocation", "", "Pass --auto-approve.".to_owned()),
    };
    let reason = if is_json {
        format!("--json needs --auto-approve{alternative}")
    } else {
        format!("standard input is not a terminal, so {subject} cannot be approved")
    };
    CommandError::failed(reason).hint(hint)
}
