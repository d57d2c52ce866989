//! The bytes of a manifest: their number and their encoding.

use super::position::MAX_BYTES;
use super::problem::{Code, Problem, Problems};
use super::source::SourceFile;
use crate::escape::escaped;

impl SourceFile {
    /// Returns a manifest with these bytes; an error if they are too many or not UTF-8.
    ///
    /// The name is only shown in diagnostics; no file is opened.
    pub fn from_bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Self, Problems> {
        let bytes = bytes.into();
        if bytes.len() > MAX_BYTES {
            let name = escaped(name);
            let message = format!("`{name}` has more than the maximum of {MAX_BYTES} bytes");
            return Err(Problems::of(Problem::new(Code::TooLarge, message)));
        }
        String::from_utf8(bytes).map_or_else(
            |error| Err(Problems::of(not_utf8(name, &error))),
            |text| Ok(Self::new(name, text)),
        )
    }
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Problem {
    let valid = error.utf8_error().valid_up_to();
    let bytes = error.as_bytes();
    // Up to the first invalid byte the lossy text equals the bytes, so the offset stays right.
    let source = SourceFile::new(name, String::from_utf8_lossy(bytes).into_owned());
    let line = source.line_of(valid);
    let start = source.line_starts()[line];
    let column = source.text()[start..valid].chars().count() + 1;
    let mark = source.mark_at(line + 1, column);
    let problem = Problem::new(Code::NotUtf8, "the manifest is not UTF-8").at(&source, mark);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        problem.help("The file looks like UTF-16: save it as UTF-8.")
    } else {
        problem
    }
}
