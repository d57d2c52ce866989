//! A verification record that a person revokes.

use crate::ident::Address;
use crate::plan::Verified;

/// A verification record that a person revokes.
#[derive(Debug)]
pub struct Revocation<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The id of the apply that verified the version.
    pub apply: &'a str,
    /// The version, as that apply showed it.
    pub address: &'a Address,
    /// The result.
    pub verified: &'a Verified,
}
