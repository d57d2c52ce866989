//! `doctor`: each check reports its own problem, and nothing is changed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::TestEnv;
use crate::support::instance::{ByName, Instance, Seen};
use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{
    TOKEN, Version, env_with, manifest, manifest_with, path_of, seed, start,
};

const SOLUTIONS: &str = "  New: { version: 2.0.0, path: '${drive}/${name}-${version}.ibsolution' \
    }\n  Old: { version: 1.0.0, path: '${drive}/gone.ibsolution' }\n";

/// The document of `doctor --json`, read by the names of the checks.
struct Diagnosed(Value);

impl Diagnosed {
    fn check(&self, name: &str) -> &Value {
        let checks = self.0["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()
    }

    /// Asserts the verdicts. Each check has a full sentence, and a hint if it warns or fails.
    #[track_caller]
    fn is(&self, expected: &[(&str, &str)]) -> &Self {
        for (name, verdict) in expected {
            assert_eq!(
                self.check(name)["verdict"],
                *verdict,
                "{name}\n{:#}",
                self.0
            );
        }
        for check in self.0["checks"].as_array().unwrap() {
            assert!(check["text"].as_str().unwrap().ends_with('.'), "{check:#}");
            let needs_hint = check["verdict"] == "fail" || check["verdict"] == "warn";
            let hint = check["hint"].as_str().unwrap_or_default();
            assert_eq!(hint.ends_with('.'), needs_hint, "{check:#}");
        }
        self
    }

    #[track_caller]
    fn says(&self, name: &str, text: &str) -> &Self {
        let check = self.check(name).to_string();
        assert!(check.contains(text), "no `{text}` in\n{:#}", self.0);
        self
    }
}

/// Executes `doctor` with and without `--json`. Both outputs have the same counts and exit code,
/// and never the token.
async fn diagnose(env: &TestEnv, arguments: &[&str], code: i32) -> Diagnosed {
    let text = env
        .solform_beside(&[&["doctor"], arguments].concat())
        .await
        .exits_with(code);
    let output = env
        .solform_beside(&[&["doctor", "--json"], arguments].concat())
        .await
        .exits_with(code);
    let both = format!("{text}{output}");
    assert!(!both.contains(TOKEN), "{both}");
    let document: Value = serde_json::from_str(&output.stdout).unwrap();
    for (key, word) in [
        ("ok", "ok"),
        ("fail", "FAIL"),
        ("warn", "warn"),
        ("skipped", "skipped"),
    ] {
        let rows = text
            .stdout
            .lines()
            .filter(|line| line.starts_with(&format!("{word} ")));
        assert_eq!(
            document["counts"][key],
            rows.count(),
            "{text}\n{document:#}"
        );
    }
    Diagnosed(document)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_setup_passes_all_checks() {
    let live = [
        Version::active("Old", "1.0.0"),
        Version::inactive("Old", "0.9.0"),
        Version {
            visibility: "PUBLIC",
            ..Version::active("Other", "1.0.0")
        },
    ];
    let emulator = start(seed(&live, &[Version::active("New", "2.0.0")]), &[]).await;
    let env = env_with(&manifest_with(
        &emulator.url(),
        "    context: svc\n",
        "",
        "  New: { version: 2.0.0, path: '${drive}/${name}-${version}.ibsolution' }\n",
    ));
    let found = diagnose(&env, &[], 0).await;
    let checks = found.0["checks"].as_array().unwrap();
    assert!(
        checks.iter().all(|check| check["verdict"] == "ok"),
        "{:#}",
        found.0
    );
    assert_eq!(
        found.0["counts"],
        json!({ "ok": 17, "warn": 0, "fail": 0, "skipped": 0 })
    );
    found
        .is(&[])
        .says("listing", "3 versions")
        .says("token", "`TEST_TOKEN`")
        .says("paths", "It would be deployed.");
    assert!(
        emulator
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
    // Nothing was written to the store.
    assert!(!env.path().join(".solform").exists());
}

#[test]
fn the_embedded_emulator_needs_no_token() {
    let env = TestEnv::new();
    let _ = env.solform(&["init"]).exits_with(0);
    let _ = env
        .solform(&["doctor"])
        .exits_with(0)
        .says("ok      connection: The embedded emulator runs.")
        .says("ok      token: The embedded emulator needs none.");
}

#[test]
fn an_unreadable_manifest_skips_the_other_checks() {
    let env = env_with("solform: 1\nenvironments: { test: { url: 'emulator:', colour: red } }\n");
    let output = env
        .solform(&["doctor", "--json", "-e", "test"])
        .exits_with(1)
        .warns("colour");
    let found = Diagnosed(serde_json::from_str(&output.stdout).unwrap());
    found
        .is(&[
            ("manifest", "fail"),
            ("connection", "skipped"),
            ("store", "skipped"),
        ])
        .says("manifest", "The manifest has 1 problem");
    let empty = TestEnv::new();
    let _ = empty
        .solform(&["doctor"])
        .exits_with(1)
        .says("FAIL    manifest: There is no manifest `solform.yaml`.");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_causes_of_401_are_distinguished() {
    let emulator = start(seed(&[Version::active("Old", "1.0.0")], &[]), &[]).await;
    let mut env = env_with(&manifest(&emulator.url(), SOLUTIONS));
    env.set("TEST_TOKEN", "another-one");
    let found = diagnose(&env, &[], 1).await;
    found
        .is(&[
            ("connection", "ok"),
            ("token", "ok"),
            ("access", "fail"),
            ("listing", "skipped"),
            ("paths", "skipped"),
            ("store", "ok"),
        ])
        .says("access", "401");
    env.set("TEST_TOKEN", "");
    let found = diagnose(&env, &[], 1).await;
    found
        .is(&[
            ("connection", "ok"),
            ("token", "fail"),
            ("access", "skipped"),
        ])
        .says("token", "`TEST_TOKEN` is not set");

    // 401 has three possible causes (docs/platform.md, "Conventions"); the other answers show the
    // actual one.
    let server = Scripted::start(|asked| match asked.header("ib-context") {
        Some(_) => Reply::text(401, r#"{"message":"no"}"#),
        None => Instance::of(4).answer(asked),
    })
    .await;
    let context = "    context: Display Name\n";
    let env = env_with(&manifest_with(server.url.as_str(), context, "", SOLUTIONS));
    let found = diagnose(&env, &[], 1).await;
    found
        .is(&[
            ("access", "ok"),
            ("context", "fail"),
            ("listing", "skipped"),
        ])
        .says("context", "`Display Name`");

    let server = Scripted::start(|asked| {
        let is_file = asked.path.starts_with("/api/v2/files/");
        Reply::text(if is_file { 404 } else { 401 }, r#"{"message":"no"}"#)
    })
    .await;
    let env = env_with(&manifest(server.url.as_str(), SOLUTIONS));
    let found = diagnose(&env, &[], 1).await;
    found.is(&[("access", "ok"), ("listing", "fail"), ("paths", "skipped")]);

    let server = Scripted::start(|_| Reply::text(403, r#"{"message":"no"}"#)).await;
    let env = env_with(&manifest(server.url.as_str(), SOLUTIONS));
    let found = diagnose(&env, &[], 1).await;
    found.is(&[("access", "fail")]).says("access", "quota");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_skips_the_other_checks() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let silent = Scripted::start(|_| Reply::never()).await;
    for (url, limit, text) in [
        (
            format!("http://{address}"),
            Duration::from_secs(30),
            "cannot connect",
        ),
        (
            silent.url.to_string(),
            Duration::from_millis(500),
            "within ",
        ),
    ] {
        let env = env_with(&manifest(&url, SOLUTIONS));
        // The limit must be long enough for the checks that pass.
        let limit = env.limit(limit);
        let found = diagnose(&env, &["--timeout", &limit], 1).await;
        found
            .is(&[
                ("connection", "fail"),
                ("tls", "skipped"),
                ("token", "ok"),
                ("access", "skipped"),
                ("packages", "skipped"),
                ("store", "ok"),
            ])
            .says("connection", text)
            .says("access", "It needs `connection`, which failed.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_server_fails_the_tls_check() {
    // The server answers the handshake with plain HTTP.
    let server = Scripted::start(|_| Reply::text(200, "hello")).await;
    let url = server.url.as_str().replace("http:", "https:");
    let env = env_with(&manifest(&url, SOLUTIONS));
    let found = diagnose(&env, &[], 1).await;
    found
        .is(&[("connection", "ok"), ("tls", "fail"), ("access", "skipped")])
        .says("tls", "o trusted connection");
    // A missing or invalid CA bundle fails too.
    let env = env_with(&manifest_with(
        &url,
        "    ca_bundle: ca.pem\n",
        "",
        SOLUTIONS,
    ));
    diagnose(&env, &[], 1)
        .await
        .is(&[("tls", "fail"), ("connection", "skipped")]);
    env.write("ca.pem", "no certificate");
    diagnose(&env, &[], 1)
        .await
        .is(&[("tls", "fail"), ("connection", "skipped")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_fails_the_access_check() {
    let server = Scripted::start(|_| {
        Reply::text(200, "<!doctype html><title>Sign in</title>")
            .header("content-type", "text/html")
    })
    .await;
    let env = env_with(&manifest(server.url.as_str(), SOLUTIONS));
    let found = diagnose(&env, &[], 1).await;
    found
        .is(&[
            ("connection", "ok"),
            ("access", "fail"),
            ("listing", "skipped"),
        ])
        .says("access", "web page");
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_are_found_and_inspected() {
    let odd = Version::active("Odd", "1.0.0");
    let emulator = start(
        seed(
            &[
                Version::active("Old", "1.0.0"),
                Version::inactive("Old", "0.1.0"),
            ],
            &[Version::active("New", "2.0.0"), odd],
        ),
        &[],
    )
    .await;
    let missing = format!(
        "{SOLUTIONS}  Even: {{ version: 1.0.0, path: '{}' }}\n",
        path_of("Odd", "1.0.0")
    );
    let env = env_with(&manifest(&emulator.url(), &missing));
    let found = diagnose(&env, &[], 1).await;
    // A live version does not need its package; a version to deploy needs its own package.
    found
        .is(&[("paths", "warn"), ("packages", "fail")])
        .says("paths", "2 of 3 packages can be read.")
        .says(
            "paths",
            "The version is live, so that it is not needed now.",
        )
        .says(
            "packages",
            "the package's `name` is `Odd`, and `Even` is declared",
        );
    let absent = "  Nowhere: { version: 1.0.0, path: 'acme/none.ibsolution' }\n";
    let env = env_with(&manifest(&emulator.url(), absent));
    let found = diagnose(&env, &[], 1).await;
    found
        .is(&[("paths", "fail"), ("packages", "skipped")])
        .says("paths", "There is no such package. It would be deployed.");
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_and_rejected_filters_are_reported() {
    for (seen, by_name, expected) in [
        (Seen::InRecords, ByName::Exact, ["ok", "ok", "ok"]),
        (Seen::ByFilter, ByName::Ignored, ["ok", "warn", "ok"]),
        (Seen::FilterIgnored, ByName::Broken, ["ok", "warn", "warn"]),
        (Seen::NoPending, ByName::Prefix, ["ok", "warn", "ok"]),
    ] {
        let server = Scripted::start(move |asked| {
            let mut instance = Instance::of(24);
            (instance.seen, instance.by_name) = (seen, by_name);
            // Both names have the same beginning.
            instance.entries[0].name = "Solution".to_owned();
            instance.answer(asked)
        })
        .await;
        let env = env_with(&manifest(
            server.url.as_str(),
            "  Solution 1: { version: '1.0' }\n",
        ));
        let [state, name, visibility] = expected;
        diagnose(&env, &[], 0).await.is(&[
            ("filter-state", state),
            ("filter-name", name),
            ("filter-visibility", visibility),
        ]);
    }
    let server = Scripted::start(|asked| {
        if asked.query.contains_key("visibility") || asked.query.contains_key("name") {
            return Reply::text(400, r#"{"message":"unknown parameter"}"#);
        }
        Instance {
            seen: Seen::ByFilter,
            ..Instance::of(24)
        }
        .answer(asked)
    })
    .await;
    let env = env_with(&manifest(
        server.url.as_str(),
        "  Solution 1: { version: '1.0' }\n",
    ));
    let found = diagnose(&env, &[], 0).await;
    found
        .is(&[
            ("filter-state", "ok"),
            ("filter-name", "warn"),
            ("filter-visibility", "warn"),
        ])
        .says("filter-name", "`name=` is rejected")
        .says("filter-visibility", "unknown parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unproven_list_fails() {
    let server = Scripted::start(|asked| {
        let solution = json!({ "id": "a", "name": "N", "version": "1", "state": "ACTIVE" });
        let _ = asked;
        Reply::json(&json!({ "solutions": [solution], "has_more": false, "next_offset": -1 }))
    })
    .await;
    let env = env_with(&manifest(server.url.as_str(), "  N: { version: 1 }\n"));
    let found = diagnose(&env, &[], 1).await;
    found
        .is(&[
            ("access", "ok"),
            ("listing", "fail"),
            ("filter-name", "skipped"),
        ])
        .says("listing", "has no `owner`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_reported() {
    let server = Scripted::start(|asked| {
        Instance::of(4)
            .answer(asked)
            .header("date", "Tue, 15 Nov 1994 08:12:31 GMT")
    })
    .await;
    let env = env_with(&manifest(
        server.url.as_str(),
        "  Solution 1: { version: '1.0' }\n",
    ));
    let found = diagnose(&env, &[], 0).await;
    found.is(&[("clock", "warn")]).says("clock", "behind ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_and_its_lock_are_reported() {
    let emulator = start(seed(&[Version::active("Old", "1.0.0")], &[]), &[]).await;
    let mut env = env_with(&manifest(&emulator.url(), "  Old: { version: 1.0.0 }\n"));
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    diagnose(&env, &[], 0)
        .await
        .is(&[("store", "ok"), ("lock", "ok")]);
    env.write("blocked", "a file, and no folder");
    diagnose(&env, &["--store", "blocked"], 1)
        .await
        .is(&[("store", "fail"), ("lock", "skipped"), ("listing", "ok")])
        .says("store", "blocked");

    // The lock is held if a process holds the file lock of the kernel.
    let folder = std::fs::read_dir(env.path().join(".solform"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    let lock = std::fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let owner = json!({
        "id": "6f0c3a52", "who": "ann@runner-1", "pid": 7, "command": "solform apply", "since_ms": 1
    });
    std::fs::write(folder.join("lock"), owner.to_string()).unwrap();
    let found = diagnose(&env, &[], 0).await;
    found
        .is(&[("store", "ok"), ("lock", "warn")])
        .says("lock", "ann@runner-1 (process 7)")
        .says("lock", "solform force-unlock 6f0c3a52");
    drop(lock);
    env.set("CI", "true");
    diagnose(&env, &[], 0)
        .await
        .is(&[("store", "warn"), ("lock", "ok")]);
}
