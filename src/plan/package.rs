//! The contents of a package, and the reasons why it cannot be deployed as the declared version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::upload::{Upload, UploadSource};
use crate::attribute::Visibility;
use crate::ident::{Digest, Identity, Owner, OwnerPair, SolutionId};
use crate::manifest::{Code, Desired, Position};

/// The `solution_type` of everything that the platform documents as deployable.
pub const SOLUTION_TYPE: &str = "ibflowbin";

/// The greatest number of characters of a package's text that a message shows.
const SHOWN: usize = 200;

/// The contents of a package, as far as a deploy depends on them.
///
/// The fields are plain text: a package may hold a name that no manifest can declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageInfo {
    /// The solution's name.
    pub name: PackageField,
    /// The solution's version.
    pub version: PackageField,
    /// The owner that it is deployed for.
    pub owner: PackageField,
    /// The kind of solution; see [`SOLUTION_TYPE`].
    pub solution_type: PackageField,
    /// The visibility that it is deployed with, in the package's own word.
    pub visibility: Option<String>,
    /// SHA-256 over the file's size, the zip's central directory and `package.json`.
    pub fingerprint: Digest,
}

/// A field of `package.json` that the platform requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageField {
    /// Absent, null or blank.
    Missing,
    /// Present, but not a text.
    NotText,
    /// A text.
    Text(String),
}

/// The result of an inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// The package was read.
    Inspected(PackageInfo),
    /// There is no such file.
    Missing,
    /// The file could not be read as a package: its contents are unknown.
    Unreadable {
        /// The reason.
        why: String,
    },
}

/// The results of all inspections for a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspections {
    /// The packages on the platform, by path.
    pub packages: BTreeMap<String, Inspection>,
    /// The packages that are declared as sources, by version.
    pub sources: BTreeMap<Identity, Result<SourcePackage, PackageProblem>>,
}

/// A package that is uploaded before its deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePackage {
    /// The upload.
    pub upload: Upload,
    /// The contents of the package.
    pub info: PackageInfo,
}

impl Inspections {
    /// Returns the contents of the package that a deploy of this version from this path submits,
    /// and the problems of its source.
    pub(super) fn of(
        &self,
        identity: &Identity,
        path: &str,
    ) -> (Option<&PackageInfo>, Vec<PackageProblem>) {
        let there = self.packages.get(path);
        let missing = || PackageProblem::Missing {
            path: path.to_owned(),
        };
        match (self.sources.get(identity), there) {
            (Some(Err(problem)), _) => (None, vec![problem.clone()]),
            (Some(Ok(local)), Some(Inspection::Inspected(there)))
                if !local.upload.overwrite && there.fingerprint != local.info.fingerprint =>
            {
                let problem = PackageProblem::Exists {
                    path: path.to_owned(),
                };
                (Some(&local.info), vec![problem])
            }
            (Some(Ok(local)), _) => (Some(&local.info), Vec::new()),
            (None, Some(Inspection::Inspected(there))) => (Some(there), Vec::new()),
            (None, Some(Inspection::Missing)) => (None, vec![missing()]),
            (None, Some(Inspection::Unreadable { .. }) | None) => (None, Vec::new()),
        }
    }
}

impl PackageInfo {
    /// Returns the visibility that the package is deployed with, if it names a known one.
    pub(super) fn visibility(&self) -> Option<Visibility> {
        Visibility::of_word(self.visibility.as_deref()?)
    }
}

/// A reason why a package cannot be deployed as the declared version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PackageProblem {
    /// There is no such file.
    #[error("the package `{path}` is not on the platform's file system")]
    Missing {
        /// The path.
        path: String,
    },
    /// The source is not one readable package.
    #[error("the source `{source_path}`{} {why}", of_environment(.environment.as_deref()))]
    Source {
        /// The source, as it is declared.
        source_path: String,
        /// The environment that has it; `None` for this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
        /// The reason, as the rest of a sentence.
        why: String,
    },
    /// The source has other bytes than declared.
    #[error("the SHA-256 of `{source_path}` is {found}, and {declared} is declared")]
    OtherDigest {
        /// The file.
        source_path: String,
        /// The declared digest.
        declared: Digest,
        /// The digest of the file.
        found: Digest,
    },
    /// Another package is at the path of an upload.
    #[error("another package is at `{path}`, which an upload does not replace")]
    Exists {
        /// The path.
        path: String,
    },
    /// A required field is not there, or is not a text.
    #[error(
        "{} {}",
        field_of(*key, .of_source.as_deref()),
        if *is_missing { "is missing" } else { "is not a text" }
    )]
    Invalid {
        /// The field.
        key: PackageKey,
        /// True if it is missing.
        is_missing: bool,
        /// The declared source of the package, in backticks; `None` for a package at its path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of_source: Option<String>,
    },
    /// A field has another value than the manifest.
    #[error(
        "{} is `{found}`, and `{declared}` is declared",
        field_of(*key, .of_source.as_deref())
    )]
    Mismatch {
        /// The field.
        key: PackageKey,
        /// The manifest's value.
        declared: String,
        /// The package's value; a long one is cut.
        found: String,
        /// The advice to name the user whose owner pair makes the two owners one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        advice: Option<String>,
        /// The declared source of the package, in backticks; `None` for a package at its path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of_source: Option<String>,
    },
    /// An earlier deploy of this package made another solution, which still exists.
    #[error(
        "an earlier deploy of this package made `{found}` (id `{id}`), so it is not deployed again"
    )]
    MadeOther {
        /// The identity that was deployed, for people.
        found: String,
        /// The id of the deployed record.
        id: SolutionId,
    },
    /// An earlier deploy of this package ended, and its record was not found.
    #[error(
        "an earlier deploy of this package ended, and what it made was not found, so it is not \
         deployed again"
    )]
    MadeUnknown,
}

word_enum! {
    /// A required field of `package.json`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum PackageKey {
        /// `name`.
        Name = "name",
        /// `version`.
        Version = "version",
        /// `owner`.
        Owner = "owner",
        /// `solution_type`.
        SolutionType = "solution_type",
    }
}

impl PackageProblem {
    /// The stable code of the problem; `docs/problems.md` has a page for each.
    pub fn code(&self) -> Code {
        match self {
            Self::Missing { .. } => Code::PackageMissing,
            Self::Source { .. } => Code::SourceUnusable,
            Self::OtherDigest { .. } => Code::SourceDigest,
            Self::Exists { .. } => Code::PackageExists,
            Self::Invalid { .. } => Code::PackageInvalid,
            Self::Mismatch { .. } => Code::PackageMismatch,
            Self::MadeOther { .. } | Self::MadeUnknown => Code::PackageDeployedBefore,
        }
    }

    /// The position in the manifest that the problem is about.
    pub fn position<'a>(&self, entry: &'a Desired) -> Option<&'a Position> {
        match self {
            Self::Source { .. }
            | Self::OtherDigest { .. }
            | Self::Invalid {
                of_source: Some(_), ..
            }
            | Self::Mismatch {
                of_source: Some(_), ..
            } => entry.source.as_deref().map(|source| &source.position),
            _ => entry.path.as_ref().map(|path| &path.position),
        }
    }

    /// The fix, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::Missing { .. } => {
                "Upload the package, declare it as `source`, or correct the path.".to_owned()
            }
            Self::Source {
                environment: Some(environment),
                ..
            } => format!(
                "Upload the package there, or correct the `path` of the version in \
                 `{environment}`; the token of `{environment}` must be allowed to read it."
            ),
            Self::Source {
                environment: None, ..
            } => "Build the package, or correct `source`, which must match exactly one file."
                .to_owned(),
            Self::OtherDigest { .. } => {
                "Build or fetch the declared file again, or write the new digest after a review of \
                 the file."
                    .to_owned()
            }
            Self::Exists { .. } => {
                "Give the new package another version or path. `overwrite: true` replaces the \
                 package at the path."
                    .to_owned()
            }
            Self::Invalid { .. } => {
                "Build the package again with all four fields in its `package.json`: name, \
                 version, owner, solution_type."
                    .to_owned()
            }
            Self::Mismatch {
                advice, of_source, ..
            } => {
                let key = if of_source.is_some() {
                    "`source`"
                } else {
                    "the path"
                };
                match advice {
                    Some(advice) => format!("{advice} Else correct {key} or the entry."),
                    None => format!(
                        "Correct {key} or the entry; a deploy creates what the package contains."
                    ),
                }
            }
            Self::MadeOther { id, .. } => format!(
                "The package contains another solution: correct `path`, and delete `{id}` on the \
                 platform. Apply does not deploy this package again while `{id}` is there."
            ),
            Self::MadeUnknown => {
                "Find what it made on the platform: the package may contain another solution. \
                 Then correct `path`, or deploy the package again with --replace."
                    .to_owned()
            }
        }
    }
}

impl PackageProblem {
    /// Returns the same problem of a package that the manifest declares as the source.
    #[must_use]
    pub(super) fn in_source(mut self, source: &UploadSource) -> Self {
        if let Self::Invalid { of_source, .. } | Self::Mismatch { of_source, .. } = &mut self {
            *of_source = Some(source.quoted());
        }
        self
    }
}

impl PackageInfo {
    /// Returns the required fields that are missing or are not texts.
    pub fn invalid_fields(&self) -> Vec<PackageProblem> {
        let fields = self.required_fields().into_iter();
        fields
            .filter_map(|(key, field)| field.problem(key))
            .collect()
    }

    /// Returns the fields that the platform requires, in the order of the messages.
    fn required_fields(&self) -> [(PackageKey, &PackageField); 4] {
        let Self {
            name,
            version,
            owner,
            solution_type,
            visibility: _,
            fingerprint: _,
        } = self;
        [
            (PackageKey::Name, name),
            (PackageKey::Version, version),
            (PackageKey::Owner, owner),
            (PackageKey::SolutionType, solution_type),
        ]
    }

    /// Returns the warning about a kind of solution that the platform does not document.
    pub fn type_warning(&self) -> Option<String> {
        let found = self.solution_type.shown()?;
        (found != SOLUTION_TYPE).then(|| {
            format!(
                "the package's `solution_type` is `{found}`, \
                 but the platform documents only `{SOLUTION_TYPE}`"
            )
        })
    }

    /// Returns everything that prevents a deploy of this package as `declared`.
    ///
    /// `other_owner` is the other owner of the pair: a package that names it satisfies the
    /// declaration too.
    pub fn problems(
        &self,
        declared: &Identity,
        other_owner: Option<&Owner>,
    ) -> Vec<PackageProblem> {
        let other_owner = other_owner.map(Owner::as_str);
        let declared_of = |key| match key {
            PackageKey::Name => Some(declared.name.as_str()),
            PackageKey::Version => Some(declared.version.as_str()),
            PackageKey::Owner => Some(declared.owner.as_str()),
            PackageKey::SolutionType => None,
        };
        let fields = self.required_fields().into_iter();
        fields
            .filter_map(|(key, field)| {
                let PackageField::Text(found) = field else {
                    return field.problem(key);
                };
                let declared = declared_of(key).filter(|declared| found != declared)?;
                let is_owner = key == PackageKey::Owner;
                if is_owner && other_owner == Some(found) {
                    return None;
                }
                let is_unpaired = is_owner && other_owner.is_none();
                Some(PackageProblem::Mismatch {
                    key,
                    declared: declared.to_owned(),
                    found: cut(found),
                    advice: is_unpaired.then(|| advice(declared, found)).flatten(),
                    of_source: None,
                })
            })
            .collect()
    }
}

/// Returns a field of a package as the beginning of a sentence.
fn field_of(key: PackageKey, source: Option<&str>) -> String {
    let key = key.as_str();
    match source {
        Some(source) => format!("the `{key}` of the source {source}"),
        None => format!("the package's `{key}`"),
    }
}

fn of_environment(environment: Option<&str>) -> String {
    environment.map_or_else(String::new, |name| format!(" of environment `{name}`"))
}

fn advice(declared: &str, found: &str) -> Option<String> {
    OwnerPair::advice(&Owner::parse(declared).ok()?, &Owner::parse(found).ok()?)
}

impl PackageField {
    /// Returns the problem of a required field that is not a text.
    fn problem(&self, key: PackageKey) -> Option<PackageProblem> {
        let is_missing = match self {
            Self::Missing => true,
            Self::NotText => false,
            Self::Text(_) => return None,
        };
        Some(PackageProblem::Invalid {
            key,
            is_missing,
            of_source: None,
        })
    }

    /// Returns the text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Missing | Self::NotText => None,
        }
    }

    /// Returns the text that a message shows; a long one is cut.
    pub fn shown(&self) -> Option<String> {
        self.text().map(cut)
    }
}

/// Returns the beginning of a text of a package.
pub(super) fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
