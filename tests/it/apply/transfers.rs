//! Packages of another environment that are transferred before their deploy. Each environment has a
//! server and a token of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use solform_emulator::{self as emulator, Emulator, EmulatorOptions, Operation};

use super::uploads::{get, package, put, put_as, url_of};
use crate::support::scripted::{Asked, Reply, Scripted};
use crate::support::worlds::{DRIVE, TOKEN, count, options, path_of, seed, start};
use crate::support::{TestEnv, http_client};

const PLAN: [&str; 4] = ["plan", "-e", "prod", "--detailed-exitcode"];
const APPLY: [&str; 5] = [
    "apply",
    "-e",
    "prod",
    "--auto-approve",
    "--detailed-exitcode",
];

/// The token of the source.
const OTHER: &str = "tok-source-31-secret";

/// The package on the server of the source.
const SOURCE: &str = "acme/uat/fs/Drive/Form-1.ibsolution";

/// Returns a manifest whose `prod` takes its package from `uat`; `more` are keys of the entry.
fn manifest(uat: &str, prod: &str, more: &str) -> String {
    format!(
        "solform: 1
environments:
  uat:
    url: {uat}
    token: {{ env: UAT_TOKEN }}
    vars: {{ drive: acme/uat/fs/Drive }}
  prod:
    url: {prod}
    token: {{ env: PROD_TOKEN }}
    <<: {{ user: svc, timeouts: {{ deploy: 20s, delete: 20s, propagation: 1s }} }}
    vars: {{ drive: \"{DRIVE}\" }}
    solutions:
      Form:
        source: {{ environment: uat }}{more}
defaults: {{ owner: svc }}
solutions:
  Form: {{ version: 1, path: '${{drive}}/${{name}}-${{version}}.ibsolution' }}
"
    )
}

fn env_of(uat: &str, prod: &Emulator, more: &str) -> TestEnv {
    let mut env = TestEnv::new();
    env.set("UAT_TOKEN", OTHER).set("PROD_TOKEN", TOKEN);
    env.write("solform.yaml", &manifest(uat, &prod.url(), more));
    env
}

/// Two platforms, and the folder with their manifest.
struct World {
    uat: Emulator,
    prod: Emulator,
    env: TestEnv,
}

/// Starts both platforms, with a package on the first.
async fn world(bytes: &[u8], more: &str) -> World {
    let uat = emulator::start(EmulatorOptions {
        token: Some(OTHER.into()),
        ..options(seed(&[], &[]), &[])
    });
    let uat = uat.await.unwrap();
    put_as(OTHER, &uat, SOURCE, bytes.to_vec()).await;
    let prod = start(seed(&[], &[]), &[]).await;
    let env = env_of(&uat.url(), &prod, more);
    World { uat, prod, env }
}

impl World {
    /// Asserts that each server saw its own token only, and that the source was only read.
    fn assert_apart(&self) {
        for emulator in [&self.uat, &self.prod] {
            let refused = emulator
                .requests()
                .into_iter()
                .find(|it| it.status == Some(401));
            assert!(refused.is_none(), "{refused:?}");
        }
        let written = self.uat.requests().into_iter().skip(1);
        let written = written.into_iter().find(|it| it.method != "GET");
        assert!(written.is_none(), "{written:?}");
    }

    async fn deployed(&self) -> Option<Vec<u8>> {
        get(&self.prod, &path_of("Form", "1")).await
    }
}

fn writes(emulator: &Emulator) -> usize {
    count(emulator, Operation::WriteFile) + count(emulator, Operation::WriteChunk)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_comes_from_another_environment() {
    let bytes = package("Form", "1", b"flow");
    let world = world(&bytes, "").await;
    let plan = [&PLAN[..], &["--output", "json=plan.json"]].concat();
    let size = format!("+ size        = \"{} bytes\"", bytes.len());
    let plan = world
        .env
        .solform_beside(&plan)
        .await
        .exits_with(2)
        .says(&format!(
            "+ source      = \"{SOURCE} (from environment uat)\""
        ))
        .says(&size)
        .says("Plan: 1 to add, 0 to change, 0 to destroy.");
    assert!(!plan.stdout.contains("sha256"), "{plan}");
    let document: Value = serde_json::from_str(&world.env.read("plan.json")).unwrap();
    let after = &document["resource_changes"][0]["change"]["after"];
    assert_eq!(after["source"], SOURCE, "{document:#}");
    assert_eq!(after["source_environment"], "uat");
    assert_eq!(after["source_size"], bytes.len().to_string());
    assert_eq!(writes(&world.prod), 0);

    let apply = [&APPLY[..], &["--output", "json=report.json"]].concat();
    let apply = world
        .env
        .solform_beside(&apply)
        .await
        .exits_with(2)
        .says(" uploaded\n")
        .warns("Form@1: Upload complete ");
    let report: Value = serde_json::from_str(&world.env.read("report.json")).unwrap();
    let upload = json!({ "bytes": bytes.len(), "was_already": false });
    assert_eq!(report["changes"][0]["upload"], upload, "{report:#}");
    assert_eq!(world.deployed().await, Some(bytes));
    let text = format!("{plan}{apply}");
    assert!(!text.contains(TOKEN) && !text.contains(OTHER), "{text}");
    let _ = world.env.solform_beside(&APPLY).await.exits_with(0);
    assert_eq!(writes(&world.prod), 1);
    world.assert_apart();
}

/// The source of a package that is not at its path is checked too.
#[tokio::test(flavor = "multi_thread")]
async fn doctor_checks_the_source() {
    let bytes = package("Form", "1", b"flow");
    let world = world(&bytes, "").await;
    let doctor = ["doctor", "-e", "prod", "--json"];
    let _ = world
        .env
        .solform_beside(&doctor)
        .await
        .exits_with(0)
        .says(&format!(
            "It is not there. Apply uploads `{SOURCE}` of environment `uat` before the deploy."
        ));
    put_as(OTHER, &world.uat, SOURCE, package("Other", "1", b"flow")).await;
    let _ = world
        .env
        .solform_beside(&doctor)
        .await
        .exits_with(1)
        .says("of environment `uat`, the package's `name` is `Other`, and `Form` is declared.");
    world
        .uat
        .add_fault("operation=read_node,status=404".parse().unwrap());
    let _ = world
        .env
        .solform_beside(&doctor)
        .await
        .exits_with(1)
        .says("of environment `uat` is not on its file system. It would be deployed.");
    assert_eq!(writes(&world.prod), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_package_is_not_sent_again() {
    let bytes = package("Form", "1", b"flow");
    let world = world(&bytes, "").await;
    put(&world.prod, &path_of("Form", "1"), bytes.clone()).await;
    let _ = world
        .env
        .solform_beside(&APPLY)
        .await
        .exits_with(2)
        .says("was uploaded before");
    assert_eq!(writes(&world.prod), 1);
    world.assert_apart();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_stay_unless_declared() {
    let (old, new) = (package("Form", "1", b"old"), package("Form", "1", b"new!"));
    let world = world(&new, "").await;
    put(&world.prod, &path_of("Form", "1"), old.clone()).await;
    let _ = world
        .env
        .solform_beside(&APPLY)
        .await
        .exits_with(4)
        .warns("[package-exists]");
    assert_eq!(world.deployed().await, Some(old));
    let text = manifest(
        &world.uat.url(),
        &world.prod.url(),
        "\n        overwrite: true",
    );
    world.env.write("solform.yaml", &text);
    let _ = world.env.solform_beside(&APPLY).await.exits_with(2);
    assert_eq!(world.deployed().await, Some(new));
}

/// A plan pins what it knows of a package that it has not read as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_pins_the_package() {
    let (old, new) = (package("Form", "1", b"old"), package("Form", "1", b"new"));
    let world = world(&old, "").await;
    let save = ["plan", "-e", "prod", "--out", "the.plan"];
    let _ = world.env.solform_beside(&save).await.exits_with(0);
    put_as(OTHER, &world.uat, SOURCE, new).await;
    let apply = ["apply", "the.plan", "--detailed-exitcode"];
    let _ = world
        .env
        .solform_beside(&apply)
        .await
        .exits_with(3)
        .says("package");
    assert_eq!(writes(&world.prod), 0);
    put_as(OTHER, &world.uat, SOURCE, old.clone()).await;
    let _ = world.env.solform_beside(&apply).await.exits_with(2);
    assert_eq!(world.deployed().await, Some(old));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_digest_is_checked_before_the_upload() {
    let bytes = package("Form", "1", b"flow");
    let other = "0".repeat(64);
    let world = world(&bytes, &format!("\n        sha256: '{other}'")).await;
    let _ = world
        .env
        .solform_beside(&PLAN)
        .await
        .exits_with(2)
        .says(&format!("+ sha256      = \"{other}\""));
    let apply = world.env.solform_beside(&APPLY).await.exits_with(5);
    let wrong = format!("the SHA-256 of the source `{SOURCE}` of environment `uat` is ");
    let _ = apply
        .says(&wrong)
        .says(&format!(", and {other} is declared"));
    assert_eq!(world.deployed().await, None);
    assert_eq!(writes(&world.prod), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_source_blocks_its_change() {
    let bytes = package("Form", "1", b"flow");
    let mut world = world(&bytes, "").await;
    for fault in [
        "operation=read_node,status=404",
        "operation=read_node,status=403",
    ] {
        world.uat.add_fault(fault.parse().unwrap());
        let _ = world
            .env
            .solform_beside(&PLAN)
            .await
            .exits_with(4)
            .warns(&format!("the source `{SOURCE}` of environment `uat` "))
            .warns("[source-unusable]")
            .warns("solform.yaml:14:");
        world.uat.clear_faults();
    }
    world.env.set("UAT_TOKEN", "tok-wrong-of-uat");
    let output = world.env.solform_beside(&PLAN).await.exits_with(4);
    let output = output.warns("of environment `uat` cannot be read");
    assert!(!format!("{output}").contains("tok-wrong"), "{output}");
    assert_eq!(writes(&world.prod), 0);
}

/// A host that is not allowed is not asked, and no token goes there.
#[tokio::test(flavor = "multi_thread")]
async fn restricted_sources_are_not_asked() {
    let bytes = package("Form", "1", b"flow");
    let mut world = world(&bytes, "").await;
    let before = world.uat.requests().len();
    let prod = world.prod.url().replace("http://", "");
    world
        .env
        .set("SOLFORM_ALLOWED_HOSTS", &prod)
        .set("SOLFORM_ALLOWED_ENV", "UAT_TOKEN,PROD_TOKEN");
    let _ = world
        .env
        .solform_beside(&PLAN)
        .await
        .exits_with(4)
        .warns("of environment `uat` cannot be read: ");
    assert_eq!(world.uat.requests().len(), before);
}

/// The answer of a server that knows ranges.
fn ranged(asked: &Asked, bytes: &[u8]) -> Reply {
    let range = asked.header("range").and_then(|text| {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
    });
    let Some((first, last)) = range else {
        return Reply::bytes(200, bytes);
    };
    let end = (last + 1).min(bytes.len());
    let content = format!("bytes {first}-{}/{}", end - 1, bytes.len());
    Reply::bytes(206, &bytes[first.min(end)..end]).header("content-range", &content)
}

/// A source that fails from one of its reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Never,
    Status(u16),
    OtherContent,
    Grown,
}

/// Applies with a source that fails from its read `first` on. Returns the number of its reads.
async fn apply_failing(failure: Failure, first: usize) -> usize {
    let bytes = package("Form", "1", &vec![7; 40_000]);
    let other = package("Form", "1", &vec![8; 40_000]);
    let grown = package("Form", "1", &vec![7; 50_000]);
    let reads = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&reads);
    let packages = (bytes.clone(), other.clone(), grown.clone());
    let uat = Scripted::start(move |asked| {
        assert_eq!(
            asked.header("authorization"),
            Some(&*format!("Bearer {OTHER}"))
        );
        let nth = seen.fetch_add(1, Ordering::SeqCst);
        match failure {
            Failure::Status(status) if nth >= first => Reply::text(status, "no"),
            Failure::OtherContent if nth >= first => ranged(asked, &packages.1),
            Failure::Grown if nth >= first => ranged(asked, &packages.2),
            _ => ranged(asked, &packages.0),
        }
    })
    .await;
    let prod = start(seed(&[], &[]), &[]).await;
    let env = env_of(uat.url.as_str().trim_end_matches('/'), &prod, "");
    let apply = env.solform_beside(&APPLY).await;
    let there = get(&prod, &path_of("Form", "1")).await;
    let deploys = count(&prod, Operation::Deploy);
    let case = format!("{failure:?} {first}\n{apply}");
    match apply.code() {
        2 => {
            // A package that is replaced before its inspection is planned as it is then.
            let planned = match failure {
                Failure::Never => bytes,
                Failure::OtherContent => other,
                Failure::Grown => grown,
                Failure::Status(_) => panic!("{case}"),
            };
            assert!(there == Some(planned), "{case}");
            assert_eq!(deploys, 1, "{case}");
        }
        4 | 5 => {
            assert!(format!("{apply}").contains("environment `uat`"), "{case}");
            assert_eq!(there, None, "{case}");
            assert_eq!(deploys, 0, "{case}");
        }
        _ => panic!("{case}"),
    }
    reads.load(Ordering::SeqCst)
}

/// A source that is refused, removed, replaced or longer at any of its reads: nothing gets the
/// final name but the planned package.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_leaves_nothing() {
    let reads = apply_failing(Failure::Never, 0).await;
    assert!(reads > 4, "{reads}");
    for failure in [
        Failure::Status(403),
        Failure::Status(404),
        Failure::OtherContent,
        Failure::Grown,
    ] {
        for first in 0..reads {
            apply_failing(failure, first).await;
        }
    }
}

/// A server that ignores ranges sends the whole file, which is accepted up to 64 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_ignores_ranges_is_transferred() {
    let bytes = package("Form", "1", &vec![7; 3_000_000]);
    let whole = bytes.clone();
    let uat = Scripted::start(move |_| Reply::bytes(200, &whole)).await;
    let prod = start(seed(&[], &[]), &[]).await;
    let env = env_of(uat.url.as_str().trim_end_matches('/'), &prod, "");
    let _ = env.solform_beside(&APPLY).await.exits_with(2);
    assert!(get(&prod, &path_of("Form", "1")).await == Some(bytes));
    assert!(uat.count() < 10, "{}", uat.count());
}

/// The bytes of a larger package that is at its path already are compared with its `sha256` too.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_package_at_its_path_needs_the_declared_digest() {
    let bytes = package("Form", "1", &vec![7; 65 << 20]);
    let other = "0".repeat(64);
    let world = world(&bytes, &format!("\n        sha256: '{other}'")).await;
    put(&world.prod, &path_of("Form", "1"), bytes).await;
    let _ = world
        .env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says(&format!(", and {other} is declared"));
    assert_eq!(count(&world.prod, Operation::Deploy), 0);
    world.assert_apart();
}

/// A package above 64 MiB goes in parts. A source that fails in the middle and a full drive leave
/// the parts, and the next apply continues there.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_package_is_transferred_in_parts() {
    let mut content = vec![0; 65 << 20];
    fastrand::Rng::with_seed(1).fill(&mut content);
    let bytes = package("Form", "1", &content);
    let world = world(&bytes, "").await;
    world
        .uat
        .add_fault("operation=read_node,skip=12,status=403".parse().unwrap());
    let _ = world
        .env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says(&format!(
            "the source `{SOURCE}` of environment `uat` could not be read"
        ));
    assert_eq!(world.deployed().await, None);
    world.uat.clear_faults();
    let begun = count(&world.prod, Operation::WriteChunk);
    assert!(begun > 1, "{begun}");
    let full = "operation=write_chunk,skip=1,status=507".parse();
    world.prod.add_fault(full.unwrap());
    let _ = world
        .env
        .solform_beside(&APPLY)
        .await
        .exits_with(5)
        .says("free space on the drive");
    assert_eq!(world.deployed().await, None);
    world.prod.clear_faults();
    let _ = world.env.solform_beside(&APPLY).await.exits_with(2);
    assert!(world.deployed().await == Some(bytes));
    // Seven parts; the first broken one and the refused one were sent twice.
    let sent = count(&world.prod, Operation::WriteChunk);
    assert!(sent <= 9, "{sent}");
    let folder = format!("{}?expect-node-type=folder", url_of(&world.prod, DRIVE));
    let listed = http_client().get(folder).bearer_auth(TOKEN).send().await;
    let listed = listed.unwrap().text().await.unwrap();
    assert!(!listed.contains(".part"), "{listed}");
    world.assert_apart();
}
