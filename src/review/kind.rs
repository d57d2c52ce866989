//! The kinds of changes and their subjects: closed lists, each with a stable word for programs.

word_enum! {
    /// The kind of change.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Kind -> (Sign, &'static str) {
        /// An environment is new.
        EnvironmentAdded = "environment-added" (Sign::Comes, "environment added"),
        /// An environment is no longer declared.
        EnvironmentRemoved = "environment-removed" (Sign::Goes, "environment removed"),
        /// A version is new.
        Added = "added" (Sign::Comes, "added"),
        /// A version is no longer declared.
        Removed = "removed" (Sign::Goes, "removed"),
        /// A higher version replaces a lower one.
        Upgraded = "upgraded" (Sign::Changes, "version upgraded"),
        /// A lower version replaces a higher one.
        Downgraded = "downgraded" (Sign::Changes, "version downgraded"),
        /// Another version replaces it, and the two cannot be ordered.
        ChangedSideways = "changed-incomparable"
            (Sign::Changes, "version changed, order not known"),
        /// The same version gets another owner.
        OwnerChanged = "owner-changed" (Sign::Changes, "owner changed"),
        /// The same version comes from another package.
        PathChanged = "path-changed" (Sign::Changes, "path changed, version the same"),
        /// The same version is uploaded from another package, or on other conditions.
        SourceChanged = "source-changed" (Sign::Changes, "source changed, version the same"),
        /// It must pass other runs before it is brought into service.
        VerificationChanged = "verification-changed" (Sign::Changes, "verification changed"),
        /// It is brought into service without a verification.
        VerificationRemoved = "verification-removed" (Sign::Goes, "verification removed"),
        /// The RUNNING runs of a version are handled otherwise before it goes out of service.
        DrainChanged = "drain-changed" (Sign::Changes, "handling of running runs changed"),
        /// The RUNNING runs of a version are ignored when it goes out of service.
        DrainRemoved = "drain-removed" (Sign::Goes, "running runs are ignored"),
        /// Its upload may replace different bytes.
        OverwriteAllowed = "overwrite-allowed"
            (Sign::Changes, "upload may replace different bytes at its path"),
        /// Its upload may not replace different bytes any more.
        OverwriteForbidden = "overwrite-forbidden"
            (Sign::Changes, "upload may not replace different bytes any more"),
        /// More users may see it.
        VisibilityWidened = "visibility-widened" (Sign::Changes, "visibility widened"),
        /// Fewer users may see it.
        VisibilityNarrowed = "visibility-narrowed" (Sign::Changes, "visibility narrowed"),
        /// The manifest no longer manages its visibility.
        VisibilityReleased = "visibility-released"
            (Sign::Changes, "visibility not declared any more"),
        /// It becomes active.
        Activated = "activated" (Sign::Changes, "activated"),
        /// It becomes inactive.
        Deactivated = "deactivated" (Sign::Changes, "deactivated"),
        /// It will be deleted: a tombstone.
        Retired = "retired" (Sign::Goes, "retired: declared as ABSENT"),
        /// A tombstone becomes an inactive version again.
        Revived = "revived" (Sign::Changes, "declared again, out of service"),
        /// A policy deletes or deactivates more.
        PolicyLoosened = "policy-loosened" (Sign::Changes, "policy loosened"),
        /// A policy deletes or deactivates less.
        PolicyTightened = "policy-tightened" (Sign::Changes, "policy tightened"),
        /// More live versions are in scope.
        ScopeWidened = "scope-widened" (Sign::Changes, "scope widened"),
        /// Fewer live versions are in scope.
        ScopeNarrowed = "scope-narrowed" (Sign::Changes, "scope narrowed"),
        /// Other live versions are in scope.
        ScopeChanged = "scope-changed" (Sign::Changes, "scope changed"),
        /// A limit permits more.
        LimitLoosened = "limit-loosened" (Sign::Changes, "limit loosened"),
        /// A limit permits less.
        LimitTightened = "limit-tightened" (Sign::Changes, "limit tightened"),
        /// A limit changes, and the two values cannot be ordered.
        LimitChanged = "limit-changed" (Sign::Changes, "limit changed"),
        /// A limit is removed.
        LimitRemoved = "limit-removed" (Sign::Goes, "limit removed"),
        /// A protection is new.
        ProtectionAdded = "protection-added" (Sign::Comes, "protection added"),
        /// A protection is removed.
        ProtectionRemoved = "protection-removed" (Sign::Goes, "protection removed"),
        /// A protection is removed together with a declared version that it covered.
        ProtectionRemovedWithEntry = "protection-removed-with-entry"
            (Sign::Goes, "protection removed together with what it covered"),
        /// A policy for plans is new.
        PlanPolicyAdded = "plan-policy-added"
            (Sign::Comes, "policy for plans added, not judged here"),
        /// A policy for plans is removed.
        PlanPolicyRemoved = "plan-policy-removed" (Sign::Goes, "policy for plans removed"),
        /// A policy for plans has another condition or effect.
        PlanPolicyChanged = "plan-policy-changed"
            (Sign::Changes, "policy for plans changed, not judged here"),
        /// A timeout changes.
        TimeoutChanged = "timeout-changed" (Sign::Changes, "timeout changed"),
        /// The URL changes.
        UrlChanged = "url-changed" (Sign::Changes, "URL changed"),
        /// The source of the token changes.
        TokenSourceChanged = "token-source-changed" (Sign::Changes, "token source changed"),
        /// The user to whom the token belongs changes.
        UserChanged = "user-changed" (Sign::Changes, "user changed"),
        /// The account changes.
        ContextChanged = "context-changed" (Sign::Changes, "context changed"),
        /// The store of the lock, the journal and the history changes.
        StoreChanged = "store-changed" (Sign::Changes, "store changed"),
        /// Other versions may be promoted to the environment.
        RequireVerifiedChanged = "require-verified-changed"
            (Sign::Changes, "demand for verifications changed"),
        /// The trusted certificates or the client certificate change.
        TlsChanged = "tls-changed" (Sign::Changes, "TLS changed"),
        /// The seed of the embedded emulator changes.
        EmulatorChanged = "emulator-changed" (Sign::Changes, "emulator changed"),
    }
}

impl Kind {
    /// Returns the sign before a finding of this kind.
    pub fn sign(self) -> Sign {
        self.row().0
    }

    /// Returns the phrase for people.
    pub fn phrase(self) -> &'static str {
        self.row().1
    }
}

word_enum! {
    /// The sign before a finding.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Sign {
        /// Something is added.
        Comes = "+",
        /// Something is removed.
        Goes = "-",
        /// Something is changed.
        Changes = "~",
    }
}

word_enum! {
    /// A key of the manifest.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[expect(missing_docs, reason = "each is the key of its name")]
    pub enum Field {
        Version = "version",
        Owner = "owner",
        Path = "path",
        Source = "source",
        Sha256 = "sha256",
        Overwrite = "overwrite",
        Redeploy = "redeploy",
        Verify = "verify",
        Drain = "drain",
        State = "state",
        Visibility = "visibility",
        Superseded = "superseded",
        Retain = "retain",
        Url = "url",
        Token = "token",
        User = "user",
        Context = "context",
        Store = "store",
        RequireVerified = "require_verified",
        CaBundle = "ca_bundle",
        ClientCert = "client_cert",
        ClientKey = "client_key",
        EmulatorSeed = "emulator.seed",
        Protect = "protect",
        Policies = "policies",
        PolicyTimezone = "policy_timezone",
        Owners = "manage.owners",
        Names = "manage.names",
        Undeclared = "manage.undeclared",
        MaxDestroy = "limits.max_destroy",
        MaxChange = "limits.max_change",
        DeployTimeout = "timeouts.deploy",
        DeleteTimeout = "timeouts.delete",
        Propagation = "timeouts.propagation",
        RunTimeout = "timeouts.run",
        ApplyTimeout = "timeouts.apply",
    }
}
