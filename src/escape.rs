//! The escaping of text from outside: from servers, manifests, packages and commands.
//!
//! This is the one module that makes such text safe to show. Renderers for Markdown and HTML add
//! the escapes of their own format to its result.

use std::fmt::Write as _;
use std::ops::Range;

/// Returns the text with an escape in place of each character that controls a terminal, changes the
/// reading direction or is invisible, and of each text that a CI runner interprets as a command.
pub fn escaped(text: &str) -> String {
    let mut escaped = visible(text);
    // Runners of GitHub Actions obey lines that begin with `::`, and `##[` at any position.
    if let Some(rest) = escaped.strip_prefix("::") {
        escaped = format!("\\u{{3a}}:{rest}");
    }
    if escaped.contains("##[") {
        escaped = escaped.replace("##[", "#\\u{23}[");
    }
    escaped
}

/// Returns the text with an escape in place of each hidden character.
fn visible(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut visible = String::with_capacity(text.len());
    for letter in text.chars() {
        push(&mut visible, letter);
    }
    visible
}

/// Appends one character, or its escape.
pub fn push(text: &mut String, letter: char) {
    if is_hidden(letter) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}", letter.escape_default());
    } else {
        text.push(letter);
    }
}

/// Returns the beginning of a text without hidden characters, as part of another text: at most
/// `limit` characters of it, with `…` if the text is longer.
pub fn escaped_head(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => visible(&text[..end]) + "…",
        None => visible(text),
    }
}

/// Returns the parts of a URL, or of a text like `scheme:..`, that may be credentials: from the
/// scheme to the last `@`, and everything after the first `?` or `#`. They may overlap.
pub fn credentials(url: &str) -> [Range<usize>; 2] {
    let start = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => url.len() - rest.trim_start_matches('/').len(),
        _ => 0,
    };
    let end = url.rfind('@').map_or(start, |at| at.max(start));
    let query = url.find(['?', '#']).map_or(url.len(), |found| found + 1);
    [start..end, query..url.len()]
}

/// Returns whether a text can be the scheme of a URL.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic()) && text.chars().all(is_in_scheme)
}

/// Returns whether a scheme can contain the character.
pub fn is_in_scheme(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.')
}

/// Returns whether a text has only visible ASCII characters and spaces. This is much faster than
/// the check of each character, and true for most texts.
pub fn is_plain(text: &str) -> bool {
    // Without an early end, the compiler compares many bytes at once.
    text.bytes().fold(true, |is_plain, byte| {
        is_plain & (byte == b' ' || byte.is_ascii_graphic())
    })
}

/// Returns whether a character must not be shown unchanged: it is invisible, or it controls the
/// terminal.
pub fn is_hidden(letter: char) -> bool {
    if letter.is_ascii() {
        return letter.is_control();
    }
    if is_blank(letter) {
        return true;
    }
    // The standard library knows which characters cannot be printed.
    if letter.escape_debug().count() == 1 {
        return false;
    }
    // A combining mark can be printed behind a letter.
    let pair = String::from_iter(['a', letter]);
    pair.escape_debug().count() > 2
}

/// Returns whether a letter or mark is invisible although the standard library calls it printable.
fn is_blank(letter: char) -> bool {
    matches!(
        letter,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{16fe4}'
            | '\u{1d159}' | '\u{e0100}'..='\u{e01ef}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_escapes() {
        assert_eq!(escaped("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(escaped("\u{202e}gnp"), "\\u{202e}gnp");
        // Two names with these characters could be shown alike.
        for hidden in [
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{202a}',
            '\u{202f}',
            '\u{2060}',
            '\u{2064}',
            '\u{2069}',
            '\u{206f}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff0}',
            '\u{fff9}',
            '\u{16fe4}',
            '\u{1bca0}',
            '\u{1d159}',
            '\u{1d173}',
            '\u{e000}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e01ef}',
            '\u{10ffff}',
        ] {
            let text = escaped(&hidden.to_string());
            assert_eq!(text, format!("\\u{{{:x}}}", u32::from(hidden)));
        }
        for text in ["日本語", "e\u{301}t\u{e9}", "हिन्दी", "Größe – 5 %", "🚀"]
        {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn runner_commands_become_escapes() {
        assert_eq!(escaped("::error::x"), "\\u{3a}:error::x");
        assert_eq!(escaped("a ##[add-mask]x"), "a #\\u{23}[add-mask]x");
    }

    #[test]
    fn escaping_twice_changes_nothing_more() {
        for text in ["\u{1b}\n\\\u{200b}", "::a ##[b]", "plain"] {
            let once = escaped(text);
            assert_eq!(escaped(&once), once);
        }
    }

    #[test]
    fn a_head_is_cut_before_it_is_escaped() {
        assert_eq!(escaped_head("ab\u{200b}c", 3), "ab\\u{200b}…");
        assert_eq!(escaped_head("abc", 3), "abc");
    }
}
