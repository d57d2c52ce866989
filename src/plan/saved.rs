//! The plan file: an approval of reviewed changes, not a program.
//!
//! The file can only narrow a fresh plan ([`super::approval`]). The fingerprint protects against
//! accidents (a manual edit, a truncated file), not against an attacker. URL, token, context and
//! TLS always come from the current manifest. The URL in the file is only compared, never used.
//! Only solform reads and writes the format. A plan of another format version is refused, so a
//! field may change its meaning only with a new version.

mod change;

use std::fmt;
use std::io::{self, Write};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(super) use self::change::WrittenChange;
use self::change::{Contradiction, SavedChange, restore_all};
use super::change::{Mode, Plan, Subject};
use super::guard::Refusal;
use super::options::{Overrides, PlanOptions, repeated_options};
use crate::ident::{Address, Digest, DigestBuilder};
use crate::manifest::Manifest;

/// The version of the plan file's format. It increases with every change of shape or meaning.
pub(super) const FORMAT_VERSION: u32 = 5;

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
            Self::Apply => Mode::Converge,
            Self::Destroy => Mode::Destroy,
            Self::Rollback(_) => Mode::Rollback,
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
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
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
    /// It has no plan for an environment.
    #[error("it has no plan for environment `{chosen}`; it has plans for {planned}")]
    NoSuchEnvironment {
        /// The environments of the plans.
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
            Self::Damaged(_) | Self::Edited | Self::Contradiction(_) => {
                "Make a new plan with `solform plan --out FILE`, and pass the file on unchanged."
            }
            Self::OtherFormat { .. } => {
                "Make a new plan: plan and apply with the same version of solform."
            }
            Self::NoSuchEnvironment { .. } => {
                "Leave -e out to apply all of its plans, or make a new plan."
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
pub(super) struct PlanFile<C> {
    format_version: u32,
    solform_version: String,
    id: String,
    created_at_ms: u64,
    kind: PlanKind,
    options: PlanOptions,
    plan: Plan<C>,
    refusals: Vec<Refusal>,
    fingerprint: Option<Digest>,
}

/// Returns the digest of a file without its fingerprint: of the compact JSON array of the values of
/// its top-level keys, in its order.
pub(super) fn fingerprint_of(text: &str) -> Result<Digest, serde_json::Error> {
    let values: IndexMap<String, &RawValue> = serde_json::from_str(text)?;
    let values = values.iter().filter(|(key, _)| *key != "fingerprint");
    let mut digest = Digest::builder();
    for (index, (_, value)) in values.enumerate() {
        digest.push(if index == 0 { b"[" } else { b"," });
        push_compact(value.get().as_bytes(), &mut digest);
    }
    digest.push(b"]");
    Ok(digest.finish())
}

/// Adds a JSON text without the white space between its tokens.
fn push_compact(json: &[u8], digest: &mut DigestBuilder) {
    let mut is_in_string = false;
    let mut is_escaped = false;
    let mut start = 0;
    for (index, byte) in json.iter().enumerate() {
        if is_in_string {
            is_in_string = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
        } else if *byte == b'"' {
            is_in_string = true;
        } else if byte.is_ascii_whitespace() {
            // Most white space is indentation, with nothing in between.
            if start < index {
                digest.push(&json[start..index]);
            }
            start = index + 1;
        }
    }
    digest.push(&json[start..]);
}

impl<C: Serialize> PlanFile<C> {
    /// Returns the file with its fingerprint: what [`fingerprint_of`] returns for its text.
    fn sealed(self) -> Self {
        let Self {
            format_version,
            solform_version,
            id,
            created_at_ms,
            kind,
            options,
            plan,
            refusals,
            fingerprint: _,
        } = &self;
        let fingerprint = Digest::of_json(&(
            format_version,
            solform_version,
            id,
            created_at_ms,
            kind,
            options,
            plan,
            refusals,
        ));
        let fingerprint = fingerprint.expect("invariant: a plan's keys are strings");
        Self {
            fingerprint: Some(fingerprint),
            ..self
        }
    }
}

/// Writes a file as indented JSON.
pub(super) fn write_json(file: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, file)?;
    writeln!(out)
}

/// Returns what is written.
pub(super) fn text_of(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut text = Vec::new();
    write(&mut text).expect("invariant: a plan's keys are strings");
    String::from_utf8(text).expect("invariant: JSON is UTF-8")
}

impl SavedPlan {
    /// Saves a plan of `plan`, `apply`, `destroy` or `rollback`. `id` and `created_at_ms` are
    /// passed in as values.
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
            kind: match (&plan.rollback, plan.mode) {
                (Some(rollback), _) => PlanKind::Rollback(rollback.apply.clone()),
                (None, Mode::Destroy) => PlanKind::Destroy,
                (None, Mode::Converge | Mode::Rollback) => PlanKind::Apply,
            },
            options,
            plan,
            refusals,
        }
    }

    /// Returns the name of the environment that it is for.
    pub fn environment(&self) -> &str {
        &self.plan.subject.environment
    }

    /// Returns the text of the file.
    pub fn to_json(&self) -> String {
        text_of(|text| self.write(text))
    }

    /// Writes the file.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(&self.sealed(), out)
    }

    /// Returns the file with its fingerprint.
    pub(super) fn sealed(&self) -> PlanFile<WrittenChange<'_>> {
        let changes = self.plan.changes.iter().map(WrittenChange).collect();
        let file = PlanFile {
            format_version: FORMAT_VERSION,
            solform_version: self.solform_version.clone(),
            id: self.id.clone(),
            created_at_ms: self.created_at_ms,
            kind: self.kind.clone(),
            options: self.options.clone(),
            plan: self.plan.with_changes(changes),
            refusals: self.refusals.clone(),
            fingerprint: None,
        };
        file.sealed()
    }

    /// Parses a file, and refuses a content that differs from the written one.
    pub fn from_json(text: &str) -> Result<Self, SavedPlanError> {
        let header: Header = serde_json::from_str(text).map_err(SavedPlanError::Damaged)?;
        if header.format_version != FORMAT_VERSION {
            return Err(SavedPlanError::OtherFormat {
                found: header.format_version,
            });
        }
        let mut file: PlanFile<SavedChange> =
            serde_json::from_str(text).map_err(SavedPlanError::Damaged)?;
        let fingerprint = fingerprint_of(text).map_err(SavedPlanError::Damaged)?;
        if file.fingerprint != Some(fingerprint) {
            return Err(SavedPlanError::Edited);
        }
        let changes = restore_all(std::mem::take(&mut file.plan.changes))?;
        let rollback = file.plan.rollback.take();
        let rollback = rollback.filter(|of| file.kind == PlanKind::Rollback(of.apply.clone()));
        Ok(Self {
            solform_version: file.solform_version,
            id: file.id,
            created_at_ms: file.created_at_ms,
            plan: Plan {
                mode: file.kind.mode(),
                rollback,
                ..file.plan.with_changes(changes)
            },
            kind: file.kind,
            options: file.options,
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
    let file: PlanFile<SavedChange> = serde_json::from_str(text).ok()?;
    Some(text_of(|text| write_json(&file.sealed(), text)))
}

#[cfg(test)]
mod tests;
