//! Complete lists of versions, with the proof of their completeness.

pub(in crate::api) mod coverage;
pub(in crate::api) mod names;
pub(in crate::api) mod page;
pub(in crate::api) mod paging;
pub(in crate::api) mod pending_listing;
pub(in crate::api) mod request;
pub(in crate::api) mod unproven;
pub(in crate::api) mod visibility;
pub(in crate::api) mod walk;
