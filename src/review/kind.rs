//! The kinds of changes and their subjects: closed lists, each with a stable word for programs.

/// The kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An environment is new.
    EnvironmentAdded,
    /// An environment is not declared any more.
    EnvironmentRemoved,
    /// A version is new.
    Added,
    /// A version is not declared any more.
    Removed,
    /// A higher version takes the place of a lower one.
    Upgraded,
    /// A lower version takes the place of a higher one.
    Downgraded,
    /// Another version replaces it, and their order is not known.
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
    /// It will serve.
    Activated,
    /// It will be out of service.
    Deactivated,
    /// It will be deleted: a tombstone.
    Retired,
    /// A tombstone becomes a version again, out of service.
    Revived,
    /// A policy takes away more.
    PolicyLoosened,
    /// A policy takes away less.
    PolicyTightened,
    /// More live versions may be touched.
    ScopeWidened,
    /// Fewer live versions may be touched.
    ScopeNarrowed,
    /// Other live versions may be touched.
    ScopeChanged,
    /// A plan may take away more.
    LimitLoosened,
    /// A plan may take away less.
    LimitTightened,
    /// A plan may take away another number, which may be more or less.
    LimitChanged,
    /// A limit is gone.
    LimitRemoved,
    /// A protection is new.
    ProtectionAdded,
    /// A protection is gone.
    ProtectionRemoved,
    /// A protection is gone, and a declared version that it covered goes too.
    ProtectionRemovedWithEntry,
    /// A timeout.
    TimeoutChanged,
    /// Another server.
    UrlChanged,
    /// The token comes from elsewhere.
    TokenSourceChanged,
    /// The token belongs to somebody else.
    UserChanged,
    /// The calls are for another account.
    ContextChanged,
    /// Lock, journal and history lie elsewhere.
    StoreChanged,
    /// Another server is trusted, or another certificate is shown.
    TlsChanged,
    /// The embedded emulator begins with another world.
    EmulatorChanged,
}

impl Kind {
    /// Every kind.
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

    /// The stable word for programs.
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
    /// The key, as the manifest writes it.
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
