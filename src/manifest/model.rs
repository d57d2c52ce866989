//! The checked manifest of one environment: what `plan` compares with the live state.
//!
//! Only `check` builds these values: unique identities, resolved variables, explicit defaults.
//! Nothing here is optional that the program needs; what is optional is optional for the user.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::glob::Glob;
use super::source::Position;
use crate::attribute::{State, Visibility};
use crate::ident::{Digest, Identity, Owner, SolutionName};

/// A manifest, resolved for one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Where and as whom.
    pub environment: Environment,
    /// Which live versions this manifest may touch at all.
    pub scope: Scope,
    /// The declared versions, ordered by [`Identity`]; each identity once.
    pub desired: Vec<Desired>,
    /// The digest of the resolved manifest: equal for two files that mean the same.
    pub digest: Digest,
}

/// The environment that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Its name, the key under `environments`.
    pub name: String,
    /// Where it is declared.
    pub position: Position,
    /// Where its settings are written.
    pub keys: KeyPositions,
    /// The server.
    pub url: Endpoint,
    /// Where the token comes from; none for the embedded emulator.
    pub token: Option<TokenSource>,
    /// Whom the token belongs to.
    pub user: Option<Owner>,
    /// The account that calls are for, sent as `IB-Context`.
    pub context: Option<String>,
    /// Where lock, journal and history live; none: `.solform/` beside the manifest.
    pub store: Option<String>,
    /// Live versions that no plan may delete.
    pub protect: Vec<Glob>,
    /// How much a plan may take away.
    pub limits: Limits,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// TLS beyond the system's roots.
    pub tls: Tls,
    /// Settings of the embedded emulator.
    pub emulator: EmulatorSettings,
}

impl Environment {
    /// Where a setting is written, by its key with the mapping in front (`limits.max_destroy`);
    /// where it is not written, where the environment is.
    pub fn position_of(&self, key: &str) -> &Position {
        self.keys.get(key).unwrap_or(&self.position)
    }
}

/// Where the manifest writes settings, by their keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPositions(BTreeMap<&'static str, Position>);

impl KeyPositions {
    /// The position of a key; none where it is not written.
    pub fn get(&self, key: &str) -> Option<&Position> {
        self.0.get(key)
    }
}

impl FromIterator<(&'static str, Position)> for KeyPositions {
    fn from_iter<I: IntoIterator<Item = (&'static str, Position)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// Where the API is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// `emulator:`, the one that solform embeds.
    Emulator,
    /// An `http` or `https` URL, without user information, query or trailing slash.
    Url(url::Url),
}

impl Endpoint {
    /// The URL as text, for comparison and display.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Emulator => "emulator:",
            Self::Url(url) => url.as_str().trim_end_matches('/'),
        }
    }
}

/// Where a token comes from. Never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// An environment variable.
    Env(String),
    /// A file, relative to the manifest.
    File(PathBuf),
    /// A program and its arguments; the token is its standard output.
    Command(Vec<String>),
}

/// TLS material, relative to the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// PEM file with more trusted roots.
    pub ca_bundle: Option<PathBuf>,
    /// PEM file with the client's certificate chain.
    pub client_cert: Option<PathBuf>,
    /// PEM file with the client's key.
    pub client_key: Option<PathBuf>,
}

/// Settings of the embedded emulator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmulatorSettings {
    /// What its world starts with, relative to the manifest.
    pub seed: Option<PathBuf>,
}

/// How much a plan may take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Deletes and replaces; `None` is the built-in 30 % from 10 live versions up.
    pub max_destroy: Option<Limit>,
    /// Versions taken out of service without a successor of the same name.
    pub max_change: Option<Limit>,
}

/// A count, or a share of the live versions in scope, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most so many.
    Count(usize),
    /// At most this share, in percent, 0 to 100.
    Percent(u8),
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// One deploy job.
    pub deploy: Duration,
    /// One delete job.
    pub delete: Duration,
    /// How long a finished write may need to show.
    pub propagation: Duration,
    /// One run of a solution.
    pub run: Duration,
    /// The whole of an apply.
    pub apply: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        Self {
            deploy: Duration::from_secs(15 * MINUTE),
            delete: Duration::from_secs(15 * MINUTE),
            propagation: Duration::from_secs(5 * MINUTE),
            run: Duration::from_secs(120 * MINUTE),
            apply: Duration::from_secs(120 * MINUTE),
        }
    }
}

/// Which live versions the manifest may touch.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// Owners, as globs. By default those that the manifest declares.
    pub owners: Vec<Glob>,
    /// Names, as globs.
    pub names: Vec<Glob>,
    /// What becomes of live names in scope that are not declared.
    pub undeclared: Undeclared,
}

impl Scope {
    /// Returns whether this owner's solutions are in scope, for all authors.
    pub fn has_owner(&self, owner: &Owner) -> bool {
        self.owners.iter().any(|glob| glob.matches(owner.as_str()))
    }

    /// Returns whether solutions of this name are in scope.
    pub fn has_name(&self, name: &SolutionName) -> bool {
        self.names.iter().any(|glob| glob.matches(name.as_str()))
    }

    /// Returns whether that version is in scope, for all authors.
    pub fn contains(&self, identity: &Identity) -> bool {
        self.has_owner(&identity.owner) && self.has_name(&identity.name)
    }
}

/// What becomes of live names in scope that the manifest does not declare, ordered by how much is
/// taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undeclared {
    /// They stay as they are.
    Ignore,
    /// Their versions in service are taken out of it.
    Deactivate,
    /// They are deleted.
    Delete,
}

/// One declared version.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// What it is.
    pub identity: Identity,
    /// The `.ibsolution` on the platform's file system that a deploy submits; none for a tombstone
    /// or for a version that is expected to be there.
    pub path: Option<SolutionPath>,
    /// The declared state.
    pub state: State,
    /// The declared visibility; `None` is neither compared nor patched.
    pub visibility: Option<Visibility>,
    /// What becomes of other live versions of this name and owner.
    pub superseded: Superseded,
    /// Where `superseded` and `retain` are written; shared by the versions of a solution.
    pub policy_keys: Arc<KeyPositions>,
    /// Where it is declared.
    pub position: Position,
}

/// A path of an `.ibsolution` file on the platform's file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SolutionPath {
    /// The resolved path.
    pub text: String,
    /// Where it is written.
    pub position: Position,
}

/// What becomes of other live versions (same name and owner) of a name that is declared with at
/// least one `ACTIVE` version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superseded {
    /// What is done to them.
    pub policy: SupersededPolicy,
    /// The newest so many of them are kept, inactive, as roll-back targets.
    pub retain: Option<usize>,
}

/// The word beside `superseded:`, ordered by how much is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SupersededPolicy {
    /// They stay as they are.
    Keep,
    /// They are taken out of service.
    Deactivate,
    /// They are deleted.
    Delete,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Undeclared {
    /// The manifest's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Deactivate => "deactivate",
            Self::Delete => "delete",
        }
    }
}

impl SupersededPolicy {
    /// The manifest's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Deactivate => "deactivate",
            Self::Delete => "delete",
        }
    }
}

/// Returns the entries of one name, from entries that are ordered by identity.
pub fn entries_of<'a>(entries: &'a [Desired], name: &SolutionName) -> &'a [Desired] {
    let start = entries.partition_point(|entry| entry.identity.name < *name);
    let rest = &entries[start..];
    &rest[..rest.partition_point(|entry| entry.identity.name == *name)]
}
