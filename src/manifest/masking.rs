//! The text that diagnostics may show: secrets are masked, quoted texts are short.
//!
//! A snippet shows whole lines, so a token in the manifest would be printed beside the problem that
//! warns about it. In invalid YAML the positions of tokens are not known; therefore the text is
//! also searched for values that look like one.

use super::position::Mark;
use crate::escape::escaped_head;

/// The longest text that a message quotes, in characters.
const MAX_QUOTED: usize = 80;

/// Returns the text with `*` for each byte of its secrets; line breaks stay.
pub(super) fn mask(text: &str, hidden: &[Mark]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for mark in hidden {
        if let Some(secret) = bytes.get_mut(mark.range()) {
            cover(secret, b'*');
        }
    }
    mask_tokens(text, &mut bytes);
    mask_credentials(text, &mut bytes);
    String::from_utf8(bytes).unwrap_or_else(|_| "*".repeat(text.len()))
}

/// Returns a text for a message: escaped, on one line, and cut if it is long.
pub(super) fn printable(text: &str) -> String {
    escaped_head(text, MAX_QUOTED)
}

/// Overwrites all bytes except line breaks.
fn cover(bytes: &mut [u8], with: u8) {
    for byte in bytes {
        if !matches!(*byte, b'\n' | b'\r') {
            *byte = with;
        }
    }
}

/// Covers the value after every `token:` that is not a mapping.
fn mask_tokens(text: &str, bytes: &mut [u8]) {
    let mut offset = 0;
    // The indentation of a `token:` key whose value may continue in the lines below, and whether
    // these are known to be its value.
    let mut open: Option<(usize, bool)> = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        if let Some((outer, sure)) = open {
            let is_blank = line.trim().is_empty();
            if !is_blank && indent <= outer {
                open = None;
            } else if sure || (!is_blank && !looks_like_source(line)) {
                cover(&mut bytes[offset..offset + line.len()], b'*');
                open = Some((outer, true));
            } else if !is_blank {
                open = None;
            }
        }
        for (found, _) in line.match_indices("token") {
            let before = line[..found].chars().next_back();
            let after = line[found + "token".len()..].trim_start_matches(['"', '\'']);
            let is_key =
                before.is_none_or(|char| matches!(char, ' ' | '\t' | '{' | ',' | '"' | '\''));
            let Some(value) = after.trim_start().strip_prefix(':') else {
                continue;
            };
            let value = value.trim_start();
            if !is_key || value.starts_with('{') {
                continue;
            }
            let start = offset + line.len() - value.len();
            if value.is_empty() || value.starts_with('#') {
                open = Some((indent, false));
            } else {
                cover(&mut bytes[start..offset + line.len()], b'*');
                open = Some((indent, true));
                // The rest of the line is covered already.
                break;
            }
        }
        offset += line.len();
    }
}

fn looks_like_source(line: &str) -> bool {
    let line = line.trim_start();
    ["env", "file", "command", "#"]
        .iter()
        .any(|key| line.starts_with(key))
}

/// Covers `user:password@` in everything that looks like a URL.
fn mask_credentials(text: &str, bytes: &mut [u8]) {
    for (found, separator) in text.match_indices("://") {
        let start = found + separator.len();
        let rest = &text[start..];
        let end = rest
            .find(|char: char| char.is_whitespace() || matches!(char, '/' | '"' | '\''))
            .unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@') {
            cover(&mut bytes[start..start + at], b'*');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_credentials_are_covered() {
        let cases = [
            ("token: abc\nurl: x\n", "token: ***\nurl: x\n"),
            ("  token: 'a b' # c\n", "  token: *********\n"),
            ("{ url: x, token: abc }\n", "{ url: x, token: *****\n"),
            ("token: { env: X }\n", "token: { env: X }\n"),
            ("token:\n  env: X\nuser: y\n", "token:\n  env: X\nuser: y\n"),
            ("token:\n  abc\nuser: y\n", "token:\n*****\nuser: y\n"),
            (
                "token: |\n  abc\n  def\nx: 1\n",
                "token: *\n*****\n*****\nx: 1\n",
            ),
            ("\"token\": abc\n", "\"token\": ***\n"),
            ("my_token: abc\n", "my_token: abc\n"),
            ("url: https://me:pw@host/x\n", "url: https://*****@host/x\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(mask(text, &[]), expected, "{text:?}");
        }
    }

    #[test]
    fn quoted_texts_are_short_and_on_one_line() {
        assert_eq!(printable("a\nb\u{7}c"), "a\\nb\\u{7}c");
        assert_eq!(printable(&"x".repeat(200)).chars().count(), 81);
    }
}
