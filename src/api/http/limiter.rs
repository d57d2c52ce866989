//! The limit of concurrent reads, which adapts to the server, and the pauses that the host asks
//! for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::{Origin, Url};

/// The longest duration of answers at which the number of reads grows: a slower server is busy, and
/// ten reads may be all that its limit of requests allows.
const BUSY: Duration = Duration::from_millis(250);

/// The limiters of all hosts, which the clients of a process share: the limit of a server applies
/// to all of their requests together.
#[derive(Debug, Clone, Default)]
pub struct HostLimiters(Arc<Mutex<HashMap<Origin, Weak<Limiter>>>>);

impl HostLimiters {
    /// Returns the limiter of a host, or a new one if no client has one.
    pub(in crate::api) fn get(&self, base: &Url, new: impl FnOnce() -> Limiter) -> Arc<Limiter> {
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = limiters.entry(base.origin()).or_default();
        entry.upgrade().unwrap_or_else(|| {
            let limiter = Arc::new(new());
            *entry = Arc::downgrade(&limiter);
            limiter
        })
    }
}

/// The limiter that every request to a host passes.
#[derive(Debug)]
pub(in crate::api) struct Limiter {
    reads: Semaphore,
    width: Mutex<Width>,
    /// The time before which nothing is sent.
    paused_until: Mutex<Option<Instant>>,
}

/// The number of concurrent reads. It grows while answers come as fast as before, and shrinks if
/// they come slower, or if the server asks for fewer requests.
#[derive(Debug)]
struct Width {
    /// The number of reads with which a command begins, and below which only refusals reduce it.
    base: usize,
    now: usize,
    most: usize,
    /// True if the number never changes.
    is_fixed: bool,
    /// The number of permits that are in use, but no longer exist after their release.
    excess: usize,
    /// The usual duration of an answer when the server was not busy; at first, that of the first
    /// answer, which was alone.
    unburdened: Option<Duration>,
    /// The durations of the answers since the last change, while most permits were in use.
    recent: Vec<Duration>,
    /// The time of the last change. Requests that were sent before it show nothing about it.
    changed_at: Option<Instant>,
}

impl Width {
    fn new(base: usize, most: usize) -> Self {
        let base = base.max(1);
        Self {
            base,
            now: base,
            most: most.max(base),
            is_fixed: most <= base,
            excess: 0,
            unburdened: None,
            recent: Vec::new(),
            changed_at: None,
        }
    }

    fn is_before_change(&self, began: Instant) -> bool {
        self.changed_at.is_some_and(|changed| began < changed)
    }

    /// Returns the number after an answer that took this time, while most permits were in use.
    fn after_answer(&mut self, took: Duration) -> usize {
        let Some(unburdened) = self.unburdened else {
            self.unburdened = Some(took);
            return self.now;
        };
        self.recent.push(took);
        // At first twice as many: a server with a limit has shown it by then.
        let needed = match self.now {
            now if now < self.base => now,
            now if now == self.base => 2 * now,
            _ => self.base,
        };
        if self.recent.len() < needed {
            return self.now;
        }
        let middle = self.recent.len() / 2;
        let (_, median, _) = self.recent.select_nth_unstable(middle);
        let median = *median;
        self.recent.clear();
        self.unburdened = Some(unburdened.min(median));
        if self.now < self.base {
            self.now + 1
        } else if median > unburdened * 2 {
            self.most = self.base.max(self.now / 2);
            self.most
        } else if median <= BUSY.min(unburdened * 3 / 2) {
            self.most.min(self.now + self.base)
        } else {
            self.now
        }
    }

    /// Returns the number after a request without an answer of the server: more reads than the base
    /// may be too many for it.
    fn after_failure(&mut self) -> usize {
        self.most = self.base;
        self.now.min(self.base)
    }

    /// Returns the number after the server has asked for fewer requests. It never exceeds the base
    /// again.
    fn after_refusal(&mut self) -> usize {
        self.most = self.base;
        (self.now.min(self.base) / 2).max(1)
    }
}

impl Limiter {
    /// Creates a limiter that begins with `base` concurrent reads, and allows `most` at the
    /// maximum.
    pub(in crate::api) fn new(base: usize, most: usize) -> Self {
        let width = Width::new(base, most);
        Self {
            reads: Semaphore::new(width.now),
            width: Mutex::new(width),
            paused_until: Mutex::new(None),
        }
    }

    /// Returns the number of concurrent reads with which a command begins.
    pub(in crate::api) fn base_reads(&self) -> usize {
        self.width().base
    }

    /// Returns the current number of concurrent reads.
    pub(in crate::api) fn reads(&self) -> usize {
        self.width().now
    }

    /// Returns the maximum number of concurrent reads.
    pub(in crate::api) fn most_reads(&self) -> usize {
        self.width().most
    }

    /// Raises the number of concurrent reads to at least this value.
    pub(in crate::api) fn widen_reads(&self, reads_at_once: usize) {
        let mut width = self.width();
        if reads_at_once > width.base {
            width.base = reads_at_once;
            width.most = width.most.max(reads_at_once);
            let now = width.now.max(reads_at_once);
            self.change(&mut width, now);
        }
    }

    /// Acquires a permit to read. It is held while a request is sent, never during the pause before
    /// a retry.
    pub(in crate::api) async fn read_permit(&self) -> ReadPermit<'_> {
        let permit = self.reads.acquire().await;
        ReadPermit {
            limiter: self,
            permit: Some(permit.expect("invariant: the semaphore is never closed")),
        }
    }

    /// Records the answer to a list request that began at this time. The caller holds its permit.
    pub(in crate::api) fn answered(&self, began: Instant, took: Duration) {
        let mut width = self.width();
        // Several answers may come before the next requests are sent.
        let is_used = 2 * self.reads.available_permits() <= width.now;
        if width.is_fixed || width.is_before_change(began) {
            return;
        }
        if is_used || width.unburdened.is_none() {
            let now = width.after_answer(took);
            self.change(&mut width, now);
        }
    }

    /// Records that the server has asked for fewer requests, in the answer to a request that began
    /// at this time.
    pub(in crate::api) fn refused(&self, began: Instant) {
        self.reduce(began, Width::after_refusal);
    }

    /// Records that a request that began at this time got no answer from the server.
    pub(in crate::api) fn failed(&self, began: Instant) {
        self.reduce(began, Width::after_failure);
    }

    fn reduce(&self, began: Instant, after: impl FnOnce(&mut Width) -> usize) {
        let mut width = self.width();
        if !width.is_fixed && !width.is_before_change(began) {
            let now = after(&mut width);
            width.recent.clear();
            width.changed_at = Some(Instant::now());
            self.change(&mut width, now);
        }
    }

    fn change(&self, width: &mut Width, now: usize) {
        if now == width.now {
            return;
        }
        tracing::debug!(from = width.now, to = now, "concurrent reads");
        if let Some(fewer) = width.now.checked_sub(now).filter(|fewer| *fewer > 0) {
            width.excess += fewer - self.reads.forget_permits(fewer);
        } else {
            let more = now - width.now;
            let kept = more.min(width.excess);
            width.excess -= kept;
            self.reads.add_permits(more - kept);
        }
        width.now = now;
        width.recent.clear();
        width.changed_at = Some(Instant::now());
    }

    fn width(&self) -> MutexGuard<'_, Width> {
        self.width.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pauses every request to the host: a 429 concerns all of them.
    pub(in crate::api) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut paused = self.lock();
        if paused.is_none_or(|present| present < until) {
            *paused = Some(until);
        }
    }

    /// Waits until the host accepts requests again.
    pub(in crate::api) async fn ready(&self) {
        loop {
            let until = *self.lock();
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit to read.
#[derive(Debug)]
pub(in crate::api) struct ReadPermit<'a> {
    limiter: &'a Limiter,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for ReadPermit<'_> {
    fn drop(&mut self) {
        let mut width = self.limiter.width();
        if width.excess > 0 {
            width.excess -= 1;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const USUAL: Duration = Duration::from_millis(50);

    #[tokio::test(start_paused = true)]
    async fn the_longest_pause_applies_to_all() {
        let limiter = Limiter::new(1, 1);
        let start = Instant::now();
        limiter.ready().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        limiter.pause(Duration::from_secs(7));
        limiter.pause(Duration::from_secs(2));
        limiter.ready().await;
        assert!(start.elapsed() >= Duration::from_secs(7));
    }

    #[tokio::test]
    async fn reads_are_widened_and_never_narrowed() {
        let limiter = Limiter::new(2, 2);
        for (limit, expected) in [(1, 2), (2, 2), (5, 5), (3, 5)] {
            limiter.widen_reads(limit);
            assert_eq!(limiter.reads.available_permits(), expected, "{limit}");
        }
    }

    /// Reads 1,000 pages, the first one alone. `latency` gets the number of the read and the number
    /// of concurrent reads; `None` is a refusal. Returns the maximum number of concurrent reads,
    /// and the number at the end.
    async fn read(latency: impl Fn(usize, usize) -> Option<Duration>) -> (usize, usize) {
        let limiter = Limiter::new(10, 64);
        let (in_flight, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let one = async |number: usize| {
            let _permit = limiter.read_permit().await;
            let others = in_flight.fetch_add(1, Ordering::Relaxed) + 1;
            most.fetch_max(others, Ordering::Relaxed);
            let began = Instant::now();
            match latency(number, others) {
                Some(latency) => {
                    // No two answers come in the same moment.
                    let jitter = Duration::from_millis(number as u64 * 7 % 10);
                    tokio::time::sleep(latency + jitter).await;
                    limiter.answered(began, began.elapsed());
                }
                None => limiter.refused(began),
            }
            in_flight.fetch_sub(1, Ordering::Relaxed);
        };
        one(0).await;
        futures_util::future::join_all((1..1000).map(one)).await;
        (most.into_inner(), limiter.reads())
    }

    #[tokio::test(start_paused = true)]
    async fn reads_grow_while_answers_are_fast() {
        assert_eq!(read(|_, _| Some(USUAL)).await, (64, 64));
        // Noise of a fifth, and every tenth answer takes ten times as long.
        let noisy = |number: usize, _| {
            let share = u32::try_from(number * 7 % 5).unwrap();
            let factor = if number % 10 == 3 { 10 } else { 1 };
            Some((USUAL + USUAL * share / 20) * factor)
        };
        assert_eq!(read(noisy).await, (64, 64));
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_gets_no_more_reads() {
        let in_turn = |_, others: usize| Some(USUAL * u32::try_from(others).unwrap());
        assert_eq!(read(in_turn).await, (10, 10));
        let busy = |_, _| Some(BUSY);
        assert_eq!(read(busy).await, (10, 10));
        let slow_above_ten = |_, others| Some(if others > 10 { USUAL * 3 } else { USUAL });
        assert_eq!(read(slow_above_ten).await, (20, 10));
        let slow_above_thirty = |_, others| Some(if others > 30 { USUAL * 3 } else { USUAL });
        assert_eq!(read(slow_above_thirty).await, (40, 20));
        let slow_later = |number, _| Some(if number > 500 { USUAL * 3 } else { USUAL });
        assert_eq!(read(slow_later).await, (64, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_reduce_the_reads() {
        // The refused requests of one moment count once.
        let once = |number: usize, _| (!(100..105).contains(&number)).then_some(USUAL);
        let (most, end) = read(once).await;
        assert!(most > 10 && end == 10, "{most}, {end}");
        let limiter = Limiter::new(10, 64);
        for expected in [5, 2, 1, 1] {
            limiter.refused(Instant::now());
            assert_eq!(limiter.reads(), expected);
            assert_eq!(limiter.reads.available_permits(), expected);
        }
        let fixed = Limiter::new(10, 10);
        fixed.refused(Instant::now());
        assert_eq!(fixed.reads(), 10);
    }
}
