//! The error of a manifest that cannot be edited.

/// The error of a manifest that cannot be edited. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("the manifest cannot be edited: {reason}")]
pub struct EditError {
    /// The reason.
    pub reason: EditReason,
    pub(super) help: String,
}

/// The reason why a manifest cannot be edited.
#[derive(Debug, thiserror::Error)]
pub enum EditReason {
    /// A value on the way to the version is an alias, or not what it must be.
    #[error("`{0}` is not a mapping of its own")]
    NotAMapping(String),
    /// The environment declares several versions, or none.
    #[error("`{0}` does not have exactly one entry under `versions`")]
    Versions(String),
    /// The text has a form that this module does not edit.
    #[error("`{0}` is written in an unusual form")]
    Form(String),
    /// The edited text would have errors; the first one is shown.
    #[error("with the new versions, it would have an error: {0}")]
    Invalid(String),
    /// The edited text would declare more than the new versions.
    #[error("the edit would also change something else in the environment `{0}`")]
    SideEffect(String),
}

impl EditError {
    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &str {
        &self.help
    }
}
