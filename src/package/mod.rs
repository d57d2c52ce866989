//! The edge to packages: the contents of a `.ibsolution` (docs/platform.md, "Packages").
//!
//! A package is a zip with a `package.json` at its root. [`inspect()`] reads that member out of a
//! file of any size by a few ranges, through a [`RangeSource`] that the caller brings: nothing
//! here knows of HTTP. A package is a stranger's file, so everything is read within limits.

mod error;
mod info;
mod inspect;
mod sparse;

pub use error::{PackageError, Unreadable};
pub use inspect::{Part, RangeSource, SourceError, inspect};
