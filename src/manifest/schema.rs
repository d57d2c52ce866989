//! The JSON Schema of a manifest, generated from the types in `raw`.
//!
//! Editors use it for completion and checks; only `check` decides whether a manifest is valid.
//! Every value except a token may have `${..}`, so each pattern also matches that.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::drain::DRAIN_WORDS;
use super::model::{Redeploy, SupersededPolicy, Undeclared};
use super::node::Slot;
use super::plan_policy::MAX_POLICIES;
use super::raw::{
    RawDrainKeys, RawEnvironment, RawManifest, RawOutput, RawPolicy, RawSolution,
    RawSourceEnvironment, RawTokenSource, RawVerifyRun, RawVersion,
};
use super::verification::OnVerifyFailure;
use crate::attribute::{State, Visibility};
use crate::expression::MAX_LENGTH;

/// The regular expression of a pattern, which must not end with a single `\`.
const GLOB: &str = r"^([^\\]|\\.)+$";

/// The regular expression of a pattern that can match an address.
const PROTECT: &str = r"^([^\\]|\\.)*[@*?]([^\\]|\\.)*$";

/// The alternative in every regular expression for a value with `${..}`, which is not known yet.
const INTERPOLATED: &str = r"\$\{";

/// The regular expression of a text that is not empty and has no white space at its ends.
const TRIMMED: &str = r"^\S(.*\S)?$";

/// Returns the JSON Schema (draft 2020-12) of a manifest.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<RawManifest>()
        .to_value()
}

impl<T: JsonSchema> JsonSchema for Slot<T> {
    fn inline_schema() -> bool {
        Option::<T>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Option::<T>::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

pub(super) fn format_version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": 1 })
}

pub(super) fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1 })
}

pub(super) fn token(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<RawTokenSource>()
}

pub(super) fn env_name(_: &mut SchemaGenerator) -> Schema {
    matching("^[A-Za-z_][A-Za-z0-9_]*$", &["IB_PROD_TOKEN"])
}

pub(super) fn command(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": ["string", "number", "boolean"] },
        "minItems": 1,
        "examples": [["vault", "read", "-field=token", "secret/instabase"]],
    })
}

pub(super) fn url(_: &mut SchemaGenerator) -> Schema {
    matching(
        &format!("^emulator:$|^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+[^?#]*$|{INTERPOLATED}"),
        &["https://instabase.example.com", "emulator:"],
    )
}

pub(super) fn user(_: &mut SchemaGenerator) -> Schema {
    scalar(TRIMMED, &["svc-release"])
}

pub(super) fn owner(_: &mut SchemaGenerator) -> Schema {
    scalar(TRIMMED, &["svc-release", "IB_DEPLOYED"])
}

/// Returns the schema of a text that needs no quotes, whatever it contains.
fn scalar(pattern: &str, examples: &[&str]) -> Schema {
    json_schema!({
        "type": ["string", "number", "boolean"],
        "pattern": pattern,
        "examples": examples,
    })
}

pub(super) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "number"],
        "pattern": format!("^[^\\s@]([^@]*[^\\s@])?$|{INTERPOLATED}"),
        "examples": ["0.0.2"],
    })
}

pub(super) fn path(_: &mut SchemaGenerator) -> Schema {
    matching(
        &format!("\\.ibsolution$|{INTERPOLATED}"),
        &["${drive}/releases/${name}-${version}.ibsolution"],
    )
}

pub(super) fn source(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "string", "pattern": format!("\\.ibsolution$|{INTERPOLATED}") },
            generator.subschema_for::<RawSourceEnvironment>(),
        ],
        "examples": ["dist/${name}-${version}.ibsolution"],
    })
}

pub(super) fn source_environment(_: &mut SchemaGenerator) -> Schema {
    matching(
        &format!("^[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}$|{INTERPOLATED}"),
        &["uat"],
    )
}

pub(super) fn sha256(_: &mut SchemaGenerator) -> Schema {
    matching(
        &format!("^[0-9A-Fa-f]{{64}}$|{INTERPOLATED}"),
        &["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
}

/// Returns the schema of true or false, also as a text.
pub(super) fn flag(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "enum": [true, false] },
            { "type": "string", "pattern": format!("^(true|false)$|{INTERPOLATED}") },
        ],
    })
}

pub(super) fn state(_: &mut SchemaGenerator) -> Schema {
    words(&State::ALL.map(State::as_str))
}

pub(super) fn default_state(_: &mut SchemaGenerator) -> Schema {
    words(&["ACTIVE", "INACTIVE"])
}

pub(super) fn visibility(_: &mut SchemaGenerator) -> Schema {
    words(&Visibility::ALL.map(Visibility::as_str))
}

pub(super) fn superseded(_: &mut SchemaGenerator) -> Schema {
    words(&SupersededPolicy::ALL.map(SupersededPolicy::as_str))
}

pub(super) fn redeploy(_: &mut SchemaGenerator) -> Schema {
    words(&Redeploy::ALL.map(Redeploy::as_str))
}

pub(super) fn verify(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": generator.subschema_for::<RawVerifyRun>(),
        "examples": [[{ "name": "smoke", "input_dir": "${drive}/smoke/in", "timeout": "10m" }]],
    })
}

pub(super) fn policies(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": generator.subschema_for::<RawPolicy>(),
        "maxItems": MAX_POLICIES,
        "examples": [[{
            "name": "nothing-public",
            "deny": "changes.exists(c, c.after.visibility == \"PUBLIC\")",
            "message": "Nothing becomes public without a review.",
        }]],
    })
}

pub(super) fn expression(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_LENGTH,
        "examples": ["changes.exists(c, c.after.visibility == \"PUBLIC\")"],
    })
}

pub(super) fn timezone(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": TRIMMED,
        "examples": ["Europe/Berlin", "UTC"],
    })
}

pub(super) fn on_verify_failure(_: &mut SchemaGenerator) -> Schema {
    words(&OnVerifyFailure::ALL.map(OnVerifyFailure::as_str))
}

pub(super) fn drain(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "enum": DRAIN_WORDS.map(|(word, _)| word) },
            { "type": "string", "pattern": INTERPOLATED },
            generator.subschema_for::<RawDrainKeys>(),
        ],
        "examples": [{ "mode": "wait", "timeout": "30m", "spaces": ["acme/prod"] }],
    })
}

pub(super) fn drain_mode(_: &mut SchemaGenerator) -> Schema {
    words(&DRAIN_WORDS.map(|(word, _)| word))
}

pub(super) fn spaces(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "pattern": format!("^[^/]+/[^/]+$|{INTERPOLATED}") },
        "examples": [["acme/prod"]],
    })
}

pub(super) fn settings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "examples": [{ "output_has_run_id": true }],
    })
}

pub(super) fn attempts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 10 },
            { "type": "string", "pattern": format!("^([1-9]|10)$|{INTERPOLATED}") },
        ],
        "examples": [2],
    })
}

pub(super) fn run_state(_: &mut SchemaGenerator) -> Schema {
    words(&["COMPLETE", "FAILED", "STOPPED_AT_CHECKPOINT", "PAUSED"])
}

pub(super) fn outputs(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": generator.subschema_for::<RawOutput>(),
        "examples": [[{ "path": "result.json" }]],
    })
}

pub(super) fn undeclared(_: &mut SchemaGenerator) -> Schema {
    words(&Undeclared::ALL.map(Undeclared::as_str))
}

pub(super) fn retain(_: &mut SchemaGenerator) -> Schema {
    count_or(&format!("^[0-9]+$|{INTERPOLATED}"), &json!([2]))
}

pub(super) fn limit(_: &mut SchemaGenerator) -> Schema {
    let pattern = format!("^([0-9]+|([0-9]{{1,2}}|100) ?%)$|{INTERPOLATED}");
    count_or(&pattern, &json!([2, "30%"]))
}

/// Returns the schema of a count, or of a text that matches a regular expression.
fn count_or(pattern: &str, examples: &Value) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": pattern },
        ],
        "examples": examples,
    })
}

pub(super) fn duration(_: &mut SchemaGenerator) -> Schema {
    matching(
        &format!("^[0-9]+(ms|s|m|h)$|{INTERPOLATED}"),
        &["15m", "1500ms", "60s", "2h"],
    )
}

/// Returns the schema of a text that matches a regular expression.
fn matching(pattern: &str, examples: &[&str]) -> Schema {
    json_schema!({ "type": "string", "pattern": pattern, "examples": examples })
}

pub(super) fn names(_: &mut SchemaGenerator) -> Schema {
    glob_list(GLOB, &["Form *", "Paystub"])
}

pub(super) fn owners(_: &mut SchemaGenerator) -> Schema {
    glob_list(GLOB, &["svc-release", "IB_DEPLOYED"])
}

pub(super) fn protect(_: &mut SchemaGenerator) -> Schema {
    glob_list(PROTECT, &["Form W-2@*", "Paystub@2.?.0"])
}

fn glob_list(pattern: &str, examples: &[&str]) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": ["string", "number", "boolean"],
            "pattern": pattern,
        },
        "examples": [examples],
    })
}

pub(super) fn variables(_: &mut SchemaGenerator) -> Schema {
    table(
        "^[A-Za-z_][A-Za-z0-9_.-]*$",
        &json_schema!({ "type": ["string", "number", "boolean"] }),
        &json!([{ "drive": "acme/prod/fs/Instabase Drive" }]),
    )
}

pub(super) fn environments(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" },
        "additionalProperties": generator.subschema_for::<RawEnvironment>(),
        "examples": [{ "local": { "url": "emulator:" } }],
    })
}

pub(super) fn solutions(generator: &mut SchemaGenerator) -> Schema {
    table(
        TRIMMED,
        &generator.subschema_for::<RawSolution>(),
        &json!([{ "Form W-2": { "version": "0.0.2" } }]),
    )
}

pub(super) fn versions(generator: &mut SchemaGenerator) -> Schema {
    table(
        r"^[^\s@]([^@]*[^\s@])?$",
        &generator.subschema_for::<RawVersion>(),
        &json!([{ "2.1.0": { "state": "ACTIVE" } }]),
    )
}

/// Returns the schema of a mapping whose keys match a regular expression.
fn table(keys: &str, values: &Schema, examples: &Value) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "propertyNames": { "pattern": keys },
        "additionalProperties": values,
        "examples": examples,
    })
}

fn words(words: &[&str]) -> Schema {
    json_schema!({
        "anyOf": [
            { "enum": words },
            json!({ "type": "string", "pattern": INTERPOLATED }),
        ],
    })
}
