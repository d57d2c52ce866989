//! The kinds of changes and their subjects: closed lists, each with a stable word for programs.

/// The kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An environment is new.
    EnvironmentAdded,
    /// An environment is no longer declared.
    EnvironmentRemoved,
    /// A version is new.
    Added,
    /// A version is no longer declared.
    Removed,
    /// A higher version replaces a lower one.
    Upgraded,
    /// A lower version replaces a higher one.
    Downgraded,
    /// Another version replaces it, and the two cannot be ordered.
    ChangedSideways,
    /// The same version gets another owner.
    OwnerChanged,
    /// The same version comes from another package.
    PathChanged,
    /// More users may see it.
    VisibilityWidened,
    /// Fewer users may see it.
    VisibilityNarrowed,
    /// The manifest no longer manages its visibility.
    VisibilityReleased,
    /// It becomes active.
    Activated,
    /// It becomes inactive.
    Deactivated,
    /// It will be deleted: a tombstone.
    Retired,
    /// A tombstone becomes an inactive version again.
    Revived,
    /// A policy deletes or deactivates more.
    PolicyLoosened,
    /// A policy deletes or deactivates less.
    PolicyTightened,
    /// More live versions are in scope.
    ScopeWidened,
    /// Fewer live versions are in scope.
    ScopeNarrowed,
    /// Other live versions are in scope.
    ScopeChanged,
    /// A limit permits more.
    LimitLoosened,
    /// A limit permits less.
    LimitTightened,
    /// A limit changes, and the two values cannot be ordered.
    LimitChanged,
    /// A limit is removed.
    LimitRemoved,
    /// A protection is new.
    ProtectionAdded,
    /// A protection is removed.
    ProtectionRemoved,
    /// A protection is removed together with a declared version that it covered.
    ProtectionRemovedWithEntry,
    /// A timeout changes.
    TimeoutChanged,
    /// The URL changes.
    UrlChanged,
    /// The source of the token changes.
    TokenSourceChanged,
    /// The user to whom the token belongs changes.
    UserChanged,
    /// The account changes.
    ContextChanged,
    /// The store of the lock, the journal and the history changes.
    StoreChanged,
    /// The trusted certificates or the client certificate change.
    TlsChanged,
    /// The seed of the embedded emulator changes.
    EmulatorChanged,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 36] = [
        Self::EnvironmentAdded,
        Self::EnvironmentRemoved,
        Self::Added,
        Self::Removed,
        Self::Upgraded,
        Self::Downgraded,
        Self::ChangedSideways,
        Self::OwnerChanged,
        Self::PathChanged,
        Self::VisibilityWidened,
        Self::VisibilityNarrowed,
        Self::VisibilityReleased,
        Self::Activated,
        Self::Deactivated,
        Self::Retired,
        Self::Revived,
        Self::PolicyLoosened,
        Self::PolicyTightened,
        Self::ScopeWidened,
        Self::ScopeNarrowed,
        Self::ScopeChanged,
        Self::LimitLoosened,
        Self::LimitTightened,
        Self::LimitChanged,
        Self::LimitRemoved,
        Self::ProtectionAdded,
        Self::ProtectionRemoved,
        Self::ProtectionRemovedWithEntry,
        Self::TimeoutChanged,
        Self::UrlChanged,
        Self::TokenSourceChanged,
        Self::UserChanged,
        Self::ContextChanged,
        Self::StoreChanged,
        Self::TlsChanged,
        Self::EmulatorChanged,
    ];

    /// Returns the stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EnvironmentAdded => "environment-added",
            Self::EnvironmentRemoved => "environment-removed",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Upgraded => "upgraded",
            Self::Downgraded => "downgraded",
            Self::ChangedSideways => "changed-incomparable",
            Self::OwnerChanged => "owner-changed",
            Self::PathChanged => "path-changed",
            Self::VisibilityWidened => "visibility-widened",
            Self::VisibilityNarrowed => "visibility-narrowed",
            Self::VisibilityReleased => "visibility-released",
            Self::Activated => "activated",
            Self::Deactivated => "deactivated",
            Self::Retired => "retired",
            Self::Revived => "revived",
            Self::PolicyLoosened => "policy-loosened",
            Self::PolicyTightened => "policy-tightened",
            Self::ScopeWidened => "scope-widened",
            Self::ScopeNarrowed => "scope-narrowed",
            Self::ScopeChanged => "scope-changed",
            Self::LimitLoosened => "limit-loosened",
            Self::LimitTightened => "limit-tightened",
            Self::LimitChanged => "limit-changed",
            Self::LimitRemoved => "limit-removed",
            Self::ProtectionAdded => "protection-added",
            Self::ProtectionRemoved => "protection-removed",
            Self::ProtectionRemovedWithEntry => "protection-removed-with-entry",
            Self::TimeoutChanged => "timeout-changed",
            Self::UrlChanged => "url-changed",
            Self::TokenSourceChanged => "token-source-changed",
            Self::UserChanged => "user-changed",
            Self::ContextChanged => "context-changed",
            Self::StoreChanged => "store-changed",
            Self::TlsChanged => "tls-changed",
            Self::EmulatorChanged => "emulator-changed",
        }
    }
}

/// A key of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the key of its name")]
pub enum Field {
    Version,
    Owner,
    Path,
    State,
    Visibility,
    Superseded,
    Retain,
    Url,
    Token,
    User,
    Context,
    Store,
    CaBundle,
    ClientCert,
    ClientKey,
    EmulatorSeed,
    Protect,
    Owners,
    Names,
    Undeclared,
    MaxDestroy,
    MaxChange,
    DeployTimeout,
    DeleteTimeout,
    Propagation,
    RunTimeout,
    ApplyTimeout,
}

impl Field {
    /// Returns the key, as the manifest writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Owner => "owner",
            Self::Path => "path",
            Self::State => "state",
            Self::Visibility => "visibility",
            Self::Superseded => "superseded",
            Self::Retain => "retain",
            Self::Url => "url",
            Self::Token => "token",
            Self::User => "user",
            Self::Context => "context",
            Self::Store => "store",
            Self::CaBundle => "ca_bundle",
            Self::ClientCert => "client_cert",
            Self::ClientKey => "client_key",
            Self::EmulatorSeed => "emulator.seed",
            Self::Protect => "protect",
            Self::Owners => "manage.owners",
            Self::Names => "manage.names",
            Self::Undeclared => "manage.undeclared",
            Self::MaxDestroy => "limits.max_destroy",
            Self::MaxChange => "limits.max_change",
            Self::DeployTimeout => "timeouts.deploy",
            Self::DeleteTimeout => "timeouts.delete",
            Self::Propagation => "timeouts.propagation",
            Self::RunTimeout => "timeouts.run",
            Self::ApplyTimeout => "timeouts.apply",
        }
    }
}
