//! The durations of this apply's jobs, and the polling times that follow from them.
//!
//! The jobs of one apply usually take about the same time. The first jobs are polled as the
//! [`PollPolicy`] defines. Later jobs are first polled when they are likely to have ended, and then
//! again in small steps. No pause is longer than the longest pause of the policy.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::delivery::{CancelToken, Pauses, PollPolicy, Stopped, pause};
use crate::outcome::WriteKind;

/// The number of jobs whose durations are kept.
const REMEMBERED: usize = 16;

/// The steps in which the end of a job is searched: a fiftieth of its duration, but at least
/// `SMALLEST_STEP`.
const STEPS: u32 = 50;
const SMALLEST_STEP: Duration = Duration::from_millis(10);

/// The maximum number of steps by which the first poll is postponed, because other jobs are still
/// in progress. A job that takes longer than that says nothing about others.
const POSTPONED: u32 = 4;

/// The shortest pause before the expected end of a job.
const SURE: Duration = Duration::from_secs(1);

fn step_of(time: Duration) -> Duration {
    (time / STEPS).max(SMALLEST_STEP)
}

/// The durations of this apply's jobs.
#[derive(Debug, Default)]
pub(super) struct JobDurations {
    deploy: RecentDurations,
    delete: RecentDurations,
}

impl JobDurations {
    /// Returns the durations of the jobs that one kind of call started.
    pub(super) fn of(&self, call: WriteKind) -> &RecentDurations {
        match call {
            WriteKind::Delete => &self.delete,
            WriteKind::Deploy | WriteKind::Patch | WriteKind::Upload => &self.deploy,
        }
    }
}

/// The durations of the latest jobs of one kind of call, as far as polling shows them.
#[derive(Debug, Default)]
pub(super) struct RecentDurations {
    ended: watch::Sender<VecDeque<Seen>>,
    /// The number of jobs that are polled.
    polled: watch::Sender<usize>,
    /// The longest time after which a job was still in progress, and when this was seen. Jobs that
    /// began later have probably not ended before.
    in_progress: Mutex<Option<(Instant, Duration)>>,
}

/// The duration of one job.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// The time from the start of the job to the last poll that showed it in progress.
    pending: Duration,
    /// The estimated time from the start of the job to its end.
    ended: Duration,
}

impl RecentDurations {
    /// Records a job that was in progress after `pending` and had ended after `over`. `is_hit` is
    /// true if the first poll at the expected end found it ended: the job may have ended long
    /// before.
    fn learn(&self, pending: Duration, over: Duration, is_hit: bool) {
        self.in_progress().take_if(|(_, time)| *time >= over);
        self.ended.send_modify(|jobs| {
            let mut since = pending;
            if is_hit {
                let others = jobs.iter().map(|job| job.pending);
                let in_progress = others.filter(|pending| *pending < over).max();
                let sooner = over.saturating_sub(2 * step_of(over));
                since = since.max(in_progress.unwrap_or_default()).min(sooner);
            }
            // The job ended between the two polls. If the gap is long, assume that it ended late in
            // the gap: one poll too late costs less than many polls too early.
            let before = (over.saturating_sub(since) / 2).min(over / 16);
            let ended = over.saturating_sub(before);
            jobs.truncate(REMEMBERED - 1);
            jobs.push_front(Seen { pending, ended });
        });
    }

    /// Returns the time of the first poll: one step after the fastest quarter of the jobs had
    /// ended.
    pub(super) fn expected_end(&self) -> Option<Duration> {
        let mut times: Vec<Duration> = self.ended.borrow().iter().map(|job| job.ended).collect();
        times.sort_unstable();
        let time = *times.get(times.len() / 4)?;
        Some(time + step_of(time))
    }

    /// Waits until the duration of one job is known.
    async fn known(&self) {
        // `self` holds the sender, so that the channel cannot be closed.
        let mut jobs = self.ended.subscribe();
        let _ = jobs.wait_for(|jobs| !jobs.is_empty()).await;
    }

    /// Returns the number of jobs that are polled.
    pub(super) fn polled(&self) -> usize {
        *self.polled.borrow()
    }

    /// Waits until no job is polled.
    pub(super) async fn all_ended(&self) {
        let _ = self.polled.subscribe().wait_for(|jobs| *jobs == 0).await;
    }

    fn in_progress(&self) -> MutexGuard<'_, Option<(Instant, Duration)>> {
        let in_progress = self.in_progress.lock();
        in_progress.unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a job was in progress after this time.
    fn see_in_progress(&self, time: Duration) {
        let now = Instant::now();
        let mut longest = self.in_progress();
        let is_longest = longest.is_none_or(|(seen, longest)| longest <= time || seen + time < now);
        if is_longest {
            *longest = Some((now, time));
        }
    }
}

/// The polling schedule of one job.
#[derive(Debug)]
pub(super) struct JobPolls<'a> {
    policy: PollPolicy,
    /// The pauses while the duration of no job is known.
    pauses: Pauses<'a>,
    recent: &'a RecentDurations,
    begun: Instant,
    /// The time at which the job has probably ended.
    expected_end: Option<Duration>,
    /// The next step, if the job was still in progress at its expected end.
    step: Option<Duration>,
    /// True if the first poll waited for older jobs: it shows nothing about the end of this one.
    is_postponed: bool,
    /// The time of the last poll, and of the last poll that showed the job in progress.
    asked: Duration,
    pending: Duration,
}

impl<'a> JobPolls<'a> {
    /// Returns the schedule of a job that starts now.
    pub(super) fn new(
        policy: PollPolicy,
        recent: &'a RecentDurations,
        random: &'a Mutex<fastrand::Rng>,
    ) -> Self {
        recent.polled.send_modify(|jobs| *jobs += 1);
        Self {
            policy,
            pauses: Pauses::new(policy, random),
            recent,
            begun: Instant::now(),
            expected_end: recent.expected_end(),
            step: None,
            is_postponed: false,
            asked: Duration::ZERO,
            pending: Duration::ZERO,
        }
    }

    /// Waits until the next poll is due.
    pub(super) async fn wait(
        &mut self,
        deadline: Instant,
        interrupt: &CancelToken,
    ) -> Result<(), Stopped> {
        let length = self.length();
        tokio::select! {
            over = pause(length, deadline, interrupt) => over?,
            // Jobs that started together use the duration of the first one that ends.
            () = self.recent.known(), if self.expected_end.is_none() => {
                self.expected_end = self.recent.expected_end();
                let length = self.length();
                pause(length, deadline, interrupt).await?;
            }
        }
        while let Some(length) = self.postponement() {
            self.is_postponed = true;
            pause(length, deadline, interrupt).await?;
        }
        self.asked = self.begun.elapsed();
        Ok(())
    }

    fn length(&mut self) -> Duration {
        let Some(expected_end) = self.expected_end else {
            return self.pauses.next();
        };
        let passed = self.begun.elapsed();
        if let Some(left) = expected_end
            .checked_sub(passed)
            .filter(|left| !left.is_zero())
        {
            // A job that is faster than the others must not wait long for its poll.
            let longest = (passed / 2).max(SURE).min(self.policy.cap);
            return left.min(longest);
        }
        let step = self.step.unwrap_or_else(|| step_of(expected_end));
        self.step = Some((step * 2).min(self.policy.cap));
        self.pauses.jittered(step.min(self.policy.cap))
    }

    /// Returns how much longer the first poll must wait, because a job that is at least as old was
    /// still in progress.
    fn postponement(&self) -> Option<Duration> {
        let expected_end = self.expected_end.filter(|_| self.step.is_none())?;
        let passed = self.begun.elapsed();
        let (seen, time) = (*self.recent.in_progress())?;
        let step = step_of(expected_end);
        let is_alike = seen > self.begun && time <= expected_end + POSTPONED * step;
        if passed < expected_end || !is_alike {
            return None;
        }
        let left = (time + step).checked_sub(passed)?;
        (!left.is_zero()).then_some(left)
    }

    /// Records that the job is still in progress.
    pub(super) fn is_pending(&mut self) {
        self.pending = self.asked;
        self.recent.see_in_progress(self.asked);
    }

    /// Records that the job succeeded. The duration of a failed job is not used: it may have ended
    /// early.
    pub(super) fn is_done(&self) {
        let is_hit = self
            .expected_end
            .is_some_and(|expected_end| expected_end <= self.asked)
            && self.step.is_none();
        if is_hit && self.is_postponed {
            return;
        }
        self.recent.learn(self.pending, self.asked, is_hit);
    }
}

impl Drop for JobPolls<'_> {
    fn drop(&mut self) {
        self.recent.polled.send_modify(|jobs| *jobs -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::CancelHandle;

    const HOUR: Duration = Duration::from_hours(1);

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    /// Polls a job of this duration until it ends. Returns the number of polls, and the delay
    /// between the end and the last poll.
    async fn poll(
        job: Duration,
        recent: &RecentDurations,
        random: &Mutex<fastrand::Rng>,
    ) -> (u32, Duration) {
        let (_interrupter, interrupt) = CancelHandle::new();
        let begun = Instant::now();
        let mut polls = JobPolls::new(PollPolicy::default(), recent, random);
        let mut count = 0;
        loop {
            polls.wait(begun + HOUR, &interrupt).await.unwrap();
            count += 1;
            if let Some(late) = begun.elapsed().checked_sub(job) {
                polls.is_done();
                return (count, late);
            }
            polls.is_pending();
        }
    }

    fn random() -> Mutex<fastrand::Rng> {
        Mutex::new(fastrand::Rng::with_seed(1))
    }

    #[tokio::test(start_paused = true)]
    async fn similar_jobs_are_polled_once_after_their_end() {
        for job in [ms(300), ms(500), ms(700), ms(950)] {
            let (recent, random) = (RecentDurations::default(), random());
            for _ in 0..2 * REMEMBERED {
                poll(job, &recent, &random).await;
            }
            let (mut count, mut late) = (0, Duration::ZERO);
            for _ in 0..100 {
                let (times, by) = poll(job, &recent, &random).await;
                count += times;
                late += by;
            }
            assert!(count <= 180, "{job:?}: {count} polls");
            let late = late / 100;
            assert!(late <= job / 8, "{job:?}: late by {late:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn simultaneous_jobs_learn_from_the_first() {
        let (recent, random) = (RecentDurations::default(), random());
        let jobs = (0..50).map(|_| poll(ms(500), &recent, &random));
        let results = futures_util::future::join_all(jobs).await;
        let late = results.iter().map(|(_, late)| *late).max().unwrap();
        // If each job were polled on its own, the last poll could be 250 ms late.
        assert!(late <= ms(50), "{late:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_is_not_polled_while_older_ones_are_in_progress() {
        let (recent, random) = (RecentDurations::default(), random());
        for _ in 0..REMEMBERED {
            poll(ms(500), &recent, &random).await;
        }
        let jobs = (0..50).map(|index| {
            let (recent, random) = (&recent, &random);
            async move {
                tokio::time::sleep(ms(2 * index)).await;
                poll(ms(520), recent, random).await
            }
        });
        let results = futures_util::future::join_all(jobs).await;
        let count: u32 = results.iter().map(|(count, _)| count).sum();
        let late = results.iter().map(|(_, late)| *late).max().unwrap();
        assert!(count <= 60, "{count} polls");
        assert!(late <= ms(25), "{late:?}");
        // A job that takes much longer than usual does not delay the others.
        let (_, others) = tokio::join!(poll(ms(5_000), &recent, &random), async {
            tokio::time::sleep(ms(700)).await;
            poll(ms(520), &recent, &random).await
        });
        assert!(others.1 <= ms(25), "{others:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_unusual_job_is_polled_at_the_cap() {
        let cap = PollPolicy::default().cap;
        let (recent, random) = (RecentDurations::default(), random());
        for _ in 0..20 {
            poll(ms(60_000), &recent, &random).await;
        }
        let (_, late) = poll(ms(7_000), &recent, &random).await;
        assert!(late <= cap, "{late:?}");
        let (count, late) = poll(ms(600_000), &recent, &random).await;
        assert!(count <= 130, "{count}");
        assert!(late <= cap * 6 / 5, "{late:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn changing_durations_are_followed() {
        let (recent, random) = (RecentDurations::default(), random());
        for job in [ms(500), ms(2000), ms(400)] {
            for _ in 0..2 * REMEMBERED {
                poll(job, &recent, &random).await;
            }
            let (_, late) = poll(job, &recent, &random).await;
            assert!(late <= ms(600), "{job:?}: {late:?}");
        }
    }

    #[test]
    fn the_expected_end_is_the_fastest_quarter() {
        let recent = RecentDurations::default();
        assert_eq!(recent.expected_end(), None);
        for (pending, over) in [(990, 1000), (980, 1020), (1980, 2020), (0, 800)] {
            recent.learn(ms(pending), ms(over), false);
        }
        // The durations are 995, 1000, 2000 and 750, which is an estimate.
        assert_eq!(recent.expected_end(), Some(ms(995) + ms(995) / 50));
        for _ in 0..REMEMBERED {
            recent.learn(ms(100), ms(100), false);
        }
        assert_eq!(recent.expected_end(), Some(ms(110)));
    }
}
