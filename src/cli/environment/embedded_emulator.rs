//! Emulators that run inside this process, and the data folders that they hold.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempPath;

use super::lock_holder;
use crate::cli::emulators::Embedded;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::files::write_whole;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::regular_file;
use crate::store::{LockOwner, keep_out_of_git};
use solform_emulator::{self as emulator, EmulatorError, EmulatorOptions, JobPace, Seed};

/// The duration of jobs in the environment `emulator:`: long enough to be visible.
const JOB_TIME: Duration = Duration::from_millis(300);
/// The maximum size of a holder file, in bytes.
const HOLDER_LIMIT: u64 = 64 * 1024;

/// Returns the data folder of an environment `emulator:`; `root` is the folder `.solform`.
pub(in crate::cli) fn data_folder(root: &Path, environment: &str) -> PathBuf {
    root.join("emulator").join(environment)
}

/// Starts the emulator of an environment `emulator:`, with its data in the folder `.solform` beside
/// the manifest.
pub(in crate::cli) async fn start_in(
    root: &Path,
    environment: &str,
    seed: Option<(PathBuf, Seed)>,
    token: &str,
    settings: &Settings,
    io: &mut Io,
) -> Result<Embedded, CommandError> {
    let data = data_folder(root, environment);
    regular_file::make_private_folder(&data)
        .map_err(|source| CommandError::io("create", &data, source))?;
    keep_out_of_git(root).map_err(|source| CommandError::io("write", root, source))?;
    let (path, seed) = seed.unzip();
    let options = EmulatorOptions {
        seed,
        token: Some(token.into()),
        data: Some(data),
        job_pace: JobPace::After(JOB_TIME),
        ..EmulatorOptions::default()
    };
    start(options, path.as_deref(), settings, io).await
}

/// Starts an emulator. Warns if its data folder contains a world that was made from another seed.
pub(in crate::cli) async fn start(
    options: EmulatorOptions,
    seed: Option<&Path>,
    settings: &Settings,
    io: &mut Io,
) -> Result<Embedded, CommandError> {
    let data = options.data.clone();
    let emulator = match emulator::start(options).await {
        Ok(emulator) => emulator,
        Err(EmulatorError::DataInUse { path }) => {
            let holder = read_holder(&path);
            let holder = holder.as_deref().unwrap_or("another solform");
            let message = format!(
                "the emulator's data folder `{}` is in use by {holder}",
                path.display()
            );
            return Err(CommandError::new(ErrorKind::Locked, message)
                .hint("Wait until that command has ended, then run this one again."));
        }
        Err(error) => {
            let hint = error.help();
            return Err(CommandError::failed(error)
                .context("the emulator did not start")
                .hint(hint));
        }
    };
    if let (true, Some(data), Some(seed)) = (emulator.ignores_seed(), &data, seed) {
        let data = data.display();
        io.warn(
            &format!(
                "the seed `{}` has changed since the emulator's world began, and is not loaded. To \
                 begin anew with it, move `{data}` away when no other solform uses it: what was \
                 deployed there is gone then.",
                seed.display()
            ),
            Vec::new(),
        )?;
    }
    let holder = data.and_then(|data| write_holder(&data, settings, io));
    Ok(Embedded::new(holder, emulator))
}

fn holder_path(data: &Path) -> PathBuf {
    data.join("holder.json")
}

/// Writes the holder file. It is only information for other processes, so a failure is ignored.
fn write_holder(data: &Path, settings: &Settings, io: &Io) -> Option<TempPath> {
    let owner = lock_holder::this_process(settings, &io.secrets);
    let path = holder_path(data);
    serde_json::to_vec(&owner)
        .map_err(std::io::Error::from)
        .and_then(|text| write_whole(&path, |file| file.write_all(&text)))
        .and_then(|()| TempPath::try_from_path(path))
        .inspect_err(|error| {
            tracing::debug!(%error, "the holder of the data folder could not be written");
        })
        .ok()
}

fn read_holder(data: &Path) -> Option<String> {
    let text = regular_file::read(&holder_path(data), HOLDER_LIMIT).ok()?;
    let owner: LockOwner = serde_json::from_slice(&text).ok()?;
    Some(lock_holder::description(&owner))
}
