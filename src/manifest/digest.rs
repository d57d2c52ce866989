//! The digest of a resolved manifest: a saved plan is valid only for a manifest with its digest.
//!
//! Two manifests with the same digest lead to the same plan for the same live state. So the digest
//! covers everything in a manifest that a plan depends on: the declared versions, the scope,
//! protection, limits and policies, and the user and account, which decide which solutions the
//! server returns and which of them belong to the user. The digest leaves out:
//!
//! * positions, comments and the order of keys
//! * the source of the token, TLS, the store, timeouts and the emulator's settings, which do not
//!   change the plan
//! * the environment's name and URL, which a saved plan stores and compares separately

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::drain::Drain;
use super::glob::Glob;
use super::model::{
    Desired, EmulatorSettings, Environment, Limits, Redeploy, Scope, Source, SourceOrigin,
    Superseded,
};
use super::plan_policy::{PlanPolicies, PolicyContent};
use super::verification::Verification;
use crate::attribute::{State, Visibility};
use crate::ident::{Digest, Identity, Owner};

/// The version of the canonical form. Raise it if the same manifest must get another digest.
const FORMAT: u32 = 1;

/// The canonical form, whose JSON is hashed: the order of fields is fixed, sets are sorted.
#[derive(Serialize)]
struct Canonical<'a> {
    format: u32,
    user: Option<&'a Owner>,
    context: Option<&'a str>,
    protect: BTreeSet<&'a str>,
    max_destroy: Option<String>,
    max_change: Option<String>,
    owners: BTreeSet<&'a str>,
    names: BTreeSet<&'a str>,
    undeclared: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain: Option<&'a Drain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<CanonicalPolicies<'a>>,
    #[serde(serialize_with = "versions")]
    desired: &'a [Desired],
}

#[derive(Serialize)]
struct CanonicalPolicies<'a> {
    timezone: &'a str,
    list: Vec<PolicyContent<'a>>,
}

#[derive(Serialize)]
struct CanonicalVersion<'a> {
    identity: &'a Identity,
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<CanonicalSource<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<&'a Verification>,
    state: State,
    visibility: Option<Visibility>,
    superseded: &'static str,
    retain: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain: Option<&'a Drain>,
}

#[derive(Serialize)]
struct CanonicalSource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    text: &'a str,
    sha256: Option<&'a Digest>,
    overwrite: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeploy: Option<&'static str>,
}

/// Returns the digest of a manifest, given its parts.
pub(super) fn digest(
    environment: &Environment,
    scope: &Scope,
    policies: &PlanPolicies,
    desired: &[Desired],
) -> Digest {
    let Environment {
        name: _,     // Compared separately.
        position: _, // A moved line changes nothing.
        keys: _,
        url: _,   // Compared separately.
        token: _, // Another source does not change the user.
        user,
        context,
        store: _, // The journal does not change the plan.
        protect,
        require_verified: _, // Of promotions, not of plans.
        limits,
        timeouts: _,                            // They limit an apply, not a plan.
        tls: _,                                 // It concerns the connection only.
        emulator: EmulatorSettings { seed: _ }, // Live state, not desired.
    } = environment;
    let Limits {
        max_destroy,
        max_change,
    } = limits;
    let Scope {
        owners,
        names,
        undeclared,
        drain,
    } = scope;
    let canonical = Canonical {
        format: FORMAT,
        user: user.as_ref(),
        context: context.as_deref(),
        protect: globs(protect),
        max_destroy: max_destroy.map(|limit| limit.to_string()),
        max_change: max_change.map(|limit| limit.to_string()),
        owners: globs(owners),
        names: globs(names),
        undeclared: undeclared.as_str(),
        drain: drain.as_deref(),
        policies: canonical_policies(policies),
        desired,
    };
    Digest::of_json(&canonical)
        .expect("invariant: texts, numbers and lists always have a JSON form")
}

/// Returns the canonical form of policies; none without a policy, as the time zone has no effect
/// then.
fn canonical_policies(policies: &PlanPolicies) -> Option<CanonicalPolicies<'_>> {
    (!policies.list.is_empty()).then(|| CanonicalPolicies {
        timezone: policies.timezone_name(),
        list: policies.contents().collect(),
    })
}

fn versions<S: Serializer>(desired: &&[Desired], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(desired.iter().map(version))
}

fn version(desired: &Desired) -> CanonicalVersion<'_> {
    let Desired {
        identity,
        path,
        source,
        verification,
        state,
        visibility,
        superseded,
        drain,
        position: _, // A moved line changes nothing.
    } = desired;
    let Superseded {
        policy,
        retain,
        keys: _,
    } = &**superseded;
    CanonicalVersion {
        identity,
        path: path.as_ref().map(|path| &*path.text),
        source: source.as_deref().map(canonical_source),
        verification: verification.as_deref(),
        state: *state,
        visibility: *visibility,
        superseded: policy.as_str(),
        retain: *retain,
        drain: drain.as_deref(),
    }
}

fn canonical_source(source: &Source) -> CanonicalSource<'_> {
    let Source {
        origin,
        sha256,
        overwrite,
        redeploy,
        position: _, // A moved line changes nothing.
    } = source;
    let (environment, text) = match origin {
        SourceOrigin::File(path) => (None, path),
        SourceOrigin::Environment { name, path } => (Some(name.as_str()), path),
    };
    CanonicalSource {
        environment,
        text,
        sha256: sha256.as_ref(),
        overwrite: *overwrite,
        redeploy: Some(*redeploy)
            .filter(|redeploy| *redeploy != Redeploy::Never)
            .map(Redeploy::as_str),
    }
}

fn globs(globs: &[Glob]) -> BTreeSet<&str> {
    globs.iter().map(Glob::as_str).collect()
}
