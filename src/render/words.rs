//! Words that several renderers share: plurals, durations, escaping, and the phrases that other
//! programs look for.

use std::fmt::Write as _;
use std::time::Duration;

use crate::plan::ActionKind;

/// `1 version`, `2 versions`.
pub fn count(number: usize, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {singular}{plural}")
}

/// The symbol of an action, as Terraform writes it.
pub fn symbol(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Create => "+",
        ActionKind::Update => "~",
        ActionKind::Delete => "-",
        ActionKind::Replace => "-/+",
        ActionKind::NoOp => " ",
    }
}

/// What the symbol means.
pub fn legend(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Create => "create",
        ActionKind::Update => "update in-place",
        ActionKind::Delete => "destroy",
        ActionKind::Replace => "destroy and then create replacement",
        ActionKind::NoOp => "no change",
    }
}

/// The phrase that ends the line above a change; other programs match it (field-features 4.3, 4.5).
pub fn phrase(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Create => "will be created",
        ActionKind::Update => "will be updated in-place",
        ActionKind::Delete => "will be destroyed",
        ActionKind::Replace => "must be replaced",
        ActionKind::NoOp => "is as declared",
    }
}

/// What a reviewer must not overlook: the marks of plans and of reviews.
pub mod risk {
    #![expect(missing_docs, reason = "each is the mark of its name")]
    pub const BLOCKED: &str = "blocked by protection";
    pub const DELETED: &str = "deleted";
    pub const IRREVERSIBLE: &str = "irreversible";
    pub const OUT_OF_SERVICE_MEANWHILE: &str = "out of service meanwhile";
    pub const OUT_OF_SERVICE: &str = "out of service";
    pub const BECOMES_PUBLIC: &str = "becomes PUBLIC";
    pub const GOES_DOWN: &str = "version goes down";
}

/// A duration for people: `0.3s`, `12s`, `2m05s`, `1h02m`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 10 {
        format!("{:.1}s", duration.as_secs_f64())
    } else if seconds < 60 {
        format!("{seconds}s")
    } else if seconds < 3600 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60)
    }
}

/// Text from outside, made harmless: control and direction characters are written as escapes.
pub fn escaped(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_direction(letter) {
            // Writing to a String cannot fail.
            let _ = write!(harmless, "{}", letter.escape_default());
        } else {
            harmless.push(letter);
        }
    }
    harmless
}

/// Text from outside in quotes.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "\\\""))
}

/// Characters that turn the reading direction, and could show a text as another one.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_made_harmless() {
        assert_eq!(escaped("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(quoted("say \"hi\"\n"), "\"say \\\"hi\\\"\\n\"");
        assert_eq!(escaped("\u{202e}gnp"), "\\u{202e}gnp");
    }

    #[test]
    fn durations_read_well() {
        for (millis, expected) in [
            (300, "0.3s"),
            (12_400, "12s"),
            (125_000, "2m05s"),
            (3_725_000, "1h02m"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }
}
