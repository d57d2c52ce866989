//! Bad input gives one clear error with the cause, the location and the fix. Nothing is changed,
//! and no secret is shown.

use std::net::TcpListener;

use crate::support::raw::{RawServer, answer};
use crate::support::worlds::{TOKEN, env_with, manifest, manifest_with};
use crate::support::{CommandOutput, TestEnv};

const SOLUTIONS: &str = "  A: { version: 1, state: INACTIVE }\n";

/// Asserts the form of an error, and that it holds no secret at the most verbose log level.
#[track_caller]
fn is_clear(output: CommandOutput, says: &[&str]) {
    let output = output.exits_with(1);
    let errors = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("Error: "))
        .count();
    assert_eq!(errors, 1, "one error is expected\n{output}");
    assert!(output.stderr.contains("help: "), "no help\n{output}");
    assert!(output.stdout.is_empty(), "{output}");
    for text in says {
        assert!(output.stderr.contains(text), "no `{text}` in\n{output}");
    }
    assert!(!output.stderr.contains(TOKEN), "{output}");
}

fn planned_against(url: &str) -> CommandOutput {
    let mut env = env_with(&manifest(url, SOLUTIONS));
    env.set("SOLFORM_LOG", "trace");
    env.solform(&["apply", "--auto-approve"])
}

#[test]
fn a_refused_connection() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    is_clear(
        planned_against(&format!("http://127.0.0.1:{port}")),
        &["GET", "/api/v2/solutions/deployed"],
    );
}

#[test]
fn a_host_that_does_not_exist() {
    is_clear(
        planned_against("https://instabase.invalid"),
        &["GET", "instabase.invalid"],
    );
}

#[test]
fn refusals_by_status() {
    for (status, says) in [
        ("401 Unauthorized", "401"),
        ("403 Forbidden", "403"),
        ("404 Not Found", "404"),
    ] {
        // A server may repeat parts of the request.
        let body = format!("{{\"message\":\"not with Bearer {TOKEN}\"}}");
        let server = RawServer::saying(&answer(status, "application/json", &body));
        is_clear(
            planned_against(&server.url()),
            &["GET", "/api/v2/solutions/deployed", says, "not with"],
        );
        assert!(
            server
                .requests()
                .iter()
                .all(|head| head.starts_with("GET "))
        );
    }
}

#[test]
fn bodies_without_a_valid_answer() {
    for (what, content_type, body, says) in [
        (
            "html",
            "text/html",
            "<html><title>Sign in</title>",
            "Sign in",
        ),
        ("empty", "application/json", "", "empty"),
        (
            "truncated",
            "application/json",
            "{\"solutions\":[{\"id\":\"x",
            "solutions",
        ),
        ("an array", "application/json", "[1,2]", "[1,2]"),
    ] {
        let server = RawServer::saying(&answer("200 OK", content_type, body));
        let output = planned_against(&server.url());
        assert!(output.stderr.contains(says), "{what}\n{output}");
        is_clear(output, &["GET", "/api/v2/solutions/deployed", "200"]);
    }
}

#[test]
fn an_endless_body() {
    let server = RawServer::endless(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"solutions\":[",
        "\"x\",",
    );
    is_clear(
        planned_against(&server.url()),
        &["GET", "larger than 67108864 bytes"],
    );
}

#[test]
fn an_untrusted_certificate() {
    // A server without TLS is the simplest case of a bad certificate.
    let server = RawServer::saying(&answer("200 OK", "text/plain", "hello"));
    let url = server.url().replace("http:", "https:");
    is_clear(planned_against(&url), &["GET", "127.0.0.1"]);
}

#[test]
fn a_redirect_elsewhere_does_not_get_the_token() {
    let elsewhere = RawServer::saying(&answer("200 OK", "application/json", "{}"));
    let server = RawServer::saying(&format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/api\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        elsewhere.url()
    ));
    is_clear(planned_against(&server.url()), &["302", &elsewhere.url()]);
    assert!(
        elsewhere
            .requests()
            .iter()
            .all(|head| !head.contains(TOKEN))
    );
}

#[test]
fn a_missing_token() {
    let server = RawServer::saying(&answer("200 OK", "application/json", "{}"));
    let env = TestEnv::new();
    env.write("solform.yaml", &manifest(&server.url(), SOLUTIONS));
    is_clear(env.solform(&["plan"]), &["TEST_TOKEN"]);
    assert!(server.requests().is_empty());

    let token =
        |source: &str| manifest(&server.url(), SOLUTIONS).replace("{ env: TEST_TOKEN }", source);
    env.write("solform.yaml", &token("{ file: nowhere.txt }"));
    is_clear(env.solform(&["plan"]), &["nowhere.txt"]);
    env.write(
        "solform.yaml",
        &token("{ command: [sh, -c, \"echo it went wrong >&2; exit 3\"] }"),
    );
    is_clear(env.solform(&["plan"]), &["it went wrong"]);
    // The error output of a command may hold the token, complete or cut at the limit of its text.
    for pad in [0, 190] {
        env.write(
            "solform.yaml",
            &token(&format!(
                "{{ command: [sh, -c, \"echo {TOKEN}; printf '%{pad}s {TOKEN}\\\\n' x >&2; exit \
                 3\"] }}"
            )),
        );
        let output = env.solform(&["plan"]);
        assert!(!output.stderr.contains(&TOKEN[..8]), "{output}");
        is_clear(output, &["exit status: 3"]);
    }
}

#[test]
fn hosts_that_are_not_allowed_get_no_request() {
    let server = RawServer::saying(&answer("200 OK", "application/json", "{}"));
    let mut env = env_with(&manifest(&server.url(), SOLUTIONS));
    env.set("SOLFORM_ALLOWED_HOSTS", "instabase.example.com");
    is_clear(env.solform(&["plan"]), &["127.0.0.1"]);
    env.write(
        "solform.yaml",
        &manifest("https://instabase.example.com", SOLUTIONS)
            .replace("{ env: TEST_TOKEN }", "{ command: [touch, ran] }"),
    );
    is_clear(env.solform(&["plan"]), &["SOLFORM_ALLOWED_HOSTS"]);
    assert!(!env.path().join("ran").exists());
    assert!(server.requests().is_empty());
}

#[test]
fn files_that_are_not_manifests() {
    let env = TestEnv::new();
    is_clear(env.solform(&["plan"]), &["solform.yaml", "solform init"]);
    std::fs::create_dir(env.path().join("folder.yaml")).unwrap();
    let output = env.solform(&["plan", "-f", "folder.yaml"]).exits_with(1);
    assert!(output.stderr.starts_with("Error: "), "{output}");
    for (text, code) in [
        ("solform: [", "yaml-syntax"),
        (&"[".repeat(100_000), "yaml-"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c \
             [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e \
             [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g \
             [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
            "",
        ),
    ] {
        env.write("solform.yaml", text);
        let output = env.solform(&["validate"]).exits_with(1);
        assert!(output.stderr.starts_with("Error: "), "{output}");
        assert!(output.stderr.contains(code), "{output}");
    }
    std::fs::write(env.path().join("solform.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    is_clear(env.solform(&["validate"]), &["not-utf8"]);
    // 100 MB, of which only a small part is read.
    let large = std::fs::File::create(env.path().join("solform.yaml")).unwrap();
    large.set_len(100_000_000).unwrap();
    is_clear(env.solform(&["validate"]), &["too-large"]);
}

#[test]
fn files_that_cannot_be_read() {
    let env = TestEnv::new();
    std::fs::create_dir(env.path().join("solform.yaml")).unwrap();
    is_clear(env.solform(&["plan"]), &["failed to read `solform.yaml`"]);
    let env = env_with(&manifest("https://instabase.invalid", SOLUTIONS));
    is_clear(env.solform(&["init"]), &["File exists", "move it away"]);
    let local = TestEnv::new();
    let _ = local.solform(&["init"]).exits_with(0);
    local.write(".solform/emulator/local/world.redb", "no world");
    is_clear(
        local.solform(&["plan"]),
        &["the emulator did not start", "Move the folder away"],
    );
    local.write("emulator.yaml", "bogus: 1\n");
    is_clear(
        local.solform(&["plan"]),
        &["emulator.yaml", "bogus", "docs/emulator.md"],
    );
    is_clear(
        env.solform(&["apply", "no.plan"]),
        &["failed to read `no.plan`"],
    );
}

#[test]
fn all_problems_of_a_file_are_shown_at_once() {
    let env = env_with(&manifest_with(
        "https://instabase.example.com",
        "    limits: { max_destroy: 300% }\n",
        "",
        "  A: { verison: 1 }\n  B: { version: 1, state: GONE }\n",
    ));
    let output = env.solform(&["validate"]).exits_with(1);
    for code in ["[bad-limit]", "[unknown-field]", "[unknown-word]"] {
        assert!(output.stderr.contains(code), "no {code} in\n{output}");
    }
}
