//! An export as YAML: a manifest of the live versions, which the module `manifest` can read.

mod text;

pub use text::render_manifest;
