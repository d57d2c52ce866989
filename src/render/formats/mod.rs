//! The output formats: each is a file with its [`Format`], and a line in [`FORMATS`].

mod format;
mod github;
mod gitlab;
mod json;
mod markdown;
mod text;

pub use format::{Channel, Content, Document, Format, Subject};
pub use github::GITHUB;
pub use gitlab::{GITLAB, GitlabDocument, gitlab_document};
pub use json::JSON;
pub use markdown::MARKDOWN;
pub use text::TEXT;

/// All output formats, in the order of help texts. The first one is the default.
pub const FORMATS: [&Format; 5] = [&TEXT, &JSON, &MARKDOWN, &GITLAB, &GITHUB];
