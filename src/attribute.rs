//! The attributes of a deployed version that can be set: its state and its visibility.
//!
//! The declared words are closed enums. The words that a server reports are open: an unknown word
//! is kept, shown, and never "corrected" (docs/platform.md, 8.23).

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

word_enum! {
    /// The state that a manifest declares.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    pub enum State {
        /// Deployed, and in service.
        Active = "ACTIVE",
        /// Deployed, and out of service: kept as a roll-back target.
        Inactive = "INACTIVE",
        /// Not deployed: a tombstone. An existing version is deleted.
        Absent = "ABSENT",
    }
}

word_enum! {
    /// The visibility that a manifest declares.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    pub enum Visibility {
        /// Visible to every user of the instance.
        Public = "PUBLIC",
        /// Visible to the owner only.
        Private = "PRIVATE",
        /// Waiting for an approval to become public.
        PendingReview = "PENDING_REVIEW",
    }
}

/// Defines an enum of the words that a server reports; `Other` keeps every other word unchanged.
macro_rules! open_word_enum {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $( $(#[$doc:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $( $(#[$doc])* $variant, )+
            /// Any other word, kept unchanged. A thin pointer, as there may be many records.
            Other(Arc<String>),
        }

        impl $name {
            /// Parses the server's word.
            pub fn new(word: &str) -> Self {
                match word {
                    $( $word => Self::$variant, )+
                    other => Self::Other(Arc::new(other.to_owned())),
                }
            }

            /// Returns the server's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $word, )+
                    Self::Other(word) => word,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::new(&word)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }
    };
}

open_word_enum! {
    /// A state that a server reports.
    pub enum LiveStateWord {
        /// `ACTIVE`.
        Active = "ACTIVE",
        /// `INACTIVE`.
        Inactive = "INACTIVE",
        /// `PRODUCTION`: not in the contract, but in 8 of 10 captured records (docs/platform.md,
        /// "Records"). It is in service.
        Production = "PRODUCTION",
    }
}

impl LiveStateWord {
    /// The word of [`LiveStateWord::Production`].
    pub const PRODUCTION: &str = "PRODUCTION";
}

open_word_enum! {
    /// A visibility that a server reports.
    pub enum LiveVisibilityWord {
        /// `PUBLIC`.
        Public = "PUBLIC",
        /// `PRIVATE`.
        Private = "PRIVATE",
        /// `PENDING_REVIEW`.
        PendingReview = "PENDING_REVIEW",
    }
}

impl Visibility {
    /// Returns whether fewer users see a version than with another visibility.
    pub fn is_narrower_than(self, other: Self) -> bool {
        let reach = |visibility| match visibility {
            Self::Private => 0,
            Self::PendingReview => 1,
            Self::Public => 2,
        };
        reach(self) < reach(other)
    }
}

impl LiveStateWord {
    /// Returns whether a version in this state is in service. An unknown word counts as in service,
    /// which is the safe reading before a removal.
    pub fn is_in_service(&self) -> bool {
        match self {
            Self::Active | Self::Production | Self::Other(_) => true,
            Self::Inactive => false,
        }
    }

    /// Returns whether a declared state is satisfied. `PRODUCTION` satisfies `ACTIVE`.
    pub fn satisfies(&self, declared: State) -> bool {
        match declared {
            State::Active => matches!(self, Self::Active | Self::Production),
            State::Inactive => matches!(self, Self::Inactive),
            State::Absent => false,
        }
    }
}

impl LiveVisibilityWord {
    /// Returns whether a declared visibility is satisfied.
    pub fn satisfies(&self, declared: Visibility) -> bool {
        self.as_str() == declared.as_str()
    }
}

impl From<Visibility> for LiveVisibilityWord {
    fn from(visibility: Visibility) -> Self {
        Self::new(visibility.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_serves_and_unknown_words_survive() {
        let production = LiveStateWord::new("PRODUCTION");
        assert!(production.satisfies(State::Active));
        assert!(!production.satisfies(State::Inactive));
        let odd = LiveStateWord::new("DEPRECATED");
        assert_eq!(odd.as_str(), "DEPRECATED");
        assert!(!odd.satisfies(State::Active));
        assert!(odd.is_in_service());
        let json = serde_json::to_string(&odd).unwrap();
        assert_eq!(serde_json::from_str::<LiveStateWord>(&json).unwrap(), odd);
    }
}
