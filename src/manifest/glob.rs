//! Patterns for names, owners and addresses: `*`, `?`, and `\` before a literal character.
//!
//! A match goes back to the last `*` at most, so its time is at most proportional to the product of
//! the two lengths, for every pattern.

use std::fmt;

/// A pattern that matches whole texts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    text: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    /// Any number of characters.
    Any,
    /// One character.
    One,
    /// Exactly this character.
    Char(char),
}

/// The reason why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// The pattern is empty.
    #[error("a pattern must not be empty")]
    Empty,
    /// The last character is a `\` without a character after it.
    #[error(r"a pattern must not end with a single `\`")]
    OpenEscape,
}

impl Glob {
    /// Parses a pattern.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        let mut parts = Vec::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            let part = match char {
                '*' if parts.last() == Some(&Part::Any) => continue,
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::Char(chars.next().ok_or(GlobError::OpenEscape)?),
                char => Part::Char(char),
            };
            parts.push(part);
        }
        Ok(Self {
            text: text.into(),
            parts: parts.into(),
        })
    }

    /// Returns the pattern that matches exactly this text.
    pub fn literal(text: &str) -> Self {
        let parts = text.chars().map(Part::Char).collect();
        let mut escaped = String::with_capacity(text.len());
        for char in text.chars() {
            if matches!(char, '*' | '?' | '\\') {
                escaped.push('\\');
            }
            escaped.push(char);
        }
        Self {
            text: escaped.into(),
            parts,
        }
    }

    /// Returns whether the pattern matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        let mut part = 0;
        let mut rest = text.chars();
        // The state to return to when a match fails: after the last `*`, which then takes one more
        // character.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let mut ahead = rest.clone();
            match (self.parts.get(part), ahead.next()) {
                (None, None) => return true,
                (Some(Part::Any), _) => {
                    part += 1;
                    retry = Some((part, rest.clone()));
                    continue;
                }
                (Some(next), Some(found)) if *next == Part::One || *next == Part::Char(found) => {
                    part += 1;
                    rest = ahead;
                    continue;
                }
                _ => {}
            }
            let Some((after, mut longer)) = retry.take() else {
                return false;
            };
            if longer.next().is_none() {
                return false;
            }
            part = after;
            rest = longer.clone();
            retry = Some((after, longer));
        }
    }

    /// Returns whether the pattern, like `*` or `?*`, has no literal character and no maximum
    /// length.
    pub fn matches_everything(&self) -> bool {
        self.parts.contains(&Part::Any)
            && self
                .parts
                .iter()
                .all(|part| matches!(part, Part::Any | Part::One))
    }

    /// Returns the only text that the pattern matches; `None` if it has wildcards.
    pub fn as_literal(&self) -> Option<String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Char(char) => Some(*char),
                Part::Any | Part::One => None,
            })
            .collect()
    }

    /// Returns whether the pattern can match a text with this character.
    pub fn can_match(&self, char: char) -> bool {
        let parts = [Part::Any, Part::One, Part::Char(char)];
        self.parts.iter().any(|part| parts.contains(part))
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        let cases = [
            ("*", "", true),
            ("*", "anything", true),
            ("?", "", false),
            ("?", "ü", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("abc", "ab", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYb", false),
            ("Form W-2@*", "Form W-2@0.0.1", true),
            ("Form ?-2@*", "Form W-2@0.0.1", true),
            ("Form W-2@*", "Form W-20@1", false),
            (r"100\*", "100*", true),
            (r"100\*", "1000", false),
            (r"what\?", "what?", true),
            (r"a\\b", r"a\b", true),
            (r"\a", "a", true),
            ("**", "x", true),
            ("a**b", "ab", true),
            ("*.*.*", "1.2", false),
            ("*.*.*", "1.2.3", true),
            ("A", "a", false),
        ];
        for (pattern, text, expected) in cases {
            let glob = Glob::parse(pattern).unwrap();
            assert_eq!(glob.matches(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn patterns_without_literals_match_everything() {
        for (pattern, expected) in [
            ("*", true),
            ("**", true),
            ("?*", true),
            ("*?*", true),
            ("?", false),
            ("a*", false),
            (r"\**", false),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            assert_eq!(glob.matches_everything(), expected, "{pattern}");
        }
    }

    #[test]
    fn invalid_patterns_are_refused() {
        assert_eq!(Glob::parse(""), Err(GlobError::Empty));
        assert_eq!(Glob::parse(r"a\"), Err(GlobError::OpenEscape));
    }

    #[test]
    fn literals_are_escaped() {
        let glob = Glob::literal(r"a*b?\");
        assert!(glob.matches(r"a*b?\") && !glob.matches(r"axb?\"));
        assert_eq!(Glob::parse(glob.as_str()), Ok(glob.clone()));
        assert_eq!(glob.as_literal().as_deref(), Some(r"a*b?\"));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let glob = Glob::parse(&"*a".repeat(200)).unwrap();
        assert!(!glob.matches(&format!("{}b", "a".repeat(2000))));
    }
}
