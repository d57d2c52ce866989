//! The inspected packages as an input of the plan: their contents are compared with the manifest.
//!
//! A change whose package is missing, or does not match the declaration, is blocked. The rest of
//! the plan stays visible.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::change::{Block, Change, Note, Origin, Plan};
use crate::attribute::Visibility;
use crate::ident::{Digest, Identity, Owner, OwnerPair};
use crate::manifest::{Code, Manifest, SolutionPath};

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

impl Inspection {
    /// Returns the visibility that the package is deployed with, if it is known.
    fn visibility(&self) -> Option<Visibility> {
        match self {
            Self::Inspected(info) => Visibility::of_word(info.visibility.as_deref()?),
            Self::Missing | Self::Unreadable { .. } => None,
        }
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
    /// A required field is not there, or is not a text.
    #[error("the package's `{}` {}", key.as_str(), if *is_missing { "is missing" } else { "is not a text" })]
    Invalid {
        /// The field.
        key: PackageKey,
        /// True if it is missing.
        is_missing: bool,
    },
    /// A field has another value than the manifest.
    #[error("the package's `{}` is `{found}`, and `{declared}` is declared", key.as_str())]
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
    },
}

/// A required field of `package.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageKey {
    /// `name`.
    Name,
    /// `version`.
    Version,
    /// `owner`.
    Owner,
    /// `solution_type`.
    SolutionType,
}

impl PackageKey {
    /// The key in `package.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Version => "version",
            Self::Owner => "owner",
            Self::SolutionType => "solution_type",
        }
    }
}

impl PackageProblem {
    /// The stable code of the problem; `docs/problems.md` has a page for each.
    pub fn code(&self) -> Code {
        match self {
            Self::Missing { .. } => Code::PackageMissing,
            Self::Invalid { .. } => Code::PackageInvalid,
            Self::Mismatch { .. } => Code::PackageMismatch,
        }
    }

    /// The fix, as a sentence.
    pub fn help(&self) -> String {
        match self {
            Self::Missing { .. } => "Upload the package, or correct the path.".to_owned(),
            Self::Invalid { .. } => {
                "Build the package again with all four fields in its `package.json`: name, version, owner, solution_type."
                    .to_owned()
            }
            Self::Mismatch {
                advice: Some(advice),
                ..
            } => format!("{advice} Else correct the path or the entry."),
            Self::Mismatch { advice: None, .. } => {
                "Correct the path or the entry; a deploy creates what the package contains.".to_owned()
            }
        }
    }
}

impl PackageInfo {
    /// Returns everything that prevents a deploy of this package as `declared`.
    ///
    /// `other_owner` is the other owner of the pair: a package that names it satisfies the
    /// declaration too.
    pub fn problems(
        &self,
        declared: &Identity,
        other_owner: Option<&Owner>,
    ) -> Vec<PackageProblem> {
        let Self {
            name,
            version,
            owner,
            solution_type,
            visibility: _,
            fingerprint: _,
        } = self;
        let other_owner = other_owner.map(Owner::as_str);
        [
            (PackageKey::Name, name, Some(declared.name.as_str()), None),
            (
                PackageKey::Version,
                version,
                Some(declared.version.as_str()),
                None,
            ),
            (
                PackageKey::Owner,
                owner,
                Some(declared.owner.as_str()),
                other_owner,
            ),
            (PackageKey::SolutionType, solution_type, None, None),
        ]
        .into_iter()
        .filter_map(|(key, field, declared, other)| match field {
            PackageField::Missing => Some(PackageProblem::Invalid {
                key,
                is_missing: true,
            }),
            PackageField::NotText => Some(PackageProblem::Invalid {
                key,
                is_missing: false,
            }),
            PackageField::Text(found) => {
                let declared = declared?;
                (found != declared && Some(found.as_str()) != other).then(|| {
                    PackageProblem::Mismatch {
                        key,
                        declared: declared.to_owned(),
                        found: cut(found),
                        advice: (key == PackageKey::Owner && other.is_none())
                            .then(|| advice(declared, found))
                            .flatten(),
                    }
                })
            }
        })
        .collect()
    }
}

fn advice(declared: &str, found: &str) -> Option<String> {
    OwnerPair::advice(&Owner::parse(declared).ok()?, &Owner::parse(found).ok()?)
}

impl PackageField {
    /// Returns the text that a message shows; a long one is cut.
    pub fn shown(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(cut(text)),
            Self::Missing | Self::NotText => None,
        }
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

impl Change {
    /// The package that the change deploys, if it deploys one.
    pub fn package_path(&self) -> Option<&str> {
        match &self.action {
            Action::Create { path, .. } | Action::Replace { path, .. } => Some(path),
            Action::Update { .. } | Action::Delete { .. } | Action::NoOp { .. } => None,
        }
    }
}

impl Plan {
    /// Adds the inspections of packages, by path. Their fingerprints become part of each
    /// after-image. A package that contradicts the manifest blocks its change.
    #[must_use]
    pub fn with_inspections(
        mut self,
        manifest: &Manifest,
        inspections: &BTreeMap<String, Inspection>,
    ) -> Self {
        for change in &mut self.changes {
            let origin = path_of(manifest, &change.identity)
                .map(|path| Origin::of(&path.position))
                .or_else(|| change.origin.clone());
            let (Action::Create {
                path,
                after,
                other_owner,
            }
            | Action::Replace {
                path,
                after,
                other_owner,
                ..
            }) = &mut change.action
            else {
                continue;
            };
            let problems = match inspections.get(path) {
                Some(Inspection::Inspected(info)) => {
                    after.package = Some(info.fingerprint.clone());
                    info.problems(&after.identity, other_owner.as_ref())
                }
                Some(Inspection::Missing) => vec![PackageProblem::Missing { path: path.clone() }],
                Some(Inspection::Unreadable { .. }) | None => Vec::new(),
            };
            let package = inspections.get(path).and_then(Inspection::visibility);
            let declared = after.visibility;
            let blocks = problems.into_iter().map(|problem| Block::Package {
                problem,
                origin: origin.clone(),
            });
            change.blocked.extend(blocks);
            change
                .notes
                .extend(note_of_visibility(change, declared, package));
        }
        self
    }
}

/// Returns the note about a package whose visibility is not the one that users see afterwards, or
/// see now.
fn note_of_visibility(
    change: &Change,
    declared: Option<Visibility>,
    package: Option<Visibility>,
) -> Option<Note> {
    let Some(declared) = declared else {
        let before = change.action.before()?.visibility.as_ref()?;
        let before = Visibility::of_word(before.as_str())?;
        return (package != Some(before)).then_some(Note::VisibilityOfPackage { before, package });
    };
    let package = package.filter(|package| declared.is_narrower_than(*package))?;
    Some(Note::ExposedUntilPatched { package })
}

/// The declared path of a version.
pub fn path_of<'a>(manifest: &'a Manifest, identity: &Identity) -> Option<&'a SolutionPath> {
    let index = manifest
        .desired
        .binary_search_by(|entry| entry.identity.cmp(identity))
        .ok()?;
    manifest.desired[index].path.as_ref()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{declared, identity, live, scenario};
    use super::*;

    fn info(name: &str, version: &str, owner: &str) -> PackageInfo {
        PackageInfo {
            name: PackageField::Text(name.to_owned()),
            version: PackageField::Text(version.to_owned()),
            owner: PackageField::Text(owner.to_owned()),
            solution_type: PackageField::Text("ibflowbin".to_owned()),
            visibility: None,
            fingerprint: Digest::of(b"package"),
        }
    }

    #[test]
    fn a_different_name_is_a_mismatch() {
        let declared = identity("A@1");
        let pair = Owner::parse("IB_DEPLOYED").unwrap();
        for (name, version, owner, expected) in [
            ("A", "1", "svc", &[][..]),
            ("A", "1", "IB_DEPLOYED", &[]),
            (
                "A ",
                "1",
                "svc",
                &["the package's `name` is `A `, and `A` is declared"],
            ),
            (
                "A\n",
                "1",
                "svc",
                &["the package's `name` is `A\n`, and `A` is declared"],
            ),
            (
                "a",
                "1.0",
                "mallory",
                &[
                    "the package's `name` is `a`, and `A` is declared",
                    "the package's `version` is `1.0`, and `1` is declared",
                    "the package's `owner` is `mallory`, and `svc` is declared",
                ],
            ),
        ] {
            let problems = info(name, version, owner).problems(&declared, Some(&pair));
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{name:?}");
        }
        let long = info(&"A".repeat(1_000_000), "1", "svc").problems(&declared, None);
        assert!(long[0].to_string().len() < 300);
    }

    #[test]
    fn required_fields_are_checked() {
        let package = PackageInfo {
            version: PackageField::NotText,
            owner: PackageField::Missing,
            solution_type: PackageField::Missing,
            ..info("A", "1", "svc")
        };
        let problems = package.problems(&identity("A@1"), None);
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "the package's `version` is not a text",
                "the package's `owner` is missing",
                "the package's `solution_type` is missing",
            ]
        );
        assert!(
            problems
                .iter()
                .all(|problem| problem.code() == Code::PackageInvalid)
        );
    }

    #[test]
    fn inspections_block_only_their_changes() {
        let scenario = scenario()
            .declare(["A@2", "B@1", "C@1", "D@1", "E@1"].map(declared))
            .live([live("A@1"), live("E@1")])
            .replace("E@1");
        let path = |text: &str| format!("releases/{text}.ibsolution");
        let inspections = BTreeMap::from([
            (path("A-2"), Inspection::Inspected(info("A", "2", "svc"))),
            (path("B-1"), Inspection::Missing),
            (path("C-1"), Inspection::Inspected(info("B", "1", "svc"))),
            (
                path("D-1"),
                Inspection::Unreadable {
                    why: "it is encrypted".to_owned(),
                },
            ),
            (path("E-1"), Inspection::Missing),
        ]);
        let plan = scenario
            .plan()
            .with_inspections(&scenario.manifest, &inspections);
        let package = |text: &str| plan.at(text).action.after().unwrap().package.clone();
        let codes =
            |text: &str| -> Vec<&str> { plan.at(text).blocked.iter().map(Block::code).collect() };
        let fingerprint = Some(Digest::of(b"package"));
        for (address, expected, codes_expected) in [
            ("A@2", &fingerprint, &[][..]),
            ("B@1", &None, &["package-missing"]),
            ("C@1", &fingerprint, &["package-mismatch"]),
            ("D@1", &None, &[]),
            ("E@1", &None, &["package-missing"]),
        ] {
            assert_eq!(package(address), *expected, "{address}");
            assert_eq!(codes(address), codes_expected, "{address}");
        }
        // The waiting change of the old version is not blocked by itself.
        assert!(plan.at("A@1").blocked.is_empty());
    }

    /// The package decides about the visibility between the deploy and the patch, and afterwards if
    /// none is declared.
    #[test]
    fn the_visibility_of_the_package_is_noted() {
        use Visibility::{Private, Public};
        let exposed = |package| Some(Note::ExposedUntilPatched { package });
        let decides = |before, package| Some(Note::VisibilityOfPackage { before, package });
        for (declared_visibility, live_word, package, expected, is_narrower) in [
            (Some(Private), None, Some("PUBLIC"), exposed(Public), false),
            (Some(Public), None, Some("PRIVATE"), None, false),
            (Some(Private), None, None, None, false),
            (None, None, Some("PUBLIC"), None, false),
            (None, Some("PUBLIC"), Some("PUBLIC"), None, false),
            (
                None,
                Some("PUBLIC"),
                Some("PRIVATE"),
                decides(Public, Some(Private)),
                true,
            ),
            (
                None,
                Some("PRIVATE"),
                Some("PUBLIC"),
                decides(Private, Some(Public)),
                false,
            ),
            (None, Some("PUBLIC"), None, decides(Public, None), false),
            (
                Some(Private),
                Some("PUBLIC"),
                Some("PUBLIC"),
                exposed(Public),
                true,
            ),
        ] {
            let case = format!("{declared_visibility:?} {live_word:?} {package:?}");
            let mut entry = declared("A@1");
            if let Some(visibility) = declared_visibility {
                entry = entry.visible(visibility);
            }
            let mut world = scenario().declare([entry]);
            if let Some(word) = live_word {
                world = world.live([live("A@1").visible(word)]).replace("A@1");
            }
            let inspection = Inspection::Inspected(PackageInfo {
                visibility: package.map(str::to_owned),
                ..info("A", "1", "svc")
            });
            let plan = world.plan();
            let path = plan.at("A@1").package_path().unwrap().to_owned();
            let inspections = BTreeMap::from([(path, inspection)]);
            let plan = plan.with_inspections(&world.manifest, &inspections);
            let change = plan.at("A@1");
            let found = change.notes.iter().find(|note| {
                matches!(
                    note,
                    Note::ExposedUntilPatched { .. } | Note::VisibilityOfPackage { .. }
                )
            });
            assert_eq!(found.cloned(), expected, "{case}");
            assert_eq!(change.narrows_visibility(), is_narrower, "{case}");
        }
    }
}
