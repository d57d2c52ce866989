//! The conflicts of owner or author that block a change.
//!
//! [`OwnerPair`] and [`NameView`](super::name::NameView) decide which
//! owners count as one. This module gives the reason for a block, and the fix.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ident::{Owner, OwnerPair};

/// The reason why an owner or an author blocks a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OwnerConflict {
    /// A create whose name and version are live under an owner that does not count as the declared
    /// one.
    #[error(
        "it is live under the owner `{live}`{}, and the owner `{declared}` is declared",
        by(author.as_deref())
    )]
    OwnerDiffers {
        /// The declared owner.
        declared: Owner,
        /// The live owner.
        live: Owner,
        /// The live author, if the server names one.
        author: Option<Arc<str>>,
        /// True if the environment names a `user`.
        has_user: bool,
    },
    /// A delete of a version that is live only under the other owner of the pair.
    #[error("it is live under the owner `{live}`, and a delete needs the exact owner")]
    OwnerMoved {
        /// The live owner.
        live: Owner,
    },
    /// A narrower visibility for a version that is live only under the other owner of the pair.
    #[error("it is live under the owner `{live}`, and a narrower visibility needs the exact owner")]
    NarrowedElsewhere {
        /// The live owner.
        live: Owner,
    },
    /// `PRIVATE` for a record that `user` did not publish.
    #[error(
        "its author is {}, so that PRIVATE would hide it from this token",
        author_word(author.as_deref())
    )]
    AuthorDiffers {
        /// The live author, if the server names one.
        author: Option<Arc<str>>,
    },
}

fn by(author: Option<&str>) -> String {
    author.map_or_else(
        || " without an author".to_owned(),
        |author| format!(" by the author `{author}`"),
    )
}

fn author_word(author: Option<&str>) -> String {
    author.map_or_else(|| "not known".to_owned(), |author| format!("`{author}`"))
}

impl OwnerConflict {
    /// Returns the stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OwnerDiffers { .. } => "owner-differs",
            Self::OwnerMoved { .. } | Self::NarrowedElsewhere { .. } => "owner-moved",
            Self::AuthorDiffers { .. } => "author-differs",
        }
    }

    /// Returns the fix, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::OwnerDiffers {
                declared,
                live,
                author,
                has_user,
            } => {
                if live == declared {
                    return format!(
                        "Write `{live}` in `manage.owners` to take the record over, or deploy \
                         another version."
                    );
                }
                let advice = OwnerPair::from_both(declared, live)
                    .filter(|pair| !has_user && pair.is_author(author.as_deref()))
                    .and_then(|_| OwnerPair::advice(declared, live));
                if let Some(advice) = advice {
                    format!("{advice} Or declare `owner: {live}` to take the record over.")
                } else {
                    format!(
                        "Declare `owner: {live}` to take the record over, with `{live}` in \
                         `manage.owners` where that is set; or deploy another version."
                    )
                }
            }
            Self::OwnerMoved { live } => format!(
                "Write `owner: {live}` in the entry to delete it, with `{live}` in `manage.owners` \
                 where that is set."
            ),
            Self::NarrowedElsewhere { live } => format!(
                "Write `owner: {live}` in the entry, with `{live}` in `manage.owners` where that \
                 is set, or leave `visibility` as it is live."
            ),
            Self::AuthorDiffers { author } => match author {
                Some(author) => format!(
                    "Remove `visibility` from the entry, or apply with the token of `{author}` and \
                     `user: {author}`."
                ),
                None => "Remove `visibility` from the entry, or set it on the platform.".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
