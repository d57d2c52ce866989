//! The emulators that run inside of this process. Each one holds its data folder, so that all
//! sessions with its environment share it: one environment may be read, and be the source of a
//! package of another one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use secrecy::SecretString;
use solform_emulator::Emulator;
use tempfile::TempPath;
use tokio::sync::{Mutex, MutexGuard};
use url::Url;

/// A running emulator, and the file that names the process that holds its data folder.
pub(in crate::cli) struct Embedded {
    /// Removed first: after the emulator has stopped, the file may belong to the next holder. A
    /// killed process leaves its file behind, but the file is read only while another process holds
    /// the folder, which has overwritten it.
    holder: Option<TempPath>,
    pub(in crate::cli) emulator: Emulator,
}

impl Embedded {
    pub(super) fn new(holder: Option<TempPath>, emulator: Emulator) -> Self {
        Self { holder, emulator }
    }

    /// Stops the emulator once the requests that have arrived are answered.
    pub(in crate::cli) async fn stop(self) {
        drop(self.holder);
        self.emulator.stop().await;
    }
}

/// The emulator of an environment `emulator:`, which stops with its last session.
pub(super) struct RunningEmulator {
    pub(super) url: Url,
    /// The token that it accepts.
    pub(super) token: SecretString,
    pub(super) _embedded: Embedded,
}

/// The emulators of the environments of this process.
#[derive(Clone, Default)]
pub(super) struct Emulators(Arc<Mutex<Running>>);

/// The running emulators, by their folder and environment.
#[derive(Default)]
pub(super) struct Running(BTreeMap<(PathBuf, String), Weak<RunningEmulator>>);

impl Emulators {
    /// Returns the emulators; no other one starts until the guard is dropped.
    pub(super) async fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().await
    }
}

impl fmt::Debug for Emulators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulators").finish_non_exhaustive()
    }
}

impl Running {
    /// Returns the emulator of an environment, if it is running.
    pub(super) fn get(&self, root: &Path, environment: &str) -> Option<Arc<RunningEmulator>> {
        let key = (root.to_owned(), environment.to_owned());
        self.0.get(&key)?.upgrade()
    }

    /// Adds the emulator of an environment.
    pub(super) fn add(&mut self, root: &Path, environment: &str, running: &Arc<RunningEmulator>) {
        let key = (root.to_owned(), environment.to_owned());
        self.0.insert(key, Arc::downgrade(running));
    }
}
