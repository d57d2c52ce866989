//! Live versions in the output of commands: odd records, similar names, selectors, and slow
//! servers.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::scripted::{Asked, Reply, Scripted};
use crate::support::worlds::{
    Version, env_with, manifest, manifest_with, path_of, seed, start, start_capped,
};
use crate::support::{CommandOutput, TestEnv};

#[path = "../../benches/e2e/front.rs"]
mod front;

/// Serves these records in one page, and each by its id.
async fn serve(records: Vec<Value>) -> Scripted {
    Scripted::start(move |asked| answer(&records, asked)).await
}

fn answer(records: &[Value], asked: &Asked) -> Reply {
    let (_, id) = asked.path.rsplit_once('/').unwrap();
    if id != "deployed" {
        let found = records.iter().find(|record| record["id"] == id);
        return match found {
            Some(record) => Reply::json(&json!({ "solution": record })),
            None => Reply::text(404, r#"{"message":"no such solution"}"#),
        };
    }
    let fits = |key: &str, record: &Value| {
        asked
            .query
            .get(key)
            .is_none_or(|wanted| record[key] == **wanted)
    };
    let found: Vec<&Value> = records
        .iter()
        .filter(|record| {
            ["name", "state", "visibility"]
                .iter()
                .all(|key| fits(key, record))
        })
        .collect();
    Reply::json(&json!({ "solutions": found, "has_more": false, "next_offset": -1 }))
}

fn record(id: &str, name: &str, version: &str, owner: &str) -> Value {
    json!({"id": id, "name": name, "version": version, "owner": owner, "author": owner,
        "state": "ACTIVE", "visibility": "PRIVATE"})
}

fn env_for(url: &str) -> TestEnv {
    env_with(&manifest(
        url.trim_end_matches('/'),
        "  A: { version: 1 }\n",
    ))
}

fn json_of(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

/// Records that no manifest can declare are listed with a mark and a reason.
#[tokio::test(flavor = "multi_thread")]
async fn undeclarable_records_are_shown() {
    let long = "x".repeat(1_000_000);
    let server = serve(vec![
        record("id-a", "A", "1", "svc"),
        record("id-blank", "Form ", "1", "svc"),
        record("id-line", "B", "1\n2", "svc"),
        record("id-long", &long, "1", "other"),
    ])
    .await;
    let env = env_for(server.url.as_str());
    let list = env.solform_beside(&["list"]).await.exits_with(0);
    for text in [
        "! \"Form \"",
        "\"1\\n2\"",
        "id-blank: a solution name must not begin or end with white space",
        "id-line: ",
        "id-long: ",
    ] {
        assert!(list.stdout.contains(text), "no `{text}` in {list}");
    }
    let document = json_of(&env.solform_beside(&["list", "--json"]).await.exits_with(0));
    let odd = document["unmanageable"].as_array().unwrap();
    assert_eq!(odd.len(), 3, "{document}");
    let blank = odd
        .iter()
        .find(|record| record["id"] == "id-blank")
        .unwrap();
    assert_eq!(
        (&blank["name"], &blank["owner"]),
        (&json!("Form "), &json!("svc"))
    );

    // Filters, limits and offsets apply to them too.
    let some = env.solform_beside(&["list", "--owner", "other"]).await;
    assert!(
        some.stdout.contains("id-long") && !some.stdout.contains("id-blank"),
        "{some}"
    );
    let first = env.solform_beside(&["list", "--limit", "1"]).await;
    assert!(
        first.stdout.contains("id-a") && !first.stdout.contains("id-blank"),
        "{first}"
    );
    let second = env
        .solform_beside(&["list", "--offset", "1", "--limit", "1"])
        .await;
    assert!(
        !second.stdout.contains("id-a ") && second.stdout.contains("! "),
        "{second}"
    );

    for (id, why) in [
        ("id-blank", "white space"),
        ("id-line", "control character"),
        ("id-long", "longer than 512 characters"),
    ] {
        let output = env
            .solform_beside(&["get", id])
            .await
            .exits_with(1)
            .warns(why);
        assert!(!output.stderr.contains("prox"), "{output}");
    }
    // No message holds a text of a megabyte.
    for arguments in [
        &["plan"][..],
        &["list"],
        &["list", "--json"],
        &["get", "id-long"],
        &["doctor"],
    ] {
        let output = env.solform_beside(arguments).await;
        let length = output.stdout.len() + output.stderr.len();
        assert!(length < 20_000, "{arguments:?}: {length} bytes");
    }
}

/// No command prints all of a long text, in any key of a record.
#[tokio::test(flavor = "multi_thread")]
async fn long_texts_of_records_are_cut() {
    let long = "y".repeat(1_000_000);
    for key in [
        "author",
        "state",
        "visibility",
        "version",
        "owner",
        "createdAtMs",
    ] {
        let mut one = record("id-a", "A", "1", "svc");
        one[key] = json!(long);
        let server = serve(vec![one, record("id-b", "B", "1", "svc")]).await;
        let env = env_for(server.url.as_str());
        for arguments in [
            &["plan"][..],
            &["list"],
            &["get", "id-a"],
            &["plan", "--format", "json"],
        ] {
            let output = env.solform_beside(arguments).await;
            let length = output.stdout.len() + output.stderr.len();
            assert!(length < 20_000, "{key} {arguments:?}: {length} bytes");
        }
    }
}

/// Each listed version has a unique address.
#[tokio::test(flavor = "multi_thread")]
async fn equal_versions_are_addressed_by_owner_or_id() {
    let server = serve(vec![
        record("id-1", "A", "1", "svc"),
        record("id-2", "A", "1", "other"),
        record("id-3", "B", "1", "svc"),
        record("id-4", "C", "1", "svc"),
        record("id-5", "C", "1", "svc"),
        record("id-6", "d", "1@2", "svc"),
        record("id-7", "d@1", "2", "svc"),
    ])
    .await;
    let env = env_for(server.url.as_str());
    let document = json_of(&env.solform_beside(&["list", "--json"]).await.exits_with(0));
    let addresses: Vec<&str> = document["solutions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|solution| solution["address"].as_str().unwrap())
        .collect();
    assert_eq!(
        addresses,
        [
            "other:A@1",
            "svc:A@1",
            "B@1",
            "svc:C@1#id-4",
            "svc:C@1#id-5",
            "svc:d@1@2#id-6",
            "svc:d@1@2#id-7",
        ]
    );
    // A filter hides none of them, and does not shorten the address of the rest.
    let some = env
        .solform_beside(&["list", "--json", "--owner", "svc"])
        .await;
    assert_eq!(json_of(&some)["solutions"][0]["address"], "svc:A@1");
    let both = env.solform_beside(&["get", "A@1"]).await.exits_with(0);
    assert!(
        both.stdout.contains("svc:A@1\n") && both.stdout.contains("other:A@1\n"),
        "{both}"
    );
    let _ = env
        .solform_beside(&["get", "other:A@1"])
        .await
        .exits_with(0)
        .says("address        other:A@1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn similar_names_are_suggested() {
    let server = serve(vec![
        record("id-1", "Form W-2", "0.0.1", "svc"),
        record("id-2", "Alpha", "1.0", "svc"),
    ])
    .await;
    let env = env_for(server.url.as_str());
    for (arguments, near) in [
        (
            &["get", "Form W2@0.0.1"][..],
            "Did you mean `Form W-2@0.0.1`?",
        ),
        (&["get", "form w-2@0.0.1"], "Did you mean `Form W-2@0.0.1`?"),
        (&["get", "Form W-2@0.0.2"], "Did you mean `Form W-2@0.0.1`?"),
        (&["get", "other:Alpha@1.0"], "Did you mean `Alpha@1.0`?"),
        (&["get", "Alpha"], "Did you mean `Alpha@1.0`?"),
        (&["get", "Alhpa"], "Did you mean `Alpha@1.0`?"),
        (&["plan", "--target", "Form W2"], "Did you mean `Form W-2`?"),
        (
            &["plan", "--exclude", "Form W2@0.0.1"],
            "Did you mean `Form W-2@0.0.1`?",
        ),
        (
            &["plan", "--target", "Alpha@2"],
            "Did you mean `Alpha@1.0`?",
        ),
    ] {
        let output = env.solform_beside(arguments).await.exits_with(1);
        assert!(output.stderr.contains(near), "{arguments:?}: {output}");
    }
    // No name is similar.
    let output = env
        .solform_beside(&["get", "Something else@9"])
        .await
        .exits_with(1);
    assert!(output.stderr.contains("solform list"), "{output}");
    assert!(!output.stderr.contains("Did you mean"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_has_a_message() {
    let server = serve(Vec::new()).await;
    let env = env_for(server.url.as_str());
    for arguments in [&["list"][..], &["list", "--name", "A"]] {
        let output = env.solform_beside(arguments).await.exits_with(0);
        assert_eq!(output.stdout, "No live versions.\n", "{arguments:?}");
    }
}

/// Selectors match all live versions, with each way of reading the live state.
#[tokio::test(flavor = "multi_thread")]
async fn selectors_match_undeclared_names() {
    for size in [3, 60] {
        let names: Vec<String> = (0..size).map(|nth| format!("Other {nth}")).collect();
        let mut live: Vec<Version<'_>> = names
            .iter()
            .map(|name| Version::active(name, "1"))
            .collect();
        live.push(Version::active("A", "1"));
        // With pages of two, the bigger instance is listed by name.
        let emulator = start_capped(seed(&live, &[]), &[], 2).await;
        let env = env_with(&manifest(
            &emulator.url(),
            "  A: { version: 1, state: INACTIVE }\n",
        ));
        for selector in ["Other 1", "Other 1@1", "svc:Other 1@1"] {
            let _ = env
                .solform_beside(&["plan", "--target", selector])
                .await
                .exits_with(0)
                .says("No changes.");
            let _ = env
                .solform_beside(&["plan", "--exclude", selector])
                .await
                .exits_with(0)
                .says("Plan: 0 to add, 1 to change, 0 to destroy.");
        }
        let _ = env
            .solform_beside(&["plan", "--target", "Othre 1"])
            .await
            .exits_with(1)
            .warns("Did you mean `Other 1`");
    }
}

/// A target that a policy has deleted is not an error after the apply.
#[tokio::test(flavor = "multi_thread")]
async fn an_applied_target_may_be_deleted() {
    for (top, target) in [
        ("", "A@1"),
        ("", "svc:A@1"),
        (
            "manage: { undeclared: delete, names: ['*'], owners: [svc] }\n",
            "Old",
        ),
        (
            "manage: { undeclared: delete, names: ['*'], owners: [svc] }\n",
            "Old@1",
        ),
    ] {
        let live = [
            Version::active("A", "1"),
            Version::active("A", "2"),
            Version::active("Old", "1"),
        ];
        let emulator = start(seed(&live, &[]), &[]).await;
        let env = env_with(&manifest_with(
            &emulator.url(),
            "",
            top,
            "  A: { version: 2, superseded: delete }\n",
        ));
        let _ = env
            .solform_beside(&[
                "apply",
                "--auto-approve",
                "--detailed-exitcode",
                "--target",
                target,
            ])
            .await
            .exits_with(2)
            .says("Apply complete! Resources: 0 added, 0 changed, 1 destroyed.");
    }
}

/// Serves pages of fifty records; `hold` delays or replaces the second page.
async fn slow(hold: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |asked| {
        let offset = asked
            .query
            .get("offset")
            .map_or(0, |text| text.parse().unwrap());
        let records: Vec<Value> = (offset..(offset + 50).min(100))
            .map(|nth| {
                let mut one = record(&format!("id-{nth}"), "N", &nth.to_string(), "svc");
                one["state"] = json!(if nth % 2 == 0 { "ACTIVE" } else { "INACTIVE" });
                one
            })
            .collect();
        let has_more = offset == 0;
        let reply = Reply::json(&json!({
            "solutions": records, "has_more": has_more, "next_offset": offset + 50,
        }));
        if has_more { reply } else { hold(reply) }
    })
    .await
}

/// Executes a command, calls `seen` at the first line on standard error that contains the text, and
/// returns all of standard error.
async fn until(
    env: &TestEnv,
    arguments: &[&str],
    text: &'static str,
    seen: impl FnOnce() + Send + 'static,
) -> String {
    let mut command = env.command(env!("CARGO_BIN_EXE_solform"), arguments);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut seen = Some(seen);
        let mut all = String::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if line.contains(text)
                && let Some(seen) = seen.take()
            {
                seen();
            }
            all.push_str(&line);
            all.push('\n');
        }
        assert!(seen.is_none(), "no `{text}` in\n{all}");
        assert_eq!(child.wait().unwrap().code(), Some(0), "{all}");
        all
    })
    .await
    .unwrap()
}

/// The server answers only after the line was printed.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_read_shows_its_progress() {
    for arguments in [&["plan"][..], &["list"], &["export"]] {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let server = slow(move |reply| reply.behind(&held)).await;
        let env = env_with(&manifest(
            server.url.as_str().trim_end_matches('/'),
            "  N: { version: 0 }\n",
        ));
        let open = move || gate.add_permits(1_000);
        // The number of lines depends on the machine; a unit test checks their interval.
        let _ = until(&env, arguments, "Reading live solutions: 50 received", open).await;
    }
}

/// Retries appear in the line of progress, and not as log lines.
#[tokio::test(flavor = "multi_thread")]
async fn retries_are_reported_in_one_line() {
    let is_available = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_available);
    let server = slow(move |reply| {
        if asked.load(Ordering::SeqCst) {
            reply
        } else {
            Reply::text(503, r#"{"message":"busy"}"#).header("retry-after", "5")
        }
    })
    .await;
    let env = env_with(&manifest(
        server.url.as_str().trim_end_matches('/'),
        "  N: { version: 0 }\n",
    ));
    let recover = move || is_available.store(true, Ordering::SeqCst);
    let all = until(&env, &["list"], "sending again in", recover).await;
    assert!(!all.contains("WARN"), "{all}");
}

/// Over HTTP/2, all requests of a command share a connection, also those that are sent at once.
#[tokio::test(flavor = "multi_thread")]
async fn requests_share_a_connection() {
    let names: Vec<String> = (0..40).map(|nth| format!("Form {nth}")).collect();
    let live = names.iter().map(|name| Version::active(name, "1"));
    let live: Vec<Version<'_>> = live.collect();
    let emulator = start_capped(seed(&live, &[]), &[], 2).await;
    let env = env_with("");
    let certificate = env.path().join("ca.pem");
    let front = front::start(emulator.address(), &certificate).await;
    let (address, connections) = front.unwrap();
    env.write(
        "solform.yaml",
        &manifest_with(
            &format!("https://{address}"),
            "    ca_bundle: ca.pem\n",
            "",
            "  Form 1: { version: 1 }\n",
        ),
    );
    let output = env.solform_beside(&["list"]).await.exits_with(0);
    let listed = output.stdout.matches("Form ").count();
    let connections = connections.load(Ordering::Relaxed);
    assert_eq!((listed, connections), (40, 1), "{}", output.stdout);
}

/// The server returns fewer records than the limit that `next_offset` counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_clamped_list_hides_nothing() {
    let names: Vec<String> = (0..130).map(|nth| format!("Form {nth}")).collect();
    let live: Vec<Version<'_>> = names
        .iter()
        .map(|name| Version::active(name, "1"))
        .collect();
    let knobs = ["over_limit=clamped_announced"];
    let emulator = start_capped(seed(&live, &[]), &knobs, 50).await;
    let solutions: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "  {name}: {{ version: 1, path: {:?} }}\n",
                path_of(name, "1")
            )
        })
        .collect();
    let solutions = solutions.concat();
    let env = env_with(&manifest(&emulator.url(), &solutions));
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .says("No changes.");
    let document = json_of(&env.solform_beside(&["list", "--json"]).await.exits_with(0));
    assert_eq!(document["solutions"].as_array().unwrap().len(), 130);
    assert_eq!(document["incomplete"], Value::Null);
    let export = env.solform_beside(&["export"]).await.exits_with(0);
    let declared = export
        .stdout
        .lines()
        .filter(|line| line.starts_with("  Form "));
    assert_eq!(declared.count(), 130, "{export}");
}
