//! The syntax of `${..}`: splits a value into texts and references, without resolving them.

use std::ops::Range;

/// A part of a value as it is written. Ranges are in bytes of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::manifest) enum Piece<'a> {
    /// Text that stays as it is.
    Text(&'a str),
    /// `${name}`.
    Name { name: &'a str, range: Range<usize> },
    /// `${env:NAME}`.
    Env { name: &'a str, range: Range<usize> },
    /// An invalid reference.
    Bad {
        why: &'static str,
        range: Range<usize>,
    },
}

/// Splits a value into its pieces.
pub(in crate::manifest) fn split(text: &str) -> Vec<Piece<'_>> {
    // Enough for a path with a few variables.
    let mut pieces = Vec::with_capacity(8);
    let mut rest = 0;
    while let Some(found) = text[rest..].find("${") {
        let start = rest + found;
        let inside = start + "${".len();
        if text[rest..start].ends_with('$') {
            // `$${` is a literal `${`.
            pieces.push(Piece::Text(&text[rest..start - 1]));
            pieces.push(Piece::Text("${"));
            rest = inside;
            continue;
        }
        pieces.push(Piece::Text(&text[rest..start]));
        let Some(length) = text[inside..].find('}') else {
            let range = start..text.len();
            let why = "`${` is not closed";
            pieces.push(Piece::Bad { why, range });
            rest = text.len();
            break;
        };
        let range = start..inside + length + 1;
        rest = range.end;
        pieces.push(reference(&text[inside..inside + length], range));
    }
    pieces.push(Piece::Text(&text[rest..]));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

fn reference(inner: &str, range: Range<usize>) -> Piece<'_> {
    match inner.split_once(':') {
        Some(("env", name)) if is_env_name(name) => Piece::Env { name, range },
        Some(("env", _)) => Piece::Bad {
            why: "`${env:..}` needs the name of an environment variable",
            range,
        },
        None if is_name(inner) => Piece::Name { name: inner, range },
        None if inner.is_empty() => Piece::Bad {
            why: "`${}` has no name",
            range,
        },
        _ => Piece::Bad {
            why: "`${..}` contains something that is not a name",
            range,
        },
    }
}

/// Returns whether a text can name a variable of the manifest.
pub(super) fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && text.bytes().all(is_inner)
}

/// Returns whether a text can name an environment variable.
pub(in crate::manifest) fn is_env_name(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pieces as text: `t(..)`, `n(..)`, `e(..)`, `bad(range)`.
    fn show(text: &str) -> String {
        split(text)
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => format!("t({text})"),
                Piece::Name { name, range } => format!("n({name} {range:?})"),
                Piece::Env { name, range } => format!("e({name} {range:?})"),
                Piece::Bad { range, .. } => format!("bad({range:?})"),
            })
            .collect()
    }

    #[test]
    fn values_are_split() {
        let cases = [
            ("", ""),
            ("plain $ text }", "t(plain $ text })"),
            ("${a}", "n(a 0..4)"),
            ("x${a}y${env:B}z", "t(x)n(a 1..5)t(y)e(B 6..14)t(z)"),
            ("$${a}", "t(${)t(a})"),
            ("$$${a}", "t($)t(${)t(a})"),
            ("$a", "t($a)"),
            ("${a", "bad(0..3)"),
            ("${}", "bad(0..3)"),
            ("${ a }", "bad(0..6)"),
            ("${env:}", "bad(0..7)"),
            ("${env:A-B}", "bad(0..10)"),
            ("${var:a}", "bad(0..8)"),
            ("${a${b}}", "bad(0..7)t(})"),
            ("ü${ü}", "t(ü)bad(2..7)"),
            ("${a.b-c_d}", "n(a.b-c_d 0..10)"),
        ];
        for (text, expected) in cases {
            assert_eq!(show(text), expected, "{text:?}");
        }
    }
}
