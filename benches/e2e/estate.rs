//! The live and the declared solutions. Both are computed from a number, so that the program gets
//! them as files, and the baseline client needs no files.

use std::fmt::Write as _;
use std::ops::Range;

/// The version that is live at the start.
pub(crate) const FIRST: &str = "1.0.0";

/// The version that an upgrade deploys.
pub(crate) const NEXT: &str = "2.0.0";

/// The folder of the packages.
const DRIVE: &str = "acme/releases/fs/Instabase Drive";

/// The visibilities, in the words of the API.
pub(crate) const VISIBILITIES: [&str; 3] = ["PUBLIC", "PRIVATE", "PENDING_REVIEW"];

/// A solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item(pub(crate) usize);

impl Item {
    /// Returns the item with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let number = name.strip_prefix("Solution ")?;
        number.parse().ok().map(Self)
    }

    pub(crate) fn name(self) -> String {
        format!("Solution {:06}", self.0)
    }

    /// Returns the id of the version that is live at the start.
    pub(crate) fn id(self) -> String {
        format!("8c1f0a7e-0000-4000-8000-{:012}", self.0)
    }

    /// Returns true for every fourth item.
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

    /// Returns true if the item is INACTIVE, although it is declared ACTIVE: one in a thousand.
    pub(crate) fn is_changed(self) -> bool {
        self.0 % 1_000 == 7
    }

    pub(crate) fn package(self, version: &str) -> String {
        format!("{DRIVE}/{}-{version}.ibsolution", self.name())
    }
}

/// Returns a few items spread over `live` items, the first of them changed.
pub(crate) fn few(declared: usize, live: usize) -> impl Iterator<Item = Item> {
    // The step has no common factor with 1000, so that no second changed item is chosen.
    let step = (live / declared).saturating_sub(3).max(1);
    (0..declared).map(move |index| Item(7 + index * step))
}

/// Returns the number of items that differ from what is declared.
pub(crate) fn changes(items: impl IntoIterator<Item = Item>) -> usize {
    items.into_iter().filter(|item| item.is_changed()).count()
}

/// Returns a manifest that declares these items in this version.
pub(crate) fn manifest(url: &str, version: &str, items: impl IntoIterator<Item = Item>) -> String {
    let mut text = format!(
        "solform: 1\nenvironments:\n  bench:\n    url: {url}\n    token: {{ env: BENCH_TOKEN \
         }}\n    vars: {{ drive: \"{DRIVE}\" }}\ndefaults: {{ owner: svc-release, superseded: \
         deactivate }}\nsolutions:\n"
    );
    for item in items {
        let owner = match item.owner() {
            "svc-release" => String::new(),
            owner => format!("    owner: {owner}\n"),
        };
        let _ = write!(
            text,
            "  {}:\n    version: {version}\n    path: \
             ${{drive}}/${{name}}-${{version}}.ibsolution\n{owner}    visibility: {}\n",
            item.name(),
            item.visibility(),
        );
    }
    text
}

/// Returns a seed with these items live in the first version, and packages of `version` for other
/// items.
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
            "  - {{ id: {}, name: {}, version: {FIRST}, owner: {}, state: {state}, visibility: {} \
             }}",
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
