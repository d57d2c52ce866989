//! The comparison of live versions with the packages that the manifest declares as their sources:
//! with what an apply recorded at the deploy, and with the `package.json` in the deployed folder.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;

use super::sources::SourceClients;
use crate::api::{ApiError, ApiErrorKind, chain};
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::ident::{Address, Identity, SolutionId};
use crate::live::Coverage;
use crate::manifest::{Code, Problem, Redeploy, Source};
use crate::plan::{
    Action, ApplyHistory, Change, Comparison, ContentDrift, DeployedPackage, DiffOptions,
    DriftCause, Note, PACKAGE_JSON, Plan, Reason, SourceContents, compare_folder, entry_of,
};
use crate::render::{drift_lines, drift_message, words};
use crate::store::Store;

/// The timeout for one document of the store, and for the reads of one deployed folder.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a `package.json` in a deployed folder, in bytes.
const JSON: u64 = 1024 * 1024;

/// The number of forbidden folders after which no further one is read: most tokens may read none.
const FORBIDDEN: usize = 3;

/// The sources of knowledge about the contents of live versions.
#[derive(Clone, Copy)]
pub(super) struct KnownContents<'a> {
    pub(super) session: &'a Session,
    /// The store, if it can be read.
    pub(super) store: Option<&'a dyn Store>,
    pub(super) history: &'a ApplyHistory,
    pub(super) options: &'a DiffOptions,
}

/// A live version with a source.
struct Candidate<'a> {
    change: &'a Change,
    id: &'a SolutionId,
    source: &'a Source,
}

/// The state of the readers during one round of comparisons.
struct Readers<'a> {
    sources: SourceClients<'a>,
    is_store_closed: AtomicBool,
    /// The causes of the failure of the store.
    store_failure: Mutex<Vec<String>>,
    /// True if the deployed folders cannot be read.
    are_folders_closed: AtomicBool,
    /// The number of deployed folders that the token may not read.
    forbidden_folders: AtomicUsize,
}

/// The versions whose contents differ from their source.
#[derive(Default)]
pub(super) struct Drifts {
    /// The versions that must be replaced.
    pub(super) redeploy: BTreeMap<Identity, Box<ContentDrift>>,
    /// The notes on the versions that are not replaced.
    pub(super) notes: BTreeMap<Identity, Note>,
}

/// The result of the comparison of one version.
struct Found {
    comparison: Comparison,
    /// Whether the source is what was recorded; `None` if nothing was. Only a difference from the
    /// record is a reason to replace a version: deployed folders are not documented.
    is_as_recorded: Option<bool>,
    /// True if an apply recorded what was deployed.
    is_recorded: bool,
}

impl<'a> KnownContents<'a> {
    /// Compares every live version that has a source, and warns about those that differ and are
    /// not replaced.
    pub(super) async fn compare_all(
        self,
        plan: &'a Plan,
        io: &mut Io,
    ) -> Result<Drifts, CommandError> {
        let mut drifts = Drifts::default();
        let candidates = self.candidates(plan);
        if candidates.is_empty() {
            return Ok(drifts);
        }
        let sources = candidates.iter().map(|candidate| candidate.source);
        let readers = Readers {
            sources: SourceClients::open(self.session, sources, io, |_| {}).await?,
            is_store_closed: AtomicBool::new(false),
            store_failure: Mutex::default(),
            are_folders_closed: AtomicBool::new(false),
            forbidden_folders: AtomicUsize::new(0),
        };
        let compare = |candidate| {
            let readers = &readers;
            async move {
                let found = self.compare(&candidate, readers).await;
                (candidate, found)
            }
        };
        let reads_at_once = self.session.files().reads_at_once();
        let found: Vec<(Candidate<'_>, Found)> = futures_util::stream::iter(candidates)
            .map(compare)
            .buffered(reads_at_once)
            .collect()
            .await;
        let failure = readers.store_failure.into_inner().unwrap_or_default();
        if !failure.is_empty() {
            let warning = "what was deployed is not known: the store could not be read";
            io.warn(warning, failure)?;
        }
        let mut warnings = Vec::new();
        let mut unknown: [Vec<Candidate<'_>>; 2] = [Vec::new(), Vec::new()];
        for (candidate, found) in found {
            let is_on_change = candidate.source.redeploy == Redeploy::OnChange;
            match found.comparison {
                Comparison::Unknown if is_on_change => {
                    unknown[usize::from(found.is_recorded)].push(candidate);
                }
                Comparison::Same | Comparison::Unknown => {}
                Comparison::Different(drift) => {
                    let is_as_recorded = found.is_as_recorded;
                    let is_replaced = is_on_change && is_as_recorded == Some(false);
                    let identity = candidate.change.identity.clone();
                    if is_replaced && !candidate.has_more_records() {
                        drifts.redeploy.insert(identity, drift);
                    } else {
                        let cause = match is_as_recorded {
                            Some(false) => DriftCause::Source,
                            Some(true) => DriftCause::Platform,
                            None => DriftCause::NotKnown,
                        };
                        warnings.push(self.drift_warning(&candidate, cause, &drift));
                        let note = Note::ContentDrift { cause, drift };
                        drifts.notes.insert(identity, note);
                    }
                }
            }
        }
        let [unrecorded, unread] = &unknown;
        let deployed = "nothing is known about what was deployed as";
        warnings.extend(self.unknown_warning(deployed, unrecorded));
        warnings.extend(self.unknown_warning("no source can be read for", unread));
        io.warn_of(&warnings)?;
        Ok(drifts)
    }

    /// Returns the live versions that have a source, except those whose deploy is not known to be
    /// done.
    fn candidates(self, plan: &'a Plan) -> Vec<Candidate<'a>> {
        let manifest = self.session.manifest();
        let has_source = manifest.desired.iter().any(|entry| entry.source.is_some());
        if !has_source || matches!(plan.coverage, Coverage::Unproven(_)) {
            return Vec::new();
        }
        let changes = plan.changes.iter();
        let candidates = changes.filter_map(|change| {
            let before = match &change.action {
                Action::NoOp { before } => before.as_ref()?,
                Action::Update { before, .. } => before,
                Action::Create { .. } | Action::Replace { .. } | Action::Delete { .. } => {
                    return None;
                }
            };
            let source = entry_of(manifest, &change.identity)?.source.as_deref()?;
            let history = self.history;
            let is_open = history.write_in_flight(&change.identity).is_some()
                || history.never_served(&before.id, &before.identity)
                || self.options.held_back_until(&change.identity).is_some();
            let is_candidate = change.reason == Reason::Declared && !is_open;
            is_candidate.then_some(Candidate {
                change,
                id: &before.id,
                source,
            })
        });
        candidates.collect()
    }

    async fn compare(self, candidate: &Candidate<'_>, readers: &Readers<'_>) -> Found {
        let Candidate { id, source, .. } = *candidate;
        let document = self.document(id, readers).await;
        let document = document.as_ref();
        let recorded = document.and_then(|document| document.sha256.as_ref());
        // If the declared bytes were deployed, the file is not needed.
        let is_pinned = recorded.is_some() && recorded == source.sha256.as_ref();
        let file = if is_pinned {
            None
        } else {
            readers.sources.read(source).await.ok()
        };
        // A declared digest is compared only if the source can be read: it may be that of the
        // version that another environment declares.
        let mut sha256 = source
            .sha256
            .clone()
            .filter(|_| is_pinned || file.is_some());
        if let (Some(file), None) = (&file, &sha256)
            && document.is_some_and(DeployedPackage::needs_digest)
        {
            sha256 = file.sha256(source).await.ok().flatten();
        }
        let cleaned = file.map(|mut file| {
            let json = std::mem::take(&mut file.contents.package_json).into_bytes();
            let json = self.session.files().clean(json);
            file.contents.package_json = String::from_utf8_lossy(&json).into_owned();
            file
        });
        let declared = source.origin.to_string();
        let path = cleaned.as_ref().map_or(&declared, |file| &file.path);
        let source = SourceContents {
            path,
            sha256: sha256.as_ref(),
            contents: cleaned.as_ref().map(|file| &file.contents),
        };
        let of_record = document.map_or(Comparison::Unknown, |document| document.compare(source));
        let of_file = source.contents.map(|contents| &contents.package_json);
        let of_document = || document?.contents.as_ref()?.package_json.as_ref();
        let json = of_file.or_else(|| of_document().filter(|_| is_pinned));
        let of_folder = match (&of_record, json) {
            (Comparison::Different(_), _) | (_, None) => Comparison::Unknown,
            (_, Some(json)) => match self.deployed_json(id, readers).await {
                Some(deployed) => compare_folder(id, path, &deployed, json),
                None => Comparison::Unknown,
            },
        };
        let is_as_recorded = match &of_record {
            Comparison::Same => Some(true),
            Comparison::Different(_) => Some(false),
            Comparison::Unknown => None,
        };
        // An equal `package.json` does not show that the other members are equal.
        let comparison = match (of_record, of_folder) {
            (Comparison::Different(drift), _) | (_, Comparison::Different(drift)) => {
                Comparison::Different(drift)
            }
            (of_record, _) => of_record,
        };
        Found {
            comparison,
            is_as_recorded,
            is_recorded: document.is_some(),
        }
    }

    /// Reads what an apply recorded about a record. After a failure, the store is not read again.
    async fn document(self, id: &SolutionId, readers: &Readers<'_>) -> Option<DeployedPackage> {
        let store = self.store?;
        if readers.is_store_closed.load(Ordering::Relaxed) {
            return None;
        }
        let cause = match tokio::time::timeout(TIMEOUT, store.read_deployed(id)).await {
            Ok(Ok(json)) => return DeployedPackage::read(&json?, id),
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("`{}` does not answer", store.location()),
        };
        if !readers.is_store_closed.swap(true, Ordering::Relaxed)
            && let Ok(mut failure) = readers.store_failure.lock()
        {
            failure.push(cause);
        }
        None
    }

    /// Reads the `package.json` in the deployed folder of a record. Most tokens may not read it, so
    /// that a failure is no warning.
    async fn deployed_json(self, id: &SolutionId, readers: &Readers<'_>) -> Option<String> {
        if readers.are_folders_closed.load(Ordering::Relaxed) {
            return None;
        }
        let files = self.session.files();
        let read = async {
            let Some(folder) = self.session.reader().folder_of(id).await? else {
                return Ok(None);
            };
            let path = format!("{}/{PACKAGE_JSON}", folder.trim_end_matches('/'));
            files.read(&path, 0..JSON).await
        };
        let part = match tokio::time::timeout(TIMEOUT, read).await {
            Ok(Ok(part)) => part?,
            Ok(Err(error)) => {
                tracing::debug!(%id, %error, "the deployed folder could not be read");
                let is_forbidden = error.status() == Some(403)
                    && readers.forbidden_folders.fetch_add(1, Ordering::Relaxed) + 1 >= FORBIDDEN;
                if is_forbidden || !is_about_folder(&error) {
                    readers.are_folders_closed.store(true, Ordering::Relaxed);
                }
                return None;
            }
            Err(_) => {
                readers.are_folders_closed.store(true, Ordering::Relaxed);
                return None;
            }
        };
        let is_whole = part.start == 0 && part.total == Some(part.bytes.len() as u64);
        let json = files.clean(part.bytes.to_vec());
        String::from_utf8(json).ok().filter(|_| is_whole)
    }

    fn drift_warning(
        self,
        candidate: &Candidate<'_>,
        cause: DriftCause,
        drift: &ContentDrift,
    ) -> Problem {
        let message = drift_message(cause, drift, Some(&candidate.change.address));
        let help = if cause != DriftCause::Source {
            "Look at the version on the platform: something else may have changed it. To deploy \
             the source again, name the version with --replace."
        } else if candidate.source.redeploy == Redeploy::OnChange {
            "Several records of the version are live, and a replace leaves the others. Delete the \
             others, or name the version with --replace."
        } else {
            "Give the new package another version. To deploy it as this version, name the version \
             with --replace, or declare `sha256` and `redeploy: on_change`."
        };
        self.warning(candidate, Code::ContentDrift, message)
            .help(help)
            .details(drift_lines(drift))
    }

    /// Returns the warning about the versions that cannot be compared. `what` is the beginning of
    /// its message.
    fn unknown_warning(self, what: &str, unknown: &[Candidate<'_>]) -> Option<Problem> {
        let first = unknown.first()?;
        let addresses: Vec<&Address> = unknown.iter().map(|one| &one.change.address).collect();
        let message = format!(
            "{what} {}, so that `redeploy: on_change` has no effect",
            words::addresses(addresses.into_iter())
        );
        Some(self.warning(first, Code::ContentUnknown, message))
    }

    fn warning(self, candidate: &Candidate<'_>, code: Code, message: String) -> Problem {
        let position = &candidate.source.position;
        Problem::remote(&self.session.context.source, position, code, message)
    }
}

impl Candidate<'_> {
    /// Returns whether several records of the version are live: a replace would leave the others.
    fn has_more_records(&self) -> bool {
        let is_more = |note: &Note| matches!(note, Note::MoreRecords { .. });
        self.change.notes.iter().any(is_more)
    }
}

/// Returns whether a failure is about one folder only. After other failures, the folders are not
/// read any more: a refused token would be read again for each of them.
fn is_about_folder(error: &ApiError) -> bool {
    *error.kind() == ApiErrorKind::Status && matches!(error.status(), Some(403 | 404 | 410 | 412))
}
