//! The position in the manifest that something comes from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::manifest::Position;

/// The position in the manifest that a change comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The file as the user named it.
    pub file: Arc<String>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl Origin {
    /// Returns the origin at a position.
    pub fn of(position: &Position) -> Self {
        Self {
            file: Arc::clone(&position.file),
            line: position.line,
            column: position.column,
        }
    }
}
