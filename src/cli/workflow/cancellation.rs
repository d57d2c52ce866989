//! The cancellation of a command by a signal.

use std::sync::{Arc, Mutex};

use crate::cli::error::CommandError;
use crate::cli::io::{Io, SharedErr, lock};
use crate::cli::signals::end;
use crate::delivery::{CancelHandle, CancelToken};
use crate::platform::Interrupts;

/// Handles signals from the start of the command: the first one cancels, the second one ends the
/// process.
pub(in crate::cli) struct Cancellation {
    interrupt: CancelToken,
    /// The command that is shown after a second signal; none until it is known.
    next: Arc<Mutex<Option<String>>>,
}

impl Cancellation {
    pub(in crate::cli) fn new(io: &Io) -> Result<Self, CommandError> {
        let mut interrupts = Interrupts::new().map_err(CommandError::runtime)?;
        let (cancel_handle, interrupt) = CancelHandle::new();
        let next = Arc::new(Mutex::new(None));
        let shown = Arc::clone(&next);
        let (stream, err) = (io.stream.clone(), SharedErr::new(&io.secrets));
        tokio::spawn(async move {
            let _ = interrupts.next().await;
            cancel_handle.raise();
            let code = interrupts.next().await;
            let message =
                "interrupted a second time: left at once, and the journal says what was sent";
            let message = match &*lock(&shown) {
                Some(next) => format!("{message}; to go on, run: {next}"),
                None => message.to_owned(),
            };
            end(stream, Some(err), message, code).await;
        });
        Ok(Self { interrupt, next })
    }

    /// Creates a cancellation without the signals of the process.
    #[cfg(test)]
    pub(super) fn of(interrupt: CancelToken) -> Self {
        Self {
            interrupt,
            next: Arc::default(),
        }
    }

    /// Sets the command that a second signal names.
    pub(in crate::cli) fn set_next(&self, command: impl std::fmt::Display) {
        *lock(&self.next) = Some(command.to_string());
    }

    /// The cancellation of the command.
    pub(in crate::cli) fn interrupt(&self) -> &CancelToken {
        &self.interrupt
    }

    /// Executes a read-only operation, and cancels it at once on a signal.
    pub(in crate::cli) async fn or_interrupted<T, E: Into<CommandError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CommandError> {
        tokio::select! {
            biased;
            () = self.interrupt.raised() => Err(CommandError::interrupted()),
            result = work => result.map_err(E::into),
        }
    }
}
