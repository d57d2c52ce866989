//! The speed of the pure core on large numbers of solutions: `cargo bench`.

use std::num::NonZeroI64;
use std::sync::Arc;

use divan::{Bencher, black_box};
use solform::attribute::{LiveStateWord, LiveVisibilityWord, State, Visibility};
use solform::ident::{Digest, Identity, Owner, SolutionId, SolutionName, Version};
use solform::live::{Coverage, LiveState, LiveVersion};
use solform::manifest::{
    Desired, EmulatorSettings, Endpoint, Environment, Glob, KeyPositions, Limit, Limits, Manifest,
    PlanPolicies, Position, Scope, SolutionPath, Superseded, SupersededPolicy, Timeouts, Tls,
    Undeclared,
};
use solform::plan::{
    ApplyHistory, DiffOptions, Overrides, Plan, PlanOptions, SavedPlan, approve, diff, judge,
};

fn main() {
    divan::main();
}

/// The distribution of versions over names.
#[derive(Clone, Copy)]
enum Shape {
    /// Each version has its own name.
    Names,
    /// All versions have the same name.
    Versions,
}

fn identity(shape: Shape, number: usize) -> Identity {
    let (name, version) = match shape {
        Shape::Names => (format!("Solution {number:06}"), "1.0.0".to_owned()),
        Shape::Versions => ("Solution".to_owned(), format!("1.{number}.0")),
    };
    Identity {
        name: SolutionName::parse(&name).expect("a name"),
        version: Version::parse(&version).expect("a version"),
        owner: Owner::parse("svc-release").expect("an owner"),
    }
}

fn manifest(desired: impl IntoIterator<Item = Identity>) -> Manifest {
    let glob = |text| Glob::parse(text).expect("a glob");
    let position = Position {
        file: Arc::new("solform.yaml".to_owned()),
        line: 1,
        column: 1,
        offset: 0,
        length: 1,
    };
    let mut desired: Vec<Desired> = desired
        .into_iter()
        .map(|identity| Desired {
            source: None,
            verification: None,
            path: Some(SolutionPath {
                text: format!("acme/releases/{}.ibsolution", identity.address()).into(),
                position: position.clone(),
            }),
            identity,
            state: State::Active,
            visibility: Some(Visibility::Private),
            superseded: Arc::new(Superseded {
                policy: SupersededPolicy::Deactivate,
                retain: None,
                keys: KeyPositions::default(),
            }),
            drain: None,
            position: position.clone(),
        })
        .collect();
    desired.sort_by(|left, right| left.identity.cmp(&right.identity));
    Manifest {
        source_environments: Vec::new(),
        environment: Environment {
            name: "bench".to_owned(),
            position,
            keys: KeyPositions::default(),
            url: Endpoint::Emulator,
            token: None,
            user: Some(Owner::parse("svc-release").expect("an owner")),
            context: None,
            store: None,
            protect: vec![glob("Form W-2@*")],
            require_verified: false,
            limits: Limits {
                max_destroy: Some(Limit::Percent(30)),
                max_change: Some(Limit::Percent(30)),
            },
            timeouts: Timeouts::default(),
            tls: Tls::default(),
            emulator: EmulatorSettings::default(),
        },
        policies: PlanPolicies::default(),
        scope: Scope {
            owners: vec![glob("svc-release"), glob("IB_DEPLOYED")],
            names: vec![glob("*")],
            undeclared: Undeclared::Ignore,
            drain: None,
        },
        desired,
        digest: Digest::of(b"bench"),
    }
}

/// Returns the live state of these versions. One in a thousand is INACTIVE, although it is declared
/// ACTIVE.
fn live_state(versions: impl IntoIterator<Item = Identity>) -> LiveState {
    let record = |(number, identity): (usize, Identity)| LiveVersion {
        id: SolutionId::parse(&format!("8c1f0a7e-0000-4000-8000-{number:012}")).expect("an id"),
        author: Some(Arc::from(identity.owner.as_str())),
        identity,
        state: LiveStateWord::new(if number % 1000 == 7 {
            "INACTIVE"
        } else {
            "ACTIVE"
        }),
        visibility: Some(LiveVisibilityWord::Private),
        created_at_ms: i64::try_from(number).ok().and_then(NonZeroI64::new),
        updated_at_ms: None,
    };
    LiveState::new(
        versions.into_iter().enumerate().map(record).collect(),
        Coverage::Whole,
    )
}

fn both_sides(shape: Shape, count: usize) -> (Manifest, LiveState) {
    let identities = || (0..count).map(move |number| identity(shape, number));
    (manifest(identities()), live_state(identities()))
}

fn plan(manifest: &Manifest, live: &LiveState) -> Plan {
    diff(
        manifest,
        live,
        &ApplyHistory::default(),
        &DiffOptions::default(),
    )
    .expect("a plan")
}

#[divan::bench(args = [10_000, 100_000], sample_count = 20)]
fn diff_names(bencher: Bencher<'_, '_>, count: usize) {
    let (manifest, live) = both_sides(Shape::Names, count);
    bencher.bench_local(|| plan(black_box(&manifest), black_box(&live)));
}

/// Measures a diff against an empty server: everything is created.
#[divan::bench(args = [10_000], sample_count = 20)]
fn diff_against_nothing(bencher: Bencher<'_, '_>, count: usize) {
    let (manifest, _) = both_sides(Shape::Names, count);
    let live = live_state([]);
    bencher.bench_local(|| plan(black_box(&manifest), black_box(&live)));
}

/// Measures a diff of one name with many versions, all of them declared.
#[divan::bench(args = [500, 5_000], sample_count = 20)]
fn diff_versions_of_one_name(bencher: Bencher<'_, '_>, count: usize) {
    let (manifest, live) = both_sides(Shape::Versions, count);
    bencher.bench_local(|| plan(black_box(&manifest), black_box(&live)));
}

/// Measures a diff of one name with many versions, of which one is declared and supersedes the
/// others.
#[divan::bench(args = [500, 5_000], sample_count = 20)]
fn diff_superseded_versions(bencher: Bencher<'_, '_>, count: usize) {
    let manifest = manifest([identity(Shape::Versions, count)]);
    let live = live_state((0..count).map(|number| identity(Shape::Versions, number)));
    bencher.bench_local(|| plan(black_box(&manifest), black_box(&live)));
}

#[divan::bench(args = [10_000, 100_000], sample_count = 20)]
fn judge_plan(bencher: Bencher<'_, '_>, count: usize) {
    let (manifest, live) = both_sides(Shape::Names, count);
    let plan = plan(&manifest, &live);
    let limits = manifest.environment.limits;
    assert!(approve(plan.clone(), &limits, &Overrides::default()).is_ok());
    bencher.bench_local(|| judge(black_box(&plan), &limits, &Overrides::default()));
}

fn saved(count: usize) -> SavedPlan {
    let (manifest, live) = both_sides(Shape::Names, count);
    let plan = plan(&manifest, &live);
    SavedPlan::new(
        plan,
        Vec::new(),
        PlanOptions::default(),
        "bench".to_owned(),
        0,
    )
}

#[divan::bench(args = [10_000], sample_count = 20)]
fn saved_plan_to_json(bencher: Bencher<'_, '_>, count: usize) {
    let saved = saved(count);
    bencher.bench_local(|| black_box(&saved).to_json());
}

/// Measures the parsing of a saved plan, which includes the check of the fingerprint.
#[divan::bench(args = [10_000], sample_count = 20)]
fn saved_plan_from_json(bencher: Bencher<'_, '_>, count: usize) {
    let text = saved(count).to_json();
    bencher.bench_local(|| SavedPlan::from_json(black_box(&text)).expect("a plan"));
}
