//! The cancellation of a command by a signal.

use crate::apply::{CancelHandle, CancelToken};
use crate::cli::args::ManifestArgs;
use crate::cli::environment::session::{self, Session};
use crate::cli::error::CommandError;
use crate::cli::invocation::PrintedCommand;
use crate::cli::io::{Io, SharedErr};
use crate::cli::settings::Settings;
use crate::cli::signals::{self, NextCommand};

/// Handles signals from the start of the command.
pub(in crate::cli) struct Cancellation {
    interrupt: CancelToken,
    next: NextCommand,
}

impl Cancellation {
    pub(in crate::cli) fn new(io: &Io) -> Result<Self, CommandError> {
        let (cancel_handle, interrupt) = CancelHandle::new();
        let next = NextCommand::default();
        let err = SharedErr::new(&io.secrets);
        signals::watch(cancel_handle, io.stream.clone(), err, next.clone())
            .map_err(CommandError::runtime)?;
        Ok(Self { interrupt, next })
    }

    /// Sets the command that a second signal names.
    pub(in crate::cli) fn set_next(&self, command: &PrintedCommand) {
        self.next.set(command.to_string());
    }

    /// The cancellation of the command.
    pub(in crate::cli) fn interrupt(&self) -> &CancelToken {
        &self.interrupt
    }

    /// Opens the environment; the manifest may come from standard input.
    pub(in crate::cli) async fn open(
        &self,
        args: &ManifestArgs,
        settings: &Settings,
        io: &mut Io,
    ) -> Result<Session, CommandError> {
        self.or_interrupted(session::open(args, settings, io)).await
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
