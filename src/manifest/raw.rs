//! The raw manifest: the shape of the YAML, without checks of the values.
//!
//! These types mirror the YAML key by key. They are private to `manifest`; `check` turns them into
//! a [`Manifest`](super::Manifest). Their documentation is also that of the JSON Schema, so its
//! reader is the author of a manifest.

use std::borrow::Cow;

use super::mapping::mapping;
use super::node::{Entries, Fault, Field, List, Shape, Table, Text};
use super::position::Mark;
use super::schema;

mapping! {
    /// The solutions that Instabase instances must run, for solform to plan and apply.
    #[schemars(rename = "Manifest", title = "solform manifest")]
    #[schemars(extend("required" = ["solform", "environments"]))]
    struct RawManifest: "a manifest" {
        /// The version of the manifest format: 1.
        #[schemars(schema_with = "schema::format_version")]
        solform: Text,
        /// The instances, by a name of your choice. `-e NAME` selects one.
        #[schemars(schema_with = "schema::environments")]
        environments: Table<RawEnvironment>,
        /// Values for `${name}`, in every environment. The values of an environment
        /// have precedence.
        #[schemars(schema_with = "schema::variables")]
        vars: Table<Text>,
        /// Live versions that no plan may delete, in any environment, as patterns of
        /// `Name@version`.
        #[schemars(schema_with = "schema::protect")]
        protect: List<Text>,
        /// Values for every solution that has none of its own.
        #[schemars(extend("examples" = [{ "owner": "svc-release" }]))]
        defaults: RawDefaults,
        /// The live solutions that the manifest may change.
        #[schemars(extend("examples" = [{ "names": ["Form *"] }]))]
        manage: RawManage,
        /// The solutions, by name.
        #[schemars(schema_with = "schema::solutions")]
        solutions: Table<Box<RawSolution>>,
    }
}

mapping! {
    /// An instance, with its settings and its differences from the rest of the manifest.
    #[schemars(rename = "Environment", title = "Environment")]
    #[schemars(extend("required" = ["url"]))]
    struct RawEnvironment: "an environment" {
        /// The address of the instance, or `emulator:` for the one that solform embeds.
        #[schemars(schema_with = "schema::url")]
        url: Text,
        /// The source of the token, never the token itself.
        #[schemars(schema_with = "schema::token")]
        #[schemars(extend("examples" = [{ "env": "IB_PROD_TOKEN" }]))]
        token: RawToken,
        /// The user that the token belongs to.
        #[schemars(schema_with = "schema::user")]
        user: Text,
        /// The account that requests are for, sent as `IB-Context`.
        #[schemars(schema_with = "schema::text", extend("examples" = ["acme"]))]
        context: Text,
        /// The location of lock, journal and history. Default: `.solform/` beside the manifest.
        #[schemars(schema_with = "schema::store")]
        store: Text,
        /// Values for `${name}` in this environment.
        #[schemars(schema_with = "schema::variables")]
        vars: Table<Text>,
        /// Live versions that no plan may delete, as patterns of `Name@version`.
        #[schemars(schema_with = "schema::protect")]
        protect: List<Text>,
        /// The maximum number of versions that one plan may remove.
        #[schemars(extend("examples" = [{ "max_destroy": 2 }]))]
        limits: RawLimits,
        /// The maximum durations of jobs and of an apply.
        #[schemars(extend("examples" = [{ "deploy": "30m" }]))]
        timeouts: RawTimeouts,
        /// A PEM file with additional trusted certificate authorities.
        #[schemars(schema_with = "schema::text", extend("examples" = ["certs/ca.pem"]))]
        ca_bundle: Text,
        /// A PEM file with the client's certificate chain.
        #[schemars(schema_with = "schema::text", extend("examples" = ["certs/client.pem"]))]
        client_cert: Text,
        /// A PEM file with the client's private key.
        #[schemars(schema_with = "schema::text", extend("examples" = ["certs/client.key"]))]
        client_key: Text,
        /// Settings of the embedded emulator.
        #[schemars(extend("examples" = [{ "seed": "emulator.yaml" }]))]
        emulator: RawEmulator,
        /// The defaults for this environment. They have precedence over those of the manifest.
        #[schemars(extend("examples" = [{ "owner": "svc-release" }]))]
        defaults: RawDefaults,
        /// The live solutions that the manifest may change in this environment.
        #[schemars(extend("examples" = [{ "names": ["Form *"] }]))]
        manage: RawManage,
        /// Changes to solutions in this environment. `Name: ~` means that it is not declared here.
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
        /// `ACTIVE` or `INACTIVE`. Default: `ACTIVE`.
        #[schemars(schema_with = "schema::default_state")]
        state: Text,
        /// The visibility. Without one, it is neither compared nor changed.
        #[schemars(schema_with = "schema::visibility")]
        visibility: Text,
        /// The policy for other live versions of a solution with a declared `ACTIVE` version.
        /// Default: `deactivate`.
        #[schemars(schema_with = "schema::superseded")]
        superseded: Text,
        /// The number of newest superseded versions to keep, inactive, as roll-back targets.
        /// Default: 0.
        #[schemars(schema_with = "schema::retain")]
        retain: Text,
    }
}

mapping! {
    /// The live solutions that the manifest may change.
    #[schemars(rename = "Manage", title = "Scope")]
    struct RawManage: "`manage`" {
        /// Owners, as patterns. Default: the owners that the manifest declares.
        #[schemars(schema_with = "schema::owners")]
        owners: List<Text>,
        /// Names, as patterns. Default: all.
        #[schemars(schema_with = "schema::names")]
        names: List<Text>,
        /// The policy for live solutions in scope that are not declared. Default: `ignore`.
        #[schemars(schema_with = "schema::undeclared")]
        undeclared: Text,
    }
}

mapping! {
    /// A solution, with one `version` or several `versions`.
    #[schemars(rename = "Solution", title = "Solution")]
    #[schemars(extend(
        "type" = ["object", "null"],
        "not" = serde_json::json!({ "type": "object", "required": ["version", "versions"] })
    ))]
    struct RawSolution: "a solution", reserved ["source", "verify"] {
        /// The version. It is a text: `1.10` stays `1.10`.
        #[schemars(schema_with = "schema::version")]
        version: Text,
        /// Several versions side by side.
        #[schemars(schema_with = "schema::versions")]
        versions: Box<Table<Box<RawVersion>>>,
        /// The `.ibsolution` file on the platform. Default: from `defaults`.
        #[schemars(schema_with = "schema::path")]
        path: Text,
        /// The owner: a user name, or `IB_DEPLOYED` for public solutions. Default: from `defaults`.
        #[schemars(schema_with = "schema::owner")]
        owner: Text,
        /// `ACTIVE`, `INACTIVE`, or `ABSENT` to delete the version. Default: from `defaults`.
        #[schemars(schema_with = "schema::state")]
        state: Text,
        /// The visibility. Without one, it is neither compared nor changed.
        /// Default: from `defaults`.
        #[schemars(schema_with = "schema::visibility")]
        visibility: Text,
        /// The policy for other live versions when a declared one is `ACTIVE`.
        /// Default: from `defaults`.
        #[schemars(schema_with = "schema::superseded")]
        superseded: Text,
        /// The number of newest superseded versions to keep, inactive, as roll-back targets.
        /// Default: from `defaults`.
        #[schemars(schema_with = "schema::retain")]
        retain: Text,
    }
}

mapping! {
    /// A version, one of several.
    #[schemars(rename = "Version", title = "Version")]
    #[schemars(extend("type" = ["object", "null"]))]
    struct RawVersion: "a version", reserved ["source", "verify"] {
        /// The `.ibsolution` file on the platform. Default: from the solution.
        #[schemars(schema_with = "schema::path")]
        path: Text,
        /// The owner: a user name, or `IB_DEPLOYED` for public solutions.
        /// Default: from the solution.
        #[schemars(schema_with = "schema::owner")]
        owner: Text,
        /// `ACTIVE`, `INACTIVE`, or `ABSENT` to delete the version. Default: from the solution.
        #[schemars(schema_with = "schema::state")]
        state: Text,
        /// The visibility. Without one, it is neither compared nor changed.
        /// Default: from the solution.
        #[schemars(schema_with = "schema::visibility")]
        visibility: Text,
    }
}

mapping! {
    /// The maximum number of versions that one plan may remove: a count, or a percentage of
    /// the live versions in scope.
    #[schemars(rename = "Limits", title = "Limits")]
    struct RawLimits: "`limits`" {
        /// The limit of versions deleted or replaced. Default: 30 % from ten live versions up.
        #[schemars(schema_with = "schema::limit")]
        max_destroy: Text,
        /// The limit of versions taken out of service without a successor of the same
        /// name. Default: no limit.
        #[schemars(schema_with = "schema::limit")]
        max_change: Text,
    }
}

mapping! {
    /// The maximum durations of jobs and of an apply.
    #[schemars(rename = "Timeouts", title = "Timeouts")]
    struct RawTimeouts: "`timeouts`" {
        /// The maximum duration of a deploy job. Default: 15m.
        #[schemars(schema_with = "schema::duration")]
        deploy: Text,
        /// The maximum duration of a delete job. Default: 15m.
        #[schemars(schema_with = "schema::duration")]
        delete: Text,
        /// The maximum time until a finished write shows in reads. Default: 5m.
        #[schemars(schema_with = "schema::duration")]
        propagation: Text,
        /// The maximum duration of a run of a solution. Default: 2h.
        #[schemars(schema_with = "schema::duration")]
        run: Text,
        /// The maximum duration of an apply. Default: 2h.
        #[schemars(schema_with = "schema::duration")]
        apply: Text,
    }
}

mapping! {
    /// Settings of the embedded emulator.
    #[schemars(rename = "Emulator", title = "Emulator")]
    struct RawEmulator: "`emulator`" {
        /// The file with the emulator's initial state, relative to the manifest.
        #[schemars(schema_with = "schema::text", extend("examples" = ["emulator.yaml"]))]
        seed: Text,
    }
}

mapping! {
    /// The source of a token: exactly one of these.
    #[schemars(rename = "Token", title = "Token source")]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
    struct RawTokenSource: "`token`" {
        /// The name of an environment variable.
        #[schemars(schema_with = "schema::env_name")]
        env: Text,
        /// A file, relative to the manifest.
        #[schemars(schema_with = "schema::text", extend("examples" = ["secrets/token"]))]
        file: Text,
        /// A program that prints the token, and its arguments.
        #[schemars(schema_with = "schema::command")]
        command: List<Text>,
    }
}

/// The value of `token`.
#[derive(Debug, Clone)]
pub(super) enum RawToken {
    /// A source, which is the valid form.
    Source(Box<RawTokenSource>),
    /// A scalar: probably the token itself, so its text is not stored.
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
