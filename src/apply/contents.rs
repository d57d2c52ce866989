//! The recorder of the contents of deployed versions, for the plans that come later.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::api::chain;
use crate::ident::{Digest, SolutionId};
use crate::plan::{AfterImage, DeployedPackage, PackageContents, RecordedContents};
use crate::store::Store;

/// The maximum size in memory of the contents that one apply keeps, in bytes. Of further packages,
/// only the digests are recorded.
const KEPT: usize = 16 * 1024 * 1024;

/// The recorder of the contents of deployed versions.
pub struct ContentsRecorder {
    store: Arc<dyn Store>,
    kept: Mutex<Kept>,
    failures: Mutex<RecordFailures>,
}

/// The contents of the packages of a plan, by fingerprint.
#[derive(Debug, Default)]
struct Kept {
    size: usize,
    packages: HashMap<Digest, Arc<RecordedContents>>,
}

/// The failures to record contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFailures {
    /// The number of versions.
    pub versions: usize,
    /// The causes of the first failure.
    pub causes: Vec<String>,
}

impl fmt::Debug for ContentsRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentsRecorder").finish_non_exhaustive()
    }
}

fn locked<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state
        .lock()
        .expect("invariant: no thread panics while it holds a state of the recorder")
}

impl ContentsRecorder {
    /// Creates a recorder that writes to a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            kept: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Keeps the contents of a package until it is deployed, unless the kept contents are too large
    /// then.
    pub fn keep(&self, contents: &PackageContents) {
        let recorded = RecordedContents::of(contents);
        let size = recorded.size();
        let mut kept = locked(&self.kept);
        let fingerprint = &contents.info.fingerprint;
        if kept.size + size > KEPT || kept.packages.contains_key(fingerprint) {
            return;
        }
        kept.size += size;
        kept.packages
            .insert(fingerprint.clone(), Arc::new(recorded));
    }

    /// Returns the failures to record contents.
    pub fn failures(&self) -> RecordFailures {
        locked(&self.failures).clone()
    }

    /// Returns the kept contents of the package that a deploy submits.
    pub(super) fn kept(&self, after: &AfterImage) -> Option<RecordedContents> {
        let fingerprint = after.package.as_ref()?;
        let found = locked(&self.kept).packages.get(fingerprint).cloned();
        found.map(|contents| (*contents).clone())
    }

    /// Writes a document to the store. A failure is only counted.
    pub(super) async fn write(&self, document: &DeployedPackage) {
        let Some(json) = document.to_json() else {
            return;
        };
        let Err(error) = self.store.write_deployed(&document.id, &json).await else {
            return;
        };
        tracing::warn!(%error, "the contents of a deployed version could not be recorded");
        let mut failures = locked(&self.failures);
        failures.versions += 1;
        if failures.causes.is_empty() {
            failures.causes = vec![chain(&error)];
        }
    }

    /// Removes the document of a deleted record. One that stays is not read again: no other record
    /// gets its id.
    pub(super) async fn forget(&self, id: &SolutionId) {
        if let Err(error) = self.store.remove_deployed(id).await {
            tracing::warn!(%id, %error, "the contents of a deleted version stay in the store");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::testing::{contents, member};
    use crate::store::{LocalStore, StoreKey};

    /// Many large packages do not fill the memory.
    #[test]
    fn kept_contents_are_bounded() {
        let key = StoreKey {
            environment: "e",
            url: "https://a.example",
            context: None,
        };
        let store = LocalStore::new(Path::new("none"), key);
        let recorder = ContentsRecorder::new(Arc::new(store));
        let filling = "x".repeat(900);
        for package in 0..40 {
            let names = (0..1_000).map(|index| format!("{package}-{index}-{filling}"));
            let members = names.map(|name| member(&name, 1)).collect();
            recorder.keep(&contents(members, "{}"));
        }
        let kept = locked(&recorder.kept);
        assert!(kept.size <= KEPT);
        let packages = kept.packages.len();
        assert!(packages > 10 && packages < 40, "{packages}");
    }
}
