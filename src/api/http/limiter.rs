//! The limit of concurrent reads, and the pauses that the host asks for.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The limiter that every request passes.
#[derive(Debug)]
pub(in crate::api) struct Limiter {
    reads: Semaphore,
    /// The maximum number of concurrent reads.
    most_reads: AtomicUsize,
    /// The time before which nothing is sent.
    paused_until: Mutex<Option<Instant>>,
}

impl Limiter {
    pub(in crate::api) fn new(reads_at_once: usize) -> Self {
        let most_reads = reads_at_once.max(1);
        Self {
            reads: Semaphore::new(most_reads),
            most_reads: AtomicUsize::new(most_reads),
            paused_until: Mutex::new(None),
        }
    }

    /// Returns the maximum number of concurrent reads.
    pub(in crate::api) fn most_reads(&self) -> usize {
        self.most_reads.load(Ordering::Relaxed)
    }

    /// Raises the maximum number of concurrent reads to at least this value.
    pub(in crate::api) fn widen_reads(&self, reads_at_once: usize) {
        let before = self.most_reads.fetch_max(reads_at_once, Ordering::Relaxed);
        self.reads.add_permits(reads_at_once.saturating_sub(before));
    }

    /// Acquires a permit to read. It is held while a request is sent, never during the pause before
    /// a retry.
    pub(in crate::api) async fn read_permit(&self) -> SemaphorePermit<'_> {
        self.reads
            .acquire()
            .await
            .expect("invariant: the semaphore is never closed")
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_pause_applies_to_all() {
        let limiter = Limiter::new(1);
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
        let limiter = Limiter::new(2);
        for (limit, expected) in [(1, 2), (2, 2), (5, 5), (3, 5)] {
            limiter.widen_reads(limit);
            assert_eq!(limiter.reads.available_permits(), expected, "{limit}");
        }
    }
}
