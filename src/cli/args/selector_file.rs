//! The files of `--target-file` and `--exclude-file`.

use std::path::Path;

use crate::cli::error::CommandError;
use crate::cli::files::{is_standard_input, read_standard_input};
use crate::ident::{Address, SolutionName};
use crate::regular_file;

/// The maximum size of a file of selectors, in bytes.
const LIMIT: u64 = 4 * 1024 * 1024;

/// Reads a file with one name or address per line. Empty lines, and those that begin with `#`, are
/// skipped.
pub(super) fn read(path: &Path) -> Result<Vec<String>, CommandError> {
    let failed = |source| CommandError::io("read", path, source);
    let bytes = if is_standard_input(path) {
        read_standard_input(LIMIT)
    } else {
        regular_file::read_named(path, LIMIT)
    };
    let bytes = bytes.map_err(failed)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = lines_before(&bytes[..error.valid_up_to()]);
        let message = format!("line {line} of `{}` is not UTF-8", path.display());
        CommandError::failed(message).hint("Save the file as UTF-8.")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            if Address::parse(line).is_ok() || SolutionName::parse(line).is_ok() {
                return Ok(line.to_owned());
            }
            let message = format!(
                "line {number} of `{}` is neither a name nor an address",
                path.display()
            );
            let hint = "Write one name or `Name@version` per line, without quotes.";
            Err(CommandError::failed(message).hint(hint))
        })
        .collect()
}

/// Returns the number of the line that begins behind these bytes, or contains their end.
fn lines_before(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count()
}
