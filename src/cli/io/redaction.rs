//! Writers that remove secrets and runner commands from every line.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use terminal_size::{Height, Width, terminal_size_of};

use crate::api::Redactor;
use crate::escape::is_hidden;
use crate::render::wrapped;

/// Returns text without invisible characters and without runner commands, which can be anywhere in
/// a line. The escapes have the same meaning in JSON, where only strings can contain them.
pub(in crate::cli) fn neutralize(text: &str) -> Cow<'_, str> {
    let is_plain = text.is_ascii() || !text.chars().any(is_steering);
    if is_plain && !text.contains("##[") {
        return Cow::Borrowed(text);
    }
    let mut neutralize = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_steering(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(neutralize, "\\u{unit:04x}");
            }
        } else {
            neutralize.push(letter);
        }
    }
    Cow::Owned(neutralize.replace("##[", "##\\u005b"))
}

/// Returns true if a character controls the terminal or is invisible, except for the styles of our
/// own text. Renderers escape their text; this covers JSON, where the escape has the same meaning
/// in a string.
fn is_steering(letter: char) -> bool {
    !letter.is_ascii() && is_hidden(letter)
}

/// Returns text of which no line is a command for a GitHub runner, for any names in it: the runner
/// reads every line that begins with two colons, or with space and two colons, as a command.
fn without_commands(text: &str) -> Cow<'_, str> {
    let text = neutralize(text);
    let is_command = |line: &str| line.trim_start().starts_with("::");
    if !text.lines().any(is_command) {
        return text;
    }
    let lines = text.split_inclusive('\n').map(|line| {
        if is_command(line) {
            let begins = line.len() - line.trim_start().len();
            format!("{}\\{}", &line[..begins], &line[begins..])
        } else {
            line.to_owned()
        }
    });
    Cow::Owned(lines.collect())
}

/// Removes secrets from the values of JSON, and not from its text, so that it stays valid.
pub(in crate::cli) fn redact_json(secrets: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => *text = secrets.redact(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| redact_json(secrets, item)),
        Value::Object(entries) => {
            entries
                .values_mut()
                .for_each(|item| redact_json(secrets, item));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A writer that forwards whole lines, without any known secret.
pub(in crate::cli) struct Redacted<W: Write> {
    to: W,
    secrets: Arc<Redactor>,
    pending: Vec<u8>,
    /// True if the lines are commands for a runner.
    pub(super) are_commands: bool,
    /// The width of the terminal, if the text goes to one: longer lines are wrapped.
    pub(super) width: fn() -> Option<usize>,
}

/// A writer of JSON objects to standard error, one in each write. Secrets are removed from the
/// values, so that each line stays valid.
pub(super) struct RedactedJson(Redacted<io::Stderr>);

impl RedactedJson {
    pub(super) fn stderr(secrets: &Arc<Redactor>) -> Self {
        let secrets = Arc::clone(secrets);
        Self(Redacted::new(io::stderr(), secrets, || None))
    }
}

impl Write for RedactedJson {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut line) = serde_json::from_slice::<Value>(bytes) {
            redact_json(&self.0.secrets, &mut line);
            writeln!(self.0, "{line}")?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns the width of the terminal of standard output.
pub(in crate::cli) fn stdout_width() -> Option<usize> {
    columns(terminal_size_of(io::stdout()))
}

fn stderr_width() -> Option<usize> {
    columns(terminal_size_of(io::stderr()))
}

fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    let (Width(columns), _) = size?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

impl<W: Write> Redacted<W> {
    pub(super) fn new(to: W, secrets: Arc<Redactor>, width: fn() -> Option<usize>) -> Self {
        Self {
            to,
            secrets,
            pending: Vec::new(),
            are_commands: false,
            width,
        }
    }

    /// Returns a writer of a file.
    pub(in crate::cli) fn file(to: W, secrets: &Arc<Redactor>, are_commands: bool) -> Self {
        let mut file = Self::new(to, Arc::clone(secrets), || None);
        file.are_commands = are_commands;
        file
    }

    fn pass_on(&mut self, length: usize) -> io::Result<()> {
        let rest = self.pending.split_off(length);
        let lines = std::mem::replace(&mut self.pending, rest);
        let text = String::from_utf8_lossy(&lines);
        let text = self.secrets.redact(&text);
        if self.are_commands {
            return self.to.write_all(text.as_bytes());
        }
        let text = without_commands(&text);
        match (self.width)() {
            Some(width) => self.to.write_all(wrapped(&text, width).as_bytes()),
            None => self.to.write_all(text.as_bytes()),
        }
    }
}

impl<W: Write> Write for Redacted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let start = self.pending.len();
        self.pending.extend_from_slice(bytes);
        // Large outputs are written in large pieces of whole lines. An earlier line break is not
        // searched for: of a long line that is written in pieces, each would be searched again.
        if self.pending.len() > 64 * 1024
            && let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n')
        {
            self.pass_on(start + end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(self.pending.len())?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Redacted<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

impl Redacted<io::Stderr> {
    /// Returns a writer of standard error.
    pub(super) fn stderr(secrets: &Arc<Redactor>) -> Self {
        Self::new(io::stderr(), Arc::clone(secrets), stderr_width)
    }
}

/// Locks a value that several tasks share. A thread that panicked with the lock does not poison it.
pub(in crate::cli) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard error that several tasks share; each write is one piece.
#[derive(Clone)]
pub(in crate::cli) struct SharedErr(Arc<Mutex<Redacted<io::Stderr>>>);

impl SharedErr {
    pub(in crate::cli) fn new(secrets: &Arc<Redactor>) -> Self {
        Self(Arc::new(Mutex::new(Redacted::stderr(secrets))))
    }

    /// Writes one piece. A closed stderr does not stop an apply, so errors are ignored.
    pub(in crate::cli) fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut to = lock(&self.0);
        let _ = write(&mut *to).and_then(|()| to.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_written_in_pieces_is_redacted() {
        let secrets = Arc::new(Redactor::new());
        secrets.add(&secrecy::SecretString::from("hush-hush"));
        let mut to = Redacted::new(Vec::new(), Arc::clone(&secrets), || None);
        write!(to, "it is hush").unwrap();
        writeln!(to, "-hush!").unwrap();
        to.flush().unwrap();
        assert_eq!(to.to, b"it is [redacted]!\n");
    }

    /// Large outputs are passed on in large pieces of whole lines, before the end.
    #[test]
    fn large_outputs_are_passed_on_in_whole_lines() {
        let mut to = Redacted::new(Vec::new(), Arc::default(), || None);
        let line = format!("{}\n", "x".repeat(99));
        for _ in 0..1_000 {
            to.write_all(line.as_bytes()).unwrap();
        }
        assert!(to.to.len() > 60_000 && to.to.ends_with(b"x\n"));
        assert!(to.pending.len() < 70_000);
        let length = to.to.len() + to.pending.len();
        for _ in 0..1_000 {
            to.write_all(&line.as_bytes()[..99]).unwrap();
        }
        to.write_all(b"\nrest").unwrap();
        assert_eq!(to.pending, b"rest");
        assert_eq!(to.to.len(), length + 99 * 1_000 + 1);
    }

    /// A CI runner would read such a line as its own command, and mask words or end the job.
    #[test]
    fn text_lines_are_not_runner_commands() {
        let mut to = Redacted::new(Vec::new(), Arc::default(), || None);
        write!(
            to,
            "::error::a\n  ::add-mask::b\n\u{a0}::c\nd ::e\nf ##[error]g\n"
        )
        .unwrap();
        to.flush().unwrap();
        let text = String::from_utf8(to.to.clone()).unwrap();
        assert_eq!(
            text,
            "\\::error::a\n  \\::add-mask::b\n\\u00a0::c\nd ::e\nf ##\\u005berror]g\n"
        );
        to.to.clear();
        to.are_commands = true;
        writeln!(to, "::error::ours").unwrap();
        to.flush().unwrap();
        assert_eq!(to.to, b"::error::ours\n");
    }
}
