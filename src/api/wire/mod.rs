//! The bodies of the API, read tolerantly and converted to the values of this crate.

pub(in crate::api) mod bodies;
pub(in crate::api) mod convert;
pub(in crate::api) mod loose;
