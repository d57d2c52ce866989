//! Plans and reviews for the comment of a pull request.

mod escape;
mod plan;
mod review;
mod table;

pub use plan::{MarkdownOptions, render_markdown};
pub use review::render_review_markdown;
