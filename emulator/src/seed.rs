//! The seed: the contents of a new world.
//!
//! A seed file is YAML. Every part is optional, and unknown fields are errors:
//!
//! ```yaml
//! users:                          # the owners of tokens; applied at every start
//!   - { token: t-ann, username: ann, admin: false }
//! knobs: { paging: bare }         # the server's behaviour; applied at every start
//! faults:                         # fault rules; applied at every start
//!   - { operation: deploy, nth: 2, status: 503, retry_after: 1 }
//! solutions:                      # deployed records
//!   - name: Form W-2
//!     version: 0.0.1
//!     owner: IB_DEPLOYED
//!     state: ACTIVE               # default ACTIVE; any word
//!     visibility: PUBLIC          # default PUBLIC for IB_DEPLOYED, else PRIVATE; any word
//!     author: ann                 # default: the owner, or the emulator's user for IB_DEPLOYED
//!     summary: Reads the form     # default "No summary"
//!     description: Much longer    # default "No release notes"
//!     created_at_ms: 1700000000000
//!     updated_at_ms: 1700000000000
//!     referenced: true            # a deployment refers to it; default false
//!     id: 7d1c2a52-0d3f-4d38-9a3c-0b2ffb6b0c11
//! packages:                       # real zips in the file system
//!   - path: acme/prod/fs/Instabase Drive/releases/Form W-2-0.0.2.ibsolution
//!     name: Form W-2
//!     version: 0.0.2
//!     owner: IB_DEPLOYED
//!     visibility: PUBLIC          # left out of package.json if missing
//!     short_description: Reads the form
//!     long_description: Much longer
//!     authors: [ann]
//!     solution_type: ibflowbin    # the default
//!     size: 1000000               # padded to about this number of bytes
//!     omit: [owner]               # fields to leave out, for a package that is not valid
//! files:                          # any other file
//!   - { path: acme/prod/fs/Instabase Drive/readme.txt, text: Hello }
//! ```
//!
//! `solutions`, `packages` and `files` are loaded into a new world only: an existing data folder
//! keeps its contents.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_yaml::Spanned;
use sha2::{Digest as _, Sha256};

pub use super::access::SeedUser;
use super::faults::{Fault, FaultError};
use super::knobs::{KnobError, Knobs};
use super::path::NodePath;

/// The starting state of a world. The default is empty.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    /// The users and their tokens.
    pub users: Vec<SeedUser>,
    /// The knob settings: name and value.
    pub knobs: BTreeMap<String, String>,
    /// The fault rules, tried in this order.
    pub faults: Vec<Fault>,
    /// The deployed records, the oldest first.
    pub solutions: Vec<SeedSolution>,
    /// The packages in the file system.
    pub packages: Vec<SeedPackage>,
    /// The other files in the file system.
    pub files: Vec<SeedFile>,
}

/// A deployed solution.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedSolution {
    /// The solution's name.
    pub name: String,
    /// The solution's version.
    pub version: String,
    /// The owner: a user or `IB_DEPLOYED`.
    pub owner: String,
    /// The state, any word; `ACTIVE` by default.
    pub state: Option<String>,
    /// The visibility, any word; by default `PUBLIC` for `IB_DEPLOYED`, otherwise `PRIVATE`.
    pub visibility: Option<String>,
    /// The author; by default the owner, or the emulator's user for `IB_DEPLOYED`.
    pub author: Option<String>,
    /// The short description; `No summary` by default.
    pub summary: Option<String>,
    /// The long description; `No release notes` by default.
    pub description: Option<String>,
    /// The time of creation in milliseconds since 1970; by default the time at which the world is
    /// created.
    pub created_at_ms: Option<u64>,
    /// The time of the last change in milliseconds since 1970; by default the time of creation.
    pub updated_at_ms: Option<u64>,
    /// True if a deployment refers to the solution; false by default.
    #[serde(default)]
    pub referenced: bool,
    /// The id; a new one by default.
    pub id: Option<String>,
}

/// A package in the file system.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedPackage {
    /// The path of the package.
    pub path: String,
    /// The field `name` of `package.json`.
    pub name: String,
    /// The field `version` of `package.json`.
    pub version: String,
    /// The field `owner` of `package.json`.
    pub owner: String,
    /// The field `visibility` of `package.json`; absent by default.
    pub visibility: Option<String>,
    /// The field `short_description` of `package.json`; absent by default.
    pub short_description: Option<String>,
    /// The field `long_description` of `package.json`; absent by default.
    pub long_description: Option<String>,
    /// The field `authors` of `package.json`; absent by default.
    pub authors: Option<Vec<String>>,
    /// The field `solution_type` of `package.json`; `ibflowbin` by default.
    pub solution_type: Option<String>,
    /// The size in bytes to which the package is padded; 0, the default, adds no padding.
    #[serde(default)]
    pub size: usize,
    /// The fields that are left out of `package.json`, for a package that is not valid.
    #[serde(default)]
    pub omit: Vec<String>,
}

/// A file in the file system.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeedFile {
    /// The path of the file.
    pub path: String,
    /// The contents of the file.
    pub text: String,
}

/// The structure of the file. Knobs and faults keep their positions for error messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawSeed {
    users: Vec<SeedUser>,
    knobs: BTreeMap<String, Spanned<String>>,
    faults: Vec<BTreeMap<String, Spanned<String>>>,
    solutions: Vec<SeedSolution>,
    packages: Vec<SeedPackage>,
    files: Vec<SeedFile>,
}

/// An error in a seed.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The text is not YAML, or not the YAML of a seed.
    #[error("the seed is not valid: {message}")]
    Yaml {
        /// The problem, with line and column.
        message: String,
    },
    /// A knob setting is not valid.
    #[error("the seed is not valid: line {line}")]
    Knob {
        /// The line of the setting; 0 if the seed was not parsed from text.
        line: u64,
        /// The problem.
        source: KnobError,
    },
    /// A fault rule is not valid.
    #[error("the seed is not valid: line {line}")]
    Fault {
        /// The line where the rule begins.
        line: u64,
        /// The problem.
        source: FaultError,
    },
    /// Two records have the same id, or an id is not valid in a path.
    #[error("the seed is not valid: the solution id `{id}` is used twice or is not a valid id")]
    BadId {
        /// The id.
        id: String,
    },
    /// A path is not valid, or a file would be inside another file.
    #[error("the seed is not valid: no file can be at `{path}`: {reason}")]
    BadPath {
        /// The path.
        path: String,
        /// The reason.
        reason: String,
    },
}

/// The maximum number of nodes of the YAML parser: enough for a seed with a million records.
const YAML_NODES: usize = 50_000_000;

impl Seed {
    /// Parses a seed file and checks all of it: fields, knobs, faults, ids and paths.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        // A file with only comments is an empty seed.
        let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if text.lines().all(is_blank) {
            return Ok(Self::default());
        }
        let options = serde_yaml::options! {
            with_snippet: false,
            budget: serde_yaml::budget! { max_nodes: YAML_NODES, max_events: 2 * YAML_NODES },
        };
        let raw: RawSeed = serde_yaml::from_str_with_options(text, options).map_err(|error| {
            let message = without_values(&error.without_snippet().to_string());
            SeedError::Yaml { message }
        })?;
        let mut knobs = BTreeMap::new();
        for (name, value) in raw.knobs {
            let line = value.referenced.line();
            let set = Knobs::default().set(&name, &value.value);
            set.map_err(|source| SeedError::Knob { line, source })?;
            knobs.insert(name, value.value);
        }
        let faults = raw.faults.into_iter().map(read_fault);
        let seed = Self {
            users: raw.users,
            knobs,
            faults: faults.collect::<Result<_, _>>()?,
            solutions: raw.solutions,
            packages: raw.packages,
            files: raw.files,
        };
        seed.check()?;
        Ok(seed)
    }

    /// Returns the digest of the parts that a new world is made from. A stored world keeps the
    /// digest of its seed. Users, knobs and faults apply at every start, so they are left out.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        serde_json::to_writer(&mut hash, &(&self.solutions, &self.packages, &self.files))
            .expect("invariant: records have text keys and plain values");
        format!("{:x}", hash.finalize())
    }

    /// Sets the knobs that the seed names. Fails at the first setting that is not valid.
    pub fn change_knobs(&self, knobs: &mut Knobs) -> Result<(), SeedError> {
        for (name, value) in &self.knobs {
            let set = knobs.set(name, value);
            set.map_err(|source| SeedError::Knob { line: 0, source })?;
        }
        Ok(())
    }

    /// Checks ids and paths, which the types do not check.
    pub(crate) fn check(&self) -> Result<(), SeedError> {
        let mut ids = HashSet::new();
        for id in self.solutions.iter().filter_map(|s| s.id.as_ref()) {
            let is_segment = NodePath::parse(id).is_ok_and(|path| path.as_str() == id.as_str());
            if !is_segment || id.contains('/') || !ids.insert(id) {
                return Err(SeedError::BadId { id: id.clone() });
            }
        }
        let packages = self.packages.iter().map(|package| &package.path);
        for path in packages.chain(self.files.iter().map(|file| &file.path)) {
            NodePath::parse(path).map_err(|error| bad_path(path, &error))?;
        }
        Ok(())
    }
}

/// Removes the quoted texts from a message: the path of a seed may lead to any file of the machine,
/// whose contents must not be shown.
fn without_values(message: &str) -> String {
    let mut clean = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, quoted)) = rest.split_once("string \"") {
        clean.push_str(before);
        clean.push_str("a text");
        // The quoted text may contain quotes: the message continues after the last one.
        let expected = quoted.rfind("\", expected");
        rest = expected.map_or("", |end| &quoted[end + 1..]);
    }
    clean.push_str(rest);
    clean
}

fn read_fault(settings: BTreeMap<String, Spanned<String>>) -> Result<Fault, SeedError> {
    let line = settings.values().map(|value| value.referenced.line()).min();
    let settings = settings
        .into_iter()
        .map(|(name, value)| (name, value.value));
    Fault::from_settings(settings).map_err(|source| SeedError::Fault {
        line: line.unwrap_or_default(),
        source,
    })
}

pub(crate) fn bad_path(path: &str, reason: &impl ToString) -> SeedError {
    SeedError::BadPath {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lag::Lag;
    use super::*;

    #[test]
    fn a_seed_is_read_whole() {
        let seed = Seed::parse(
            "
users: [{ token: t, username: ann }]
knobs: { paging: bare, visibility_in_records: true, list_lag: 2 }
solutions:
  - { name: A, version: 1.10, owner: ann, created_at_ms: 5 }
packages:
  - { path: a/fs/d/A-2.ibsolution, name: A, version: 2, owner: ann, size: 10 }
files:
  - { path: a/fs/d/x.txt, text: hello }
",
        )
        .unwrap();
        assert_eq!(seed.solutions[0].version, "1.10");
        assert_eq!(seed.packages[0].version, "2");
        let mut knobs = Knobs::default();
        seed.change_knobs(&mut knobs).unwrap();
        assert!(knobs.visibility_in_records);
        assert_eq!(knobs.list_lag, Lag::Reads(2));
        assert!(Seed::parse("").unwrap().solutions.is_empty());
        assert!(Seed::parse("# nothing\n\n").unwrap().solutions.is_empty());
    }

    #[test]
    fn a_seed_error_names_the_line() {
        let cases = [
            ("solutions:\n  - { name: A }\n", "line 2"),
            ("solution: []\n", "line 1"),
            (
                "solutions:\n  - name: A\n    versoin: 1\n    owner: o\n",
                "line 3",
            ),
            ("knobs:\n  list_lag: 1\n  paging: loose\n", "line 3"),
            ("knobs: { colour: red }\n", "line 1"),
            ("faults:\n  - { operation: deploy }\n", "line 2"),
            ("faults:\n  - status: 500\n    skip: x\n", "line 2"),
            ("a: [", "line 1"),
            ("files: [{ path: a/../b, text: x }]\n", "`a/../b`"),
            (
                "solutions: [{ name: A, version: 1, owner: o, id: x }, { name: B, version: 1, \
                 owner: o, id: x }]",
                "`x`",
            ),
            (
                "solutions: [{ name: A, version: 1, owner: o, id: ../x }]",
                "`../x`",
            ),
        ];
        for (text, part) in cases {
            let error = Seed::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
