//! The inspected packages as an input of the plan: their contents are compared with the manifest.
//!
//! A change whose package is missing, or does not match the declaration, is blocked. The rest of
//! the plan stays visible.

use super::action::Action;
use super::change::{Block, Change, Note, Plan};
use super::origin::Origin;
use super::package::{Inspections, PackageInfo};
use super::propose::fields_of;
use crate::attribute::Visibility;
use crate::ident::Identity;
use crate::manifest::{Desired, Manifest};

impl Change {
    /// The package that the change deploys, if it deploys one.
    pub fn package_path(&self) -> Option<&str> {
        self.action.deploy().map(|(path, _)| path)
    }
}

impl Plan {
    /// Adds the inspections of packages, by path. Their fingerprints become part of each
    /// after-image. A package that contradicts the manifest blocks its change.
    #[must_use]
    pub fn with_inspections(mut self, manifest: &Manifest, inspections: &Inspections) -> Self {
        for change in &mut self.changes {
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
            let entry = entry_of(manifest, &change.identity);
            let (info, mut problems) = inspections.of(&change.identity, path);
            if let Some(Ok(local)) = inspections.sources.get(&change.identity) {
                after.upload = Some(Box::new(local.upload.clone()));
            }
            if let Some(info) = info {
                after.package = Some(info.fingerprint.clone());
                // What an earlier deploy of the package made is only a reason if its contents are
                // not known.
                change
                    .blocked
                    .retain(|block| !matches!(block, Block::Package { .. }));
                let found = info.problems(&after.identity, other_owner.as_ref());
                let source = after.upload.as_ref().map(|upload| &upload.source);
                problems.extend(found.into_iter().map(|problem| match source {
                    Some(source) => problem.in_source(source),
                    None => problem,
                }));
            }
            let package = info.and_then(PackageInfo::visibility);
            change.package_visibility = package;
            let declared = after.visibility;
            let blocks = problems.into_iter().map(|problem| {
                let position = entry.and_then(|entry| problem.position(entry));
                Block::Package {
                    origin: position.map(Origin::of).or_else(|| change.origin.clone()),
                    problem,
                }
            });
            change.blocked.extend(blocks);
            if change
                .action
                .after()
                .is_some_and(|after| after.upload.is_some())
            {
                change.fields = fields_of(&change.action);
            }
            if change.action.is_verified() && package == Some(Visibility::Public) {
                change.notes.push(Note::ExposedBeforeVerification);
            }
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

/// Returns the declaration of a version.
pub fn entry_of<'a>(manifest: &'a Manifest, identity: &Identity) -> Option<&'a Desired> {
    let entries = &manifest.desired;
    let index = entries.binary_search_by(|entry| entry.identity.cmp(identity));
    Some(&entries[index.ok()?])
}

#[cfg(test)]
mod tests {
    use super::super::history::OtherMade;
    use std::collections::BTreeMap;

    use super::super::package::{Inspection, PackageField, PackageInfo};
    use super::super::testing::{declared, identity, live, scenario};
    use super::*;
    use crate::ident::{Digest, Owner, SolutionId};
    use crate::manifest::Code;

    fn of_packages(packages: BTreeMap<String, Inspection>) -> Inspections {
        Inspections {
            packages,
            sources: BTreeMap::new(),
        }
    }

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
            .with_inspections(&scenario.manifest, &of_packages(inspections));
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

    /// A package is not deployed again while what its last deploy made is there, or is not known.
    #[test]
    fn a_package_that_made_another_version_is_blocked() {
        let world = |record: Option<&str>, path: &str| {
            let mut world = scenario()
                .declare([declared("A@2")])
                .live([live("B@7").id("seven")]);
            let record = record.map(|id| (SolutionId::parse(id).unwrap(), "B@7".to_owned()));
            let path = format!("releases/{path}.ibsolution");
            let made = OtherMade { record, path };
            world.history.made_other.insert(identity("A@2"), made);
            world
        };
        let unreadable = || Inspection::Unreadable {
            why: "it is encrypted".to_owned(),
        };
        let blocked = "package-deployed-before";
        for (world, inspection, expected) in [
            (world(Some("seven"), "A-2"), unreadable(), Some(blocked)),
            (world(Some("gone"), "A-2"), unreadable(), None),
            (world(None, "A-2"), unreadable(), Some(blocked)),
            (world(None, "A-2").replace("A@2"), unreadable(), None),
            (
                world(Some("seven"), "A-2").replace("A@2"),
                unreadable(),
                Some(blocked),
            ),
            (world(Some("seven"), "A-1"), unreadable(), None),
            (
                world(Some("seven"), "A-2"),
                Inspection::Inspected(info("A", "2", "svc")),
                None,
            ),
        ] {
            let path = "releases/A-2.ibsolution".to_owned();
            let inspections = of_packages(BTreeMap::from([(path, inspection)]));
            let plan = world.plan();
            let plan = plan.with_inspections(&world.manifest, &inspections);
            let codes = plan.at("A@2").blocked.iter().map(Block::code);
            assert!(codes.eq(expected), "{world:?} {inspections:?}");
        }
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
            let inspections = of_packages(BTreeMap::from([(path, inspection)]));
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
