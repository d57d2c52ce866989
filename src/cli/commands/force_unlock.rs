//! `force-unlock`: removes the lock, even if another process holds it.

use std::io::Write as _;

use crate::cli::args::ForceUnlockArgs;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::session;
use crate::cli::settings::Settings;
use crate::cli::workflow::apply_session;
use crate::render::words;

pub(super) async fn run(
    args: &ForceUnlockArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    let place = session::place(&args.manifest, settings, io)?;
    let store = place.store(args.store.as_deref(), &io.secrets)?;
    // The id is the approval: only a command that could not acquire the lock shows it.
    if store.force_unlock(&args.id).await? {
        writeln!(
            io.out,
            "The lock `{}` is taken away. Whoever held it sends nothing more.",
            words::escaped(&args.id)
        )?;
        return Ok(ExitStatus::Success);
    }
    let hint = match store.lock_owner().await? {
        None => "No command holds it.".to_owned(),
        Some(holder) => format!(
            "It is held by {}, under the id `{}`.",
            apply_session::described(&holder),
            holder.id
        ),
    };
    let message = format!("the lock is not held under the id `{}`", args.id);
    Err(CommandError::failed(message).hint(hint))
}
