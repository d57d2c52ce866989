//! Texts from outside, and sentences with code in backticks, as HTML.

use maud::{Markup, html};

use crate::escape::escaped;
use crate::ident::Address;
use crate::render::words;

/// The maximum length of a name in a picture, in characters.
const BRIEF: usize = 60;

/// Returns a text from outside.
pub(super) fn shown(text: &str) -> Markup {
    html! { (escaped(text)) }
}

/// Returns a name or value from outside, which no text around it can be confused with.
pub(super) fn code(text: &str) -> Markup {
    html! { code { (parts(text)) } }
}

/// Returns a name or an address; a long one without its middle.
pub(super) fn brief(text: &str) -> Markup {
    html! { (parts(&words::shortened(text, BRIEF))) }
}

/// Returns a text whose version, after the last `@`, stays behind a name that is read from right to
/// left.
fn parts(text: &str) -> Markup {
    match text.rsplit_once('@') {
        Some((name, version)) if !text.is_ascii() => html! {
            bdi { (escaped(name)) } "@" bdi { (escaped(version)) }
        },
        _ => html! { (escaped(text)) },
    }
}

/// Returns a value from outside; a long one without its middle.
pub(super) fn value(text: &str) -> Markup {
    let (shown, length) = words::clipped(text);
    html! {
        (code(&shown))
        @if let Some(length) = length { " (" (length) " characters)" }
    }
}

/// The frame of a name or value in a sentence. An escaped text does not contain it.
const FRAME: char = '\u{1}';

/// Returns a sentence in which names and values, and parts in backticks, are code.
pub(super) fn prose(sentence: &str) -> Markup {
    html! {
        @for (index, part) in sentence.split(FRAME).enumerate() {
            @if index % 2 == 1 { (code(part)) } @else { (with_backticks(part)) }
        }
    }
}

fn with_backticks(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick without its counterpart is a character of a name.
    let (parts, rest) = match parts.split_last() {
        Some((last, parts)) if parts.len() % 2 == 1 => (parts, Some(last)),
        _ => (&*parts, None),
    };
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 1 { (code(part)) } @else { (shown(part)) }
        }
        @if let Some(rest) = rest { "`" (shown(rest)) }
    }
}

/// Returns an address for a sentence that [`prose`] shows.
pub(super) fn quoted(address: &Address) -> String {
    quoted_text(address.as_str())
}

/// Returns a name or value for a sentence that [`prose`] shows.
pub(super) fn quoted_text(text: &str) -> String {
    format!("{FRAME}{}{FRAME}", escaped(text))
}

/// Returns an address for a list in a sentence; a long one without its middle.
pub(super) fn quoted_briefly(address: &Address) -> String {
    quoted_text(&words::shortened(address.as_str(), BRIEF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_are_only_text() {
        for (text, expected) in [
            ("<b>&\"x", "<code>&lt;b&gt;&amp;&quot;x</code>"),
            ("a\u{202e}b\u{200b}", "<code>a\\u{202e}b\\u{200b}</code>"),
            ("\n</code>", "<code>\\n&lt;/code&gt;</code>"),
            ("<é@1", "<code><bdi>&lt;é</bdi>@<bdi>1</bdi></code>"),
        ] {
            assert_eq!(code(text).into_string(), expected);
        }
    }

    #[test]
    fn backticks_are_code() {
        for (text, expected) in [
            ("`a` b `<`", "<code>a</code> b <code>&lt;</code>"),
            ("a ` b", "a ` b"),
            ("x `a` b ` c", "x <code>a</code> b ` c"),
            ("", ""),
        ] {
            assert_eq!(prose(text).into_string(), expected, "{text}");
        }
        assert!(
            value(&"é".repeat(1_000))
                .into_string()
                .ends_with(" (1000 characters)")
        );
    }
}
