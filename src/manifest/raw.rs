//! The manifest as it is written: shape, no meaning.
//!
//! These types mirror the YAML key by key. They never leave `manifest`; `check` makes a
//! [`Manifest`](super::Manifest) of them. Their documentation is also that of the JSON Schema, so
//! it speaks to the author of a manifest.

use std::borrow::Cow;

use super::mapping::mapping;
use super::node::{Entries, Fault, Field, List, Shape, Table, Text};
use super::schema;

mapping! {
    /// What an Instabase instance must run, for solform to plan and apply.
    #[schemars(rename = "Manifest", title = "solform manifest")]
    #[schemars(extend("required" = ["solform", "environments"]))]
    struct RawManifest: "a manifest" {
        /// The version of the manifest format: 1.
        #[schemars(schema_with = "schema::format_version")]
        solform: Text,
        /// The instances that the manifest is for, by a name of your choice. `-e NAME` picks one.
        #[schemars(schema_with = "schema::environments")]
        environments: Table<RawEnvironment>,
        /// Values for `${name}`, in every environment. An environment's own win.
        #[schemars(schema_with = "schema::variables")]
        vars: Table<Text>,
        /// Live versions that no plan may delete, in any environment, as patterns of
        /// `Name@version`.
        #[schemars(schema_with = "schema::protect")]
        protect: List<Text>,
        /// What holds for every solution that does not say otherwise.
        defaults: RawDefaults,
        /// Which live solutions the manifest may touch at all.
        manage: RawManage,
        /// The solutions, by name.
        #[schemars(schema_with = "schema::solutions")]
        solutions: Table<Box<RawSolution>>,
    }
}

mapping! {
    /// One instance, and what is different there.
    #[schemars(rename = "Environment", title = "Environment")]
    #[schemars(extend("required" = ["url"]))]
    struct RawEnvironment: "an environment" {
        /// The address of the instance, or `emulator:` for the one that solform embeds.
        #[schemars(schema_with = "schema::url")]
        url: Text,
        /// Where the token comes from. Never the token itself.
        #[schemars(schema_with = "schema::token")]
        token: RawToken,
        /// The user whom the token belongs to.
        #[schemars(schema_with = "schema::user")]
        user: Text,
        /// The account that the calls are for, sent as `IB-Context`.
        #[schemars(schema_with = "schema::text")]
        context: Text,
        /// Where lock, journal and history live. Default: `.solform/` beside the manifest.
        #[schemars(schema_with = "schema::store")]
        store: Text,
        /// Values for `${name}` in this environment.
        #[schemars(schema_with = "schema::variables")]
        vars: Table<Text>,
        /// Live versions that no plan may delete, as patterns of `Name@version`.
        #[schemars(schema_with = "schema::protect")]
        protect: List<Text>,
        /// How much one plan may take away.
        limits: RawLimits,
        /// How long things may take.
        timeouts: RawTimeouts,
        /// A PEM file with more trusted certificate authorities.
        #[schemars(schema_with = "schema::text")]
        ca_bundle: Text,
        /// A PEM file with the client's certificate chain.
        #[schemars(schema_with = "schema::text")]
        client_cert: Text,
        /// A PEM file with the client's private key.
        #[schemars(schema_with = "schema::text")]
        client_key: Text,
        /// Settings of the embedded emulator.
        emulator: RawEmulator,
        /// Defaults for this environment; they win over the manifest's.
        defaults: RawDefaults,
        /// Which live solutions the manifest may touch in this environment.
        manage: RawManage,
        /// What is different about single solutions here. `Name: ~` means: not declared here.
        #[schemars(schema_with = "schema::solutions")]
        solutions: Table<Box<RawSolution>>,
    }
}

mapping! {
    /// Values for every solution that has none of its own.
    #[schemars(rename = "Defaults", title = "Defaults")]
    struct RawDefaults: "`defaults`", reserved ["source", "verify"] {
        /// The `.ibsolution` file on the platform, usually with `${name}` and `${version}` in it.
        #[schemars(schema_with = "schema::path")]
        path: Text,
        /// The owner: a user name, or `IB_DEPLOYED` for public solutions.
        #[schemars(schema_with = "schema::owner")]
        owner: Text,
        /// `ACTIVE` or `INACTIVE`.
        #[schemars(schema_with = "schema::default_state")]
        state: Text,
        /// Who may see it. Without one, visibility is neither compared nor changed.
        #[schemars(schema_with = "schema::visibility")]
        visibility: Text,
        /// What becomes of other live versions of a solution with a declared `ACTIVE` version.
        #[schemars(schema_with = "schema::superseded")]
        superseded: Text,
        /// So many of the newest superseded versions stay, inactive, as roll-back targets.
        #[schemars(schema_with = "schema::retain")]
        retain: Text,
    }
}

mapping! {
    /// Which live solutions the manifest may touch at all.
    #[schemars(rename = "Manage", title = "Scope")]
    struct RawManage: "`manage`" {
        /// Owners, as patterns. Default: the owners that the manifest declares.
        #[schemars(schema_with = "schema::globs")]
        owners: List<Text>,
        /// Names, as patterns. Default: all.
        #[schemars(schema_with = "schema::globs")]
        names: List<Text>,
        /// What becomes of live solutions in scope that are not declared.
        #[schemars(schema_with = "schema::undeclared")]
        undeclared: Text,
    }
}

mapping! {
    /// One solution: one `version`, or several `versions`.
    #[schemars(rename = "Solution", title = "Solution")]
    #[schemars(extend("type" = ["object", "null"], "not" = serde_json::json!({ "type": "object", "required": ["version", "versions"] })))]
    struct RawSolution: "a solution", reserved ["source", "verify"] {
        /// The version. It is a text: `1.10` stays `1.10`.
        #[schemars(schema_with = "schema::version")]
        version: Text,
        /// Several versions side by side.
        #[schemars(schema_with = "schema::versions")]
        versions: Box<Table<Box<RawVersion>>>,
        /// The `.ibsolution` file on the platform.
        #[schemars(schema_with = "schema::path")]
        path: Text,
        /// The owner: a user name, or `IB_DEPLOYED` for public solutions.
        #[schemars(schema_with = "schema::owner")]
        owner: Text,
        /// `ACTIVE`, `INACTIVE`, or `ABSENT` to have it deleted.
        #[schemars(schema_with = "schema::state")]
        state: Text,
        /// Who may see it. Without one, visibility is neither compared nor changed.
        #[schemars(schema_with = "schema::visibility")]
        visibility: Text,
        /// What becomes of other live versions once a declared one is `ACTIVE`.
        #[schemars(schema_with = "schema::superseded")]
        superseded: Text,
        /// So many of the newest superseded versions stay, inactive, as roll-back targets.
        #[schemars(schema_with = "schema::retain")]
        retain: Text,
    }
}

mapping! {
    /// One version of several.
    #[schemars(rename = "Version", title = "Version")]
    #[schemars(extend("type" = ["object", "null"]))]
    struct RawVersion: "a version", reserved ["source", "verify"] {
        /// The `.ibsolution` file on the platform.
        #[schemars(schema_with = "schema::path")]
        path: Text,
        /// The owner: a user name, or `IB_DEPLOYED` for public solutions.
        #[schemars(schema_with = "schema::owner")]
        owner: Text,
        /// `ACTIVE`, `INACTIVE`, or `ABSENT` to have it deleted.
        #[schemars(schema_with = "schema::state")]
        state: Text,
        /// Who may see it. Without one, visibility is neither compared nor changed.
        #[schemars(schema_with = "schema::visibility")]
        visibility: Text,
    }
}

mapping! {
    /// How much one plan may take away: a count, or a share of the live versions in scope.
    #[schemars(rename = "Limits", title = "Limits")]
    struct RawLimits: "`limits`" {
        /// Versions deleted or replaced. Default: 30 % once there are ten.
        #[schemars(schema_with = "schema::limit")]
        max_destroy: Text,
        /// Versions taken out of service without a successor of the same name. Default: no limit.
        #[schemars(schema_with = "schema::limit")]
        max_change: Text,
    }
}

mapping! {
    /// How long things may take.
    #[schemars(rename = "Timeouts", title = "Timeouts")]
    struct RawTimeouts: "`timeouts`" {
        /// One deploy job. Default: 15m.
        #[schemars(schema_with = "schema::duration")]
        deploy: Text,
        /// One delete job. Default: 15m.
        #[schemars(schema_with = "schema::duration")]
        delete: Text,
        /// How long a finished change may need to show. Default: 5m.
        #[schemars(schema_with = "schema::duration")]
        propagation: Text,
        /// One run of a solution. Default: 2h.
        #[schemars(schema_with = "schema::duration")]
        run: Text,
        /// A whole apply. Default: 2h.
        #[schemars(schema_with = "schema::duration")]
        apply: Text,
    }
}

mapping! {
    /// Settings of the embedded emulator.
    #[schemars(rename = "Emulator", title = "Emulator")]
    struct RawEmulator: "`emulator`" {
        /// A file with what the emulator starts with, relative to the manifest.
        #[schemars(schema_with = "schema::text")]
        seed: Text,
    }
}

mapping! {
    /// Where a token comes from: exactly one of these.
    #[schemars(rename = "Token", title = "Token source")]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
    struct RawTokenSource: "`token`" {
        /// The name of an environment variable.
        #[schemars(schema_with = "schema::env_name")]
        env: Text,
        /// A file, relative to the manifest.
        #[schemars(schema_with = "schema::literal")]
        file: Text,
        /// A program and its arguments; it prints the token.
        #[schemars(schema_with = "schema::command")]
        command: List<Text>,
    }
}

/// What stands under `token`.
#[derive(Debug, Clone)]
pub(super) enum RawToken {
    /// A source, as it should be.
    Source(Box<RawTokenSource>),
    /// A scalar: most likely the token itself. It is not kept.
    Literal,
}

impl Shape for RawToken {
    const EXPECTED: &'static str = "a mapping";

    fn nothing() -> Option<Self> {
        RawTokenSource::nothing().map(|source| Self::Source(Box::new(source)))
    }

    fn scalar(_text: Option<Cow<'_, str>>) -> Option<Self> {
        Some(Self::Literal)
    }

    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        let source = RawTokenSource::mapping(entries)?;
        Ok(source.map(|source| Self::Source(Box::new(source))))
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        match self {
            Self::Source(source) => source.faults(faults),
            Self::Literal => {}
        }
    }
}
