//! The output formats: each is a file with its [`Format`], and a line in [`FORMATS`].

mod format;
mod github;
mod gitlab;
mod html;
mod json;
mod markdown;
mod mermaid;
mod text;

pub use format::{Channel, Content, Document, Format, Subject};
pub use github::GITHUB;
pub use gitlab::{GITLAB, GitlabDocument, gitlab_document};
pub use html::HTML;
pub use json::JSON;
pub use markdown::MARKDOWN;
pub use mermaid::MERMAID;
pub use text::TEXT;

/// All output formats, in the order of help texts. The first one is the default.
pub const FORMATS: [&Format; 7] = [&TEXT, &JSON, &MARKDOWN, &HTML, &GITLAB, &GITHUB, &MERMAID];
