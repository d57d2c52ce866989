//! Random live states: thousands in memory, and some over the socket in both profiles.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{ProptestConfig, any, prop};
use proptest::test_runner::TestRunner;
use solform::attribute::{LiveVisibilityWord, Visibility};
use solform::export::{Exported, Reach, export};
use solform::live::LiveState;
use solform::manifest::{Manifest, Selection, SourceFile, read};
use solform::plan::{ApplyHistory, DiffOptions, Summary, diff};
use solform::render::render_manifest;
use solform_emulator::{self as emulator, Emulator, EmulatorOptions, Profile};

use super::worlds::{Record, live, seed, world};
use crate::support::sweep::hold_for_seeds;
use crate::support::worlds::{env_with, options};

const ACCESS: &str = "solform: 1
environments:
  test:
    url: https://instabase.example.com
    token: { command: [vault, read, \"a, b\", \"#x\"] }
    user: svc
    context: \"a: b\"
    store: \"s3://bkt/$${x}\"
    protect: [\"Old @*\"]
    limits: { max_destroy: 2, max_change: 30% }
    timeouts: { deploy: 90s, propagation: 0s, run: 1h }
";

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn manifest_of(text: &str) -> Manifest {
    let source = SourceFile::from_bytes("m.yaml", text).unwrap();
    let selection = Selection {
        environment: Some("test"),
    };
    match read(&source, &selection, &|_| None) {
        Ok(checked) => checked.manifest,
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{problems:#?}\n{text}")
        }
    }
}

fn text_of(manifest: &Manifest, exported: &Exported<'_>) -> String {
    let mut out = Vec::new();
    render_manifest(&manifest.environment, exported, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The owner, the state and the visibility that a manifest declares.
type Declared<'a> = (&'a str, &'a str, Option<&'a str>);

/// Asserts that the manifest declares each declarable version like one of its records, and nothing
/// else.
fn assert_declares_live(manifest: &Manifest, live: &LiveState, reach: &dyn Fn(&str) -> bool) {
    // The possible declarations, by name and version.
    let mut expected: BTreeMap<(&str, &str), BTreeSet<Declared<'_>>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for record in live.versions() {
        let identity = &record.identity;
        let is_newest = seen.insert(identity.clone());
        let state = match record.state.as_str() {
            "ACTIVE" | "PRODUCTION" => "ACTIVE",
            "INACTIVE" => "INACTIVE",
            _ => continue,
        };
        if is_newest && reach(identity.owner.as_str()) && !identity.version.as_str().contains('@') {
            let visibility = record.visibility.as_ref().map(LiveVisibilityWord::as_str);
            expected
                .entry((identity.name.as_str(), identity.version.as_str()))
                .or_default()
                .insert((
                    identity.owner.as_str(),
                    state,
                    visibility.filter(|word| *word != "SECRET"),
                ));
        }
    }
    assert_eq!(manifest.desired.len(), expected.len(), "{live:#?}");
    for desired in &manifest.desired {
        let identity = &desired.identity;
        let one = (
            identity.owner.as_str(),
            desired.state.as_str(),
            desired.visibility.map(Visibility::as_str),
        );
        let all = &expected[&(identity.name.as_str(), identity.version.as_str())];
        assert!(all.contains(&one), "{desired:?} is none of {all:?}");
    }
}

/// Asserts that another YAML parser reads the same strings, and that the schema accepts the text.
fn assert_other_readers_agree(text: &str, manifest: &Manifest, schema: &jsonschema::Validator) {
    let value: serde_json::Value = serde_yaml::from_str(text).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&value)
        // The pattern of a name has a dot, which does not match line separators.
        .filter(|_| !text.contains("\\u2028") && !text.contains("\\u2029"))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    for desired in &manifest.desired {
        let solution = &value["solutions"][desired.identity.name.as_str()];
        let version = desired.identity.version.as_str();
        let is_key = solution["versions"].get(version).is_some();
        // In a key, `$` stands for itself; in a value, `$${` stands for `${`.
        let as_value = version.replace("${", "$${");
        assert!(
            is_key || solution["version"] == as_value,
            "{version}\n{text}"
        );
    }
}

#[test]
fn an_export_reads_back_and_plans_empty() {
    let access = manifest_of(&format!(
        "{ACCESS}manage: {{ owners: [svc, IB_DEPLOYED, '$$${{'] }}\n"
    ));
    let schema = jsonschema::validator_for(&solform::manifest::schema()).unwrap();
    let strategy = (world(14), any::<bool>());
    TestRunner::new(config(500))
        .run(&strategy, |(records, is_all)| {
            let live = live(&records);
            let reach = if is_all { Reach::All } else { Reach::Managed };
            let exported = export(&live, &access, reach);
            let text = text_of(&access, &exported);
            let manifest = manifest_of(&text);
            let mut environment = manifest.environment.clone();
            environment.position = access.environment.position.clone();
            environment.keys = access.environment.keys.clone();
            assert_eq!(environment, access.environment, "{text}");
            assert_declares_live(&manifest, &live, &|owner| {
                is_all || matches!(owner, "svc" | "IB_DEPLOYED" | "$${")
            });
            let plan = diff(
                &manifest,
                &live,
                &ApplyHistory::default(),
                &DiffOptions::default(),
            )
            .unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
            assert!(!Summary::of(&plan).has_changes(), "{plan:#?}\n{text}");
            assert_other_readers_agree(&text, &manifest, &schema);
            // Exporting again with the exported manifest gives the same text.
            let again = export(&live, &manifest, reach);
            assert_eq!(text_of(&manifest, &again), text);
            Ok(())
        })
        .unwrap();
}

#[test]
fn older_records_of_omitted_versions_stay() {
    let record = |version: &str, owner: &str, state| Record {
        name: "N".to_owned(),
        version: version.to_owned(),
        owner: owner.to_owned(),
        author: owner.to_owned(),
        state,
        visibility: None,
        created_at_s: 0,
    };
    // The manifest declares the first of the two owners of 1.10. The newest record of the other
    // owner is INACTIVE, and its older record is ACTIVE.
    let live = live(&[
        record("1.10", "ann", "ACTIVE"),
        record("1.10", "svc", "INACTIVE"),
        record("1.10", "svc", "ACTIVE"),
        record("1.9", "ann", "ACTIVE"),
        record("2.0", "svc", "ACTIVE"),
    ]);
    let access = manifest_of(ACCESS);
    let text = text_of(&access, &export(&live, &access, Reach::All));
    assert!(text.contains("superseded: keep"), "{text}");
    let plan = diff(
        &manifest_of(&text),
        &live,
        &ApplyHistory::default(),
        &DiffOptions::default(),
    )
    .unwrap();
    assert!(!Summary::of(&plan).has_changes(), "{plan:#?}\n{text}");
}

async fn start(records: &[Record], profile: Profile) -> Emulator {
    emulator::start(EmulatorOptions {
        profile,
        knobs: None,
        page_cap: 5,
        ..options(seed(records), &[])
    })
    .await
    .unwrap()
}

async fn assert_plans_empty(records: &[Record], profile: Profile, is_all: bool) {
    let emulator = start(records, profile).await;
    let manifest = format!(
        "solform: 1\nenvironments:\n  test:\n    url: {}\n    token: {{ env: TEST_TOKEN }}\n    \
         user: svc\n\
         manage: {{ owners: [svc, IB_DEPLOYED] }}\n",
        emulator.url()
    );
    let env = env_with(&manifest);
    let mut arguments = vec!["export", "--out", "exported.yaml"];
    if is_all {
        arguments.push("--all");
    }
    let _ = env.solform_beside(&arguments).await.exits_with(0);
    let text = env.read("exported.yaml");
    let planned = env
        .solform_beside(&["plan", "-f", "exported.yaml", "--detailed-exitcode"])
        .await;
    assert_eq!(planned.code(), 0, "{records:#?}\n{text}\n{planned}");
    assert!(planned.stdout.contains("No changes."), "{planned}");
    let mut records = records.to_vec();
    for record in &mut records {
        // The lists by visibility show only the values that solform filters by.
        record.visibility = Some(record.visibility.unwrap_or("PRIVATE"));
    }
    assert_declares_live(&manifest_of(&text), &live(&records), &|owner| {
        is_all || matches!(owner, "svc" | "IB_DEPLOYED")
    });
    for request in emulator.requests() {
        assert_eq!(request.method, "GET", "{request:?}");
    }
}

#[test]
fn an_export_of_a_served_world_plans_empty() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let profile = prop::sample::select(&Profile::ALL[..]);
    let strategy = (world(14), profile, any::<bool>());
    hold_for_seeds(
        "an_export_of_a_served_world_plans_empty",
        &strategy,
        |(records, profile, is_all)| {
            runtime.block_on(assert_plans_empty(&records, profile, is_all));
        },
    );
}
