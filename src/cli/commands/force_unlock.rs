//! `force-unlock`: removes the lock, even if another process holds it.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::ManifestArgs;
use crate::cli::environment::{context, lock_holder};
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::render::words;

/// Remove the lock, even if another process holds it
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  solform force-unlock -e prod 6f0c3a52-1c1e-4f65-9a53-2f0a1f5b7a11"
)]
pub(in crate::cli) struct ForceUnlockArgs {
    /// Id of the lock, from the error message of the command that could not acquire it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Remove the lock of this store, not of the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

pub(super) async fn run(
    args: &ForceUnlockArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    let context = context::read_context(&args.manifest, settings, io)?;
    let store = context.store(args.store.as_deref(), &io.secrets)?;
    // The id is the approval: only a command that could not acquire the lock shows it.
    if store.force_unlock(&args.id).await? {
        writeln!(
            io.out,
            "The lock `{}` is taken away. Its holder sends nothing more.",
            words::escaped(&args.id)
        )?;
        return Ok(ExitStatus::Success);
    }
    let hint = match store.lock_owner().await? {
        None => "No command holds it.".to_owned(),
        Some(holder) => format!(
            "It is held by {}, under the id `{}`.",
            lock_holder::description(&holder),
            holder.id
        ),
    };
    let message = format!("the lock is not held under the id `{}`", args.id);
    Err(CommandError::failed(message).hint(hint))
}
