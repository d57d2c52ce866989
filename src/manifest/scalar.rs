//! YAML scalars, lists and keys that solform writes, into an export or an edited manifest.
//!
//! solform reads every scalar as text. Other readers of YAML do not, so a text is written without
//! quotes only if no reader can take it for another type. In quotes, invisible characters and
//! characters that change the reading direction are written as escapes, so a reviewer sees the true
//! text.

use std::fmt::Write as _;

/// The maximum length of a key without a `?` before it. YAML allows 1024 characters.
const SIMPLE_KEY: usize = 1000;

/// The words that readers of YAML take for a boolean, a null or a number, in any case.
const WORDS: [&str; 13] = [
    "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nil", "nan", "inf", "infinity",
];

/// Returns the scalar of a text: a key, or a value in which solform replaces nothing.
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Returns the scalar of a value in which solform would replace `${..}`; `$` is escaped.
pub(crate) fn value(text: &str) -> String {
    scalar(&text.replace("${", "$${"))
}

/// Returns a list on one line.
pub(crate) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.into_iter().map(scalar).collect();
    format!("[{}]", items.join(", "))
}

/// Returns the start of an entry, whose value follows on the same line.
pub(crate) fn key(indent: &str, text: &str) -> String {
    let key = scalar(text);
    if key.chars().count() <= SIMPLE_KEY {
        format!("{indent}{key}:")
    } else {
        format!("{indent}? {key}\n{indent}:")
    }
}

fn is_plain(text: &str) -> bool {
    let is_inner = |char: char| {
        char.is_alphanumeric()
            || matches!(
                char,
                ' ' | '_' | '-' | '.' | '/' | '\'' | '(' | ')' | '+' | '@'
            )
    };
    let starts_well = match text.chars().next() {
        Some(first) if first.is_alphabetic() => true,
        Some(first) => first.is_ascii_digit() && is_dotted(text),
        None => false,
    };
    let is_text = text.chars().all(is_inner) && !text.ends_with(' ');
    (starts_well && is_text && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)))
        || is_url(text)
}

/// Returns true if a text begins with three numbers between dots, which no reader takes for a
/// number.
fn is_dotted(text: &str) -> bool {
    let mut parts = text.split('.');
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    is_number(parts.next())
        && is_number(parts.next())
        && parts
            .next()
            .is_some_and(|part| part.starts_with(|char: char| char.is_ascii_digit()))
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        matches!(scheme, "http" | "https" | "s3")
            && !rest.is_empty()
            && !rest.ends_with(':')
            && rest.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b':')
            })
    })
}

/// Returns a text in double quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            ' '..='~' => quoted.push(char),
            _ if is_visible(char) => quoted.push(char),
            // Writing to a String cannot fail.
            _ if u32::from(char) > 0xffff => _ = write!(quoted, "\\U{:08X}", u32::from(char)),
            _ => _ = write!(quoted, "\\u{:04X}", u32::from(char)),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns true if a character outside of ASCII is visible; `escape_debug` escapes invisible ones.
fn is_visible(char: char) -> bool {
    !char.is_whitespace() && (char.is_alphanumeric() || char.escape_debug().eq([char]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unambiguous_texts_have_no_quotes() {
        for (text, expected) in [
            ("Form W-2", "Form W-2"),
            ("Ünïcode", "Ünïcode"),
            ("a@b", "a@b"),
            ("0.0.1", "0.0.1"),
            ("1.2.3-rc.1", "1.2.3-rc.1"),
            ("http://127.0.0.1:80/x", "http://127.0.0.1:80/x"),
            ("s3://bucket/a_b", "s3://bucket/a_b"),
            ("1.10", "\"1.10\""),
            ("1e3", "\"1e3\""),
            ("0x10", "\"0x10\""),
            ("1.2.", "\"1.2.\""),
            ("2024-01-01", "\"2024-01-01\""),
            ("Yes", "\"Yes\""),
            ("~", "\"~\""),
            ("null", "\"null\""),
            ("NaN", "\"NaN\""),
            ("<<", "\"<<\""),
            ("- x", "\"- x\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("#x", "\"#x\""),
            ("", "\"\""),
            ("{a}", "\"{a}\""),
            ("a, b", "\"a, b\""),
            ("---", "\"---\""),
            ("*a", "\"*a\""),
            ("emulator:", "\"emulator:\""),
            ("say \"hi\" \\", "\"say \\\"hi\\\" \\\\\""),
            ("a\u{202e}b", "\"a\\u202Eb\""),
            ("a\u{a0}b", "\"a\\u00A0b\""),
            ("a\u{feff}b", "\"a\\uFEFFb\""),
            ("a\u{2028}b\u{ffff}", "\"a\\u2028b\\uFFFF\""),
            ("a\u{e0001}", "\"a\\U000E0001\""),
            ("🦀", "\"🦀\""),
        ] {
            assert_eq!(scalar(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_is_replaced_in_a_value() {
        for (text, expected) in [
            ("${drive}", "\"$${drive}\""),
            ("$${", "\"$$${\""),
            ("$a", "\"$a\""),
        ] {
            assert_eq!(value(text), expected);
        }
        assert_eq!(scalar("${drive}"), "\"${drive}\"");
    }

    #[test]
    fn a_long_key_is_opened_with_a_question_mark() {
        assert_eq!(key("  ", "a"), "  a:");
        let long = "\u{e0001}".repeat(200);
        let opened = key("  ", &long);
        assert!(opened.starts_with("  ? \"\\U000E0001"), "{opened}");
        assert!(opened.ends_with("\"\n  :"), "{opened}");
    }
}
