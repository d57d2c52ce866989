//! Manifest problems with the affected lines, through miette.

use std::fmt;
use std::io::{self, Write};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode,
    ThemeCharacters, ThemeStyles,
};

use crate::escape::escaped;
use crate::manifest::Problem;

/// Writes one problem: `Error: …` or `Warning: …` first, then the snippet.
pub fn render_problem(
    problem: &Problem,
    width: usize,
    is_coloured: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let characters = ThemeCharacters {
        error: "Error:".to_owned(),
        warning: "Warning:".to_owned(),
        advice: "Note:".to_owned(),
        ..ThemeCharacters::unicode()
    };
    let styles = if is_coloured {
        ThemeStyles::ansi()
    } else {
        ThemeStyles::none()
    };
    let theme = GraphicalTheme { characters, styles };
    let problem = &Titled(problem);
    let mut text = String::new();
    GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_links(false)
        // A wrapped code or path cannot be searched for, so the terminal wraps the lines.
        .with_wrap_lines(false)
        .render_report(&mut text, problem)
        .map_err(io::Error::other)?;
    writeln!(out, "{}", text.trim_start().trim_end())?;
    for line in &problem.0.details {
        writeln!(out, "    {}", escaped(line))?;
    }
    writeln!(out)
}

/// A problem with its code after its message, so that the first word is `Error:`. The texts are
/// escaped; the source of the snippet is escaped by `Problem`.
#[derive(Debug)]
struct Titled<'a>(&'a Problem);

impl fmt::Display for Titled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(problem) = self;
        f.write_str(&escaped(&problem.to_string()))?;
        // Without a snippet, nothing else names the position.
        if let (None, Some(label)) = (problem.source_code(), &problem.primary) {
            let at = &label.position;
            let file = escaped(&at.file);
            write!(f, " at {file}:{}:{}", at.line, at.column)?;
        }
        write!(f, " [{}]", problem.code)
    }
}

impl std::error::Error for Titled<'_> {}

impl Diagnostic for Titled<'_> {
    fn severity(&self) -> Option<Severity> {
        Diagnostic::severity(self.0)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.0.help.as_deref().map(escaped)?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}
