//! The local store: `.solform/` beside the manifest, a folder for each environment.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the edge to the file system"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Record};
use super::journal::Journal;
use crate::apply::OutcomeWord;
use crate::ident::{Digest, SolutionId};

/// What earlier runs know of records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Those that a run brought to their declared state: proven, and in no need of waiting for
    /// `settle`.
    pub vouched: BTreeSet<SolutionId>,
    /// Those that a failed deploy left behind.
    pub suspects: BTreeSet<SolutionId>,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be used.
    #[error("failed to {action} `{path}`")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The folder of one environment.
#[derive(Debug, Clone)]
pub struct LocalStore {
    folder: PathBuf,
}

impl LocalStore {
    /// The store of an environment below `root`. Name, URL and context are its key, so that two
    /// servers never share a journal.
    pub fn new(root: &Path, environment: &str, url: &str, context: Option<&str>) -> Self {
        let key = Digest::of(format!("{environment}\n{url}\n{}", context.unwrap_or("")).as_bytes());
        let name: String = environment
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() {
                    letter
                } else {
                    '-'
                }
            })
            .take(40)
            .collect();
        Self {
            folder: root.join(format!("{name}-{}", &key.as_str()[..12])),
        }
    }

    fn runs(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// Opens the journal of a new run.
    pub fn begin(&self, run: &str) -> Result<Journal, StoreError> {
        let runs = self.runs();
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io {
                action,
                path,
                source,
            }
        };
        fs::create_dir_all(&runs).map_err(failed("create", &runs))?;
        if let Some(root) = self.folder.parent() {
            keep_out_of_git(root).map_err(failed("write", root))?;
        }
        let path = runs.join(format!("{run}.jsonl"));
        let file = fs::OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)
            .map_err(failed("create", &path))?;
        // The file's name must outlive a crash as well as its lines.
        fs::File::open(&runs)
            .and_then(|folder| folder.sync_all())
            .map_err(failed("flush", &runs))?;
        Ok(Journal::new(path.display().to_string(), file))
    }

    /// What earlier runs know of records.
    pub fn memory(&self) -> Result<Memory, StoreError> {
        let runs = self.runs();
        let listing = match fs::read_dir(&runs) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Memory::default()),
            Err(source) => {
                return Err(StoreError::Io {
                    action: "list",
                    path: runs,
                    source,
                });
            }
        };
        let mut files: Vec<PathBuf> = listing
            .filter_map(Result::ok)
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
            .collect();
        // A run's id begins with its time, so that names order the runs.
        files.sort();
        let mut memory = Memory::default();
        for path in &files {
            let text = fs::read_to_string(path).map_err(|source| StoreError::Io {
                action: "read",
                path: path.clone(),
                source,
            })?;
            // A line that a crash cut short is not a line.
            let records = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Record>(line).ok());
            for record in records {
                if let Entry::Outcome {
                    outcome,
                    id: Some(id),
                    ..
                } = record.entry
                {
                    if outcome == OutcomeWord::Done {
                        memory.vouched.insert(id);
                    } else {
                        memory.vouched.remove(&id);
                        memory.suspects.insert(id);
                    }
                }
            }
        }
        Ok(memory)
    }
}

/// Nothing of a store belongs into the repository that the manifest lies in.
fn keep_out_of_git(root: &Path) -> io::Result<()> {
    use std::io::Write as _;
    let path = root.join(".gitignore");
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
    {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Address;

    fn outcome(id: &str, outcome: OutcomeWord) -> Entry {
        Entry::Outcome {
            address: Address::parse("A@1").unwrap(),
            outcome,
            id: Some(SolutionId::parse(id).unwrap()),
            detail: None,
        }
    }

    #[tokio::test]
    async fn a_done_record_is_vouched_for_and_a_torn_line_is_not_a_line() {
        let root = tempfile::tempdir().unwrap();
        let store = LocalStore::new(root.path(), "prod", "https://a.example", None);
        assert!(store.memory().unwrap().vouched.is_empty());
        let journal = store.begin("0001").unwrap();
        journal
            .record(1, outcome("one", OutcomeWord::Done))
            .await
            .unwrap();
        journal
            .record(2, outcome("two", OutcomeWord::Done))
            .await
            .unwrap();
        drop(journal);
        let journal = store.begin("0002").unwrap();
        journal
            .record(3, outcome("two", OutcomeWord::Failed))
            .await
            .unwrap();
        drop(journal);
        let torn = store.runs().join("0003.jsonl");
        let whole = serde_json::to_string(&Record {
            v: 1,
            at_ms: 4,
            entry: outcome("three", OutcomeWord::Done),
        })
        .unwrap();
        fs::write(&torn, &whole[..whole.len() - 5]).unwrap();
        let vouched: Vec<String> = store
            .memory()
            .unwrap()
            .vouched
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(vouched, ["one"]);
    }

    #[tokio::test]
    async fn stores_of_two_servers_are_apart() {
        let root = tempfile::tempdir().unwrap();
        let here = LocalStore::new(root.path(), "prod", "https://a.example", None);
        let there = LocalStore::new(root.path(), "prod", "https://b.example", None);
        let journal = here.begin("0001").unwrap();
        journal
            .record(1, outcome("one", OutcomeWord::Done))
            .await
            .unwrap();
        drop(journal);
        assert!(there.memory().unwrap().vouched.is_empty());
        assert_eq!(here.memory().unwrap().vouched.len(), 1);
    }
}
