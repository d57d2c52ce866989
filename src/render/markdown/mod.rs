//! A plan for the comment of a pull request.

mod escape;
mod plan;

pub use plan::{MarkdownOptions, render_markdown};
