//! A reference apply, killed at each of its requests, before and after the server executes it: a
//! second apply finishes it. No version is deployed twice or wrongly deleted, and no name loses its
//! version in service.

use std::fmt::Write as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use solform_emulator::{self as emulator, Emulator, EmulatorOptions, Operation, Seed};

use super::{Live, in_service, live, manifest, start};
use crate::apply::contents::sha256;
use crate::apply::uploads::{package, put_as};
use crate::support::killing_proxy::{AT_ONCE, Kill, KillingProxy, every_kill};
use crate::support::worlds::{DRIVE, Version, count, env_with, options, path_of, seed};

/// The token of the environment that packages are transferred from.
const OTHER: &str = "tok-source-31-secret";

const UPGRADES: [&str; 6] = ["Up0", "Up1", "Up2", "Up3", "Up4", "Up5"];
const CREATES: [&str; 10] = [
    "New0", "New1", "New2", "New3", "New4", "New5", "New6", "New7", "New8", "New9",
];
const PATCHES: [&str; 4] = ["Pat0", "Pat1", "Pat2", "Pat3"];
const TOMBSTONES: [&str; 4] = ["Old0", "Old1", "Old2", "Old3"];

/// Returns a world for forty writes: ten creates and six upgrades with a deploy and a patch each,
/// four patches and four deletes. It has an unmanaged version too.
fn world() -> Seed {
    let mut versions = Vec::new();
    versions.extend(UPGRADES.map(|name| Version::active(name, "1")));
    versions.extend(PATCHES.map(|name| Version::active(name, "1")));
    versions.extend(TOMBSTONES.map(|name| Version::active(name, "1")));
    versions.push(Version::active("Stranger", "1").owner("somebody"));
    let mut packages = Vec::new();
    packages.extend(UPGRADES.map(|name| Version::active(name, "2")));
    packages.extend(CREATES.map(|name| Version::active(name, "1")));
    seed(&versions, &packages)
}

fn solutions() -> String {
    let mut text = String::new();
    let path = "path: '${drive}/${name}-${version}.ibsolution'";
    for name in UPGRADES {
        writeln!(text, "  {name}: {{ version: 2, {path} }}").unwrap();
    }
    for name in CREATES {
        writeln!(
            text,
            "  {name}: {{ version: 1, visibility: PUBLIC, {path} }}"
        )
        .unwrap();
    }
    for name in PATCHES {
        writeln!(text, "  {name}: {{ version: 1, visibility: PUBLIC }}").unwrap();
    }
    for name in TOMBSTONES {
        writeln!(text, "  {name}: {{ version: 1, state: ABSENT }}").unwrap();
    }
    text
}

fn expected() -> Vec<Live> {
    let record = |name: &str, version: &str, state: &str, visibility: &str| Live {
        name: name.to_owned(),
        version: version.to_owned(),
        state: state.to_owned(),
        visibility: visibility.to_owned(),
    };
    let mut all = Vec::new();
    for name in UPGRADES {
        all.push(record(name, "1", "INACTIVE", "PRIVATE"));
        all.push(record(name, "2", "ACTIVE", "PRIVATE"));
    }
    for name in CREATES.iter().chain(&PATCHES) {
        all.push(record(name, "1", "ACTIVE", "PUBLIC"));
    }
    all.push(record("Stranger", "1", "ACTIVE", "PRIVATE"));
    all.sort();
    all
}

/// An apply that is killed, and the command that finishes it.
struct Sweep {
    world: fn() -> Seed,
    solutions: fn() -> String,
    expected: fn() -> Vec<Live>,
    knobs: &'static [&'static str],
    in_service: &'static [&'static str],
    first: &'static [&'static str],
    second: &'static [&'static str],
    deploys: fn(usize) -> bool,
    /// The names and versions of the packages that are uploaded, each once.
    sources: &'static [(&'static str, &'static str)],
    /// The number of versions that must be verified at least once.
    verified: usize,
    /// True if these packages are on the platform of the environment `uat`.
    is_transfer: bool,
    /// The content of packages that an apply before deploys from these sources.
    before: Option<&'static [u8]>,
}

/// The reference apply. A second deploy would leave a second record; visibility shows in records.
const REFERENCE: Sweep = Sweep {
    world,
    solutions,
    expected,
    knobs: &[
        "duplicate_deploy=second_record",
        "visibility_in_records=true",
    ],
    in_service: &UPGRADES,
    first: &["apply", "--auto-approve"],
    second: &["apply", "--auto-approve", "--detailed-exitcode"],
    deploys: |deploys| deploys == UPGRADES.len() + CREATES.len(),
    sources: &[],
    verified: 0,
    is_transfer: false,
    before: None,
};

/// The deletes and a replace of ACTIVE versions, on a server that deletes only INACTIVE ones: each
/// is a refused DELETE, a PATCH, a DELETE, and for the replace a deploy.
const DELETES: Sweep = Sweep {
    world: || {
        seed(
            &[Version::active("Old0", "1"), Version::active("Rep0", "1")],
            &[Version::active("Rep0", "1")],
        )
    },
    solutions: || {
        "  Old0: { version: 1, state: ABSENT }
  Rep0: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
"
        .to_owned()
    },
    expected: || {
        vec![Live {
            name: "Rep0".to_owned(),
            version: "1".to_owned(),
            state: "ACTIVE".to_owned(),
            visibility: "PRIVATE".to_owned(),
        }]
    },
    knobs: &[
        "delete_active=refused",
        "duplicate_deploy=second_record",
        "visibility_in_records=true",
    ],
    in_service: &[],
    first: &["apply", "--auto-approve", "--replace", "Rep0@1"],
    second: &["apply", "--auto-approve", "--detailed-exitcode"],
    // The next apply does not need to replace anything.
    deploys: |deploys| deploys <= 1,
    sources: &[],
    verified: 0,
    is_transfer: false,
    before: None,
};

/// The same deletes, finished by `--resume`. If the kill came before the apply began, there is
/// nothing to resume, and a third command converges.
const RESUMED: Sweep = Sweep {
    second: &["apply", "--resume", "--detailed-exitcode"],
    ..DELETES
};

/// The content of the packages that are uploaded.
const CONTENT: &[u8] = b"flow";

/// The source of a package on this machine.
const SOURCE: &str = "source: '${name}-${version}.ibsolution'";

/// A create and an upgrade whose packages are uploaded.
const UPLOADS: Sweep = Sweep {
    world: || seed(&[Version::active("Up0", "1")], &[]),
    solutions: || {
        let path = "path: '${drive}/${name}-${version}.ibsolution'";
        format!(
            "  New0: {{ version: 1, {path}, {SOURCE} }}
  Up0: {{ version: 2, {path}, {SOURCE} }}
"
        )
    },
    expected: || {
        let live = |name: &str, version: &str, state: &str| Live {
            name: name.to_owned(),
            version: version.to_owned(),
            state: state.to_owned(),
            visibility: "PRIVATE".to_owned(),
        };
        vec![
            live("New0", "1", "ACTIVE"),
            live("Up0", "1", "INACTIVE"),
            live("Up0", "2", "ACTIVE"),
        ]
    },
    in_service: &["Up0"],
    deploys: |deploys| deploys == 2,
    sources: &[("New0", "1"), ("Up0", "2")],
    ..REFERENCE
};

/// The same, with packages that are transferred from the platform of another environment.
const TRANSFERS: Sweep = Sweep {
    solutions: || (UPLOADS.solutions)().replace(SOURCE, "source: { environment: uat }"),
    is_transfer: true,
    ..UPLOADS
};

/// A create and an upgrade that are verified before anything is exposed or retired.
const VERIFIED: Sweep = Sweep {
    world: || {
        seed(
            &[Version::active("Up0", "1")],
            &[Version::active("New0", "1"), Version::active("Up0", "2")],
        )
    },
    solutions: || {
        let path = "path: '${drive}/${name}-${version}.ibsolution'";
        let verify = "verify: [{ name: smoke, input_dir: '${drive}/in' }]";
        format!(
            "  New0: {{ version: 1, visibility: PUBLIC, {path}, {verify} }}
  Up0: {{ version: 2, {path}, {verify} }}
"
        )
    },
    expected: || {
        let live = |name: &str, version: &str, state: &str, visibility: &str| Live {
            name: name.to_owned(),
            version: version.to_owned(),
            state: state.to_owned(),
            visibility: visibility.to_owned(),
        };
        vec![
            live("New0", "1", "ACTIVE", "PUBLIC"),
            live("Up0", "1", "INACTIVE", "PRIVATE"),
            live("Up0", "2", "ACTIVE", "PRIVATE"),
        ]
    },
    knobs: &[
        "duplicate_deploy=second_record",
        "visibility_in_records=true",
        "run_missing_input=accepted",
    ],
    in_service: &["Up0"],
    deploys: |deploys| deploys == 2,
    verified: 2,
    ..REFERENCE
};

/// A replace that `redeploy: on_change` plans by itself: the source of a deployed version has other
/// bytes. The next apply continues it without an option.
const CHANGED: Sweep = Sweep {
    world: || seed(&[], &[]),
    solutions: || {
        format!(
            "  Rep0: {{ version: 1, path: '${{drive}}/Rep0-1.ibsolution', {SOURCE}, redeploy: \
             on_change, overwrite: true, sha256: {} }}\n",
            sha256(&package("Rep0", "1", CONTENT))
        )
    },
    first: &["apply", "--auto-approve"],
    deploys: |deploys| deploys == 2,
    sources: &[("Rep0", "1")],
    before: Some(b"old"),
    ..DELETES
};

/// The same, finished by `--resume`.
const CHANGED_RESUMED: Sweep = Sweep {
    second: &["apply", "--resume", "--detailed-exitcode"],
    ..CHANGED
};

/// The same, finished by `--resume`.
const VERIFIED_RESUMED: Sweep = Sweep {
    second: &["apply", "--resume", "--detailed-exitcode"],
    ..VERIFIED
};

async fn world_and_proxy(kill: Kill, sweep: &Sweep) -> (Emulator, KillingProxy) {
    let emulator = start((sweep.world)(), sweep.knobs, Duration::from_millis(30)).await;
    let url = emulator.url();
    let proxy = KillingProxy::start(&url, kill, in_service(&url, sweep.in_service)).await;
    (emulator, proxy)
}

/// Runs a case, and returns the number of requests of its first apply.
async fn case(kill: Kill, sweep: &'static Sweep) -> Result<usize, String> {
    let (emulator, proxy) = world_and_proxy(kill, sweep).await;
    let mut text = manifest(&proxy.url, &(sweep.solutions)());
    let uat = emulator::start(EmulatorOptions {
        token: Some(OTHER.into()),
        ..options(seed(&[], &[]), &[])
    });
    let uat = uat.await.unwrap();
    if sweep.is_transfer {
        let source = format!(
            "environments:\n  uat: {{ url: '{}', token: {{ env: UAT_TOKEN }}, vars: {{ drive: \
             '{DRIVE}' }} }}\n",
            uat.url()
        );
        text = text.replace("environments:\n", &source);
    }
    let mut env = env_with(&text);
    env.set("UAT_TOKEN", OTHER)
        .set("SOLFORM_ENVIRONMENT", "test");
    if let Some(content) = sweep.before {
        let mut before = text.clone();
        for (name, version) in sweep.sources {
            let [old, new] = [content, CONTENT].map(|content| package(name, version, content));
            let file = env.path().join(format!("{name}-{version}.ibsolution"));
            std::fs::write(file, &old).unwrap();
            before = before.replace(&sha256(&new), &sha256(&old));
        }
        env.write("solform.yaml", &before);
        proxy.pause(true);
        let first = env.solform_beside(REFERENCE.first).await;
        if first.code() != 0 {
            return Err(format!("the apply before\n{first}"));
        }
        proxy.pause(false);
        env.write("solform.yaml", &text);
    }
    for (name, version) in sweep.sources {
        let bytes = package(name, version, CONTENT);
        if sweep.is_transfer {
            put_as(OTHER, &uat, &path_of(name, version), bytes).await;
        } else {
            let file = env.path().join(format!("{name}-{version}.ibsolution"));
            std::fs::write(file, bytes).unwrap();
        }
    }
    let status = proxy.run_until_killed(&env, sweep.first).await;
    if kill == Kill::Never && !status.success() {
        return Err(format!("the undisturbed apply ended with {status}"));
    }
    let seen = proxy.seen();
    let mut second = env.solform_beside(sweep.second).await;
    if ![0, 2].contains(&second.code()) {
        return Err(format!("the second apply\n{second}"));
    }
    if second.stdout.starts_with("Nothing to resume") {
        second = env.solform_beside(REFERENCE.second).await;
    }
    let third = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
    if third.code() != 0 {
        return Err(format!("{second}\nthe plan after it\n{third}"));
    }
    let now = live(&emulator.url()).await;
    if now != (sweep.expected)() {
        return Err(format!("{second}\nis live: {now:#?}"));
    }
    let deploys = count(&emulator, Operation::Deploy);
    if !(sweep.deploys)(deploys) {
        return Err(format!("{second}\n{deploys} deploys were accepted"));
    }
    let uploads = count(&emulator, Operation::WriteFile);
    if uploads != sweep.sources.len() {
        return Err(format!("{second}\n{uploads} uploads were accepted"));
    }
    let runs = count(&emulator, Operation::RunSolution);
    if runs < sweep.verified {
        return Err(format!("{second}\n{runs} runs were started"));
    }
    match proxy.wrong().first() {
        Some(wrong) => Err(format!("{wrong}\n{second}")),
        None => Ok(seen),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_apply_is_finished_by_the_next_one() {
    let requests = every_kill("a_killed_apply_is_finished_by_the_next_one", |kill| {
        case(kill, &REFERENCE)
    })
    .await;
    println!("{} cases over {requests} requests", 2 * requests);
    assert!(requests > 100, "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_deletes_are_finished_by_the_next_apply() {
    let test = "killed_deletes_are_finished_by_the_next_apply";
    let requests = every_kill(test, |kill| case(kill, &DELETES)).await;
    assert!(requests > 20, "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_uploads_are_finished_by_the_next_apply() {
    let test = "killed_uploads_are_finished_by_the_next_apply";
    let requests = every_kill(test, |kill| case(kill, &UPLOADS)).await;
    assert!(requests > 15, "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_transfers_are_finished_by_the_next_apply() {
    let test = "killed_transfers_are_finished_by_the_next_apply";
    let requests = every_kill(test, |kill| case(kill, &TRANSFERS)).await;
    assert!(requests > 15, "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_verifications_are_repeated() {
    for sweep in [&VERIFIED, &VERIFIED_RESUMED] {
        let requests = every_kill("killed_verifications_are_repeated", |kill| {
            case(kill, sweep)
        })
        .await;
        assert!(requests > 20, "{requests}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_replaces_on_change_are_finished() {
    let test = "killed_replaces_on_change_are_finished";
    for sweep in [&CHANGED, &CHANGED_RESUMED] {
        let requests = every_kill(test, |kill| case(kill, sweep)).await;
        assert!(requests > 20, "{requests}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_deletes_are_finished_by_resume() {
    every_kill("killed_deletes_are_finished_by_resume", |kill| {
        case(kill, &RESUMED)
    })
    .await;
}

/// The deletes and a replace that the server always refuses, even for an INACTIVE version.
const REFUSED: Sweep = Sweep {
    world: || {
        let production = Version {
            state: "PRODUCTION",
            ..Version::active("Pro0", "1")
        };
        seed(
            &[
                Version::active("Old0", "1"),
                Version::active("Rep0", "1"),
                production,
            ],
            &[Version::active("Rep0", "1")],
        )
    },
    solutions: || {
        format!(
            "{}  Pro0: {{ version: 1, state: ABSENT }}\n",
            (DELETES.solutions)()
        )
    },
    expected: Vec::new,
    ..DELETES
};

/// The first apply is killed at any request. After the next `apply` or `apply --resume` the version
/// is back in service.
#[tokio::test(flavor = "multi_thread")]
async fn refused_deletes_leave_nothing_inactive() {
    let resume: &[&str] = &["apply", "--resume", "--detailed-exitcode"];
    for second in [REFUSED.second, resume] {
        let requests = refused_case(Kill::Never, second).await;
        let cases = (0..requests).flat_map(|nth| [Kill::Before(nth), Kill::After(nth)]);
        futures_util::stream::iter(cases)
            .map(|kill| tokio::spawn(refused_case(kill, second)))
            .buffer_unordered(AT_ONCE)
            .for_each(|ended| async move { assert!(ended.unwrap() > 0) })
            .await;
    }
}

async fn refused_case(kill: Kill, second: &'static [&'static str]) -> usize {
    let (emulator, proxy) = world_and_proxy(kill, &REFUSED).await;
    emulator.add_fault("operation=delete_solution,status=409".parse().unwrap());
    let env = env_with(&manifest(&proxy.url, &(REFUSED.solutions)()));
    proxy.run_until_killed(&env, REFUSED.first).await;
    let seen = proxy.seen();
    let second = env.solform_beside(second).await;
    let inactive: Vec<Live> = live(&emulator.url()).await;
    let inactive: Vec<&Live> = inactive
        .iter()
        .filter(|live| live.state == "INACTIVE")
        .collect();
    assert!(inactive.is_empty(), "{kill:?}: {inactive:#?}\n{second}");
    assert_eq!(count(&emulator, Operation::Deploy), 0, "{kill:?}");
    seen
}

/// Creates whose deploy alone does not reach the declared state: a version that must be INACTIVE,
/// and a package that is PUBLIC and must become PRIVATE. A plan after a kill at any request is not
/// blocked: the versions were never in service, and belong to the interrupted apply.
const BEGUN: Sweep = Sweep {
    world: || {
        let public = Version {
            visibility: "PUBLIC",
            ..Version::active("Pub0", "1")
        };
        seed(&[], &[Version::active("Off0", "1"), public])
    },
    solutions: || {
        let path = "path: '${drive}/${name}-${version}.ibsolution'";
        format!(
            "  Off0: {{ version: 1, state: INACTIVE, {path} }}
  Pub0: {{ version: 1, visibility: PRIVATE, {path} }}
"
        )
    },
    knobs: &[
        "duplicate_deploy=second_record",
        "owner_after_visibility=follows",
    ],
    in_service: &[],
    ..REFERENCE
};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_after_a_kill_is_not_blocked() {
    let requests = begun_case(Kill::Never).await;
    let cases = (0..requests).flat_map(|nth| [Kill::Before(nth), Kill::After(nth)]);
    futures_util::stream::iter(cases)
        .map(|kill| tokio::spawn(begun_case(kill)))
        .buffer_unordered(AT_ONCE)
        .for_each(|ended| async move { assert!(ended.unwrap() > 0) })
        .await;
}

async fn begun_case(kill: Kill) -> usize {
    let (_emulator, proxy) = world_and_proxy(kill, &BEGUN).await;
    let limits = "    limits: { max_change: 0 }\n    vars:";
    let text = manifest(&proxy.url, &(BEGUN.solutions)()).replace("    vars:", limits);
    let env = env_with(&text);
    proxy.run_until_killed(&env, BEGUN.first).await;
    let seen = proxy.seen();
    let plan = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
    assert!([0, 2, 6].contains(&plan.code()), "{kill:?}\n{plan}");
    let second = env.solform_beside(BEGUN.second).await;
    assert!([0, 2].contains(&second.code()), "{kill:?}\n{second}");
    seen
}
