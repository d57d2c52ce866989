//! What holds for every input from outside: the checks of the fuzz targets in `fuzz`.
//!
//! Each `check` panics if its rule does not hold, and returns whether the input was accepted. Here
//! they run over the inputs in `fuzz/corpus`; `.ci/fuzz` runs them over random inputs.

pub(crate) mod answers;
#[cfg(test)]
mod corpus;
pub(crate) mod manifest;
pub(crate) mod package;
pub(crate) mod plan;

use solform::escape::is_hidden;

/// Asserts that an output has no hidden character and is not longer than `limit`, in bytes.
#[track_caller]
fn assert_shown(output: &str, limit: usize) {
    let hidden = output
        .chars()
        .find(|char| *char != '\n' && is_hidden(*char));
    assert_eq!(hidden, None, "in {output}");
    let length = output.len();
    assert!(length <= limit, "{length} bytes, and not {limit}");
}

/// Returns what a renderer writes.
fn written(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut output = Vec::new();
    render(&mut output).expect("memory takes everything");
    String::from_utf8(output).expect("renderers write UTF-8")
}
