//! A package that is removed or exchanged before the delete of a replace: nothing is deleted,
//! because the package of the plan can no longer be deployed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use solform_emulator::{Emulator, Operation, Seed};

use crate::support::killing_proxy::{Kill, KillingProxy, Watch};
use crate::support::worlds::{DRIVE, TOKEN, count, env_with, manifest, start};
use crate::support::{TestEnv, http_client};

/// An event that affects the package of `B@1`.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Removed,
    /// The package becomes a copy of this file.
    Copied(&'static str),
    /// This fault rule answers reads of files.
    Fault(&'static str),
}

/// The files and fields of other packages than the planned one.
const OTHERS: [(&str, &str); 5] = [
    (
        "fingerprint",
        "name: B, version: 1, owner: svc, visibility: PUBLIC",
    ),
    ("name", "name: C, version: 1, owner: svc"),
    ("version", "name: B, version: 2, owner: svc"),
    ("owner", "name: B, version: 1, owner: mallory"),
    (
        "incomplete",
        "name: B, version: 1, owner: svc, omit: [solution_type]",
    ),
];

async fn world(knobs: &[&str]) -> Arc<Emulator> {
    let mut text = String::from(
        "solutions:\n  - { name: B, version: 1, owner: svc, author: svc, visibility: PRIVATE \
         }\npackages:\n",
    );
    let planned = [
        ("A-1", "name: A, version: 1, owner: svc"),
        ("B-1", "name: B, version: 1, owner: svc"),
    ];
    for (file, fields) in planned.into_iter().chain(OTHERS) {
        let path = format!("{DRIVE}/{file}.ibsolution");
        writeln!(text, "  - {{ path: {path:?}, {fields} }}").unwrap();
    }
    Arc::new(start(Seed::parse(&text).unwrap(), knobs).await)
}

async fn happen(emulator: &Emulator, what: Happens) {
    let client = http_client();
    let file = |method: Method, name: &str| {
        let url = format!("{}/api/v2/files/{DRIVE}/{name}.ibsolution", emulator.url());
        client.request(method, url).bearer_auth(TOKEN)
    };
    let answer = match what {
        Happens::Fault(rule) => {
            emulator.add_fault(rule.parse().unwrap());
            return;
        }
        Happens::Removed => file(Method::DELETE, "B-1").send().await,
        Happens::Copied(from) => {
            let request = file(Method::GET, from).query(&[("expect-node-type", "file")]);
            let bytes = request.send().await.unwrap().bytes().await.unwrap();
            file(Method::PUT, "B-1").body(bytes).send().await
        }
    };
    assert!(answer.unwrap().status().is_success());
}

/// Starts a proxy that triggers the event after the write of this number, from 1, was answered.
async fn proxy_after(emulator: &Arc<Emulator>, nth: usize, what: Happens) -> KillingProxy {
    let writes = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(emulator);
    let watch: Watch = Arc::new(move || {
        let is_due = writes.fetch_add(1, Ordering::SeqCst) + 1 == nth;
        let emulator = Arc::clone(&shared);
        Box::pin(async move {
            if is_due {
                happen(&emulator, what).await;
            }
            None
        })
    });
    KillingProxy::start(&emulator.url(), Kill::Never, watch).await
}

/// The events, each with the text that the report must contain.
const CASES: [(Happens, &str); 7] = [
    (Happens::Removed, "is not on the platform's file system"),
    (Happens::Copied("fingerprint"), "- package = "),
    (
        Happens::Copied("name"),
        "the package's `name` is `C`, and `B` is declared",
    ),
    (
        Happens::Copied("version"),
        "the package's `version` is `2`, and `1` is declared",
    ),
    (
        Happens::Copied("owner"),
        "the package's `owner` is `mallory`, and `svc` is declared",
    ),
    (
        Happens::Copied("incomplete"),
        "the package's `solution_type` is missing",
    ),
    (
        Happens::Fault("operation=read_node,status=403"),
        "the package could not be inspected",
    ),
];

/// The deploy of `A@1` comes first, so that the event can happen before `B@1` is replaced.
const TWO: &str = "  A: { version: 1, path: '${drive}/A-1.ibsolution' }\n  B: { version: 1, path: \
    '${drive}/B-1.ibsolution' }\n";
const ONE: &str = "  B: { version: 1, path: '${drive}/B-1.ibsolution' }\n";
const OPTIONS: [&str; 5] = [
    "--detailed-exitcode",
    "--parallelism",
    "1",
    "--replace",
    "B@1",
];

async fn is_active(env: &TestEnv) {
    let got = env.solform_beside(&["get", "B@1"]).await.exits_with(0);
    assert!(!got.stdout.contains("INACTIVE"), "{got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_inspects_its_package_before_delete() {
    for is_saved in [false, true] {
        for (what, expected) in CASES {
            let emulator = world(&[]).await;
            let proxy = proxy_after(&emulator, 1, what).await;
            let env = env_with(&manifest(&proxy.url, TWO));
            let begin: &[&str] = if is_saved {
                let plan = ["plan", "--out", "the.plan", "--replace", "B@1"];
                let _ = env.solform_beside(&plan).await.exits_with(0);
                &["apply", "the.plan"]
            } else {
                &["apply", "--auto-approve"]
            };
            let report = env
                .solform_beside(&[begin, &OPTIONS].concat())
                .await
                .exits_with(3);
            let text = report
                .stdout
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            for expected in ["done + A@1", "refused -/+ B@1", expected] {
                assert!(text.contains(expected), "{expected} {what:?}\n{report}");
            }
            assert_eq!(count(&emulator, Operation::DeleteSolution), 0, "{what:?}");
            assert_eq!(count(&emulator, Operation::PatchSolution), 0, "{what:?}");
            emulator.clear_faults();
            is_active(&env).await;
        }
    }
}

/// The server deletes only INACTIVE versions: the package may also be removed between the two
/// deletes.
#[tokio::test(flavor = "multi_thread")]
async fn each_delete_of_a_replace_inspects_its_package() {
    // After the refused DELETE, and after the PATCH to INACTIVE.
    for nth in [1, 2] {
        for (what, expected) in [CASES[0], CASES[1], CASES[6]] {
            let emulator = world(&["delete_active=refused"]).await;
            let proxy = proxy_after(&emulator, nth, what).await;
            let env = env_with(&manifest(&proxy.url, ONE));
            let begin = ["apply", "--auto-approve"];
            let report = env
                .solform_beside(&[&begin[..], &OPTIONS].concat())
                .await
                .exits_with(3);
            let text = report
                .stdout
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            for expected in ["refused -/+ B@1", expected] {
                assert!(
                    text.contains(expected),
                    "{expected} {nth} {what:?}\n{report}"
                );
            }
            assert_eq!(count(&emulator, Operation::DeleteSolution), 1, "{what:?}");
            emulator.clear_faults();
            is_active(&env).await;
        }
    }
}

/// A package that the plan could not inspect is deployed without inspection, but not if the apply
/// finds that it was removed or exchanged.
#[tokio::test(flavor = "multi_thread")]
async fn an_uninspected_package_is_judged_at_the_delete() {
    for (what, is_replaced) in [
        (None, true),
        (Some(Happens::Removed), false),
        (Some(Happens::Copied("name")), false),
        (Some(Happens::Copied("fingerprint")), true),
    ] {
        let emulator = world(&[]).await;
        let fault = emulator.add_fault("operation=read_node,status=403".parse().unwrap());
        let shared = Arc::clone(&emulator);
        let watch: Watch = Arc::new(move || {
            let emulator = Arc::clone(&shared);
            Box::pin(async move {
                if let Some(what) = what
                    && emulator.remove_fault(fault)
                {
                    happen(&emulator, what).await;
                }
                None
            })
        });
        let proxy = KillingProxy::start(&emulator.url(), Kill::Never, watch).await;
        let env = env_with(&manifest(&proxy.url, TWO));
        let begin = ["apply", "--auto-approve"];
        let code = if is_replaced { 2 } else { 3 };
        let _ = env
            .solform_beside(&[&begin[..], &OPTIONS].concat())
            .await
            .exits_with(code)
            .warns("[package-unreadable]");
        let deletes = usize::from(is_replaced);
        assert_eq!(
            count(&emulator, Operation::DeleteSolution),
            deletes,
            "{what:?}"
        );
    }
}
