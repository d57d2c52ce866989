//! The live and the declared solutions. Both are computed from a number, so that the program gets
//! them as files, and the baseline client needs no files.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use solform_emulator::seed::SeedPackage;
use solform_emulator::{Seed, SeedSolution};

use crate::server::Endpoint;

/// The version that is live at the start.
pub(crate) const FIRST: &str = "1.0.0";

/// The version that an upgrade deploys.
pub(crate) const NEXT: &str = "2.0.0";

/// The folder of the packages.
const DRIVE: &str = "acme/releases/fs/Instabase Drive";

/// The visibilities, in the words of the API.
pub(crate) const VISIBILITIES: [&str; 3] = ["PUBLIC", "PRIVATE", "PENDING_REVIEW"];

/// The first item that is not as declared.
const CHANGED: usize = 7;

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
        self.0 % 1_000 == CHANGED
    }

    pub(crate) fn package(self, version: &str) -> String {
        format!("{DRIVE}/{}-{version}.ibsolution", self.name())
    }
}

/// Returns a few items spread over `live` items, the first of them changed.
pub(crate) fn few(declared: usize, live: usize) -> impl Iterator<Item = Item> {
    // The step has no common factor with 1000, so that no second changed item is chosen.
    let step = (live / declared).saturating_sub(3).max(1);
    (0..declared).map(move |index| Item(CHANGED + index * step))
}

/// Returns the number of items that differ from what is declared.
pub(crate) fn changes(items: impl IntoIterator<Item = Item>) -> usize {
    items.into_iter().filter(|item| item.is_changed()).count()
}

/// Returns every `every`-th of `live` items, a changed one among them.
pub(crate) fn part(live: usize, every: usize) -> impl Iterator<Item = Item> {
    (CHANGED % every..live).step_by(every).map(Item)
}

/// Returns true if the item is one of those of [`part`].
pub(crate) fn is_part(item: Item, every: usize) -> bool {
    item.0 % every == CHANGED % every
}

/// Returns the lines of a manifest for this server.
pub(crate) fn environment(server: &Endpoint) -> String {
    let Endpoint { url, certificate } = server;
    let mut text = format!(
        "solform: 1\nenvironments:\n  bench:\n    url: {url}\n    token: {{ env: BENCH_TOKEN }}\n"
    );
    if let Some(file) = certificate {
        let _ = writeln!(text, "    ca_bundle: {}", file.display());
    }
    text
}

/// Returns a manifest that declares these items in this version.
pub(crate) fn manifest(
    server: &Endpoint,
    version: &str,
    items: impl IntoIterator<Item = Item>,
) -> String {
    let mut text = environment(server);
    let _ = write!(
        text,
        "    vars: {{ drive: \"{DRIVE}\" }}\ndefaults: {{ owner: svc-release, \
         superseded: deactivate }}\nsolutions:\n"
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

/// The contents of a server at the start.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Contents {
    /// The number of items that are live in the first version.
    pub(crate) live: usize,
    /// The number of items with a package.
    pub(crate) packages: usize,
    /// The version of the packages.
    pub(crate) version: String,
}

impl Contents {
    pub(crate) fn seed(&self) -> Seed {
        let solution = |item: Item| SeedSolution {
            id: Some(item.id()),
            name: item.name(),
            version: FIRST.to_owned(),
            owner: item.owner().to_owned(),
            state: item.is_changed().then(|| "INACTIVE".to_owned()),
            visibility: Some(item.visibility().to_owned()),
            ..SeedSolution::default()
        };
        let package = |item: Item| SeedPackage {
            path: item.package(&self.version),
            name: item.name(),
            version: self.version.clone(),
            owner: item.owner().to_owned(),
            visibility: Some(item.visibility().to_owned()),
            ..SeedPackage::default()
        };
        Seed {
            solutions: (0..self.live).map(Item).map(solution).collect(),
            packages: (0..self.packages).map(Item).map(package).collect(),
            ..Seed::default()
        }
    }
}
