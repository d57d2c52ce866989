//! Names, versions, ids, and the identity of a solution version with its address.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};

use crate::escape::is_plain;

/// The reason why a text is not a valid identifier; the first value is the kind of identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentError {
    /// The text is empty, or blank.
    #[error("a {0} must not be empty")]
    Empty(&'static str),
    /// A control character would corrupt every line that shows the identifier.
    #[error("a {0} must not contain control characters")]
    Control(&'static str),
    /// White space at an end is invisible in review, and it is not known whether the platform trims
    /// it.
    #[error("a {0} must not begin or end with white space")]
    Untrimmed(&'static str),
    /// The text has more characters than the platform accepts.
    #[error("a {0} must not be longer than {1} characters")]
    TooLong(&'static str, usize),
    /// An address without `@`.
    #[error("an address is written `Name@version`")]
    NoVersion,
    /// A digest that is not 64 hexadecimal digits.
    #[error("a digest is written as 64 hexadecimal digits")]
    NotADigest,
}

/// The maximum length of a name, version or owner, in characters.
const TEXT_LIMIT: usize = 512;

/// Checks a text that people write.
fn check_text(what: &'static str, text: &str) -> Result<(), IdentError> {
    check(what, text, text.trim())
}

/// Refuses only characters that would break a URL or a line: ids come from the server and are
/// compared, never interpreted.
fn check_id(what: &'static str, text: &str) -> Result<(), IdentError> {
    check(what, text, text)
}

/// Checks a text, which must have this content and nothing around it.
fn check(what: &'static str, text: &str, content: &str) -> Result<(), IdentError> {
    if content.is_empty() {
        return Err(IdentError::Empty(what));
    }
    // Nearly every text is like this, and there may be many.
    if content.len() == text.len() && text.len() <= TEXT_LIMIT && is_plain(text) {
        return Ok(());
    }
    if text.chars().any(char::is_control) {
        return Err(IdentError::Control(what));
    }
    if content != text {
        return Err(IdentError::Untrimmed(what));
    }
    if text.chars().count() > TEXT_LIMIT {
        return Err(IdentError::TooLong(what, TEXT_LIMIT));
    }
    Ok(())
}

/// Defines what all types of a parsed text have: the text itself, for output and in JSON.
macro_rules! text_access {
    ($name:ident) => {
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text and keeps it unchanged.
            pub fn parse(text: &str) -> Result<Self, IdentError> {
                $check($what, text)?;
                Ok(Self(Arc::from(text)))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        text_access!($name);
    };
}

text_newtype!(
    /// The name of a solution, compared byte for byte (docs/platform.md, U21).
    SolutionName,
    "solution name",
    check_text
);
text_newtype!(
    /// The version of a solution: a text, never a number, so that `1.10` stays `1.10`.
    Version,
    "version",
    check_text
);
text_newtype!(
    /// The owner of a solution: a username, or `IB_DEPLOYED` for public ones (docs/platform.md,
    /// "Owner and visibility").
    Owner,
    "owner",
    check_text
);
text_newtype!(
    /// The platform's id of a deployed solution version: each version has its own
    /// (docs/platform.md, "Records").
    SolutionId,
    "solution id",
    check_id
);
text_newtype!(
    /// The platform's id of a job or of a run: both have the same form.
    JobId,
    "job id",
    check_id
);

impl JobId {
    /// The longest id that a caller may choose for a run, in characters (the API page, `job_id`).
    pub const CHOSEN_LIMIT: usize = 50;

    /// Parses an id that a caller chose for a run.
    pub fn chosen(text: &str) -> Result<Self, IdentError> {
        let id = Self::parse(text)?;
        if text.chars().count() > Self::CHOSEN_LIMIT {
            return Err(IdentError::TooLong("job id of a run", Self::CHOSEN_LIMIT));
        }
        Ok(id)
    }
}

impl Owner {
    /// The owner that the platform gives to public solutions.
    pub const IB_DEPLOYED: &'static str = "IB_DEPLOYED";

    /// Returns the platform's owner of public solutions.
    pub fn ib_deployed() -> Self {
        Self(Arc::from(Self::IB_DEPLOYED))
    }

    /// Returns whether this is the platform's owner of public solutions.
    pub fn is_ib_deployed(&self) -> bool {
        self.as_str() == Self::IB_DEPLOYED
    }
}

impl Version {
    /// Orders versions with sequences of digits compared as numbers, so 1.9 comes before 1.10.
    pub fn natural_cmp(&self, other: &Self) -> Ordering {
        alphanumeric_sort::compare_str(self.as_str(), other.as_str())
            .then_with(|| self.0.cmp(&other.0))
    }

    /// Compares two versions by their leading numbers; `None` if these are equal or missing. A
    /// suffix does not decide: `1.0-rc` comes before `1.0`, and `1.0-fix` after it.
    pub fn numeric_cmp(&self, other: &Self) -> Option<Ordering> {
        let (left, right) = (self.numbers()?, other.numbers()?);
        let length = left.len().max(right.len());
        let at = |numbers: &[&str], index: usize| {
            let digits = numbers.get(index).copied().unwrap_or_default();
            let digits = digits.trim_start_matches('0').to_owned();
            (digits.len(), digits)
        };
        (0..length)
            .map(|index| at(&left, index).cmp(&at(&right, index)))
            .find(|order| order.is_ne())
    }

    /// Returns whether the version begins with a number, so that its order is known.
    pub fn has_numbers(&self) -> bool {
        self.numbers().is_some()
    }

    /// Returns the leading numbers, after an optional `v`.
    fn numbers(&self) -> Option<Vec<&str>> {
        let text = self.as_str();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let end = text
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(text.len());
        let numbers: Vec<&str> = text[..end]
            .split('.')
            .take_while(|number| !number.is_empty())
            .collect();
        (!numbers.is_empty()).then_some(numbers)
    }
}

/// The identity of a solution version, the same in manifest, live state and plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The solution's name. First, so that identities sort by it.
    pub name: SolutionName,
    /// The solution's version.
    pub version: Version,
    /// The solution's owner.
    pub owner: Owner,
}

impl Identity {
    /// Returns the short address, `Name@version`.
    pub fn address(&self) -> Address {
        // Called for every version of every plan: formatting would take twice as long.
        Address(Arc::from(
            [self.name.as_str(), "@", self.version.as_str()].concat(),
        ))
    }

    /// Returns the address with the owner in front, for output in which two short ones would be
    /// equal.
    pub fn full_address(&self) -> Address {
        Address(Arc::from(format!(
            "{}:{}@{}",
            self.owner, self.name, self.version
        )))
    }

    /// Returns the full address with every separator inside a part escaped by `\`: no two
    /// identities share it, even if names and versions contain `@` (`o:a@1\@2` is version `1@2` of
    /// `a`).
    pub fn escaped_address(&self) -> Address {
        let mut text = String::new();
        let parts = [
            (self.owner.as_str(), ":"),
            (self.name.as_str(), "@"),
            (self.version.as_str(), ""),
        ];
        for (part, separator) in parts {
            for letter in part.chars() {
                if SEPARATORS.contains(&letter) {
                    text.push('\\');
                }
                text.push(letter);
            }
            text.push_str(separator);
        }
        Address(Arc::from(text))
    }

    /// Returns whether name or version contains a separator, so that its address may equal that of
    /// another identity.
    pub(crate) fn has_separator(&self) -> bool {
        self.name.as_str().contains(SEPARATORS) || self.version.as_str().contains(SEPARATORS)
    }

    /// Returns whether name and version are equal; the owners may differ.
    pub fn is_same_version(&self, other: &Self) -> bool {
        self.name == other.name && self.version == other.version
    }

    /// Orders by name, then by version in numeric order, then by owner.
    pub fn natural_cmp(&self, other: &Self) -> Ordering {
        self.name
            .cmp(&other.name)
            .then_with(|| self.version.natural_cmp(&other.version))
            .then_with(|| self.owner.cmp(&other.owner))
    }
}

/// The characters that separate the parts of an address, and that escape such a separator.
const SEPARATORS: [char; 4] = ['@', ':', '#', '\\'];

/// The subject of a change in a plan: unlike an address, it is unique within the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeKey {
    /// The solution version.
    pub identity: Identity,
    /// The live record that is changed; `None` for a create.
    pub record: Option<SolutionId>,
}

/// The name of a solution version in output and options: `Name@version`, or `owner:Name@version`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Address(Arc<str>);

text_access!(Address);

impl Address {
    /// Parses an address; the version is the text after the last `@`, as names may contain one.
    pub fn parse(text: &str) -> Result<Self, IdentError> {
        let (name, version) = text.rsplit_once('@').ok_or(IdentError::NoVersion)?;
        check_text("solution name", name)?;
        check_text("version", version)?;
        Ok(Self(Arc::from(text)))
    }

    /// Returns the address of a record, for an identity with several records.
    pub(crate) fn of_record(&self, id: &SolutionId) -> Self {
        Self(Arc::from(format!("{}#{id}", self.0)))
    }

    /// Returns whether this address, in any of its forms, refers to that identity.
    pub fn means(&self, identity: &Identity) -> bool {
        *self == identity.address()
            || *self == identity.full_address()
            || (self.0.contains('\\') && *self == identity.escaped_address())
    }
}

/// Returns an address for each item, in their order; two different items never share one.
///
/// An address gets its owner in front only if two would be equal, and is escaped only if they are
/// still equal. A record's id follows if the item names one.
pub fn disambiguate(items: &[(&Identity, Option<&SolutionId>)]) -> Vec<Address> {
    let mut forms = vec![0; items.len()];
    // Only items with the same name and version, or with a separator, can have equal addresses.
    let mut seen: HashMap<(&SolutionName, &Version), usize> = HashMap::new();
    for (identity, _) in items {
        *seen.entry((&identity.name, &identity.version)).or_default() += 1;
    }
    let candidates: Vec<usize> = (0..items.len())
        .filter(|index| {
            let (identity, record) = items[*index];
            record.is_some()
                || identity.has_separator()
                || seen[&(&identity.name, &identity.version)] > 1
        })
        .collect();
    let addresses = |form: usize, (identity, record): (&Identity, Option<&SolutionId>)| {
        let base = FORMS[form](identity);
        let whole = record.map_or_else(|| base.clone(), |id| base.of_record(id));
        (base, whole)
    };
    let mut has_changed = true;
    while has_changed {
        let mut identities: HashMap<Address, &Identity> = HashMap::new();
        let mut keys: HashMap<Address, (&Identity, Option<&SolutionId>)> = HashMap::new();
        let mut shared: HashSet<Address> = HashSet::new();
        for index in &candidates {
            let (base, whole) = addresses(forms[*index], items[*index]);
            let identity = items[*index].0;
            if *identities.entry(base.clone()).or_insert(identity) != identity {
                shared.insert(base);
            }
            if *keys.entry(whole.clone()).or_insert(items[*index]) != items[*index] {
                shared.insert(whole);
            }
        }
        has_changed = false;
        for index in &candidates {
            let (base, whole) = addresses(forms[*index], items[*index]);
            let is_shared = shared.contains(&base) || shared.contains(&whole);
            if is_shared && forms[*index] + 1 < FORMS.len() {
                forms[*index] += 1;
                has_changed = true;
            }
        }
    }
    let forms = forms.into_iter().zip(items);
    forms.map(|(form, item)| addresses(form, *item).1).collect()
}

/// The forms of an address, from the shortest to the one that no two identities share.
const FORMS: [fn(&Identity) -> Address; 3] = [
    Identity::address,
    Identity::full_address,
    Identity::escaped_address,
];

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Digest(Box<str>);

text_access!(Digest);

impl Digest {
    /// Returns the digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_parts([bytes])
    }

    /// Returns the digest of these bytes, one part after another.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self::written(&hash.finalize())
    }

    /// Returns the builder of a digest of bytes that are never in memory as a whole.
    pub fn builder() -> DigestBuilder {
        DigestBuilder(Sha256::new())
    }

    /// Returns the digest of the JSON form of a value, which is never in memory as a whole.
    pub fn of_json(value: &impl Serialize) -> serde_json::Result<Self> {
        let mut hash = Sha256::new();
        serde_json::to_writer(&mut hash, value)?;
        Ok(Self::written(&hash.finalize()))
    }

    fn written(bytes: &[u8]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in bytes {
            write!(text, "{byte:02x}").expect("invariant: writing to a String cannot fail");
        }
        Self(text.into_boxed_str())
    }

    /// Parses 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, IdentError> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase().into_boxed_str()))
        } else {
            Err(IdentError::NotADigest)
        }
    }
}

/// A digest of the bytes that were pushed until now.
#[derive(Debug, Clone)]
pub struct DigestBuilder(Sha256);

impl DigestBuilder {
    /// Adds bytes behind the others.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes.
    pub fn finish(self) -> Digest {
        Digest::written(&self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(owner: &str, name: &str, version: &str) -> Identity {
        Identity {
            name: SolutionName::parse(name).unwrap(),
            version: Version::parse(version).unwrap(),
            owner: Owner::parse(owner).unwrap(),
        }
    }

    #[test]
    fn addresses_split_at_the_last_at_sign() {
        let odd = identity("o", "a@b", "1.0");
        let address = odd.address();
        assert_eq!(address.as_str(), "a@b@1.0");
        assert!(Address::parse("a@b@1.0").unwrap().means(&odd));
        assert!(Address::parse("o:a@b@1.0").unwrap().means(&odd));
        assert!(!Address::parse("p:a@b@1.0").unwrap().means(&odd));
        assert_eq!(Address::parse("plain"), Err(IdentError::NoVersion));
    }

    /// Owner, name, version and record.
    type Item<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

    /// Covers names and versions that contain the separators of an address.
    #[test]
    fn different_identities_have_different_addresses() {
        let id = |text: &str| SolutionId::parse(text).unwrap();
        let cases: &[(&[Item<'_>], &[&str])] = &[
            (
                &[("o", "a", "1", None), ("o", "b", "1", None)],
                &["a@1", "b@1"],
            ),
            (
                &[("o", "a", "1", None), ("p", "a", "1", None)],
                &["o:a@1", "p:a@1"],
            ),
            (
                &[("o", "a", "1@2", None), ("o", "a@1", "2", None)],
                &[r"o:a@1\@2", r"o:a\@1@2"],
            ),
            (
                &[("o", "a", "1@2", None), ("p", "a@1", "2", None)],
                &["o:a@1@2", "p:a@1@2"],
            ),
            // A name that looks like another's owner.
            (
                &[
                    ("o", "a", "1", None),
                    ("p", "a", "1", None),
                    ("o", "p:a", "1", None),
                ],
                &["o:a@1", "p:a@1", "o:p:a@1"],
            ),
            // A name that looks like another's escaped address.
            (
                &[
                    ("o", "a", "1@2", None),
                    ("o", "a@1", "2", None),
                    ("o", r"o:a@1\", "2", None),
                ],
                &[r"o:a@1\@2", r"o:a\@1@2", r"o:o:a@1\@2"],
            ),
            // Records of one identity, and a version that looks like one of them.
            (
                &[
                    ("o", "a", "1", Some("x")),
                    ("o", "a", "1", Some("y")),
                    ("o", "a", "1#x", None),
                ],
                &["o:a@1#x", "a@1#y", r"o:a@1\#x"],
            ),
        ];
        for (items, expected) in cases {
            let owned: Vec<(Identity, Option<SolutionId>)> = items
                .iter()
                .map(|(owner, name, version, record)| {
                    (identity(owner, name, version), record.map(id))
                })
                .collect();
            let borrowed: Vec<_> = owned
                .iter()
                .map(|(identity, record)| (identity, record.as_ref()))
                .collect();
            let addresses = disambiguate(&borrowed);
            let unique: HashSet<&Address> = addresses.iter().collect();
            assert_eq!(unique.len(), items.len(), "{addresses:?}");
            let texts: Vec<&str> = addresses.iter().map(Address::as_str).collect();
            assert_eq!(texts, *expected);
            for ((identity, record), address) in borrowed.iter().zip(&addresses) {
                assert_eq!(address.means(identity), record.is_none(), "{address}");
            }
        }
    }

    #[test]
    fn hostile_text_is_refused() {
        for (text, expected) in [
            ("", IdentError::Empty("version")),
            ("  ", IdentError::Empty("version")),
            (" 1", IdentError::Untrimmed("version")),
            ("1\u{1b}[2J", IdentError::Control("version")),
            (&"9".repeat(513), IdentError::TooLong("version", 512)),
        ] {
            assert_eq!(Version::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn chosen_job_ids_are_short() {
        assert!(JobId::chosen(&"x".repeat(50)).is_ok());
        assert_eq!(
            JobId::chosen(&"x".repeat(51)).unwrap_err().to_string(),
            "a job id of a run must not be longer than 50 characters"
        );
        assert!(JobId::parse(&"x".repeat(51)).is_ok());
    }

    #[test]
    fn versions_order_by_number() {
        let mut versions: Vec<Version> = ["1.10", "1.9", "2.0", "1.9-rc"]
            .iter()
            .map(|text| Version::parse(text).unwrap())
            .collect();
        versions.sort_by(Version::natural_cmp);
        let texts: Vec<&str> = versions.iter().map(Version::as_str).collect();
        assert_eq!(texts, ["1.9", "1.9-rc", "1.10", "2.0"]);
    }

    #[test]
    fn leading_numbers_order_versions() {
        for (before, after, expected) in [
            ("1.9", "1.10", Some(Ordering::Less)),
            ("2", "1.99.99", Some(Ordering::Greater)),
            ("v1.2", "1.3-rc", Some(Ordering::Less)),
            ("1.0", "1.0.1", Some(Ordering::Less)),
            (
                "99999999999999999999999",
                "100000000000000000000000",
                Some(Ordering::Less),
            ),
            ("1.0", "1.0.0", None),
            ("1.0-rc", "1.0", None),
            ("1.0", "1.0-fix", None),
            ("main", "1.0", None),
            ("a", "b", None),
        ] {
            let parse = |text| Version::parse(text).unwrap();
            assert_eq!(
                parse(before).numeric_cmp(&parse(after)),
                expected,
                "{before} {after}"
            );
        }
    }

    #[test]
    fn digests_are_stable() {
        assert_eq!(
            Digest::of(b"").as_str(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert!(Digest::parse("e3").is_err());
    }
}
