//! Text from outside, made harmless in Markdown. It always stands in a code span: there nothing is
//! a link, a mention, an image or HTML.

use crate::ident::Digest;
use crate::render::words;

/// The maximum size of a shown environment name, in bytes.
pub(super) const NAME_LIMIT: usize = 64;

/// A text as a code span that can stand in a table.
pub(super) fn code(text: &str) -> String {
    let text = words::escaped(text);
    // Tables are cut at bars before code is read, and readers differ in what backslashes before the
    // one that guards a bar mean.
    let text = text.replace("\\|", "\\\\u{7c}").replace('|', "\\|");
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if text.is_empty() {
        return "` `".to_owned();
    }
    // A backtick at an end would belong to the fence.
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A text as a code span that takes no more than so many bytes, and what its fence takes.
pub(super) fn short_code(text: &str, limit: usize) -> String {
    let mut end = text.len().min(limit);
    let fits = |end: usize| text.is_char_boundary(end) && code(&text[..end]).len() <= limit + 2;
    if end == text.len() && fits(end) {
        return code(text);
    }
    while !fits(end) {
        end -= 1;
    }
    code(&format!("{}…", &text[..end]))
}

/// Returns the first letters of a text.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The hidden first line by which a wrapper finds the comment that it edits in place; `what` tells
/// comments about one environment apart.
pub(super) fn marker(what: &str, environment: &str, url: &str) -> String {
    let key = Digest::of(format!("{environment}\n{url}").as_bytes());
    let name: String = comment(environment).chars().take(NAME_LIMIT).collect();
    format!(
        "<!-- solform{what} environment={name} id={} -->",
        &key.as_str()[..12]
    )
}

/// A text that may stand in an HTML comment.
pub(super) fn comment(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || "._-".contains(letter) {
                letter
            } else {
                '_'
            }
        })
        .collect::<String>()
        .replace("--", "__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_break_nothing() {
        for (text, expected) in [
            ("Form W-2@1", "`Form W-2@1`"),
            ("a|b", "`a\\|b`"),
            ("a\\|b", "`a\\\\u{7c}b`"),
            ("a\\\\|b|", "`a\\\\\\u{7c}b\\|`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            ("<b>@team [x](y)", "`<b>@team [x](y)`"),
            ("a\n# b", "`a\\n# b`"),
            ("\u{1b}[31m", "`\\u{1b}[31m`"),
            ("", "` `"),
        ] {
            assert_eq!(code(text), expected, "{text:?}");
        }
        assert_eq!(short_code("prod", 8), "`prod`");
        assert_eq!(short_code("größer als", 6), "`größ…`");
        assert_eq!(short_code("\u{1b}\u{1b}", 6), "`\\u{1b}…`");
        assert_eq!(comment("prod --> <x>"), "prod______x_");
    }
}
