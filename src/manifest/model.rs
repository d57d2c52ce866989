//! The checked manifest of one environment, which `plan` compares with the live state.
//!
//! Only `check` builds these values: identities are unique, variables are resolved, defaults are
//! filled in. A field is an `Option` only if the user may leave the setting out.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::drain::Drain;
use super::glob::Glob;
use super::plan_policy::PlanPolicies;
use super::position::Position;
use super::verification::Verification;
use crate::attribute::{State, Visibility};
use crate::ident::{Digest, Identity, Owner, SolutionName};
use crate::store_location::StoreLocation;

/// A manifest, resolved for one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The environment: the server, the user and the settings.
    pub environment: Environment,
    /// The live versions that this manifest may change.
    pub scope: Scope,
    /// The policies that its plans are judged by.
    pub policies: PlanPolicies,
    /// The declared versions, ordered by [`Identity`]; each identity is unique.
    pub desired: Vec<Desired>,
    /// The environments whose packages are transferred, ordered by name.
    pub source_environments: Vec<Environment>,
    /// The digest of the resolved manifest: equal for two files that lead to the same plan.
    pub digest: Digest,
}

/// The environment that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// The name: the key under `environments`.
    pub name: String,
    /// The position of its declaration.
    pub position: Position,
    /// The positions of its settings.
    pub keys: KeyPositions,
    /// The server.
    pub url: Endpoint,
    /// The source of the token; none for the embedded emulator.
    pub token: Option<TokenSource>,
    /// The user that the token belongs to.
    pub user: Option<Owner>,
    /// The account that requests are for, sent as `IB-Context`.
    pub context: Option<String>,
    /// The location of lock, journal and history; without one, `.solform/` beside the manifest.
    pub store: Option<StoreLocation>,
    /// Live versions that no plan may delete.
    pub protect: Vec<Glob>,
    /// True if only versions that passed their verification elsewhere are promoted to it.
    pub require_verified: bool,
    /// The maximum numbers of versions that a plan may remove.
    pub limits: Limits,
    /// The maximum durations of jobs and of an apply.
    pub timeouts: Timeouts,
    /// TLS settings in addition to the system's trusted roots.
    pub tls: Tls,
    /// The settings of the embedded emulator.
    pub emulator: EmulatorSettings,
}

/// The positions of settings in the manifest, by their keys. There are few of them, and one value
/// for each solution, so this is a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPositions(Box<[(Cow<'static, str>, Position)]>);

impl KeyPositions {
    /// Returns the position of a key, given with the mapping in front of it
    /// (`limits.max_destroy`); `None` if the manifest does not have it.
    pub fn get(&self, key: &str) -> Option<&Position> {
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, position)| position)
    }
}

impl FromIterator<(Cow<'static, str>, Position)> for KeyPositions {
    fn from_iter<I: IntoIterator<Item = (Cow<'static, str>, Position)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// The address of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// `emulator:`, the one that solform embeds.
    Emulator,
    /// An `http` or `https` URL, without user information, query or trailing slash.
    Url(url::Url),
}

impl Endpoint {
    /// Returns the URL as text, for comparison and display.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Emulator => "emulator:",
            Self::Url(url) => url.as_str().trim_end_matches('/'),
        }
    }
}

/// The source of a token, never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// An environment variable.
    Env(String),
    /// A file, relative to the manifest.
    File(PathBuf),
    /// A program and its arguments; the token is its standard output.
    Command(Vec<String>),
}

/// The files for TLS, relative to the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// The PEM file with additional trusted roots.
    pub ca_bundle: Option<PathBuf>,
    /// The PEM file with the client's certificate chain.
    pub client_cert: Option<PathBuf>,
    /// The PEM file with the client's key.
    pub client_key: Option<PathBuf>,
}

/// The settings of the embedded emulator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmulatorSettings {
    /// The file with the emulator's initial state, relative to the manifest.
    pub seed: Option<PathBuf>,
}

/// The maximum numbers of versions that a plan may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The limit of deletes and replaces; `None` is the built-in 30 % from 10 live versions up.
    pub max_destroy: Option<Limit>,
    /// The limit of versions taken out of service without a successor of the same name; `None` is
    /// no limit.
    pub max_change: Option<Limit>,
}

/// A count, or a percentage of the live versions in scope, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A number of versions.
    Count(usize),
    /// A percentage, 0 to 100.
    Percent(u8),
}

/// The maximum durations of jobs and of an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The maximum duration of a deploy job.
    pub deploy: Duration,
    /// The maximum duration of a delete job.
    pub delete: Duration,
    /// The maximum time until a finished write shows in reads.
    pub propagation: Duration,
    /// The maximum duration of a run of a solution.
    pub run: Duration,
    /// The maximum duration of an apply.
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

/// The live versions that the manifest may change.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    /// The owners, as patterns. By default those that the manifest declares.
    pub owners: Vec<Glob>,
    /// The names, as patterns.
    pub names: Vec<Glob>,
    /// The policy for live names in scope that are not declared.
    pub undeclared: Undeclared,
    /// The handling of RUNNING runs before a version of such a name is taken out of service.
    pub drain: Option<Arc<Drain>>,
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

    /// Returns whether this version is in scope, for all authors.
    pub fn contains(&self, identity: &Identity) -> bool {
        self.has_owner(&identity.owner) && self.has_name(&identity.name)
    }
}

word_enum! {
    /// The policy for live names in scope that the manifest does not declare. The order is from the
    /// least to the most destructive.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Undeclared {
        /// All versions stay as they are.
        Ignore = "ignore",
        /// Active versions are deactivated.
        Deactivate = "deactivate",
        /// All versions are deleted.
        Delete = "delete",
    }
}

/// A declared version.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The name, version and owner.
    pub identity: Identity,
    /// The `.ibsolution` on the platform's file system that a deploy submits; none for an `ABSENT`
    /// version, or for one that is expected to be live already.
    pub path: Option<SolutionPath>,
    /// The package that is uploaded to the path before a deploy.
    pub source: Option<Box<Source>>,
    /// The runs that the version must pass before it is brought into service.
    pub verification: Option<Box<Verification>>,
    /// The declared state.
    pub state: State,
    /// The declared visibility; `None` is neither compared nor patched.
    pub visibility: Option<Visibility>,
    /// The policy for other live versions of this name and owner, shared by the versions of a
    /// solution.
    pub superseded: Arc<Superseded>,
    /// The handling of RUNNING runs before a version of this name is taken out of service, shared
    /// by the versions of a solution; `None` ignores them.
    pub drain: Option<Arc<Drain>>,
    /// The position of its declaration.
    pub position: Position,
}

/// The path of an `.ibsolution` file on the platform's file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SolutionPath {
    /// The resolved path.
    pub text: Box<str>,
    /// The position of the path in the manifest.
    pub position: Position,
}

/// A package that is uploaded before a deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The location of the package.
    pub origin: SourceOrigin,
    /// The declared digest of the file.
    pub sha256: Option<Digest>,
    /// Whether another file at the path on the platform may be replaced.
    pub overwrite: bool,
    /// The policy for a live version whose source changed since its deploy.
    pub redeploy: Redeploy,
    /// The position of the source in the manifest.
    pub position: Position,
}

/// The location of a package that is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceOrigin {
    /// A file on this machine: the path, relative to the manifest. Each segment may be a [`Glob`].
    File(String),
    /// A file on the file system of another environment.
    Environment {
        /// The environment.
        name: String,
        /// The path that the environment declares for the same version.
        path: String,
    },
}

impl fmt::Display for SourceOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Environment { name, path } => write!(f, "{path} (from environment {name})"),
        }
    }
}

word_enum! {
    /// The policy for a live version whose source changed since its deploy.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
    pub enum Redeploy {
        /// The version stays as it is.
        #[default]
        Never = "never",
        /// The version is deleted and deployed again.
        OnChange = "on_change",
    }
}

/// The policy for other live versions (same name and owner) of a name that is declared with at
/// least one `ACTIVE` version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// The action on them.
    pub policy: SupersededPolicy,
    /// The number of newest ones that are kept, inactive, as roll-back targets.
    pub retain: Option<usize>,
    /// The positions of `superseded` and `retain`.
    pub keys: KeyPositions,
}

word_enum! {
    /// The value of `superseded`. The order is from the least to the most destructive.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum SupersededPolicy {
        /// They stay as they are.
        Keep = "keep",
        /// They are deactivated.
        Deactivate = "deactivate",
        /// They are deleted.
        Delete = "delete",
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Manifest {
    /// Returns the declared versions of each name.
    pub(crate) fn by_name(&self) -> impl Iterator<Item = &[Desired]> {
        self.desired
            .chunk_by(|left, right| left.identity.name == right.identity.name)
    }
}

/// Returns the entries with this name, from entries that are ordered by identity.
pub fn entries_of<'a>(entries: &'a [Desired], name: &SolutionName) -> &'a [Desired] {
    let start = entries.partition_point(|entry| entry.identity.name < *name);
    let rest = &entries[start..];
    &rest[..rest.partition_point(|entry| entry.identity.name == *name)]
}
