//! SIGINT and SIGTERM; on Windows, Ctrl-C and Ctrl-Break. In commands that write, the first signal
//! cancels and the second ends the process; in all other commands, the first signal ends the
//! process.
//!
//! No command relies on the default action: the kernel discards these signals for process 1 without
//! a handler, and solform is process 1 in a container.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::io::{SharedErr, Stream};
use crate::manifest::Severity;
use crate::platform::Interrupts;
use crate::render::{Diagnostic, StreamMessage};

/// Ends the process at the first signal, for commands that change nothing. The handler runs on a
/// thread of its own, so that a command that is computing or waiting for a file ends too.
pub(super) fn end_at_first(stream: Option<Stream>) -> std::io::Result<()> {
    let mut interrupts = Interrupts::new()?;
    tokio::spawn(async move {
        let code = interrupts.next().await;
        end(stream, None, "interrupted".to_owned(), code).await;
    });
    Ok(())
}

/// Writes the last message: to the stream as a whole line, after any line that is being written, or
/// to standard error. A blocked reader does not delay the end. Then ends the process at once: the
/// journal on disk records what was sent.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the last signal must not wait for anything"
)]
pub(super) async fn end(
    stream: Option<Stream>,
    err: Option<SharedErr>,
    message: String,
    code: i32,
) -> ! {
    let closing = tokio::task::spawn_blocking(move || match (stream, err) {
        (Some(stream), _) => {
            let error = Diagnostic::new(Severity::Error, message);
            stream.close(StreamMessage::diagnostic(error));
        }
        (None, Some(err)) => err.write(|out| writeln!(out, "\nError: {message}")),
        (None, None) => {}
    });
    let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
    // Shows the cursor again, which progress bars hide.
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = stderr.write_all(b"\x1b[?25h");
    }
    std::process::exit(code)
}
