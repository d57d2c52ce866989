//! The delivery of writes: the pauses of every wait, the interrupt, and the sending of one write
//! until its result is known. Must not know what a write is for: `apply` and `run` do.

mod backoff;
mod interrupt;
mod write;

pub use backoff::PollPolicy;
pub(crate) use backoff::{Pauses, PropagationWait, Stopped, pause};
pub use interrupt::{CancelHandle, CancelToken};
pub(crate) use write::{Attempt, Delivery, Effect, NoResult, Sent};
