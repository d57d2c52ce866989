//! The output formats: each is a file with its [`Format`], and a line in [`FORMATS`].

mod annotation;
mod format;
mod github;
mod gitlab;
mod html;
mod json;
mod markdown;
mod mermaid;
mod sarif;
mod text;

pub use format::{Channel, Content, Document, Format, Subject};
pub use github::GITHUB;
pub use gitlab::{GITLAB, GitlabDocument, gitlab_document};
pub use html::HTML;
pub use json::JSON;
pub use markdown::MARKDOWN;
pub use mermaid::MERMAID;
use sarif::SARIF;
pub use text::TEXT;

/// All output formats, in the order of help texts. The first one is the default.
pub const FORMATS: [&Format; 8] = [
    &TEXT, &JSON, &MARKDOWN, &HTML, &GITLAB, &GITHUB, &SARIF, &MERMAID,
];
