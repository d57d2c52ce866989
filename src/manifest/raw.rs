//! The raw manifest: the shape of the YAML, without checks of the values.
//!
//! These types mirror the YAML key by key. They are private to `manifest`; `check` turns them into
//! a [`Manifest`](super::Manifest). Their documentation is also that of the JSON Schema, so its
//! reader is the author of a manifest.

use std::borrow::Cow;

use super::mapping::mapping;
use super::node::{Entries, Fault, Field, Items, List, Shape, Slot, Table, Text};
use super::position::Mark;
use super::schema;

mapping! {
    /// The solutions that Instabase instances must run, for solform to plan and apply.
    #[schemars(rename = "Manifest", title = "solform manifest")]
    #[schemars(extend("required" = ["solform", "environments"]))]
    struct RawManifest: "a manifest" {
        /// The version of the manifest format: 1.
        solform: Text as "schema::format_version",
        /// The instances, by a name of your choice. `-e NAME` selects one.
        environments: Table<RawEnvironment> as "schema::environments",
        /// Values for `${name}`, in every environment. The values of an environment
        /// have precedence.
        vars: Table<Text> as "schema::variables",
        /// Live versions that no plan may delete, in any environment, as patterns of
        /// `Name@version`.
        protect: List<Text> as "schema::protect",
        /// The policies that every plan is judged by, in any environment.
        policies: List<Box<RawPolicy>> as "schema::policies",
        /// The time zone of `now` in policies. Default: `UTC`.
        policy_timezone: Text as "schema::timezone",
        /// Values for every solution that has none of its own.
        #[schemars(extend("examples" = [{ "owner": "svc-release" }]))]
        defaults: RawDefaults,
        /// The live solutions that the manifest may change.
        #[schemars(extend("examples" = [{ "names": ["Form *"] }]))]
        manage: RawManage,
        /// The solutions, by name.
        solutions: Table<Box<RawSolution>> as "schema::solutions",
    }
}

mapping! {
    /// An instance, with its settings and its differences from the rest of the manifest.
    #[schemars(rename = "Environment", title = "Environment")]
    #[schemars(extend("required" = ["url"]))]
    struct RawEnvironment: "an environment" {
        /// The address of the instance, or `emulator:` for the one that solform embeds.
        url: Text as "schema::url",
        /// The source of the token, never the token itself.
        #[schemars(extend("examples" = [{ "env": "IB_PROD_TOKEN" }]))]
        token: RawToken as "schema::token",
        /// The user that the token belongs to.
        user: Text as "schema::user",
        /// The account that requests are for, sent as `IB-Context`.
        #[schemars(extend("examples" = ["acme"]))]
        context: Text as "schema::text",
        /// The location of lock, journal and history. Default: `.solform/` beside the manifest.
        #[schemars(extend("examples" = ["s3://acme-releases/solform"]))]
        store: Text as "schema::text",
        /// Values for `${name}` in this environment.
        vars: Table<Text> as "schema::variables",
        /// Live versions that no plan may delete, as patterns of `Name@version`.
        protect: List<Text> as "schema::protect",
        /// The policies for this environment, in addition to those of the manifest.
        policies: List<Box<RawPolicy>> as "schema::policies",
        /// The time zone of `now` in policies. Default: that of the manifest.
        policy_timezone: Text as "schema::timezone",
        /// Whether `promote` takes only versions that passed their verification in the source.
        /// Default: false.
        require_verified: Text as "schema::flag",
        /// The maximum number of versions that one plan may remove.
        #[schemars(extend("examples" = [{ "max_destroy": 2 }]))]
        limits: RawLimits,
        /// The maximum durations of jobs and of an apply.
        #[schemars(extend("examples" = [{ "deploy": "30m" }]))]
        timeouts: RawTimeouts,
        /// A PEM file with additional trusted certificate authorities.
        #[schemars(extend("examples" = ["certs/ca.pem"]))]
        ca_bundle: Text as "schema::text",
        /// A PEM file with the client's certificate chain.
        #[schemars(extend("examples" = ["certs/client.pem"]))]
        client_cert: Text as "schema::text",
        /// A PEM file with the client's private key.
        #[schemars(extend("examples" = ["certs/client.key"]))]
        client_key: Text as "schema::text",
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
        solutions: Table<Box<RawSolution>> as "schema::solutions",
    }
}

mapping! {
    /// A policy: a condition that a plan must not meet.
    #[schemars(rename = "Policy", title = "Policy")]
    #[schemars(extend(
        "required" = ["name", "message"],
        "oneOf" = serde_json::json!([{ "required": ["deny"] }, { "required": ["warn"] }])
    ))]
    struct RawPolicy: "a policy" {
        /// The name of the policy in output, unique in the environment.
        #[schemars(extend("examples" = ["nothing-public"]))]
        name: Text as "schema::text",
        /// The condition, in CEL, that blocks the plan.
        deny: Text as "schema::expression",
        /// The condition, in CEL, of a warning.
        warn: Text as "schema::expression",
        /// The reason that is shown if the condition is true.
        #[schemars(extend("examples" = ["Nothing becomes public without a review."]))]
        message: Text as "schema::text",
    }
}

mapping! {
    /// Values for every solution that has none of its own.
    #[schemars(rename = "Defaults", title = "Defaults")]
    struct RawDefaults: "`defaults`" {
        /// The `.ibsolution` file on the platform, usually with `${name}` and `${version}` in it.
        path: Text as "schema::path",
        /// The package that is uploaded to `path` before a deploy: a file on this machine, relative
        /// to the manifest, where `*` and `?` match exactly one file; or another environment, from
        /// whose `path` it is transferred.
        source: RawSource as "schema::source",
        /// Whether an upload may replace another file at `path`. Default: false.
        overwrite: Text as "schema::flag",
        /// Whether a version whose `source` changed since its deploy is replaced. Default: `never`.
        redeploy: Text as "schema::redeploy",
        /// The owner: a user name, or `IB_DEPLOYED` for public solutions.
        owner: Text as "schema::owner",
        /// `ACTIVE` or `INACTIVE`. Default: `ACTIVE`.
        state: Text as "schema::default_state",
        /// The visibility. Without one, it is neither compared nor changed.
        visibility: Text as "schema::visibility",
        /// The policy for other live versions of a solution with a declared `ACTIVE` version.
        /// Default: `deactivate`.
        superseded: Text as "schema::superseded",
        /// The number of newest superseded versions to keep, inactive, as roll-back targets.
        /// Default: 0.
        retain: Text as "schema::retain",
        /// The runs that a new version must pass before it is brought into service, and before
        /// another version of the solution is taken out of service.
        verify: List<Box<RawVerifyRun>> as "schema::verify",
        /// The way to take a version out of service again that does not pass `verify`.
        /// Default: `deactivate`.
        on_verify_failure: Text as "schema::on_verify_failure",
        /// The handling of the RUNNING runs of a version before it is deactivated or deleted.
        /// Default: `ignore`.
        drain: Box<RawDrain> as "schema::drain",
    }
}

mapping! {
    /// The live solutions that the manifest may change.
    #[schemars(rename = "Manage", title = "Scope")]
    struct RawManage: "`manage`" {
        /// Owners, as patterns. Default: the owners that the manifest declares.
        owners: List<Text> as "schema::owners",
        /// Names, as patterns. Default: all.
        names: List<Text> as "schema::names",
        /// The policy for live solutions in scope that are not declared. Default: `ignore`.
        undeclared: Text as "schema::undeclared",
    }
}

mapping! {
    /// A solution, with one `version` or several `versions`.
    #[schemars(rename = "Solution", title = "Solution")]
    #[schemars(extend(
        "type" = ["object", "null"],
        "not" = serde_json::json!({ "type": "object", "required": ["version", "versions"] })
    ))]
    struct RawSolution: "a solution" {
        /// The version. It is a text: `1.10` stays `1.10`.
        version: Text as "schema::version",
        /// Several versions side by side.
        versions: Box<Table<Box<RawVersion>>> as "schema::versions",
        /// The `.ibsolution` file on the platform. Default: from `defaults`.
        path: Text as "schema::path",
        /// The package that is uploaded to `path` before a deploy: a file on this machine, relative
        /// to the manifest, where `*` and `?` match exactly one file; or another environment, from
        /// whose `path` it is transferred. Default: from `defaults`.
        source: RawSource as "schema::source",
        /// The SHA-256 of the package of `source`, as 64 hexadecimal digits.
        sha256: Text as "schema::sha256",
        /// Whether an upload may replace another file at `path`. Default: from `defaults`.
        overwrite: Text as "schema::flag",
        /// Whether a version whose `source` changed since its deploy is replaced.
        /// Default: from `defaults`.
        redeploy: Text as "schema::redeploy",
        /// The owner: a user name, or `IB_DEPLOYED` for public solutions. Default: from `defaults`.
        owner: Text as "schema::owner",
        /// `ACTIVE`, `INACTIVE`, or `ABSENT` to delete the version. Default: from `defaults`.
        state: Text as "schema::state",
        /// The visibility. Without one, it is neither compared nor changed.
        /// Default: from `defaults`.
        visibility: Text as "schema::visibility",
        /// The policy for other live versions when a declared one is `ACTIVE`.
        /// Default: from `defaults`.
        superseded: Text as "schema::superseded",
        /// The number of newest superseded versions to keep, inactive, as roll-back targets.
        /// Default: from `defaults`.
        retain: Text as "schema::retain",
        /// The runs that a new version must pass before it is brought into service, and before
        /// another version of the solution is taken out of service. Default: from
        /// `defaults`.
        verify: List<Box<RawVerifyRun>> as "schema::verify",
        /// The way to take a version out of service again that does not pass `verify`.
        /// Default: from `defaults`.
        on_verify_failure: Text as "schema::on_verify_failure",
        /// The handling of the RUNNING runs of a version before it is deactivated or deleted.
        /// Each key has the value of the most specific layer. Default: from `defaults`.
        drain: Box<RawDrain> as "schema::drain",
    }
}

mapping! {
    /// A version, one of several.
    #[schemars(rename = "Version", title = "Version")]
    #[schemars(extend("type" = ["object", "null"]))]
    struct RawVersion: "a version" {
        /// The `.ibsolution` file on the platform. Default: from the solution.
        path: Text as "schema::path",
        /// The package that is uploaded to `path` before a deploy: a file on this machine, relative
        /// to the manifest, where `*` and `?` match exactly one file; or another environment, from
        /// whose `path` it is transferred. Default: from the solution.
        source: RawSource as "schema::source",
        /// The SHA-256 of the package of `source`, as 64 hexadecimal digits.
        /// Default: from the solution.
        sha256: Text as "schema::sha256",
        /// Whether an upload may replace another file at `path`. Default: from the solution.
        overwrite: Text as "schema::flag",
        /// Whether a version whose `source` changed since its deploy is replaced.
        /// Default: from the solution.
        redeploy: Text as "schema::redeploy",
        /// The owner: a user name, or `IB_DEPLOYED` for public solutions.
        /// Default: from the solution.
        owner: Text as "schema::owner",
        /// `ACTIVE`, `INACTIVE`, or `ABSENT` to delete the version. Default: from the solution.
        state: Text as "schema::state",
        /// The visibility. Without one, it is neither compared nor changed.
        /// Default: from the solution.
        visibility: Text as "schema::visibility",
    }
}

mapping! {
    /// A run of a new version, with the end that it must have.
    #[schemars(rename = "VerifyRun", title = "Verification run")]
    #[schemars(extend("required" = ["name", "input_dir"]))]
    struct RawVerifyRun: "a run of `verify`" {
        /// The name of the run in output, unique in the list.
        #[schemars(extend("examples" = ["smoke"]))]
        name: Text as "schema::text",
        /// The folder of the input files, on the platform.
        #[schemars(extend("examples" = ["${drive}/smoke/in"]))]
        input_dir: Text as "schema::text",
        /// The settings of the run, in the form that a flow binary takes.
        settings: RawJson as "schema::settings",
        /// The maximum duration of the run. Default: `timeouts.run`.
        timeout: Text as "schema::duration",
        /// The maximum number of runs, 1 to 10, of which one must pass. Default: 1.
        attempts: Text as "schema::attempts",
        /// Whether the version must pass. A failure is only reported otherwise. Default: true.
        required: Text as "schema::flag",
        /// The end that the run must have.
        #[schemars(extend("examples" = [{ "state": "COMPLETE" }]))]
        expect: Box<RawExpect>,
    }
}

mapping! {
    /// The end that a run must have.
    #[schemars(rename = "ExpectedEnd", title = "Expected end")]
    struct RawExpect: "`expect`" {
        /// The state of the run at its end. Default: `COMPLETE`.
        state: Text as "schema::run_state",
        /// The files that the run must write.
        outputs: List<Box<RawOutput>> as "schema::outputs",
    }
}

mapping! {
    /// A file that a run must write.
    #[schemars(rename = "ExpectedOutput", title = "Expected output")]
    #[schemars(extend("required" = ["path"]))]
    struct RawOutput: "an output" {
        /// The path in the run's output folder.
        #[schemars(extend("examples" = ["result.json"]))]
        path: Text as "schema::text",
        /// The SHA-256 of the file, as 64 hexadecimal digits. Without one, the file must only
        /// exist.
        sha256: Text as "schema::sha256",
    }
}

mapping! {
    /// The handling of the RUNNING runs of a version before it is deactivated or deleted.
    #[schemars(rename = "Drain", title = "Drain")]
    struct RawDrainKeys: "`drain`" {
        /// `ignore`, `wait` until the runs have ended, or `fail` if there are any.
        /// Default: `ignore`.
        mode: Text as "schema::drain_mode",
        /// The maximum duration of the wait. Default: `timeouts.run`.
        timeout: Text as "schema::duration",
        /// The spaces, `OWNER/SPACE`, to which the runs write their results. Default: those that
        /// the token's user owns.
        spaces: List<Text> as "schema::spaces",
    }
}

mapping! {
    /// The maximum number of versions that one plan may remove: a count, or a percentage of
    /// the live versions in scope.
    #[schemars(rename = "Limits", title = "Limits")]
    struct RawLimits: "`limits`" {
        /// The limit of versions deleted or replaced. Default: 30 % from ten live versions up.
        max_destroy: Text as "schema::limit",
        /// The limit of versions taken out of service without a successor of the same
        /// name. Default: no limit.
        max_change: Text as "schema::limit",
    }
}

mapping! {
    /// The maximum durations of jobs and of an apply.
    #[schemars(rename = "Timeouts", title = "Timeouts")]
    struct RawTimeouts: "`timeouts`" {
        /// The maximum duration of a deploy job. Default: 15m.
        deploy: Text as "schema::duration",
        /// The maximum duration of a delete job. Default: 15m.
        delete: Text as "schema::duration",
        /// The maximum time until a finished write shows in reads. Default: 5m.
        propagation: Text as "schema::duration",
        /// The maximum duration of a run of a solution. Default: 2h.
        run: Text as "schema::duration",
        /// The maximum duration of an apply. Default: 2h.
        apply: Text as "schema::duration",
    }
}

mapping! {
    /// Settings of the embedded emulator.
    #[schemars(rename = "Emulator", title = "Emulator")]
    struct RawEmulator: "`emulator`" {
        /// The file with the emulator's initial state, relative to the manifest.
        #[schemars(extend("examples" = ["emulator.yaml"]))]
        seed: Text as "schema::text",
    }
}

mapping! {
    /// The source of a token: exactly one of these.
    #[schemars(rename = "Token", title = "Token source")]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
    struct RawTokenSource: "`token`" {
        /// The name of an environment variable.
        env: Text as "schema::env_name",
        /// A file, relative to the manifest.
        #[schemars(extend("examples" = ["secrets/token"]))]
        file: Text as "schema::text",
        /// A program that prints the token, and its arguments.
        command: List<Text> as "schema::command",
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
        Box::nothing().map(Self::Source)
    }

    fn scalar(_text: Option<Cow<'_, str>>) -> Option<Self> {
        Some(Self::Literal)
    }

    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        Ok(Box::mapping(entries)?.map(Self::Source))
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        match self {
            Self::Source(source) => source.faults(faults),
            Self::Literal => {}
        }
    }
}

mapping! {
    /// An environment whose package is transferred.
    #[schemars(rename = "SourceEnvironment", title = "Source environment")]
    #[schemars(extend("required" = ["environment"]))]
    struct RawSourceEnvironment: "`source`" {
        /// The environment, which declares the same version with a `path`.
        environment: Text as "schema::source_environment",
    }
}

/// The value of `source`.
#[derive(Debug, Clone)]
pub(super) enum RawSource {
    /// A path on this machine.
    File(Text),
    /// Another environment.
    Environment(Box<RawSourceEnvironment>),
}

impl Shape for RawSource {
    const EXPECTED: &'static str = "a text or a mapping";

    fn scalar(text: Option<Cow<'_, str>>) -> Option<Self> {
        Text::scalar(text).map(Self::File)
    }

    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        Ok(Box::mapping(entries)?.map(Self::Environment))
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        match self {
            Self::File(text) => text.faults(faults),
            Self::Environment(source) => source.faults(faults),
        }
    }
}

/// The value of `drain`.
#[derive(Debug, Clone)]
pub(super) enum RawDrain {
    /// The mode alone.
    Mode(Text),
    /// The keys.
    Keys(RawDrainKeys),
}

impl Shape for RawDrain {
    const EXPECTED: &'static str = "a text or a mapping";

    fn scalar(text: Option<Cow<'_, str>>) -> Option<Self> {
        Text::scalar(text).map(Self::Mode)
    }

    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        Ok(RawDrainKeys::mapping(entries)?.map(Self::Keys))
    }

    fn size(&self) -> usize {
        match self {
            Self::Mode(_) => 0,
            Self::Keys(keys) => keys.size(),
        }
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        match self {
            Self::Mode(text) => text.faults(faults),
            Self::Keys(keys) => keys.faults(faults),
        }
    }
}

/// Any value, as it is in JSON.
#[derive(Debug, Clone)]
pub(super) enum RawJson {
    /// An empty value.
    Null,
    /// A text, a number or a boolean.
    Scalar(Text),
    /// A list.
    List(List<RawJson>),
    /// A mapping.
    Mapping(Table<RawJson>),
}

impl Shape for RawJson {
    const EXPECTED: &'static str = "a value";

    fn nothing() -> Option<Self> {
        Some(Self::Null)
    }

    fn scalar(text: Option<Cow<'_, str>>) -> Option<Self> {
        Text::scalar(text).map(Self::Scalar)
    }

    fn list<I: Items>(items: &mut I) -> Result<Option<Self>, I::Error> {
        Ok(List::list(items)?.map(Self::List))
    }

    fn mapping<'s, E: Entries<'s>>(entries: &mut E) -> Result<Option<Self>, E::Error> {
        Ok(Table::mapping(entries)?.map(Self::Mapping))
    }

    fn size(&self) -> usize {
        match self {
            Self::Null | Self::Scalar(_) => 0,
            Self::List(list) => list.size(),
            Self::Mapping(table) => table.size(),
        }
    }

    fn faults(&self, faults: &mut Vec<Fault>) {
        match self {
            Self::Null => {}
            Self::Scalar(text) => text.faults(faults),
            Self::List(list) => list.faults(faults),
            Self::Mapping(table) => table.faults(faults),
        }
    }
}
