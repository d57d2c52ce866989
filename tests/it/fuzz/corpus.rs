//! The fuzz targets over the inputs in `fuzz/corpus`.

use std::collections::BTreeMap;
use std::num::NonZeroI64;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use serde_json::json;
use solform::attribute::{LiveStateWord, LiveVisibilityWord};
use solform::ident::{Address, Digest, Identity, Owner, SolutionId, SolutionName, Version};
use solform::live::{Coverage, LiveState, LiveVersion};
use solform::manifest::{Selection, SourceFile, read};
use solform::plan::{
    ApplyHistory, DiffOptions, Inspection, Inspections, Mode, Overrides, PackageField, PackageInfo,
    PackageProblem, PlanOptions, SavedPlan, SavedPlans, SourcePackage, Upload, UploadSource, diff,
    judge,
};

use crate::support::plan_file::PlanFile;

/// The maximum size of an input, in bytes.
const SIZE: usize = 16 * 1024;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

/// Checks every input of a target: some are accepted, and some are refused.
fn assert_holds(target: &str, check: fn(&[u8]) -> bool) {
    let mut verdicts = Vec::new();
    for entry in std::fs::read_dir(folder(target)).unwrap() {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        assert!(input.len() <= SIZE, "{} is large", path.display());
        let verdict = catch_unwind(|| check(&input));
        verdicts.push(verdict.unwrap_or_else(|_| panic!("{} fails", path.display())));
    }
    assert!((5..=40).contains(&verdicts.len()), "{}", verdicts.len());
    assert!(verdicts.contains(&true) && verdicts.contains(&false));
}

#[test]
fn every_answer_is_read_or_refused() {
    assert_holds("answers", super::answers::check);
}

#[test]
fn every_manifest_is_read_or_refused() {
    assert_holds("manifest", super::manifest::check);
}

#[test]
fn every_package_is_read_or_refused() {
    assert_holds("package", super::package::check);
}

#[test]
fn every_plan_file_is_read_or_refused() {
    assert_plan_files_are_current();
    assert_holds("plan", super::plan::check);
}

const MANIFEST: &str = r#"
solform: 1
environments:
  prod:
    url: https://ib.example.com
    token: { env: T }
    limits: { max_destroy: 1 }
defaults: { owner: svc, path: "d/${name}-${version}.ibsolution" }
manage: { undeclared: delete }
solutions:
  Form W-2: { version: 2, superseded: delete, source: "dist/*-${version}.ibsolution" }
  Paystub: { version: 1.10, visibility: PUBLIC }
  Old: { version: 1, state: ABSENT }
  Same: { version: 1 }
  Odd: { version: 1, state: INACTIVE, visibility: PUBLIC }
"#;

const LIVE: [(&str, &str, &str, Option<&str>); 6] = [
    ("Form W-2", "1", "ACTIVE", Some("PUBLIC")),
    ("Paystub", "1.10", "ACTIVE", Some("PRIVATE")),
    ("Old", "1", "PRODUCTION", None),
    ("Same", "1", "ACTIVE", Some("PRIVATE")),
    (
        "Odd",
        "1",
        "ODD \u{202e}\u{1f600}\"",
        Some("PENDING_REVIEW"),
    ),
    ("Undeclared", "3", "INACTIVE", None),
];

fn live() -> LiveState {
    let version =
        |(name, version, state, visibility): (&str, &str, &str, Option<&str>)| LiveVersion {
            id: SolutionId::parse(&format!("id-{name}-{version}")).unwrap(),
            identity: Identity {
                name: SolutionName::parse(name).unwrap(),
                version: Version::parse(version).unwrap(),
                owner: Owner::parse("svc").unwrap(),
            },
            author: None,
            state: LiveStateWord::new(state),
            visibility: visibility.map(LiveVisibilityWord::new),
            created_at_ms: NonZeroI64::new(1),
            updated_at_ms: None,
        };
    LiveState::new(LIVE.into_iter().map(version).collect(), Coverage::Whole)
}

/// Returns the inspections of a plan's packages: one of each kind.
fn inspections(solution_type: PackageField) -> Inspections {
    let text = |text: &str| PackageField::Text(text.to_owned());
    let info = PackageInfo {
        name: text("Form W-2"),
        version: text("2"),
        owner: text("svc"),
        solution_type,
        visibility: Some("PUBLIC".to_owned()),
        fingerprint: Digest::of(b"fingerprint"),
    };
    let other = PackageInfo {
        name: text("Form W-2 \u{202e}"),
        ..info.clone()
    };
    let identity = |name: &str, version: &str| Identity {
        name: SolutionName::parse(name).unwrap(),
        version: Version::parse(version).unwrap(),
        owner: Owner::parse("svc").unwrap(),
    };
    let upload = Upload {
        source: UploadSource::File {
            path: "dist/Form W-2-2.ibsolution".to_owned(),
            sha256: Digest::of(b"package"),
        },
        size: 4096,
        overwrite: false,
    };
    let unusable = PackageProblem::Source {
        source_path: "dist/*".to_owned(),
        environment: None,
        why: "matches no file".to_owned(),
    };
    Inspections {
        packages: BTreeMap::from([
            ("d/Same-1.ibsolution".to_owned(), Inspection::Missing),
            (
                "d/Paystub-1.10.ibsolution".to_owned(),
                Inspection::Inspected(other),
            ),
        ]),
        sources: BTreeMap::from([
            (
                identity("Form W-2", "2"),
                Ok(SourcePackage { upload, info }),
            ),
            (identity("Odd", "1"), Err(unusable)),
        ]),
    }
}

/// Asserts that the corpus has plan files of the current format, or writes them.
fn assert_plan_files_are_current() {
    let source = SourceFile::from_bytes("solform.yaml", MANIFEST).unwrap();
    let manifest = read(&source, &Selection::default(), &|_| None)
        .unwrap()
        .manifest;
    let converge = DiffOptions::default();
    let replace = DiffOptions {
        replace: vec![Address::parse("Same@1").unwrap()],
        ..DiffOptions::default()
    };
    let destroy = DiffOptions {
        mode: Mode::Destroy,
        ..DiffOptions::default()
    };
    let empty = LiveState::new(Vec::new(), Coverage::Whole);
    let mut plans = Vec::new();
    let good = || PackageField::Text("ibflowbin".to_owned());
    for (name, live, options, solution_type) in [
        ("converge", live(), &converge, good()),
        ("create", empty, &converge, PackageField::NotText),
        ("replace", live(), &replace, good()),
        ("destroy", live(), &destroy, good()),
    ] {
        let overrides = Overrides::default();
        let plan = diff(&manifest, &live, &ApplyHistory::default(), options)
            .unwrap()
            .with_inspections(&manifest, &inspections(solution_type));
        let refusals = judge(&plan, &manifest.environment.limits, &overrides);
        let options = PlanOptions::new(options, overrides);
        let saved = SavedPlan {
            // A release does not change the file.
            solform_version: "0.1.0".to_owned(),
            ..SavedPlan::new(
                plan,
                refusals,
                options,
                "5e1f".to_owned(),
                1_700_000_000_000,
            )
        };
        assert_is_current(name, &saved.to_json());
        plans.push(saved);
    }
    // The inputs are small, so only the smallest plans are used.
    let mut plans: Vec<SavedPlan> = plans.split_off(plans.len() - 1);
    plans.extend(plans.clone());
    "dev".clone_into(&mut plans[0].plan.subject.environment);
    let several = SavedPlans {
        solform_version: "0.1.0".to_owned(),
        ..SavedPlans::new(plans, 1_700_000_000_000)
    };
    assert_is_current("several", &several.to_json());
    // A file that only its format version makes a plan file.
    let text = std::fs::read_to_string(folder("plan").join("create.json")).unwrap();
    let version = PlanFile::read(&text).at("format_version").clone();
    let no_plan = json!({ "format_version": version, "plan": 1, "fingerprint": "\0" });
    assert_is_current("no-plan", &no_plan.to_string());
}

/// Asserts that a file of the corpus has this text, or writes it.
fn assert_is_current(name: &str, text: &str) {
    let path = folder("plan").join(name).with_extension("json");
    if std::env::var("SOLFORM_BLESS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|known| known == text),
        "{} is not a plan file of the current format; run the tests with SOLFORM_BLESS=1",
        path.display()
    );
}
