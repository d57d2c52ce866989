//! SIGINT and SIGTERM: the first asks, the second leaves.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::stream::Stream;
use crate::apply::Interrupter;
use crate::render::{Diagnostic, Severity, StreamMessage};

/// Watches both signals for as long as the process lives.
pub(super) fn watch(interrupter: Interrupter, stream: Option<Stream>) -> std::io::Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupts.recv() => 130,
                _ = terminations.recv() => 143,
            }
        };
        let _ = next().await;
        interrupter.raise();
        let code = next().await;
        if let Some(stream) = stream {
            end(stream).await;
        }
        leave(code);
    });
    Ok(())
}

/// Ends the stream with a whole line: one that is being written is not cut in two, as long as somebody
/// reads it.
async fn end(stream: Stream) {
    let error = Diagnostic::new(
        Severity::Error,
        "interrupted a second time: left at once, and the journal says what was sent",
    );
    let closing = tokio::task::spawn_blocking(move || {
        stream.close(StreamMessage::diagnostic(error));
    });
    let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
}

/// Ends the process at once. The journal on disk says what was sent.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the second signal must not wait for anything"
)]
fn leave(code: i32) -> ! {
    // The cursor that progress bars hide.
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = stderr.write_all(b"\x1b[?25h");
    }
    std::process::exit(code)
}
