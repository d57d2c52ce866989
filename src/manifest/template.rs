//! The manifest that `solform init` writes.

/// Returns a commented manifest that works without changes, with the embedded emulator.
pub fn template() -> &'static str {
    include_str!("template.yaml")
}
