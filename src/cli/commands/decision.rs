//! The frame of the commands with which a person decides about the record of an earlier apply.

use clap::Args;

use crate::cli::args::{ManifestArgs, StoreArgs};
use crate::cli::environment::session::{self, Session};
use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::cli::workflow::approval::{self, Approved};
use crate::cli::workflow::cancellation::Cancellation;
use crate::store::Store;

/// The options of a decision.
#[derive(Debug, Args)]
pub(super) struct DecisionArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// Continue without asking for approval
    #[arg(long)]
    auto_approve: bool,
    /// Disable interactive prompts
    #[arg(long)]
    no_input: bool,
    /// Print a JSON document; needs --auto-approve
    #[arg(long)]
    pub(super) json: bool,
}

impl DecisionArgs {
    /// Calls `decide` with the lock of the environment.
    pub(super) async fn with_lock<F>(
        &self,
        what: Approved<'_>,
        settings: &Settings,
        io: &mut Io,
        decide: F,
    ) -> Result<ExitStatus>
    where
        F: AsyncFnOnce(&Session, &dyn Store, &Cancellation, &mut Io) -> Result<ExitStatus>,
    {
        if self.json {
            if !self.auto_approve {
                return Err(approval::not_approved(what, true));
            }
            io.reserve_out();
        }
        let cancel = Cancellation::new(io)?;
        let opening = session::open(&self.manifest, settings, io);
        let session = cancel.or_interrupted(opening).await?;
        let opening = apply_session::open_store(&session, &self.store, &cancel, io);
        let (store, lease, _) = opening.await?;
        let done = decide(&session, &*store, &cancel, io).await;
        lease.release().await;
        done
    }

    /// Asks for the approval, unless an option gives it.
    pub(super) async fn ask(
        &self,
        what: Approved<'_>,
        question: &str,
        cancel: &Cancellation,
        io: &mut Io,
    ) -> Result<()> {
        if self.auto_approve {
            return Ok(());
        }
        approval::ask(what, question, !self.no_input, cancel, io).await
    }
}
