//! Edits of the text of a manifest. Everything else in the text stays: comments, order, quotes,
//! indentation and line ends.
//!
//! The text is edited at the positions that the parser reports, then read again: if it declares
//! anything else than intended, the edit is refused.
//!
//! The crates `yamlpatch` and `yamlpath` (1.32) do not pass the tests of this module: they lose
//! `owner` of `{ version: &v 1, owner: me }`, do not quote a new key, write LF into a file with
//! CRLF, refuse braces over several lines, and read the file with a parser other than ours.

mod attributes;
mod error;
mod patch;
mod versions;

pub use attributes::{AttributeEdit, AttributeEdits, set_attributes};
pub use error::{EditError, EditReason};
pub use versions::{VersionEdit, VersionEdits, set_versions};

#[cfg(test)]
mod tests;
