//! The first interrupt: no step starts any more, and running steps get a grace period.
//!
//! The second interrupt ends the process at once, without code here. The next apply recovers from
//! the journal.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The grace period for running steps after the first interrupt.
const GRACE: Duration = Duration::from_secs(30);

/// The sender of the interrupt.
#[derive(Debug)]
pub struct CancelHandle(watch::Sender<Option<Instant>>);

/// The receiver of the interrupt.
#[derive(Debug, Clone)]
pub struct CancelToken(watch::Receiver<Option<Instant>>);

impl CancelHandle {
    /// Returns a connected pair.
    pub fn new() -> (Self, CancelToken) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), CancelToken(receiver))
    }

    /// Raises the interrupt. Later calls have no effect.
    pub fn raise(&self) {
        self.0.send_if_modified(|raised| {
            let is_first = raised.is_none();
            raised.get_or_insert_with(Instant::now);
            is_first
        });
    }
}

impl CancelToken {
    /// Returns a token that is never raised.
    pub fn never() -> Self {
        CancelHandle::new().1
    }

    /// Returns whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until the interrupt is raised. Never returns if the handle was dropped before.
    pub async fn raised(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the grace period after the interrupt is over.
    pub(crate) async fn grace_over(&self) {
        self.raised().await;
        let raised_at = *self.0.borrow();
        if let Some(raised_at) = raised_at {
            tokio::time::sleep_until(raised_at + GRACE).await;
        }
    }
}
