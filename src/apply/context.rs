//! What the steps of one apply share: the clients, the journal, the lock, the state that earlier
//! applies left, and the reads of single records.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::batch::Batch;
use super::contents::ContentsRecorder;
use super::durations::JobDurations;
use super::event::ApplyEvent;
use super::report::Outcome;
use super::source::SourceReaders;
use crate::api::{ApiErrorKind, Files, PatchStyle, ReadError, Reader, Writer};
use crate::attribute::Visibility;
use crate::delivery::{CancelToken, PollPolicy, PropagationWait};
use crate::ident::{Address, Identity, SolutionId, SolutionName};
use crate::live::LiveVersion;
use crate::plan::{ApplyHistory, DiffOptions, LiveImage, OwnWrites};
use crate::store::{Journal, Lease};

/// The maximum number of reads for an unknown visibility before a write.
const VISIBILITY_READS: u32 = 4;

/// The function that receives each event as it happens.
pub type EventSink = Arc<dyn Fn(&ApplyEvent<'_>) + Send + Sync>;

/// The settings of an apply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ApplySettings {
    /// The maximum number of concurrent steps.
    pub parallelism: usize,
    /// The maximum duration of one deploy, its job included.
    pub deploy: Duration,
    /// The maximum duration of one delete, its job included.
    pub delete: Duration,
    /// The maximum time until a finished write shows in reads.
    pub propagation: Duration,
    /// The maximum duration of a run of a verification that names none.
    pub run: Duration,
    /// The maximum duration of the whole apply.
    pub apply: Duration,
    /// The polling policy for jobs.
    pub poll: PollPolicy,
}

/// The context of an apply. Clock and random numbers are passed in as values.
pub struct ApplyContext<'a> {
    /// The client that reads the live state.
    pub reader: Reader,
    /// The client that reads packages.
    pub files: Files,
    /// The readers of packages of other environments.
    pub sources: SourceReaders,
    /// The folder of the manifest, from which the sources of uploads start.
    pub folder: &'a Path,
    /// The journal of every request before it is sent.
    pub journal: &'a Journal,
    /// The recorder of the contents of deployed versions.
    pub contents: &'a ContentsRecorder,
    /// The lock that must be held at each write.
    pub lease: &'a dyn Lease,
    /// The token that reports an interrupt.
    pub interrupt: CancelToken,
    /// The limits of time and concurrency.
    pub settings: ApplySettings,
    /// The receiver of events.
    pub events: EventSink,
    /// The wall clock, in milliseconds since 1970.
    pub now_ms: fn() -> u64,
    /// The state that earlier applies left.
    pub history: &'a ApplyHistory,
    /// The versions whose deploy an earlier apply sent, and which were not found since.
    pub sent_before: &'a BTreeSet<Identity>,
    /// The options of the plan: the deploys that are held back or requested again.
    pub options: &'a DiffOptions,
    /// The writes of earlier applies that this one continues.
    pub own_writes: OwnWrites,
    /// The state that the steps change.
    pub shared: SharedState,
}

/// The state that the steps of one apply change.
pub struct SharedState {
    pub(super) random: Mutex<fastrand::Rng>,
    pub(super) durations: JobDurations,
    /// The form of PATCH that had an effect last (docs/platform.md, 8.7).
    patch_style: Mutex<PatchStyle>,
    /// The records that the changes of this apply brought to their declared state.
    pub(super) confirmed: Mutex<Vec<(Identity, SolutionId)>>,
    /// The records that the next list confirms, if any are waiting for it.
    pub(super) batch: Mutex<Option<Arc<Batch>>>,
    /// The changes that others wait for.
    pub(super) awaited: BTreeSet<Address>,
    /// The versions of the plan.
    pub(super) planned: BTreeSet<Identity>,
    /// The time after which no step may start.
    pub(super) ends_at: Instant,
    /// The permits of running steps. A deploy releases its permit when its job has ended.
    pub(super) permits: Semaphore,
}

impl SharedState {
    /// Returns the state before the first step. `seed` is the seed of the jitter.
    pub fn new(settings: &ApplySettings, seed: u64) -> Self {
        Self {
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            durations: JobDurations::default(),
            patch_style: Mutex::new(PatchStyle::Query),
            confirmed: Mutex::default(),
            batch: Mutex::default(),
            awaited: BTreeSet::new(),
            planned: BTreeSet::new(),
            ends_at: Instant::now() + settings.apply,
            permits: Semaphore::new(settings.parallelism.max(1)),
        }
    }
}

pub(super) fn locked<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state
        .lock()
        .expect("invariant: no thread panics while it holds a state of the apply")
}

impl fmt::Debug for ApplyContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplyContext")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl ApplyContext<'_> {
    /// Returns the client that writes, over the connections of the reader.
    pub(super) fn writer(&self) -> Writer {
        Writer::new(&self.reader)
    }

    pub(super) fn emit(&self, event: &ApplyEvent<'_>) {
        (self.events)(event);
    }

    pub(super) fn patch_style(&self) -> PatchStyle {
        *locked(&self.shared.patch_style)
    }

    /// Records the form of PATCH that had an effect.
    pub(super) fn set_patch_style(&self, style: PatchStyle) {
        *locked(&self.shared.patch_style) = style;
    }

    /// Records that a change brought a record to its declared state.
    pub(super) fn confirm(&self, identity: &Identity, id: &SolutionId) {
        locked(&self.shared.confirmed).push((identity.clone(), id.clone()));
    }

    /// Returns the record that a change of this apply brought to its declared state.
    pub(super) fn confirmed_record(&self, identity: &Identity) -> Option<SolutionId> {
        let confirmed = locked(&self.shared.confirmed);
        let mut newest_first = confirmed.iter().rev();
        let found = newest_first.find(|(confirmed, _)| confirmed == identity);
        found.map(|(_, id)| id.clone())
    }

    /// Returns whether this or an earlier apply brought a record to its declared state.
    pub(super) fn is_confirmed(&self, id: &SolutionId) -> bool {
        self.history.confirmed.contains(id)
            || locked(&self.shared.confirmed)
                .iter()
                .any(|(_, confirmed)| confirmed == id)
    }

    /// Returns the image in the plan, updated with the writes of the applies that this one
    /// continues.
    pub(super) fn rebase(&self, before: &LiveImage, now: Option<&LiveVersion>) -> LiveImage {
        now.map_or_else(
            || before.clone(),
            |now| self.own_writes.rebase(before, &LiveImage::of(now)),
        )
    }

    /// Returns a wait of several reads within `propagation`.
    pub(super) fn propagation_wait(&self) -> PropagationWait<'_> {
        let random = &self.shared.random;
        PropagationWait::new(self.settings.propagation, random, &self.interrupt)
    }

    /// Returns the record of an id, or `None` if neither a read nor its list shows it. A read may
    /// lag behind a write (docs/platform.md, U10), and an error inside a success (U15) proves
    /// nothing.
    pub(super) async fn fetch(
        &self,
        id: &SolutionId,
        name: &SolutionName,
    ) -> Result<Option<LiveVersion>, ReadError> {
        match self.reader.get(id).await {
            Ok(Some(live)) => return Ok(Some(live)),
            Ok(None) => {}
            Err(error) if matches!(error.kind(), ApiErrorKind::Refused) => {}
            Err(error) => return Err(error.into()),
        }
        let named = self.reader.named(name).await?;
        Ok(named.into_iter().find(|live| live.id == *id))
    }

    /// Returns whether neither a read nor its list shows the record of an image.
    pub(super) async fn is_gone(&self, before: &LiveImage) -> Result<bool, ReadError> {
        let live = self.fetch(&before.id, &before.identity.name).await?;
        Ok(live.is_none())
    }

    /// Returns the current record of an image, with its visibility if the image has one.
    pub(super) async fn current(&self, before: &LiveImage) -> Result<Option<LiveVersion>, Outcome> {
        let mut wait = self.propagation_wait();
        let mut reads = 1;
        loop {
            let found = self.fetch(&before.id, &before.identity.name).await;
            let Some(mut live) = found? else {
                return Ok(None);
            };
            let Some(planned) = &before.visibility else {
                return Ok(Some(live));
            };
            let visibility = self.reader.visibility_before_write(&live, planned).await;
            live.visibility = visibility?;
            if live.visibility.is_some() || reads == VISIBILITY_READS {
                return Ok(Some(live));
            }
            // The record may be gone while its reads lag behind.
            reads += 1;
            if wait.pause().await.is_err() {
                return Ok(Some(live));
            }
        }
    }

    /// Returns a record with its visibility, if one is declared: from the record itself, or from
    /// lists.
    pub(super) async fn seen(
        &self,
        declared: Option<Visibility>,
        mut live: LiveVersion,
    ) -> Result<LiveVersion, ReadError> {
        if declared.is_some() {
            live.visibility = self.reader.visibility_of(&live).await?;
        }
        Ok(live)
    }
}
