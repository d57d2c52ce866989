//! The checks of the fuzz targets. They are also tests, over the inputs in `corpus`.

#[path = "../tests/it/fuzz/mod.rs"]
mod fuzz;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/support"]
mod support {
    pub(crate) mod plan_file;
}

/// Reads an answer of the platform.
pub fn answers(input: &[u8]) {
    fuzz::answers::check(input);
}

/// Reads a manifest.
pub fn manifest(input: &[u8]) {
    fuzz::manifest::check(input);
}

/// Reads a package.
pub fn package(input: &[u8]) {
    fuzz::package::check(input);
}

/// Reads a plan file.
pub fn plan(input: &[u8]) {
    fuzz::plan::check(input);
}
