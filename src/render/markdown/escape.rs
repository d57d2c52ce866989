//! Text from outside, made harmless in Markdown. It always stands in a code span: there nothing is a
//! link, a mention, an image or HTML.

use crate::render::words;

/// A text as a code span that can stand in a table.
pub(super) fn code(text: &str) -> String {
    let text = words::escaped(text);
    // Tables are cut at bars before code is read.
    let text = text.replace('|', "\\|");
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
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            ("<b>@team [x](y)", "`<b>@team [x](y)`"),
            ("a\n# b", "`a\\n# b`"),
            ("\u{1b}[31m", "`\\u{1b}[31m`"),
            ("", "` `"),
        ] {
            assert_eq!(code(text), expected, "{text:?}");
        }
        assert_eq!(comment("prod --> <x>"), "prod______x_");
    }
}
