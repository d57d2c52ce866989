//! The text that diagnostics may show: secrets are masked, quoted texts are short.
//!
//! A snippet shows whole lines, so a token in the manifest would be printed beside the problem that
//! warns about it. In invalid YAML the positions of tokens are not known; therefore the text is
//! also searched for values that look like one.

use std::ops::Range;

use super::position::Mark;
use crate::escape::{credentials, escaped_head, is_in_scheme};

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

/// The keys whose values are URLs, even those without a scheme.
const URL_KEYS: [&str; 2] = ["url", "store"];

/// Covers the credentials in everything that looks like a URL, and in the values of URL keys.
fn mask_credentials(text: &str, bytes: &mut [u8]) {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let shown = line.trim_end_matches(['\n', '\r']);
        let mut done = 0;
        for (colon, _) in shown.match_indices(':') {
            let Some(value) = url_at(shown, colon).filter(|value| value.start >= done) else {
                continue;
            };
            for part in credentials(&shown[value.clone()]) {
                let part = offset + value.start + part.start..offset + value.start + part.end;
                if let Some(secret) = bytes.get_mut(part) {
                    cover(secret, b'*');
                }
            }
            done = value.end;
        }
        offset += line.len();
    }
}

/// Returns the URL whose scheme, or the value whose key, ends at this colon.
fn url_at(line: &str, colon: usize) -> Option<Range<usize>> {
    let (before, after) = (&line[..colon], &line[colon + 1..]);
    let is_separated = after.is_empty() || after.starts_with(char::is_whitespace);
    let key = before.trim_end().trim_end_matches(['"', '\'']);
    let is_url_key = URL_KEYS.iter().any(|name| {
        key.strip_suffix(name).is_some_and(|rest| {
            let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-');
            !rest.ends_with(is_part)
        })
    });
    let start = if is_url_key {
        let value = after.trim_start();
        line.len() - value.len() + usize::from(value.starts_with(['"', '\'']))
    } else if is_separated {
        return None;
    } else {
        let start = before.trim_end_matches(is_in_scheme).len();
        if start == colon && !after.starts_with("//") {
            return None;
        }
        start
    };
    let quote = line[..start].bytes().next_back();
    let quote = quote.filter(|quote| matches!(quote, b'"' | b'\''));
    Some(start..start + scalar_length(&line[start..], quote))
}

/// Returns the length of a scalar after its opening quote. If its end is not sure, more is taken.
fn scalar_length(text: &str, quote: Option<u8>) -> usize {
    let bytes = text.as_bytes();
    let mut index = 0;
    while let Some(byte) = bytes.get(index).copied() {
        let next = bytes.get(index + 1).copied();
        let is_end = match quote {
            Some(b'"') if byte == b'\\' => {
                index += 2;
                continue;
            }
            Some(b'\'') if byte == b'\'' && next == Some(b'\'') => {
                index += 2;
                continue;
            }
            Some(quote) => byte == quote,
            None if byte == b',' => next.is_none_or(|next| next.is_ascii_whitespace()),
            None => byte.is_ascii_whitespace() && matches!(next, Some(b'#' | b'}' | b']')),
        };
        if is_end {
            return index;
        }
        index += 1;
    }
    text.len()
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
            ("a: s3:me:pw@b # c@d\n", "a: s3:*****@b # c@d\n"),
            ("a: S3:/me:p/w@b\r\n", "a: S3:/******@b\r\n"),
            (
                "a: 'az://m:p''w@b/?x y' # z\n",
                "a: 'az://******@b/?***' # z\n",
            ),
            (
                r#"{"url":"https://h/x?s=\"t","b":"c@1"}"#,
                r#"{"url":"https://h/x?*****","b":"c@1"}"#,
            ),
            (
                "{ url: https://h/x?s=t, b: [https://h, d@1] }",
                "{ url: https://h/x?***, b: [https://h, d@1] }",
            ),
            (
                "url: { x: 1 }\n- { store: h?ü }\n",
                "url: { x: 1 }\n- { store: h?** }\n",
            ),
            ("store: me:pw@h/x\nurl:\n", "store: me:**@h/x\nurl:\n"),
            ("url: //me@h#x\n", "url: ****@h#*\n"),
            (
                "a: b@1\nc: d?e\n\"f\": \"g@2\"\n",
                "a: b@1\nc: d?e\n\"f\": \"g@2\"\n",
            ),
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
