//! The contents of packages, `.ibsolution` files (docs/platform.md, "Packages").
//!
//! A package is a zip with a `package.json` at its root. [`read_contents`] reads that member and
//! the directory of the archive out of a file of any size by a few ranges, through a
//! [`RangeSource`] that the caller supplies: nothing here depends on HTTP. A package comes from
//! outside, so everything is read within limits. [`build()`] makes a package from a folder.

mod build;
mod build_error;
mod digest;
mod end_record;
mod error;
mod folder;
mod info;
mod inspect;
mod local;
mod members;
mod sparse;

pub use build::{PACKAGE_SUFFIX, build};
pub use build_error::BuildError;
pub use digest::{PrefixDigest, READ, digest, read_whole};
pub use error::{PackageError, Unreadable};
pub use inspect::{RangeSource, SourceError, next_part, read_contents};
pub use local::LocalPackage;
