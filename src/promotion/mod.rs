//! The promotion of versions: what is in service in one environment becomes what the manifest
//! declares for another one.
//!
//! ```text
//! Manifest and LiveState of the source -+
//!                                       +--promote--> Promotion --> render
//! Manifest of the target ---------------+                  |
//!                                                          +--versions--> manifest::set_versions
//! ```
//!
//! Nothing is read or written here. A promotion only chooses versions; the manifest's text is
//! edited in `manifest`.

mod choice;
mod error;
mod row;

pub use choice::{Side, candidates, promote};
pub use error::PromotionError;
pub use row::{Decision, Direction, LeftOut, Promotion, PromotionRow};
