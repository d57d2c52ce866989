//! Closed enums as tables: one line for each variant, with its word and its other texts.

/// Defines an enum whose variants have a stable word, which `as_str` returns and `Display`
/// writes. Programs read it, so it never changes.
///
/// With `-> TYPE` behind the name, each line has a second value of that type, which the private
/// function `row` returns.
macro_rules! word_enum {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident {
            $( $(#[$doc:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $name {
            $( $(#[$doc])* $variant, )+
        }

        impl $name {
            /// All values, in the order of their table.
            $visibility const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// All words with their values.
            $visibility const WORDS: [(&'static str, Self); [$($word),+].len()] =
                [$(($word, Self::$variant)),+];

            /// Returns the value of a word; `None` for a word that is not known.
            $visibility fn of_word(word: &str) -> Option<Self> {
                let known = Self::WORDS.into_iter().find(|(known, _)| *known == word);
                known.map(|(_, value)| value)
            }

            /// Returns the stable word.
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident -> $row:ty {
            $( $(#[$doc:meta])* $variant:ident = $word:literal $value:expr, )+
        }
    ) => {
        word_enum! {
            $(#[$attribute])*
            $visibility enum $name {
                $( $(#[$doc])* $variant = $word, )+
            }
        }

        impl $name {
            fn row(self) -> $row {
                match self {
                    $( Self::$variant => $value, )+
                }
            }
        }
    };
}
