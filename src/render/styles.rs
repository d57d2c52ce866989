//! The colours of human output. The default has no colours.

use std::fmt;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::plan::ActionKind;

/// The styles of human output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Styles {
    /// Added values.
    pub add: Style,
    /// Changed values.
    pub change: Style,
    /// Destroyed values, and errors.
    pub destroy: Style,
    /// Headings and addresses.
    pub strong: Style,
    /// Text of minor importance.
    pub faint: Style,
    /// Warnings and blocks.
    pub warning: Style,
}

impl Styles {
    /// Returns the colours for a terminal.
    pub fn coloured() -> Self {
        Self {
            add: AnsiColor::Green.on_default(),
            change: AnsiColor::Yellow.on_default(),
            destroy: AnsiColor::Red.on_default(),
            strong: Style::new().bold(),
            faint: Style::new().dimmed(),
            warning: AnsiColor::Yellow.on_default().bold(),
        }
    }

    /// Returns the symbol of an action in its style.
    pub(super) fn symbol(self, kind: ActionKind) -> impl fmt::Display {
        let style = match kind {
            ActionKind::Create => self.add,
            ActionKind::Update => self.change,
            ActionKind::Delete | ActionKind::Replace => self.destroy,
            ActionKind::NoOp => self.faint,
        };
        styled(style, format!("{:>3}", kind.symbol()))
    }
}

/// A writer of human output, with its styles.
pub struct StyledWriter<'a> {
    /// The target.
    pub out: &'a mut dyn Write,
    /// The styles of the target.
    pub styles: Styles,
    /// The width of the target, if it is a terminal.
    pub width: Option<usize>,
}

impl StyledWriter<'_> {
    /// Writes a line in one style.
    pub(super) fn line(&mut self, style: Style, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self, "{}", styled(style, text))
    }
}

impl<'a> StyledWriter<'a> {
    /// Returns a writer without styles, whose lines are not wrapped.
    pub fn plain(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            styles: Styles::default(),
            width: None,
        }
    }
}

impl Write for StyledWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Returns a text between the codes of a style; a plain style adds nothing.
pub fn styled(style: Style, text: impl fmt::Display) -> impl fmt::Display {
    struct Styled<T>(Style, T);
    impl<T: fmt::Display> fmt::Display for Styled<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}{}{}", self.0.render(), self.1, self.0.render_reset())
        }
    }
    Styled(style, text)
}
