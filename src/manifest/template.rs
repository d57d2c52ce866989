//! The manifest that `solform init` writes.

/// A commented manifest that can be used as it is, with the embedded emulator.
pub fn template() -> &'static str {
    include_str!("template.yaml")
}
