//! The digest of a resolved manifest: whether a saved plan still belongs to it.
//!
//! Two manifests with one digest ask for the same plan. So everything is in it that a plan depends
//! on: the declared versions, the scope, protection and limits, and the user and account, which
//! decide what is seen and whose solutions are meant. Not in it are positions, comments and the
//! order of keys; where the token comes from, TLS, the store, timeouts and the emulator's settings,
//! which do not change what is planned; and the environment's name and URL, which a saved plan
//! holds and compares by themselves.

use std::collections::BTreeSet;

use serde::Serialize;

use super::glob::Glob;
use super::model::{Desired, EmulatorSettings, Environment, Limits, Scope, Superseded};
use crate::attribute::{State, Visibility};
use crate::ident::{Digest, Identity, Owner};

/// Raised when the same manifest must get another digest.
const FORMAT: u32 = 1;

/// The canonical form. Its JSON is what is hashed: field order is fixed, sets are sorted.
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
    desired: Vec<CanonicalVersion<'a>>,
}

#[derive(Serialize)]
struct CanonicalVersion<'a> {
    identity: &'a Identity,
    path: Option<&'a str>,
    state: State,
    visibility: Option<Visibility>,
    superseded: &'static str,
    retain: Option<usize>,
}

/// The digest of what the parts of a manifest ask for.
pub(super) fn digest(environment: &Environment, scope: &Scope, desired: &[Desired]) -> Digest {
    let Environment {
        name: _,     // Compared by itself.
        position: _, // A moved line changes nothing.
        keys: _,
        url: _,   // Compared by itself.
        token: _, // Another source, the same user.
        user,
        context,
        store: _, // Where it is recorded, not what is planned.
        protect,
        limits,
        timeouts: _,                            // How long to wait, not what for.
        tls: _,                                 // How to get there.
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
        desired: desired.iter().map(version).collect(),
    };
    Digest::of_json(&canonical)
        .expect("invariant: texts, numbers and lists always have a JSON form")
}

fn version(desired: &Desired) -> CanonicalVersion<'_> {
    let Desired {
        identity,
        path,
        state,
        visibility,
        superseded: Superseded { policy, retain },
        policy_keys: _,
        position: _, // A moved line changes nothing.
    } = desired;
    CanonicalVersion {
        identity,
        path: path.as_ref().map(|path| path.text.as_str()),
        state: *state,
        visibility: *visibility,
        superseded: policy.as_str(),
        retain: *retain,
    }
}

fn globs(globs: &[Glob]) -> BTreeSet<&str> {
    globs.iter().map(Glob::as_str).collect()
}
