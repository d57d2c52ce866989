//! Plans and reviews for the comment of a pull request.

mod budget;
mod escape;
mod plan;
mod review;

pub use plan::{MarkdownOptions, render_markdown};
pub use review::render_review_markdown;
