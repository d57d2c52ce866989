//! The first interrupt: start nothing new, propagation what runs for a while, report.
//!
//! The second one needs no code here: the process leaves at once, and the journal knows the rest.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How long steps at work may go on after the first interrupt.
const GRACE: Duration = Duration::from_secs(30);

/// Raises the interrupt.
#[derive(Debug)]
pub struct CancelHandle(watch::Sender<Option<Instant>>);

/// Sees the interrupt.
#[derive(Debug, Clone)]
pub struct CancelToken(watch::Receiver<Option<Instant>>);

impl CancelHandle {
    /// A pair that belongs together.
    pub fn new() -> (Self, CancelToken) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), CancelToken(receiver))
    }

    /// Raises it; later calls change nothing.
    pub fn raise(&self) {
        self.0.send_if_modified(|raised| {
            let is_first = raised.is_none();
            raised.get_or_insert_with(Instant::now);
            is_first
        });
    }
}

impl CancelToken {
    /// One that nobody raises.
    pub fn never() -> Self {
        CancelHandle::new().1
    }

    /// Returns whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Returns when it is raised; never, if nobody can raise it any more.
    pub async fn raised(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when the time for what is in progress is over.
    pub(super) async fn grace_over(&self) {
        self.raised().await;
        let raised_at = *self.0.borrow();
        if let Some(raised_at) = raised_at {
            tokio::time::sleep_until(raised_at + GRACE).await;
        }
    }
}
