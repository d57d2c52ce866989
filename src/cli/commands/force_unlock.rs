//! `force-unlock`: removes the lock, even if another process holds it.

use std::io::Write as _;

use crate::cli::args::ForceUnlockArgs;
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
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
    if store
        .force_unlock(&args.id)
        .await
        .map_err(CommandError::Store)?
    {
        writeln!(
            io.out,
            "The lock `{}` is taken away. Whoever held it sends nothing more.",
            words::escaped(&args.id)
        )?;
        return Ok(ExitStatus::Success);
    }
    let holder = store.lock_owner().await.map_err(CommandError::Store)?;
    Err(CommandError::NotLocked {
        id: args.id.clone(),
        holder: holder.map(|holder| {
            format!(
                "{}, under the id `{}`",
                apply_session::told(&holder),
                holder.id
            )
        }),
    })
}
