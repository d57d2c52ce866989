//! `watch`: drift is reported when it changes, posted to a webhook, healed and measured.
//!
//! The interval is an hour, and the signal USR1 starts each plan after the first one.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jsonschema::Validator;
use serde_json::Value;
use solform_emulator::{Emulator, Operation};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::output::streams::{assert_valid, validator};
use crate::support::scripted::{Reply, Scripted};
use crate::support::worlds::{
    TOKEN, Version, count, env_with, manifest, manifest_with, patch, seed, start,
};
use crate::support::{TestEnv, http_client};

/// The secret part of the URL of a webhook.
const SECRET: &str = "/services/T0/hush-hush";

const DECLARED: &str = "  A: { version: 1 }\n";

/// A running watch, with everything that it has printed.
struct Watching {
    child: Child,
    out: UnboundedReceiver<String>,
    err: UnboundedReceiver<String>,
    /// The lines of both outputs that were received.
    seen: String,
}

impl Watching {
    fn start(env: &TestEnv, options: &[&str]) -> Self {
        let arguments = [&["watch", "--interval", "1h"], options].concat();
        let mut command = env.command(env!("CARGO_BIN_EXE_solform"), &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Self {
            out: lines_of(child.stdout.take().unwrap()),
            err: lines_of(child.stderr.take().unwrap()),
            child,
            seen: String::new(),
        }
    }

    async fn line(&mut self, is_out: bool) -> Option<String> {
        let pipe = if is_out { &mut self.out } else { &mut self.err };
        let line = pipe.recv().await?;
        self.seen.push_str(&line);
        self.seen.push('\n');
        Some(line)
    }

    async fn until(&mut self, is_out: bool, text: &str) -> String {
        loop {
            match self.line(is_out).await {
                Some(line) if line.contains(text) => return line,
                Some(_) => {}
                None => panic!("no `{text}` in\n{}", self.seen),
            }
        }
    }

    /// Waits for a line on standard output that contains this text.
    async fn says(&mut self, text: &str) -> String {
        self.until(true, text).await
    }

    /// Waits for a line on standard error that contains this text.
    async fn warns(&mut self, text: &str) -> String {
        self.until(false, text).await
    }

    /// Waits for the event of a plan, and returns it.
    async fn event(&mut self, of: &Validator) -> Value {
        loop {
            let line = self.line(true).await.unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_valid(of, &line);
            let is_failure = line["x_solution"]["event"] == "plan-failed";
            if is_failure || line["changes"]["operation"] == "plan" {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Starts a plan.
    fn plan(&self) {
        self.signal("-USR1");
    }

    /// Waits for the end, and returns the exit code and everything that was printed.
    async fn end(mut self) -> (Option<i32>, String) {
        while self.line(true).await.is_some() {}
        while self.line(false).await.is_some() {}
        assert!(!self.seen.contains(TOKEN), "{}", self.seen);
        assert!(!self.seen.contains("hush-hush"), "{}", self.seen);
        let mut child = self.child;
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap().code());
        (ended.await.unwrap(), self.seen)
    }

    /// Ends the watch by SIGTERM.
    async fn terminated(self) -> String {
        self.signal("-TERM");
        let (code, seen) = self.end().await;
        assert_eq!(code, Some(0), "{seen}");
        seen
    }
}

fn lines_of(pipe: impl Read + Send + 'static) -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let _ = sender.send(line.unwrap());
        }
    });
    receiver
}

async fn world(solutions: &str) -> (Emulator, TestEnv) {
    let live = [Version::active("A", "1")];
    let emulator = start(seed(&live, &[Version::active("A", "2")]), &[]).await;
    let env = env_with(&manifest(&emulator.url(), solutions));
    (emulator, env)
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_printed_when_it_changes() {
    let (emulator, env) = world(DECLARED).await;
    let mut watching = Watching::start(&env, &[]);
    let _ = watching.says("planned every 1h00m:").await;
    let _ = watching.says("Z No changes.").await;
    patch(&emulator, "A", "ACTIVE", "state=INACTIVE").await;
    watching.plan();
    let _ = watching
        .says("Z Plan: 0 to add, 1 to change, 0 to destroy.")
        .await;
    let _ = watching
        .says("  ~ A@1 will be updated in-place (declared)")
        .await;
    patch(&emulator, "A", "INACTIVE", "state=ACTIVE").await;
    watching.plan();
    let _ = watching.says("Z No changes.").await;
    let seen = watching.terminated().await;
    assert_eq!(seen.lines().count(), 5, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_plan_is_an_event() {
    let (emulator, env) = world(DECLARED).await;
    let of = validator(&env, "events");
    let mut watching = Watching::start(&env, &["--json"]);
    let quiet = watching.event(&of).await;
    let watch = |event: &Value| event["x_solution"]["watch"].clone();
    assert_eq!(watch(&quiet)["environment"], "test");
    assert_eq!(watch(&quiet)["changed"], false);
    assert_eq!(watch(&quiet)["drifted"], false);
    patch(&emulator, "A", "ACTIVE", "state=INACTIVE").await;
    for is_changed in [true, false] {
        watching.plan();
        let drift = watching.event(&of).await;
        assert_eq!(drift["changes"]["change"], 1, "{drift:#}");
        assert_eq!(watch(&drift)["drifted"], true);
        assert_eq!(watch(&drift)["changed"], is_changed);
        let change = &watch(&drift)["changes"][0]["change"];
        assert_eq!(change["resource"]["addr"], "A@1");
        assert_eq!(change["action"], "update");
    }
    let _ = watching.terminated().await;
}

/// The manifest is read anew for every plan.
#[tokio::test(flavor = "multi_thread")]
async fn errors_are_reported_when_they_change() {
    let (emulator, env) = world(DECLARED).await;
    let of = validator(&env, "events");
    let good = manifest(&emulator.url(), DECLARED);
    let mut watching = Watching::start(&env, &["--json"]);
    let _ = watching.event(&of).await;
    let broken = [
        (good.replace("solutions:", "solution:"), true),
        (good.replace("solutions:", "solution:"), false),
        (good.replace("TEST_TOKEN", "NO_TOKEN"), true),
    ];
    for (text, is_changed) in broken {
        env.write("solform.yaml", &text);
        watching.plan();
        let failed = watching.event(&of).await;
        assert_eq!(failed["x_solution"]["event"], "plan-failed", "{failed:#}");
        assert_eq!(failed["x_solution"]["changed"], is_changed, "{failed:#}");
    }
    env.write("solform.yaml", &good);
    watching.plan();
    let again = watching.event(&of).await;
    assert_eq!(again["x_solution"]["watch"]["changed"], false);
    let seen = watching.terminated().await;
    // Each is in the stream and on standard error.
    for error in ["Error: unknown field `solution`", "Error: failed to read"] {
        assert_eq!(seen.matches(error).count(), 2, "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_drift_can_end_the_watch() {
    let (emulator, env) = world(DECLARED).await;
    let mut watching = Watching::start(&env, &["--exit-on-drift"]);
    let _ = watching.says("No changes.").await;
    patch(&emulator, "A", "ACTIVE", "state=INACTIVE").await;
    watching.plan();
    let (code, seen) = watching.end().await;
    assert_eq!(code, Some(2), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_error_ends_the_first_plan() {
    let (_emulator, env) = world(DECLARED).await;
    for (options, expected) in [
        (&["-e", "nobody"][..], "nobody"),
        (&["-f", "missing.yaml"], "there is no manifest"),
        (&["-f", "-"], "standard input only once"),
        (&["--interval", "999ms"], "the shortest interval is 1s"),
        (&["--heal"], "--auto-approve"),
        (&["--metrics", "0.0.0.0:0"], "is not a loopback address"),
        (
            &["--webhook", "http://h.example/hush-hush"],
            "over plain http",
        ),
        (&["--webhook", "hush-hush"], "no valid http or https URL"),
        (&["--webhook-env", "NO_HOOK"], "`NO_HOOK` is not set"),
    ] {
        let (code, seen) = Watching::start(&env, options).end().await;
        assert_eq!(code, Some(1), "{options:?}\n{seen}");
        assert!(seen.contains(expected), "{options:?}\n{seen}");
    }
}

/// A wrong token may be replaced, so the watch goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_does_not_end_the_watch() {
    let (_emulator, mut env) = world(DECLARED).await;
    env.set("TEST_TOKEN", "a-wrong-token-that-nobody-sees");
    let mut watching = Watching::start(&env, &[]);
    let _ = watching.warns("401").await;
    let seen = watching.terminated().await;
    assert!(!seen.contains("nobody-sees"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_plan_in_progress() {
    for signal in ["-INT", "-TERM"] {
        let asked = Arc::new(Notify::new());
        let notify = Arc::clone(&asked);
        let server = Scripted::start(move |_| {
            notify.notify_one();
            Reply::never()
        })
        .await;
        let env = env_with(&manifest(server.url.as_str(), DECLARED));
        let watching = Watching::start(&env, &[]);
        asked.notified().await;
        watching.signal(signal);
        let (code, seen) = watching.end().await;
        assert_eq!((code, seen.as_str()), (Some(0), ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_post_in_progress() {
    let asked = Arc::new(Notify::new());
    let notify = Arc::clone(&asked);
    let hook = Scripted::start(move |_| {
        notify.notify_one();
        Reply::never()
    })
    .await;
    let (_emulator, env) = world("  A: { version: 1, state: INACTIVE }\n").await;
    let url = hook.url.join(SECRET).unwrap();
    let watching = Watching::start(&env, &["--webhook", url.as_str()]);
    asked.notified().await;
    let _ = watching.terminated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_post_is_repeated() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&is_broken);
    let (sender, mut answered) = unbounded_channel();
    let hook = Scripted::start(move |asked| {
        assert_eq!(asked.line(), format!("POST {SECRET}"));
        let is_broken = broken.load(Ordering::SeqCst);
        sender.send(is_broken).unwrap();
        Reply::text(if is_broken { 503 } else { 200 }, "hush-hush")
    })
    .await;
    let (emulator, mut env) = world(DECLARED).await;
    env.set("HOOK", hook.url.join(SECRET).unwrap().as_str());
    let of = validator(&env, "events");
    let mut watching = Watching::start(&env, &["--json", "--webhook-env", "HOOK"]);
    // Nothing has drifted, so nothing is posted.
    let _ = watching.event(&of).await;
    for state in ["state=INACTIVE", "state=ACTIVE", "state=INACTIVE"] {
        let before = if state == "state=ACTIVE" {
            "INACTIVE"
        } else {
            "ACTIVE"
        };
        patch(&emulator, "A", before, state).await;
        watching.plan();
        let _ = watching.event(&of).await;
        assert_eq!(answered.recv().await, Some(true));
    }
    let _ = watching.warns("could not be posted to the webhook").await;
    let _ = watching.warns("answered with the status 503").await;
    // The plan after the posts that failed posts the newest drift, which has not changed since.
    is_broken.store(false, Ordering::SeqCst);
    watching.plan();
    let _ = watching.event(&of).await;
    assert_eq!(answered.recv().await, Some(false));
    watching.plan();
    let _ = watching.event(&of).await;
    let seen = watching.terminated().await;
    // Only the first failure is reported: in the stream, and on standard error.
    let warning = "Warning: the drift could not be posted";
    assert_eq!(seen.matches(warning).count(), 2, "{seen}");
    let posts = hook.asked();
    let bodies: Vec<Value> = posts
        .iter()
        .map(|post| serde_json::from_slice(&post.body).unwrap())
        .collect();
    let changes: Vec<&Value> = bodies
        .iter()
        .map(|body| &body["unreported_changes"])
        .collect();
    assert_eq!(changes, [1, 2, 3, 3], "{seen}");
    let of = validator(&env, "drift");
    for body in &bodies {
        assert_valid(&of, body);
    }
    let last = bodies.last().unwrap();
    assert_eq!(last["environment"], "test");
    assert_eq!(last["drifted"], true);
    assert_eq!(last["changes"][0]["address"], "A@1");
    assert_eq!(last["first_change_at"], bodies[0]["first_change_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_by_the_rules_of_apply() {
    let next = "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n";
    let (emulator, env) = world(DECLARED).await;
    let mut watching = Watching::start(&env, &["--heal", "--auto-approve"]);
    let _ = watching.says("No changes.").await;
    env.write("solform.yaml", &manifest(&emulator.url(), next));
    watching.plan();
    let _ = watching
        .says("Apply complete! Resources: 1 added, 1 changed")
        .await;
    watching.plan();
    let _ = watching.says("Z No changes.").await;
    // A change that a protection blocks is reported and not made.
    let protect = "    protect: [\"A@*\"]\n";
    let absent = "  A: { version: 2, state: ABSENT }\n";
    let blocked = manifest_with(&emulator.url(), protect, "", absent);
    env.write("solform.yaml", &blocked);
    watching.plan();
    let _ = watching
        .says("- A@2 will be destroyed (declared as ABSENT), but is blocked")
        .await;
    let _ = watching.says("blocked: `A@2` is protected").await;
    let seen = watching.terminated().await;
    assert_eq!(seen.matches("Apply complete!").count(), 1, "{seen}");
    assert_eq!(count(&emulator, Operation::DeleteSolution), 0);
    let history = env.solform_beside(&["history", "--json"]).await;
    let history: Value = serde_json::from_str(&history.exits_with(0).stdout).unwrap();
    assert_eq!(
        history["applies"][0]["provenance"]["message"],
        "watch --heal"
    );
}

/// What policies say about a plan is part of the drift.
#[tokio::test(flavor = "multi_thread")]
async fn warnings_of_policies_are_reported() {
    let (emulator, env) = world(DECLARED).await;
    let with = |policies: &str| {
        let policies = format!("policies: [{policies}]\n");
        manifest_with(&emulator.url(), "", &policies, DECLARED)
    };
    let warn = "{ name: p, warn: 'true', message: Take care. }";
    let deny = "{ name: q, deny: 'true', message: Closed. }";
    env.write("solform.yaml", &with(warn));
    patch(&emulator, "A", "ACTIVE", "state=INACTIVE").await;
    let mut watching = Watching::start(&env, &[]);
    let _ = watching.says("1 to change").await;
    let _ = watching
        .says("  warning: policy `p` warns: Take care.")
        .await;
    // Another warning is another drift.
    env.write("solform.yaml", &with(&format!("{warn}, {deny}")));
    watching.plan();
    let _ = watching
        .says("  blocked: policy `q` denies the plan: Closed.")
        .await;
    let _ = watching.says("  warning: policy `p` warns").await;
    let _ = watching.terminated().await;
    let of = validator(&env, "events");
    let mut watching = Watching::start(&env, &["--json"]);
    let plan = watching.event(&of).await;
    let watch = &plan["x_solution"]["watch"];
    assert_eq!(watch["warnings"][0], "policy `p` warns: Take care.");
    assert_eq!(watch["refusals"][0], "policy `q` denies the plan: Closed.");
    assert_eq!(plan["x_solution"]["applyable"], false);
    let _ = watching.terminated().await;
}

/// A roll-back holds until the manifest changes: otherwise the next plan would undo it.
#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_is_not_healed() {
    let next = "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n";
    let (emulator, env) = world(next).await;
    for verb in ["apply", "rollback"] {
        let _ = env
            .solform_beside(&[verb, "--auto-approve"])
            .await
            .exits_with(0);
    }
    let patches = count(&emulator, Operation::PatchSolution);
    let mut watching = Watching::start(&env, &["--heal", "--auto-approve"]);
    let _ = watching.warns("is a roll-back").await;
    let seen = watching.terminated().await;
    assert!(!seen.contains("Apply complete!"), "{seen}");
    assert_eq!(count(&emulator, Operation::PatchSolution), patches);
    // Another manifest is another wish.
    let changed = next.replace("version: 2,", "version: 2, visibility: PRIVATE,");
    env.write("solform.yaml", &manifest(&emulator.url(), &changed));
    let mut watching = Watching::start(&env, &["--heal", "--auto-approve"]);
    let _ = watching.says("Apply complete!").await;
    let _ = watching.terminated().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served() {
    let next = "  A: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }\n";
    let (_emulator, env) = world(next).await;
    let options = ["--heal", "--auto-approve", "--metrics", "127.0.0.1:0"];
    let mut watching = Watching::start(&env, &options);
    let line = watching.warns("Metrics are at ").await;
    let url = line
        .split(' ')
        .next_back()
        .unwrap()
        .trim_end_matches('.')
        .to_owned();
    let _ = watching.says("Apply complete!").await;
    watching.plan();
    let _ = watching.says("Z No changes.").await;
    let client = http_client();
    let answer = client.get(&url).send().await.unwrap();
    let format = answer.headers()["content-type"].to_str().unwrap();
    assert!(format.starts_with("application/openmetrics-text"));
    let text = answer.text().await.unwrap();
    for line in [
        "solform_plans_total 2",
        "solform_plan_failures_total 0",
        "solform_last_plan_success 1",
        r#"solform_drift{kind="create"} 0"#,
        r#"solform_applies_total{status="changes"} 1"#,
        r#"solform_apply_changes_total{outcome="done"} 2"#,
        r#"solform_job_duration_seconds_count{write="deploy"} 1"#,
        concat!(
            r#"solform_request_duration_seconds_count{method="POST","#,
            r#"path="/api/v2/solutions/deployed"} 1"#
        ),
    ] {
        assert!(
            text.lines().any(|has| has == line),
            "no `{line}` in\n{text}"
        );
    }
    assert_eq!(client.post(&url).send().await.unwrap().status(), 405);
    let other = url.replace("/metrics", "/");
    assert_eq!(client.get(other).send().await.unwrap().status(), 404);
    let _ = watching.terminated().await;
}

/// The only test that waits: the shortest interval passes once.
#[tokio::test(flavor = "multi_thread")]
async fn plans_follow_at_the_interval() {
    let (_emulator, env) = world(DECLARED).await;
    let of = validator(&env, "events");
    let mut watching = Watching::start(&env, &["--interval", "1s", "--json"]);
    let _ = watching.event(&of).await;
    let _ = watching.event(&of).await;
    let _ = watching.terminated().await;
}

/// A plan that a policy denies is reported and not made.
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_plan_is_not_healed() {
    let (emulator, env) = world(DECLARED).await;
    let denied = "policies: [{ name: p, deny: 'true', message: Closed. }]\n";
    let inactive = "  A: { version: 1, state: INACTIVE }\n";
    let closed = manifest_with(&emulator.url(), "", denied, inactive);
    env.write("solform.yaml", &closed);
    let mut watching = Watching::start(&env, &["--heal", "--auto-approve"]);
    let _ = watching
        .says("blocked: policy `p` denies the plan: Closed.")
        .await;
    let _ = watching.terminated().await;
    assert_eq!(count(&emulator, Operation::PatchSolution), 0);
}
