//! Executes the steps of a plan concurrently. A step starts when all steps that it waits for are
//! done.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::event::ApplyEvent;
use super::interrupt::CancelToken;
use super::job_times::JobTimes;
use super::report::{ApplyReport, Outcome, SkipReason, StepReport};
use super::step;
use super::wait::PollPolicy;
use crate::api::{Files, PatchStyle, Reader, Writer};
use crate::attribute::LiveStateWord;
use crate::ident::{Address, Identity, JobId, SolutionId};
use crate::live::LiveVersion;
use crate::plan::{ActionKind, ApprovedPlan, Change, Decided, LiveImage, OtherMade, OwnWrites};
use crate::store::{Journal, Lease};

/// The function that receives each event as it happens.
pub type EventSink = Arc<dyn Fn(&ApplyEvent) + Send + Sync>;

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
    /// The maximum duration of the whole apply.
    pub apply: Duration,
    /// The polling policy for jobs.
    pub poll: PollPolicy,
}

/// The context of an apply. Clock and random numbers are passed in as values.
pub struct Execution {
    /// The client that reads the live state.
    pub reader: Reader,
    /// The only client in solform that writes.
    pub writer: Writer,
    /// The client that reads packages.
    pub files: Files,
    /// The journal of every request before it is sent.
    pub journal: Arc<Journal>,
    /// The token that reports an interrupt.
    pub interrupt: CancelToken,
    /// The limits of time and concurrency.
    pub settings: ApplySettings,
    /// The receiver of events.
    pub events: EventSink,
    /// The wall clock, in milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The records that earlier applies brought to their declared state.
    pub confirmed: BTreeSet<SolutionId>,
    /// The records that failed deploys of earlier applies left.
    pub orphaned: BTreeSet<SolutionId>,
    /// The records that an interrupted apply deployed and did not patch.
    pub unfinished: BTreeSet<SolutionId>,
    /// The versions that jobs of earlier applies may still change: nothing is sent for them.
    pub in_flight: BTreeMap<Identity, Option<JobId>>,
    /// The versions whose deploy an earlier apply sent, and which were not found since.
    pub sent_before: BTreeSet<Identity>,
    /// The versions that must not be deployed before a time, because their last deploy was
    /// abandoned. The time is in milliseconds since 1970.
    pub held_back: BTreeMap<Identity, u64>,
    /// The writes of earlier applies that this one continues.
    pub own_writes: OwnWrites,
    /// The records that an interrupted delete deactivated, with their states before.
    pub deactivated: BTreeMap<SolutionId, LiveStateWord>,
    /// The solutions that the last deploys made instead of the declared versions.
    pub made_other: BTreeMap<Identity, OtherMade>,
    /// The lock that must be held at each write.
    pub lease: Arc<Lease>,
    /// The seed of the jitter.
    pub seed: u64,
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The state that the steps of one apply share.
pub(super) struct Run<'a> {
    pub(super) reader: &'a Reader,
    pub(super) writer: &'a Writer,
    pub(super) files: &'a Files,
    pub(super) journal: &'a Journal,
    pub(super) interrupt: CancelToken,
    pub(super) settings: ApplySettings,
    pub(super) random: Mutex<fastrand::Rng>,
    pub(super) job_times: JobTimes,
    /// The form of PATCH that had an effect last (docs/platform.md, 8.7).
    pub(super) patch_style: Mutex<PatchStyle>,
    /// The records that this or an earlier apply brought to their declared state.
    pub(super) confirmed: Mutex<BTreeSet<SolutionId>>,
    /// The records that failed deploys of earlier applies left.
    pub(super) orphaned: &'a BTreeSet<SolutionId>,
    pub(super) unfinished: &'a BTreeSet<SolutionId>,
    /// The versions that jobs of earlier applies may still change.
    pub(super) in_flight: &'a BTreeMap<Identity, Option<JobId>>,
    /// The versions whose deploy an earlier apply sent, and which were not found since.
    pub(super) sent_before: &'a BTreeSet<Identity>,
    held_back: &'a BTreeMap<Identity, u64>,
    /// The writes of earlier applies that this one continues.
    own_writes: &'a OwnWrites,
    /// The records that an interrupted delete deactivated, with their states before.
    pub(super) deactivated: &'a BTreeMap<SolutionId, LiveStateWord>,
    /// The solutions that the last deploys made instead of the declared versions.
    pub(super) made_other: &'a BTreeMap<Identity, OtherMade>,
    /// The lock that must be held at each write.
    pub(super) lease: &'a Lease,
    /// The versions of the plan.
    pub(super) planned: BTreeSet<Identity>,
    /// The record that each change of this apply brought to its declared state.
    brought_in: Mutex<BTreeMap<Identity, SolutionId>>,
    /// The time after which no step may start.
    pub(super) ends_at: Instant,
    /// The permits of running steps. A deploy releases its permit when its job has ended.
    places: Semaphore,
    events: &'a EventSink,
    now_ms: &'a (dyn Fn() -> u64 + Send + Sync),
}

impl<'a> Run<'a> {
    pub(super) fn of(execution: &'a Execution) -> Self {
        Self {
            reader: &execution.reader,
            writer: &execution.writer,
            files: &execution.files,
            journal: &execution.journal,
            interrupt: execution.interrupt.clone(),
            settings: execution.settings,
            random: Mutex::new(fastrand::Rng::with_seed(execution.seed)),
            job_times: JobTimes::default(),
            patch_style: Mutex::new(PatchStyle::Query),
            confirmed: Mutex::new(execution.confirmed.clone()),
            orphaned: &execution.orphaned,
            unfinished: &execution.unfinished,
            in_flight: &execution.in_flight,
            sent_before: &execution.sent_before,
            held_back: &execution.held_back,
            own_writes: &execution.own_writes,
            deactivated: &execution.deactivated,
            made_other: &execution.made_other,
            lease: &execution.lease,
            planned: BTreeSet::new(),
            brought_in: Mutex::new(BTreeMap::new()),
            ends_at: Instant::now() + execution.settings.apply,
            places: Semaphore::new(execution.settings.parallelism.max(1)),
            events: &execution.events,
            now_ms: execution.now_ms.as_ref(),
        }
    }
}

impl Run<'_> {
    pub(super) fn tell(&self, event: &ApplyEvent) {
        (self.events)(event);
    }

    pub(super) fn now_ms(&self) -> u64 {
        (self.now_ms)()
    }

    /// Records that a change brought a record to its declared state.
    pub(super) fn confirm(&self, identity: &Identity, id: &SolutionId) {
        self.confirmed
            .lock()
            .expect("invariant: no thread panics while it holds the confirmed ids")
            .insert(id.clone());
        self.brought_in
            .lock()
            .expect("invariant: no thread panics while it holds the records brought in")
            .insert(identity.clone(), id.clone());
    }

    /// Returns the image in the plan, updated with the writes of the applies that this one
    /// continues.
    pub(super) fn rebase(&self, before: &LiveImage, now: Option<&LiveVersion>) -> LiveImage {
        now.map_or_else(
            || before.clone(),
            |now| self.own_writes.rebase(before, &LiveImage::of(now)),
        )
    }

    /// Returns the record that a change of this apply brought to its declared state.
    pub(super) fn brought_in(&self, identity: &Identity) -> Option<SolutionId> {
        self.brought_in
            .lock()
            .expect("invariant: no thread panics while it holds the records brought in")
            .get(identity)
            .cloned()
    }

    pub(super) fn is_vouched(&self, id: &SolutionId) -> bool {
        self.confirmed
            .lock()
            .expect("invariant: no thread panics while it holds the confirmed ids")
            .contains(id)
    }
}

/// Executes an approved plan. Always returns one outcome for every change that is not a no-op.
pub async fn apply(plan: &ApprovedPlan, execution: Execution) -> ApplyReport {
    let mut run = Run::of(&execution);
    run.planned = plan
        .plan()
        .changes
        .iter()
        .map(|change| change.identity.clone())
        .collect();
    run.reader.serve_steps(run.settings.parallelism);
    let changes: Vec<&Change> = plan
        .plan()
        .changes
        .iter()
        .filter(|change| !change.is_no_op())
        .collect();
    let mut schedule = Schedule::new(&changes);
    let mut running = FuturesUnordered::new();
    let mut steps: Vec<Option<StepReport>> = changes.iter().map(|_| None).collect();
    let mut has_emitted = false;
    loop {
        while let Ok(place) = run.places.try_acquire()
            && let Some(index) = schedule.next_ready()
        {
            let change = changes[index];
            let decided = plan.decided(&change.address);
            if let Some(outcome) = schedule.obstacle(index, &changes, decided, &run) {
                schedule.finish(index, matches!(outcome, Outcome::Done(_)));
                steps[index] = Some(step::not_tried(&run, change, outcome).await);
            } else {
                let run = &run;
                running.push(async move { (index, step::perform(run, change, place).await) });
            }
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            Some((index, report)) = running.next() => {
                let is_done = matches!(report.outcome, Outcome::Done(_));
                schedule.finish(index, is_done);
                steps[index] = Some(report);
            }
            // A step that only confirms its effect does not hold a permit.
            _ = run.places.acquire(), if schedule.has_ready() => {}
            () = run.interrupt.raised(), if !has_emitted => {
                has_emitted = true;
                run.tell(&ApplyEvent::Draining { at_work: running.len() });
            }
        }
    }
    ApplyReport {
        steps: steps
            .into_iter()
            .map(|step| step.expect("invariant: the loop ends when every step has its outcome"))
            .collect(),
        interrupted: run.interrupt.is_raised(),
    }
}

/// The order of the steps. A step finishes once, and then each step that depends on it waits for
/// one step fewer. Steps are identified by their index.
struct Schedule {
    ready: BTreeSet<usize>,
    /// The number of unfinished steps that each step waits for.
    waiting: Vec<usize>,
    waits_for: Vec<Vec<usize>>,
    dependants: Vec<Vec<usize>>,
    is_undone: Vec<bool>,
}

impl Schedule {
    /// Builds the order from `waits_for`, which holds addresses; they are unique in a plan.
    fn new(changes: &[&Change]) -> Self {
        let indices: HashMap<&Address, usize> = changes
            .iter()
            .enumerate()
            .map(|(index, change)| (&change.address, index))
            .collect();
        let waits_for: Vec<Vec<usize>> = changes
            .iter()
            .map(|change| {
                let waits_for = change.waits_for.iter();
                waits_for
                    .filter_map(|address| indices.get(address).copied())
                    .collect()
            })
            .collect();
        let mut dependants = vec![Vec::new(); changes.len()];
        for (index, earlier) in waits_for.iter().enumerate() {
            for earlier in earlier {
                dependants[*earlier].push(index);
            }
        }
        let waiting: Vec<usize> = waits_for.iter().map(Vec::len).collect();
        let ready = (0..changes.len()).filter(|index| waiting[*index] == 0);
        Self {
            ready: ready.collect(),
            waiting,
            waits_for,
            dependants,
            is_undone: vec![false; changes.len()],
        }
    }

    fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    fn next_ready(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    /// Returns the outcome of a ready step that cannot be executed.
    fn obstacle(
        &self,
        index: usize,
        changes: &[&Change],
        decided: Option<&Decided>,
        run: &Run<'_>,
    ) -> Option<Outcome> {
        let change = changes[index];
        if let Some(decided) = decided
            && !run.in_flight.contains_key(&change.identity)
        {
            return Some(Outcome::of(decided));
        }
        let mut earlier = self.waits_for[index].iter();
        if let Some(earlier) = earlier.find(|earlier| self.is_undone[**earlier]) {
            let address = changes[*earlier].address.clone();
            return Some(Outcome::Skipped(SkipReason::Because(address)));
        }
        if run.interrupt.is_raised() {
            return Some(Outcome::Cancelled);
        }
        if let Some(job) = run.in_flight.get(&change.identity) {
            let said = Some("a call of an earlier apply is still in progress".to_owned());
            return Some(Outcome::Unknown {
                job: job.clone(),
                said,
            });
        }
        if change.action.kind() == ActionKind::Create
            && let Some(until_ms) = run.held_back.get(&change.identity)
        {
            return Some(Outcome::Skipped(SkipReason::HeldBack {
                until_ms: *until_ms,
            }));
        }
        (Instant::now() >= run.ends_at).then_some(Outcome::Skipped(SkipReason::OutOfTime))
    }

    fn finish(&mut self, index: usize, is_done: bool) {
        self.is_undone[index] = !is_done;
        for dependant in std::mem::take(&mut self.dependants[index]) {
            self.waiting[dependant] -= 1;
            if self.waiting[dependant] == 0 {
                self.ready.insert(dependant);
            }
        }
    }
}
