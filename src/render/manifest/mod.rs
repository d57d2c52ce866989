//! A manifest as YAML: what is live, in the words that `manifest` reads.

mod text;
mod yaml;

pub use text::render_manifest;
