//! The head of a body, prepared for output: short, on one line, without secrets.

use std::borrow::Cow;

use crate::api::http::redact::Redactor;
use crate::escape::escaped_head;

/// The maximum length of a body in an error, in characters.
const SHOWN: usize = 200;

/// The maximum length of a record's text, in characters: that of the longest name.
const TEXT: usize = 512;

/// The length of a body that is searched for secrets: far more than is shown, so that no secret is
/// cut before it can be recognised.
const EXAMINED: usize = 64 * 1024;

/// Returns the head of a body: the first 200 characters, control characters escaped, secrets
/// removed. `None` for a blank body.
pub(in crate::api) fn excerpt(body: &[u8], redactor: &Redactor) -> Option<String> {
    let head = &body[..body.len().min(EXAMINED)];
    let text = String::from_utf8_lossy(head);
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(escaped_head(&redactor.redact_cut(text), SHOWN))
}

/// Returns a server's message: redacted, on one line, and of limited length.
pub(in crate::api) fn message(text: &str, redactor: &Redactor) -> String {
    let head: String = text.trim().chars().take(EXAMINED).collect();
    escaped_head(&redactor.redact_cut(&head), 1000)
}

/// Returns a server's text unchanged, but cut at the length of the longest proper name or word.
pub(in crate::api) fn capped(text: &str) -> Cow<'_, str> {
    // A short text needs no count.
    let cut = (text.len() > TEXT)
        .then(|| text.char_indices().nth(TEXT))
        .flatten();
    match cut {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_cut_escaped_and_redacted() {
        let redactor = Redactor::new();
        redactor.add(&secrecy::SecretString::from("hunter2hunter2"));
        for (body, expected) in [
            (&b"  \n"[..], None),
            (
                b"{\"message\":\"no\"}",
                Some("{\"message\":\"no\"}".to_owned()),
            ),
            (b"a\x1b[2J\r\nb", Some("a\\u{1b}[2J\\r\\nb".to_owned())),
            (
                b"you sent hunter2hunter2",
                Some("you sent [redacted]".to_owned()),
            ),
            (
                "é".repeat(300).as_bytes(),
                Some(format!("{}…", "é".repeat(200))),
            ),
            ("a\u{202e}b".as_bytes(), Some("a\\u{202e}b".to_owned())),
        ] {
            assert_eq!(excerpt(body, &redactor), expected);
        }
    }

    #[test]
    fn texts_of_records_are_cut() {
        assert_eq!(capped("a\n"), "a\n");
        assert_eq!(capped(&"é".repeat(512)), "é".repeat(512));
        assert_eq!(capped(&"é".repeat(513)), format!("{}…", "é".repeat(512)));
    }

    #[test]
    fn a_secret_across_the_cut_is_redacted() {
        let redactor = Redactor::new();
        redactor.add(&secrecy::SecretString::from("s".repeat(50)));
        let body = format!("{}{}", "-".repeat(190), "s".repeat(50));
        let shown = excerpt(body.as_bytes(), &redactor).unwrap();
        assert!(!shown.contains('s'), "{shown}");
    }
}
