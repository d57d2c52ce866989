//! The document of `revoke`.

use schemars::JsonSchema;
use serde::Serialize;

use super::report::VerificationItem;
use super::v1::FORMAT_VERSION;
use crate::render::view::Revocation;

/// The output of `revoke --json`: the verification record that does not count any more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RevocationDocument {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The name of the environment in the manifest.
    environment: String,
    /// The id of the apply that verified the version.
    apply: String,
    /// The version, as that apply showed it.
    address: String,
    /// The id of the live record that ran.
    id: String,
    /// The record.
    verification: VerificationItem,
}

impl RevocationDocument {
    /// Returns the document of a revoked record.
    pub fn of(revocation: &Revocation<'_>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            environment: revocation.environment.to_owned(),
            apply: revocation.apply.to_owned(),
            address: revocation.address.to_string(),
            id: revocation.verified.record.to_string(),
            verification: VerificationItem::of(revocation.verified),
        }
    }
}
