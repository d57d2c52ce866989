//! Every secret of this process, and the one function that takes them out of a text.
//!
//! Whatever is shown or written anywhere passes through [`Redactor::redact`]: a server may echo a
//! token in its error body, in clear, percent-encoded, or inside a base64 text.

use std::borrow::Cow;
use std::fmt;
use std::sync::RwLock;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

/// What stands where a secret stood.
const MARK: &str = "[redacted]";

/// A shorter text is no secret, and taking it out would make every output unreadable.
const SHORTEST: usize = 4;

/// Holds every known secret and takes them out of texts.
#[derive(Default)]
pub struct Redactor {
    /// Every form of every secret, the longest first.
    forms: RwLock<Vec<SecretString>>,
}

impl Redactor {
    /// Starts without any secret.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a secret, in every form in which it may come back.
    pub fn add(&self, secret: &SecretString) {
        let plain = secret.expose_secret().trim();
        if plain.chars().count() < SHORTEST {
            return;
        }
        let mut forms = self
            .forms
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for form in forms_of(plain) {
            if form.chars().count() >= SHORTEST
                && !forms.iter().any(|known| known.expose_secret() == form)
            {
                forms.push(SecretString::from(form));
            }
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// The text without any known secret.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let forms = self
            .forms
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut clean = Cow::Borrowed(text);
        for form in forms.iter() {
            if clean.contains(form.expose_secret()) {
                clean = Cow::Owned(clean.replace(form.expose_secret(), MARK));
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

/// The secret in clear, percent-encoded, as the inside of a JSON or Debug string, and as the part
/// of a base64 text that depends on nothing but the secret, at each of the three alignments.
fn forms_of(plain: &str) -> Vec<String> {
    let encoded = utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string();
    let mut forms = vec![
        plain.to_owned(),
        encoded.to_ascii_lowercase(),
        encoded,
        utf8_percent_encode(plain, URL_TEXT).to_string(),
        plain.escape_debug().to_string(),
        plain.replace('\\', "\\\\").replace('"', "\\\""),
    ];
    // The inner characters of a short secret's base64 form say little, and may stand in any text.
    if plain.len() >= 8 {
        for lead in 0..3_usize {
            let standard = base64_core(plain.as_bytes(), lead);
            forms.push(standard.replace('+', "-").replace('/', "_"));
            forms.push(standard);
        }
    }
    forms
}

/// What [`url::Url`] and most clients leave alone in a query.
const URL_TEXT: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The base64 digits of `secret`, standing `lead` bytes into a group of three, without the digits
/// that its neighbours share.
fn base64_core(secret: &[u8], lead: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let first_bit = lead * 8;
    let end_bit = first_bit + secret.len() * 8;
    let bit = |index: usize| -> u8 {
        let byte = secret[(index - first_bit) / 8];
        (byte >> (7 - (index - first_bit) % 8)) & 1
    };
    (first_bit.div_ceil(6)..end_bit / 6)
        .map(|digit| {
            let value = (0..6).fold(0_u8, |value, offset| (value << 1) | bit(digit * 6 + offset));
            char::from(DIGITS[usize::from(value)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_taken_out() {
        let redactor = Redactor::new();
        redactor.add(&SecretString::from("to+k/en \"42\"!"));
        for text in [
            "Bearer to+k/en \"42\"!",
            "to%2Bk%2Fen%20%2242%22%21",
            "to%2bk%2fen%20%2242%22%21",
            r#"{"echo":"to+k/en \"42\"!"}"#,
        ] {
            let clean = redactor.redact(text);
            assert!(clean.contains(MARK), "{text} became {clean}");
            assert!(!clean.contains("42"), "{text} became {clean}");
        }
        assert_eq!(redactor.redact("nothing here"), "nothing here");
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
    fn the_longest_secret_goes_first() {
        let redactor = Redactor::new();
        redactor.add(&SecretString::from("abcd"));
        redactor.add(&SecretString::from("abcdefgh"));
        assert_eq!(redactor.redact("<abcdefgh>"), "<[redacted]>");
    }
}
