//! What is live and what is declared: both follow from a number, so that the program can be given
//! files, while the floor knows without any.

use std::fmt::Write as _;
use std::ops::Range;

/// The version that is live at first.
pub(crate) const FIRST: &str = "1.0.0";

/// The version that an upgrade brings.
pub(crate) const NEXT: &str = "2.0.0";

/// Where the packages lie.
const DRIVE: &str = "acme/releases/fs/Instabase Drive";

/// The visibilities, in the words of the API.
pub(crate) const VISIBILITIES: [&str; 3] = ["PUBLIC", "PRIVATE", "PENDING_REVIEW"];

/// One solution of the estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item(pub(crate) usize);

impl Item {
    /// The item that has this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let number = name.strip_prefix("Solution ")?;
        number.parse().ok().map(Self)
    }

    pub(crate) fn name(self) -> String {
        format!("Solution {:06}", self.0)
    }

    /// The id of the version that is live at first.
    pub(crate) fn id(self) -> String {
        format!("8c1f0a7e-0000-4000-8000-{:012}", self.0)
    }

    /// Every fourth is public.
    fn is_public(self) -> bool {
        self.0.is_multiple_of(4)
    }

    pub(crate) fn owner(self) -> &'static str {
        if self.is_public() {
            "IB_DEPLOYED"
        } else {
            "svc-release"
        }
    }

    pub(crate) fn visibility(self) -> &'static str {
        if self.is_public() {
            "PUBLIC"
        } else {
            "PRIVATE"
        }
    }

    /// Returns whether it is out of service, although it is declared to serve: one in a thousand.
    pub(crate) fn is_changed(self) -> bool {
        self.0 % 1_000 == 7
    }

    pub(crate) fn package(self, version: &str) -> String {
        format!("{DRIVE}/{}-{version}.ibsolution", self.name())
    }
}

/// A few items spread over an estate of so many, the first of them changed.
pub(crate) fn few(declared: usize, live: usize) -> impl Iterator<Item = Item> {
    // The step shares no factor with a thousand, and so comes upon no second changed item.
    let step = (live / declared).saturating_sub(3).max(1);
    (0..declared).map(move |index| Item(7 + index * step))
}

/// Returns how many of these items differ from what is declared.
pub(crate) fn changes(items: impl IntoIterator<Item = Item>) -> usize {
    items.into_iter().filter(|item| item.is_changed()).count()
}

/// A manifest that declares these items in this version.
pub(crate) fn manifest(url: &str, version: &str, items: impl IntoIterator<Item = Item>) -> String {
    let mut text = format!(
        "solform: 1\nenvironments:\n  bench:\n    url: {url}\n    token: {{ env: BENCH_TOKEN }}\n    \
         vars: {{ drive: \"{DRIVE}\" }}\ndefaults: {{ owner: svc-release, superseded: deactivate }}\n\
         solutions:\n"
    );
    for item in items {
        let owner = match item.owner() {
            "svc-release" => String::new(),
            owner => format!("    owner: {owner}\n"),
        };
        let _ = write!(
            text,
            "  {}:\n    version: {version}\n    path: ${{drive}}/${{name}}-${{version}}.ibsolution\n\
             {owner}    visibility: {}\n",
            item.name(),
            item.visibility(),
        );
    }
    text
}

/// A seed with these items live in the first version, and packages of another version for others.
pub(crate) fn seed(live: Range<usize>, packages: Range<usize>, version: &str) -> String {
    let mut text = String::new();
    if !live.is_empty() {
        text.push_str("solutions:\n");
    }
    for item in live.map(Item) {
        let state = if item.is_changed() {
            "INACTIVE"
        } else {
            "ACTIVE"
        };
        let _ = writeln!(
            text,
            "  - {{ id: {}, name: {}, version: {FIRST}, owner: {}, state: {state}, visibility: {} }}",
            item.id(),
            item.name(),
            item.owner(),
            item.visibility(),
        );
    }
    if !packages.is_empty() {
        text.push_str("packages:\n");
    }
    for item in packages.map(Item) {
        let _ = writeln!(
            text,
            "  - {{ path: {}, name: {}, version: {version}, owner: {}, visibility: {} }}",
            item.package(version),
            item.name(),
            item.owner(),
            item.visibility(),
        );
    }
    text
}
