//! The plan file: an approval of reviewed changes, not a program.
//!
//! The file can only narrow a fresh plan ([`super::approval`]). For each change it stores the
//! action, but not its presentation: fields, identity and undo are derived from the action. The
//! fingerprint protects against accidents (a manual edit, a truncated file), not against an
//! attacker. URL, token, context and TLS always come from the current manifest. The URL in the file
//! is only compared, never used. Only solform reads and writes the format. A plan of another format
//! version is refused, so a field may change its meaning only with a new version.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::action::{Action, Reason};
use super::change::{
    Block, Change, Decision, FieldChange, Mode, Note, Origin, Plan, Subject, Successor,
};
use super::guard::Refusal;
use super::history::{InFlight, OrphanedRecord};
use super::options::{Overrides, PlanOptions, repeated_options};
use super::propose::{fields_of, patch_between, undo_of};
use crate::ident::{Address, Digest, Identity};
use crate::live::Coverage;
use crate::manifest::Manifest;

/// The version of the plan file's format. It increases with every change of shape or meaning.
const FORMAT_VERSION: u32 = 3;

/// A plan that is saved for a later apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPlan {
    /// The version of solform that wrote it.
    pub solform_version: String,
    /// The unique id of the plan, a UUID.
    pub id: String,
    /// The creation time, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// The command that executes it.
    pub kind: PlanKind,
    /// The options that it was made with.
    pub options: PlanOptions,
    /// The plan.
    pub plan: Plan,
    /// The reasons that prevented its apply when it was made: `show` does not read the manifest.
    pub refusals: Vec<Refusal>,
}

/// The kind of a saved plan. Only the command of that kind executes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanKind {
    /// `apply`.
    Apply,
    /// `destroy`.
    Destroy,
    /// `rollback` of the apply with this id.
    Rollback(String),
}

impl PlanKind {
    /// The command that executes it.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Rollback(_) => "rollback",
        }
    }

    fn mode(&self) -> Mode {
        match self {
            Self::Apply | Self::Rollback(_) => Mode::Converge,
            Self::Destroy => Mode::Destroy,
        }
    }
}

impl fmt::Display for PlanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply | Self::Destroy => f.write_str(self.command()),
            Self::Rollback(apply) => write!(f, "rollback of {apply}"),
        }
    }
}

/// The reason why a whole plan file is refused.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It is not a plan file, or it is damaged.
    #[error("the file is damaged, or is not a plan file")]
    Damaged(#[source] serde_json::Error),
    /// Two parts of a change contradict each other.
    #[error("the change `{address}` contradicts itself: {what}")]
    Contradiction {
        /// The change.
        address: Address,
        /// The contradiction.
        what: &'static str,
    },
    /// Another version of solform wrote it.
    #[error("the plan file has format version {found}, and this solform reads {FORMAT_VERSION}")]
    OtherFormat {
        /// The format version of the file.
        found: u32,
    },
    /// The content of the file was changed.
    #[error("the plan file was changed after it was written")]
    Edited,
    /// It is for another environment.
    #[error("the plan is for environment `{planned}`, not for `{chosen}`")]
    OtherEnvironment {
        /// The environment of the plan.
        planned: String,
        /// The environment of the command.
        chosen: String,
    },
    /// The URL of the environment has changed.
    #[error("the plan was made against `{planned}`, and the environment's url is `{current}` now")]
    OtherUrl {
        /// The URL in the plan.
        planned: String,
        /// The URL in the manifest.
        current: String,
    },
    /// The manifest has changed.
    #[error("the manifest has changed since the plan was made")]
    OtherManifest,
    /// It is for another command.
    #[error(
        "the plan is a plan for `solform {}`, and `solform {command}` does not execute it",
        .kind.command()
    )]
    OtherKind {
        /// The kind of the plan.
        kind: PlanKind,
        /// The command that was typed.
        command: &'static str,
    },
    /// The options that must be repeated are missing or different.
    #[error("the plan was made with {planned}, and {given}")]
    OtherOptions {
        /// The options of the plan.
        planned: String,
        /// The options that were given.
        given: String,
    },
}

impl SavedPlanError {
    /// Returns the fix, as a sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Damaged(_) | Self::Edited | Self::Contradiction { .. } => {
                "Make a new plan with `solform plan --out FILE`, and pass the file on unchanged."
            }
            Self::OtherFormat { .. } => {
                "Make a new plan: plan and apply with the same version of solform."
            }
            Self::OtherEnvironment { .. } => {
                "Name the plan's environment with -e, or make a new plan for this one."
            }
            Self::OtherUrl { .. } | Self::OtherManifest => {
                "Make and review a new plan, or check out the manifest that was reviewed."
            }
            Self::OtherKind { .. } => {
                "Use the command that the plan is for, or make and review a new plan."
            }
            Self::OtherOptions { .. } => {
                "Repeat the options that the plan was made with, or make and review a new plan."
            }
        }
    }
}

/// The format version alone, which distinguishes a newer file from a damaged one.
#[derive(Deserialize)]
struct Header {
    format_version: u32,
}

/// The file, in the order of its keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    format_version: u32,
    solform_version: String,
    id: String,
    created_at_ms: u64,
    kind: PlanKind,
    options: PlanOptions,
    plan: PlanBody,
    refusals: Vec<Refusal>,
    fingerprint: Option<Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanBody {
    subject: Subject,
    coverage: Coverage,
    changes: Vec<SavedChange>,
    unmanaged: usize,
    live_in_scope: usize,
    left_out: usize,
    in_flight: Vec<InFlight>,
    orphaned: Vec<OrphanedRecord>,
}

/// A change without the fields that are derived from its action.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedChange {
    address: Address,
    action: Action,
    /// The version of a no-op, whose action does not contain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    /// The differences that a no-op leaves alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldChange>,
    reason: Reason,
    origin: Option<Origin>,
    waits_for: Vec<Address>,
    successors: Vec<Successor>,
    blocked: Vec<Block>,
    notes: Vec<Note>,
}

impl From<Change> for SavedChange {
    fn from(change: Change) -> Self {
        let Change {
            address,
            identity,
            action,
            reason,
            fields,
            origin,
            undo: _, // Derived.
            waits_for,
            successors,
            blocked,
            notes,
        } = change;
        let is_no_op = matches!(action, Action::NoOp { .. });
        Self {
            address,
            action,
            identity: is_no_op.then_some(identity),
            fields: if is_no_op { fields } else { Vec::new() },
            reason,
            origin,
            waits_for,
            successors,
            blocked,
            notes,
        }
    }
}

impl SavedChange {
    /// Returns the change that the action describes. Other fields of the file have no effect on it.
    fn restore(self) -> Result<Change, SavedPlanError> {
        let Self {
            address,
            action,
            identity,
            fields,
            reason,
            origin,
            waits_for,
            successors,
            blocked,
            mut notes,
        } = self;
        let contradiction = |what| {
            let address = address.clone();
            Err(SavedPlanError::Contradiction { address, what })
        };
        let is_no_op = matches!(action, Action::NoOp { .. });
        let derived = action.identity().filter(|_| !is_no_op).cloned();
        let Some(identity) = derived.clone().or(identity.filter(|_| derived.is_none())) else {
            return contradiction("it does not name a version");
        };
        if !is_address_of(&address, &identity, &action) {
            return contradiction("its address is the address of another version");
        }
        if !is_no_op && !fields.is_empty() {
            return contradiction("the fields of an action are not stored");
        }
        if fields.iter().any(|field| field.decision == Decision::Apply) {
            return contradiction("a change without an action changes a field");
        }
        if let Some(before) = action.before() {
            let is_same = before.identity.name == identity.name
                && before.identity.version == identity.version;
            if !is_same {
                return contradiction("it takes one version for another");
            }
            let followed = Note::FollowedOwner {
                owner: before.identity.owner.clone(),
            };
            if before.identity.owner != identity.owner && !notes.contains(&followed) {
                notes.retain(|note| !matches!(note, Note::FollowedOwner { .. }));
                notes.push(followed);
            }
        }
        if let Action::Update {
            before,
            patch,
            after,
        } = &action
            && patch_between(before, after) != Some(*patch)
        {
            return contradiction("its patch is not the difference that it shows");
        }
        Ok(Change {
            fields: if is_no_op { fields } else { fields_of(&action) },
            undo: undo_of(&action),
            address,
            identity,
            action,
            reason,
            origin,
            waits_for,
            successors,
            blocked,
            notes,
        })
    }
}

/// Returns whether an address is valid for this version, or for this record of it.
fn is_address_of(address: &Address, identity: &Identity, action: &Action) -> bool {
    let is_of_record = || {
        let id = action.before()?.id.as_str();
        let rest = address.as_str().strip_suffix(id)?.strip_suffix('#')?;
        Some(Address::parse(rest).ok()?.means(identity))
    };
    address.means(identity) || is_of_record() == Some(true)
}

impl PlanBody {
    fn restore(self, mode: Mode) -> Result<Plan, SavedPlanError> {
        let changes = self.changes.into_iter().map(SavedChange::restore);
        let mut changes = changes.collect::<Result<Vec<Change>, _>>()?;
        changes.sort_by(|left, right| left.identity.natural_cmp(&right.identity));
        let mut addresses = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for change in &changes {
            let record = change.action.before().map(|before| &before.id);
            if !addresses.insert(&change.address) || !keys.insert((&change.identity, record)) {
                return Err(SavedPlanError::Contradiction {
                    address: change.address.clone(),
                    what: "it is in the plan twice",
                });
            }
        }
        Ok(Plan {
            mode,
            subject: self.subject,
            coverage: self.coverage,
            changes,
            unmanaged: self.unmanaged,
            live_in_scope: self.live_in_scope,
            left_out: self.left_out,
            in_flight: self.in_flight,
            orphaned: self.orphaned,
        })
    }
}

impl From<Plan> for PlanBody {
    fn from(plan: Plan) -> Self {
        let Plan {
            mode: _, // The kind of the file.
            subject,
            coverage,
            changes,
            unmanaged,
            live_in_scope,
            left_out,
            in_flight,
            orphaned,
        } = plan;
        Self {
            subject,
            coverage,
            changes: changes.into_iter().map(SavedChange::from).collect(),
            unmanaged,
            live_in_scope,
            left_out,
            in_flight,
            orphaned,
        }
    }
}

/// The values of the file's top-level keys, in its order, without the fingerprint.
struct Sealed<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Sealed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Sealed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a plan file")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let value: &RawValue = map.next_value()?;
                    if key != "fingerprint" {
                        values.push(value);
                    }
                }
                Ok(Sealed(values))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// Returns the digest of a file without its fingerprint: of the compact JSON array of its values.
fn fingerprint_of(text: &str) -> Result<Digest, serde_json::Error> {
    let Sealed(values) = serde_json::from_str(text)?;
    let mut compact = Vec::with_capacity(text.len());
    for value in values {
        compact.push(if compact.is_empty() { b'[' } else { b',' });
        push_compact(value.get(), &mut compact);
    }
    compact.push(b']');
    Ok(Digest::of(&compact))
}

/// Removes the white space between the tokens of a JSON text.
fn push_compact(json: &str, compact: &mut Vec<u8>) {
    let mut is_in_string = false;
    let mut is_escaped = false;
    for byte in json.bytes() {
        if is_in_string {
            is_in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
        } else if byte == b'"' {
            is_in_string = true;
        } else if byte.is_ascii_whitespace() {
            continue;
        }
        compact.push(byte);
    }
}

fn written(file: &PlanFile) -> String {
    serde_json::to_string_pretty(file).expect("invariant: a plan's keys are strings")
}

impl SavedPlan {
    /// Saves a plan of `plan`, `apply` or `destroy`. `id` and `created_at_ms` are passed in as
    /// values.
    pub fn new(
        plan: Plan,
        refusals: Vec<Refusal>,
        options: PlanOptions,
        id: String,
        created_at_ms: u64,
    ) -> Self {
        Self {
            solform_version: env!("CARGO_PKG_VERSION").to_owned(),
            id,
            created_at_ms,
            kind: match plan.mode {
                Mode::Converge => PlanKind::Apply,
                Mode::Destroy => PlanKind::Destroy,
            },
            options,
            plan,
            refusals,
        }
    }

    /// Returns the text of the file.
    pub fn to_json(&self) -> String {
        let Self {
            solform_version,
            id,
            created_at_ms,
            kind,
            options,
            plan,
            refusals,
        } = self.clone();
        let mut file = PlanFile {
            format_version: FORMAT_VERSION,
            solform_version,
            id,
            created_at_ms,
            kind,
            options,
            plan: plan.into(),
            refusals,
            fingerprint: None,
        };
        let sealed = fingerprint_of(&written(&file));
        file.fingerprint = Some(sealed.expect("invariant: what was written is JSON"));
        let mut text = written(&file);
        text.push('\n');
        text
    }

    /// Parses a file, and refuses a content that differs from the written one.
    pub fn from_json(text: &str) -> Result<Self, SavedPlanError> {
        let header: Header = serde_json::from_str(text).map_err(SavedPlanError::Damaged)?;
        if header.format_version != FORMAT_VERSION {
            return Err(SavedPlanError::OtherFormat {
                found: header.format_version,
            });
        }
        let file: PlanFile = serde_json::from_str(text).map_err(SavedPlanError::Damaged)?;
        let fingerprint = fingerprint_of(text).map_err(SavedPlanError::Damaged)?;
        if file.fingerprint != Some(fingerprint) {
            return Err(SavedPlanError::Edited);
        }
        let plan = file.plan.restore(file.kind.mode())?;
        Ok(Self {
            solform_version: file.solform_version,
            id: file.id,
            created_at_ms: file.created_at_ms,
            kind: file.kind,
            options: file.options,
            plan,
            refusals: file.refusals,
        })
    }

    /// Checks that this command may execute the plan, with the options that must be repeated.
    pub fn check_command(
        &self,
        command: &'static str,
        replace: &[Address],
        allow: &Overrides,
    ) -> Result<(), SavedPlanError> {
        if self.kind.command() != command {
            return Err(SavedPlanError::OtherKind {
                kind: self.kind.clone(),
                command,
            });
        }
        if self.options.is_repeated_by(replace, allow) {
            return Ok(());
        }
        let words = |replace, allow| -> Option<String> {
            let options = repeated_options(replace, allow).into_iter();
            let words: Vec<String> = options
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            (!words.is_empty()).then(|| format!("`{}`", words.join(" ")))
        };
        Err(SavedPlanError::OtherOptions {
            planned: words(&self.options.replace, &self.options.allow)
                .unwrap_or_else(|| "none of --replace, --allow-destroy, --allow-change".to_owned()),
            given: words(replace, allow).map_or_else(
                || "they were not given again".to_owned(),
                |words| format!("{words} was given"),
            ),
        })
    }

    /// Checks that the plan is for the current manifest.
    pub fn check_against(&self, manifest: &Manifest) -> Result<(), SavedPlanError> {
        let Subject {
            environment,
            url,
            manifest: digest,
        } = &self.plan.subject;
        if *environment != manifest.environment.name {
            return Err(SavedPlanError::OtherEnvironment {
                planned: environment.clone(),
                chosen: manifest.environment.name.clone(),
            });
        }
        if url != manifest.environment.url.as_str() {
            return Err(SavedPlanError::OtherUrl {
                planned: url.clone(),
                current: manifest.environment.url.as_str().to_owned(),
            });
        }
        if *digest != manifest.digest {
            return Err(SavedPlanError::OtherManifest);
        }
        Ok(())
    }
}

/// Gives an edited file the fingerprint of its content; `None` if it is no longer a plan file.
#[cfg(test)]
pub(super) fn resealed(text: &str) -> Option<String> {
    let mut file: PlanFile = serde_json::from_str(text).ok()?;
    file.fingerprint = fingerprint_of(&written(&file)).ok();
    Some(written(&file))
}

#[cfg(test)]
mod tests;
