//! The identifiers: newtypes with one parsing constructor each.
//!
//! Every other module uses these types for solutions. They are pure values: a text is checked when
//! the value is created, and never again. No `From<String>` exists for any of them.

mod identity;
mod pair;

pub use identity::{
    Address, ChangeKey, Digest, DigestBuilder, IdentError, Identity, JobId, Owner, SolutionId,
    SolutionName, Version, disambiguate,
};
pub use pair::OwnerPair;
