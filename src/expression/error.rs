//! The reason why a text is not an expression, with its position.

use std::ops::Range;

/// The reason why a text is not an expression that can be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// The message: a fragment without a period.
    pub message: String,
    /// The bytes of the text that it is about.
    pub range: Range<usize>,
    /// The fix, as a sentence, if it is not the choice of another word.
    pub help: Option<String>,
    /// The unknown word, if there is one, and the known words at its position.
    pub unknown: Option<(String, Vec<&'static str>)>,
}

impl ExpressionError {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            range,
            help: None,
            unknown: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
