//! Fault rules: errors, delays and broken connections for chosen requests.
//!
//! A rule selects requests (by method, operation, address or body), limits which of them it hits
//! (all, those after the first few, a seeded share), and has an effect: an error in place of the
//! answer, before or after the work; a delay; a broken connection; a job that fails, hangs or is
//! lost; a list that shows the write late; or other knobs for this one request. The first rule that
//! hits takes the request; later rules do not see it.
//!
//! A rule is written as settings, in the same form on a command line, in a seed and over the
//! control route: `operation=deploy,skip=1,times=2,status=503,retry_after=3`.

mod fault;
mod rules;
mod settings;

pub use fault::{ConnectionFault, Fault, FaultStatus, JobFault, RetryAfter, When};
pub(crate) use rules::FaultRules;
pub use settings::FaultError;
