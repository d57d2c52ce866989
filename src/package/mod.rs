//! The contents of packages, `.ibsolution` files (docs/platform.md, "Packages").
//!
//! A package is a zip with a `package.json` at its root. [`inspect()`] reads that member out of a
//! file of any size by a few ranges, through a [`RangeSource`] that the caller supplies: nothing
//! here depends on HTTP. A package comes from outside, so everything is read within limits.

mod error;
mod info;
mod inspect;
mod sparse;

pub use error::{PackageError, Unreadable};
pub use inspect::{Part, RangeSource, SourceError, inspect};
