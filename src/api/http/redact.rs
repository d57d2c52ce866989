//! All secrets of this process, and the one function that removes them from a text.
//!
//! Text from a server is redacted when it is received, and all output passes through
//! [`Redactor::redact`] again. A server may echo a token in any encoding: character by character
//! (percent, JSON, HTML, each repeated several times), or as a whole (hex, base64). A long
//! beginning of a token counts as the token, because servers and solform cut texts.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::RwLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::{memchr3, memmem};
use secrecy::{ExposeSecret, SecretString};

/// The replacement of a secret.
const MARK: &str = "[redacted]";

/// The minimum length of a secret: removing shorter texts would make every output unreadable.
const SHORTEST: usize = 4;

/// The minimum length of a token that is removed from what a server sends: a part of a name may
/// equal a shorter token, and removing it would change the name.
const SHORTEST_IN_INPUT: usize = 8;

/// The shortest beginning of a secret that counts as the secret, in bytes; half of a longer secret.
const LEAST_HEAD: usize = 8;

/// The same for a text that may have been cut.
const LEAST_HEAD_AT_CUT: usize = 4;

/// A redactor that removes every known secret from texts.
#[derive(Default)]
pub struct Redactor {
    /// The secrets, the longest first.
    secrets: RwLock<Vec<Secret>>,
}

/// A secret, and its encodings as a whole.
struct Secret {
    plain: SecretString,
    /// The encodings in hex and base64.
    encoded: Vec<SecretString>,
}

impl Redactor {
    /// Creates a redactor without any secret.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a secret.
    pub fn add(&self, secret: &SecretString) {
        let plain = secret.expose_secret().trim();
        if plain.chars().count() < SHORTEST {
            return;
        }
        let mut secrets = self
            .secrets
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if secrets
            .iter()
            .any(|known| known.plain.expose_secret() == plain)
        {
            return;
        }
        let encoded = encodings_of(plain.as_bytes());
        secrets.push(Secret {
            plain: SecretString::from(plain),
            encoded: encoded.into_iter().map(SecretString::from).collect(),
        });
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.plain.expose_secret().len()));
    }

    /// Returns the text without any known secret.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.cleaned(text, SHORTEST, false)
    }

    /// As [`redact`](Self::redact), for a text that may have been cut at its end: there, a few
    /// characters of a secret are enough.
    pub fn redact_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.cleaned(text, SHORTEST, true)
    }

    /// Returns whether a text contains a known secret, or the replacement of a secret.
    pub fn is_touched(&self, text: &str) -> bool {
        text.contains(MARK) || self.redact(text) != text
    }

    /// Returns the bytes from a server without any known secret; `None` if they contain none.
    pub fn redact_input(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.clean(bytes, SHORTEST_IN_INPUT, false)
    }

    fn cleaned<'a>(&self, text: &'a str, shortest: usize, is_cut: bool) -> Cow<'a, str> {
        match self.clean(text.as_bytes(), shortest, is_cut) {
            None => Cow::Borrowed(text),
            // Secrets are UTF-8 texts, so the rest is still UTF-8.
            Some(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }

    fn clean(&self, bytes: &[u8], shortest: usize, is_cut: bool) -> Option<Vec<u8>> {
        let secrets = self
            .secrets
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut clean: Option<Vec<u8>> = None;
        for secret in secrets.iter() {
            let plain = secret.plain.expose_secret();
            if plain.len() < shortest {
                continue;
            }
            let forms = secret.encoded.iter().map(ExposeSecret::expose_secret);
            for (index, form) in std::iter::once(plain).chain(forms).enumerate() {
                let text = clean.as_deref().unwrap_or(bytes);
                // Encodings of single characters begin with one of these characters.
                let found = if index == 0 && memchr3(b'\\', b'%', b'&', text).is_some() {
                    encoded_places(text, form, is_cut)
                } else {
                    plain_places(text, form.as_bytes(), is_cut)
                };
                if !found.is_empty() {
                    clean = Some(without(text, &found));
                }
            }
        }
        clean
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// Returns the number of a secret's bytes that must match.
fn least_head(length: usize) -> usize {
    length.min(LEAST_HEAD.max(length.div_ceil(2)))
}

fn without(text: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        clean.extend_from_slice(&text[end..range.start]);
        clean.extend_from_slice(MARK.as_bytes());
        end = range.end;
    }
    clean.extend_from_slice(&text[end..]);
    clean
}

/// Finds a secret in plain form.
fn plain_places(text: &[u8], secret: &[u8], is_cut: bool) -> Vec<Range<usize>> {
    let least = least_head(secret.len());
    let mut ranges = Vec::new();
    let mut from = 0;
    let finder = memmem::Finder::new(&secret[..least]);
    while let Some(found) = finder.find(&text[from..]) {
        let start = from + found;
        let rest = text[start..].iter().zip(secret);
        let length = rest.take_while(|(left, right)| left == right).count();
        let end = floor_boundary(text, start + length);
        ranges.push(start..end.max(start + 1));
        from = end.max(start + 1);
    }
    if is_cut {
        let most = least.min(text.len() - from);
        let at_end = (LEAST_HEAD_AT_CUT..=most)
            .rev()
            .find(|length| text[from..].ends_with(&secret[..*length]));
        ranges.extend(at_end.map(|length| text.len() - length..text.len()));
    }
    ranges
}

/// Returns the end of the last whole character before an offset.
fn floor_boundary(text: &[u8], offset: usize) -> usize {
    let is_inside = |offset: usize| text.get(offset).is_some_and(|byte| byte & 0xc0 == 0x80);
    (0..=offset)
        .rev()
        .find(|offset| !is_inside(*offset))
        .unwrap_or(0)
}

/// Finds a secret in which any characters may be encoded.
fn encoded_places(text: &[u8], secret: &str, is_cut: bool) -> Vec<Range<usize>> {
    let least = least_head(secret.len());
    let first = secret.as_bytes()[0];
    let mut ranges = Vec::new();
    let mut start = 0;
    while start < text.len() {
        if !(text[start] == first || matches!(text[start], b'\\' | b'%' | b'&')) {
            start += 1;
            continue;
        }
        let (end, matched) = match_encoded(text, start, secret);
        // A cut encoding ends the text.
        let is_at_end = is_cut
            && (end == text.len()
                || (text.len() - end < 10 && matches!(text[end], b'\\' | b'%' | b'&')));
        if matched >= least {
            ranges.push(start..end);
            start = end;
        } else if is_at_end && matched >= LEAST_HEAD_AT_CUT {
            ranges.push(start..text.len());
            break;
        } else {
            start += 1;
        }
    }
    ranges
}

/// Returns how far a text matches the secret: the end in the text, and the number of the secret's
/// bytes.
fn match_encoded(text: &[u8], start: usize, secret: &str) -> (usize, usize) {
    // Each level of quoting doubles the backslashes of the secret.
    let levels: &[usize] = if secret.contains('\\') {
        &[1, 2, 4, 8]
    } else {
        &[1]
    };
    let matches = levels.iter().map(|backslashes| {
        let (mut end, mut matched) = (start, 0);
        for letter in secret.chars() {
            let Some(length) = unit(&text[end..], letter, *backslashes) else {
                break;
            };
            end += length;
            matched += letter.len_utf8();
        }
        (end, matched)
    });
    matches
        .max_by_key(|(end, matched)| (*matched, *end))
        .unwrap_or((start, 0))
}

/// Returns the length of the encoded character at the beginning of a text; several backslashes may
/// encode a backslash of the secret.
fn unit(text: &[u8], letter: char, backslashes: usize) -> Option<usize> {
    let encoded = match text.first()? {
        b'\\' => backslash_unit(text, letter, backslashes),
        b'%' => percent_unit(text, letter),
        b'&' => entity_unit(text, letter),
        _ => None,
    };
    encoded.or_else(|| {
        let mut buffer = [0; 4];
        let plain = letter.encode_utf8(&mut buffer).as_bytes();
        text.starts_with(plain).then_some(plain.len())
    })
}

/// `\/`, `\"`, `\u002f`, `\u{2f}`, `\x2f`, with any number of backslashes.
fn backslash_unit(text: &[u8], letter: char, backslashes: usize) -> Option<usize> {
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    if letter == '\\' && slashes >= backslashes && backslashes > 1 {
        return Some(backslashes);
    }
    let rest = &text[slashes..];
    let code = match rest.first()? {
        b'u' | b'U' if rest.get(1) == Some(&b'{') => {
            let digits = hex_digits(&rest[2..], 6);
            let is_closed = rest.get(2 + digits) == Some(&b'}');
            (is_closed && is_code(&rest[2..2 + digits], 16, letter)).then_some(3 + digits)
        }
        b'u' => (hex_digits(&rest[1..], 4) == 4 && is_code(&rest[1..5], 16, letter)).then_some(5),
        b'x' => (hex_digits(&rest[1..], 2) == 2 && is_code(&rest[1..3], 16, letter)).then_some(3),
        _ => None,
    };
    let plain = || {
        let is_itself = u32::from(letter) == u32::from(rest[0]) && !letter.is_alphanumeric();
        is_itself.then_some(1)
    };
    code.or_else(plain).map(|length| slashes + length)
}

/// `%2f`, `%252F`, `%u002f`, of each byte of the character.
fn percent_unit(text: &[u8], letter: char) -> Option<usize> {
    if text.get(1) == Some(&b'u') {
        let digits = text.get(2..6)?;
        return (hex_digits(digits, 4) == 4 && is_code(digits, 16, letter)).then_some(6);
    }
    let mut buffer = [0; 4];
    let mut length = 0;
    for byte in letter.encode_utf8(&mut buffer).bytes() {
        let mut rest = text.get(length..)?.strip_prefix(b"%")?;
        length += 1;
        // A percent sign that is encoded again.
        while byte != b'%' && rest.starts_with(b"25") {
            rest = &rest[2..];
            length += 2;
        }
        let digits = rest.get(..2)?;
        if !(hex_digits(digits, 2) == 2 && is_code(digits, 16, char::from(byte))) {
            return None;
        }
        length += 2;
    }
    Some(length)
}

/// `&#x2F;`, `&#47;`, `&sol;`, `&amp;#x2f;`.
fn entity_unit(text: &[u8], letter: char) -> Option<usize> {
    const NAMES: &[(&str, char)] = &[
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("sol", '/'),
        ("plus", '+'),
        ("equals", '='),
        ("colon", ':'),
        ("semi", ';'),
        ("period", '.'),
        ("comma", ','),
        ("lowbar", '_'),
        ("hyphen", '-'),
        ("dash", '-'),
        ("percnt", '%'),
        ("num", '#'),
        ("commat", '@'),
        ("dollar", '$'),
        ("ast", '*'),
        ("excl", '!'),
        ("quest", '?'),
        ("lpar", '('),
        ("rpar", ')'),
        ("lsqb", '['),
        ("rsqb", ']'),
        ("lcub", '{'),
        ("rcub", '}'),
        ("bsol", '\\'),
        ("grave", '`'),
        ("vert", '|'),
        ("Hat", '^'),
        ("Tilde", '~'),
    ];
    let mut length = 1;
    while text[length..].starts_with(b"amp;") {
        length += 4;
    }
    let rest = &text[length..];
    let closed = |length: usize| length + usize::from(rest.get(length) == Some(&b';'));
    if let Some(number) = rest.strip_prefix(b"#") {
        let hex = number
            .strip_prefix(b"x")
            .or_else(|| number.strip_prefix(b"X"));
        let (digits, lead, radix) = if let Some(hex) = hex {
            (&hex[..hex_digits(hex, 10)], 2, 16)
        } else {
            let digits = number
                .iter()
                .take(10)
                .take_while(|byte| byte.is_ascii_digit());
            (&number[..digits.count()], 1, 10)
        };
        if is_code(digits, radix, letter) {
            return Some(length + closed(lead + digits.len()));
        }
    }
    if letter == '&' && length > 1 {
        return Some(length);
    }
    NAMES
        .iter()
        .find(|(name, meant)| *meant == letter && rest.starts_with(name.as_bytes()))
        .map(|(name, _)| length + closed(name.len()))
}

/// Returns how many of the next bytes are hexadecimal digits.
fn hex_digits(text: &[u8], most: usize) -> usize {
    text.iter()
        .take(most)
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count()
}

fn is_code(digits: &[u8], radix: u32, letter: char) -> bool {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u32::from_str_radix(digits, radix).ok())
        == Some(u32::from(letter))
}

/// Returns the encodings of a secret as a whole: hex, and for each of the three alignments the part
/// of a base64 text that depends on nothing but the secret.
fn encodings_of(plain: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    // The inner characters of a short secret's base64 forms are few, and may occur in any text.
    if plain.len() < 8 {
        return forms;
    }
    for lead in 0..3_usize {
        let standard = base64_core(plain, lead);
        forms.push(standard.replace('+', "-").replace('/', "_"));
        forms.push(standard);
    }
    let hex: String = plain
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect();
    forms.push(hex.to_ascii_uppercase());
    forms.push(hex);
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// Returns the base64 digits of `secret` at position `lead` in a group of three bytes, without the
/// digits that it shares with its neighbours.
fn base64_core(secret: &[u8], lead: usize) -> String {
    let padded = [&[0; 2][..lead], secret].concat();
    let digits = STANDARD_NO_PAD.encode(&padded);
    digits[(lead * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned()
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    fn redactor(secret: &str) -> Redactor {
        let redactor = Redactor::new();
        redactor.add(&SecretString::from(secret));
        redactor
    }

    /// Encodes each character.
    fn each(text: &str, encode: impl Fn(u32) -> String) -> String {
        text.chars()
            .map(|letter| encode(u32::from(letter)))
            .collect()
    }

    fn hex(text: &str) -> String {
        text.bytes()
            .flat_map(|byte| [byte >> 4, byte & 0xf])
            .filter_map(|digit| char::from_digit(u32::from(digit), 16))
            .collect()
    }

    /// Returns the text in each encoding in which a server may echo it.
    fn encodings(text: &str) -> Vec<(&'static str, String)> {
        let json = serde_json::to_string(text).unwrap();
        let json = json[1..json.len() - 1].to_owned();
        let percent = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let html = |text: &str| {
            text.replace('&', "&amp;")
                .replace('"', "&quot;")
                .replace('/', "&#x2F;")
                .replace('+', "&#43;")
        };
        vec![
            ("plain", text.to_owned()),
            ("JSON", json.clone()),
            ("JSON with escaped slashes", json.replace('/', "\\/")),
            (
                "JSON in JSON",
                json.replace('\\', "\\\\").replace('/', "\\\\/"),
            ),
            (
                "JSON with some code points",
                json.replace('/', "\\u002F").replace('+', "\\u002b"),
            ),
            (
                "JSON with all code points",
                each(text, |code| format!("\\u{code:04x}")),
            ),
            ("Rust", text.escape_unicode().to_string()),
            ("C", each(text, |code| format!("\\x{code:02x}"))),
            ("percent", percent.clone()),
            (
                "lower-case percent",
                percent.to_ascii_lowercase().replace("zx", "Zx"),
            ),
            ("mixed percent", percent.replace("%2F", "%2f")),
            ("all percent", each(text, |code| format!("%{code:02X}"))),
            ("double percent", percent.replace('%', "%25")),
            ("triple percent", percent.replace('%', "%2525")),
            ("old percent", each(text, |code| format!("%u{code:04x}"))),
            ("HTML", html(text)),
            ("HTML in HTML", html(text).replace('&', "&amp;")),
            ("decimal entities", each(text, |code| format!("&#{code};"))),
            (
                "long decimal entities",
                each(text, |code| format!("&#{code:07};")),
            ),
            ("hex entities", each(text, |code| format!("&#x{code:x};"))),
            ("open entities", each(text, |code| format!("&#X{code:X}"))),
            (
                "named entities",
                text.replace('/', "&sol;").replace('+', "&plus;"),
            ),
            ("hex", hex(text)),
            ("upper-case hex", hex(text).to_ascii_uppercase()),
        ]
    }

    #[test]
    fn a_secret_is_found_in_every_encoding() {
        for secret in [
            "tok/en+42=Zx.9_-~",
            "abc/def\"ghi&jkl\\mno",
            "sk-0123456789/abcdef+/=",
        ] {
            let redactor = redactor(secret);
            for (what, text) in encodings(secret) {
                if what == "lower-case percent" && text.contains("zx") {
                    continue;
                }
                for (before, after) in [
                    ("", ""),
                    ("x", "x"),
                    ("\"", "\""),
                    ("Bearer ", "\\n"),
                    ("%", "&"),
                ] {
                    let clean = redactor
                        .redact(&format!("{before}{text}{after}"))
                        .into_owned();
                    assert_eq!(clean, format!("{before}{MARK}{after}"), "{what}: {text}");
                }
                let twice = redactor.redact(&format!("{text}, {text}")).into_owned();
                assert_eq!(twice, format!("{MARK}, {MARK}"), "{what}: {text}");
            }
        }
    }

    #[test]
    fn a_cut_secret_is_found_in_every_encoding() {
        let secret = "tok/en+42=Zx.9_-~abc";
        let redactor = redactor(secret);
        for (what, text) in encodings(secret) {
            for length in 1..text.len() {
                let cut = format!("you sent {}", &text[..length]);
                let clean = redactor.redact_cut(&cut);
                // A few characters of it may stay.
                let left = clean.strip_prefix("you sent ").unwrap();
                let left = left.strip_prefix(MARK).unwrap_or(left);
                let most = match what {
                    "hex" | "upper-case hex" => 3,
                    _ => encodings(&secret[..LEAST_HEAD_AT_CUT])
                        .into_iter()
                        .find_map(|(other, head)| (other == what).then_some(head.len()))
                        .unwrap(),
                };
                assert!(
                    left.len() <= most,
                    "{what} after {length}: {cut} became {clean}"
                );
            }
        }
    }

    #[test]
    fn a_long_beginning_of_a_secret_is_redacted() {
        let redactor = redactor("0123456789abcdefghij");
        assert_eq!(redactor.redact("<0123456789abc...>"), "<[redacted]...>");
        assert_eq!(redactor.redact("<0123456789>"), "<[redacted]>");
        assert_eq!(redactor.redact("<012345678>"), "<012345678>");
        assert_eq!(redactor.redact("a\\u0030123456789ab/"), "a[redacted]/");
    }

    /// Names of solutions may contain a short token by chance, so input is not redacted for it.
    #[test]
    fn a_short_token_is_not_redacted_in_input() {
        let short = redactor("demo");
        assert_eq!(short.redact("a demo"), "a [redacted]");
        assert_eq!(short.redact_input(b"a demo"), None);
        let long = redactor("long-token");
        assert_eq!(long.redact_input(b"nothing"), None);
        assert_eq!(
            long.redact_input(b"{\"name\":\"long\\u002dtoken\"}\xff")
                .unwrap(),
            b"{\"name\":\"[redacted]\"}\xff"
        );
    }

    #[test]
    fn characters_stay_whole() {
        let redactor = redactor("geheim-äöüäöüäöü");
        // A beginning of the secret that ends within a character of several bytes.
        assert_eq!(redactor.redact("geheim-äöüäöüäÿ"), "[redacted]ÿ");
        assert_eq!(redactor.redact("Ä % \\ & 日本"), "Ä % \\ & 日本");
    }

    #[test]
    fn base64_is_found_at_every_alignment() {
        let redactor = Redactor::new();
        redactor.add(&SecretString::from("s3cret-token"));
        // base64 of `s3cret-token`, `:s3cret-token` and `u:s3cret-token`.
        for (text, rest) in [
            ("czNjcmV0LXRva2Vu", "[redacted]"),
            ("OnMzY3JldC10b2tlbg==", "On[redacted]g=="),
            ("dTpzM2NyZXQtdG9rZW4=", "dTp[redacted]4="),
        ] {
            assert_eq!(redactor.redact(text), rest);
        }
    }

    #[test]
    fn a_trivial_token_does_not_destroy_the_output() {
        let redactor = Redactor::new();
        redactor.add(&SecretString::from("x"));
        assert_eq!(redactor.redact("an example"), "an example");
    }

    #[test]
    fn the_longest_secret_is_redacted_first() {
        let redactor = Redactor::new();
        redactor.add(&SecretString::from("abcd"));
        redactor.add(&SecretString::from("abcdefgh"));
        assert_eq!(redactor.redact("<abcdefgh>"), "<[redacted]>");
    }
}
