//! Escapes text from outside for Markdown. Such text is always in a code span, so it cannot contain
//! a link, a mention, an image or HTML.

use crate::ident::Digest;
use crate::render::words;

/// The maximum size of a shown environment name, in bytes.
pub(super) const NAME_LIMIT: usize = 64;

/// Returns a text as a code span that is valid in a table.
pub(super) fn code(text: &str) -> String {
    let text = words::escaped(text);
    // Readers split a table at bars before they read code spans, and they interpret a backslash
    // before an escaped bar differently.
    fenced(&text.replace("\\|", "\\\\u{7c}").replace('|', "\\|"))
}

/// Returns a text as a code span outside of tables.
pub(super) fn code_in_text(text: &str) -> String {
    fenced(&words::escaped(text))
}

fn fenced(text: &str) -> String {
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if text.is_empty() {
        return "` `".to_owned();
    }
    // A backtick at an end would be read as a part of the fence.
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Returns a text as a code span, cut so that the text without its fence has at most `limit` bytes.
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

/// Returns the first `limit` characters of a text, with `…` if it is longer.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the hidden first line by which a wrapper script finds the comment to edit. `what`
/// distinguishes several comments about one environment.
pub(super) fn marker(what: &str, environment: &str, url: &str) -> String {
    let key = Digest::of(format!("{environment}\n{url}").as_bytes());
    let name: String = comment(environment).chars().take(NAME_LIMIT).collect();
    format!(
        "<!-- solform{what} environment={name} id={} -->",
        &key.as_str()[..12]
    )
}

/// Returns a text that is safe in an HTML comment: other characters become `_`.
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
