//! Bad requests and bad packages: the answers of the emulator.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

use reqwest::Method;
use serde_json::json;
use solform_emulator::{JobPace, Operation};

use super::{Api, DEPLOYED, answer, text};

#[tokio::test]
async fn bad_input_gets_an_answer() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let some = Some(json!({}));
    let cases = [
        (Method::GET, "/nowhere", None, 404),
        (Method::POST, "/api/v2/nowhere", some.clone(), 404),
        (Method::GET, "/api/v2/files/", None, 404),
        (Method::PUT, DEPLOYED, some.clone(), 405),
        (Method::POST, "/api/v1/jobs/status", some.clone(), 405),
        (Method::POST, DEPLOYED, some.clone(), 400),
        (Method::POST, DEPLOYED, Some(json!([1])), 400),
        (
            Method::POST,
            DEPLOYED,
            Some(json!({ "solution_path": 7 })),
            400,
        ),
        (
            Method::POST,
            DEPLOYED,
            Some(json!({ "solution_path": "" })),
            400,
        ),
        (Method::GET, "/api/v2/solutions/deployed/unknown", None, 404),
        (
            Method::PATCH,
            "/api/v2/solutions/deployed/unknown?state=ACTIVE",
            None,
            404,
        ),
        (
            Method::DELETE,
            "/api/v2/solutions/deployed/unknown",
            None,
            404,
        ),
        (Method::GET, "/api/v2/solutions/deployed/%ff", None, 400),
        (
            Method::GET,
            "/api/v2/solutions/deployed?name=%ff",
            None,
            400,
        ),
        (Method::GET, "/api/v2/jobs/unknown", None, 404),
        (Method::POST, "/__emulator/jobs/unknown/finish", None, 404),
        (Method::POST, "/__emulator/clock", some, 400),
    ];
    for (method, path, body, wanted) in cases {
        let (status, answer) = api.call(method.clone(), path, body).await;
        assert_eq!(status, wanted, "{method} {path}: {answer}");
        assert!(answer["message"].is_string(), "{method} {path}: {answer}");
    }
    for body in ["", "{", "\"x\"", "{\"solution_path\": \"x\"} y"] {
        let request = api.request(Method::POST, DEPLOYED).body(body);
        assert_eq!(answer(request).await.0, 400, "{body}");
    }
    let long = vec![b' '; (1 << 20) + 1];
    let request = api.request(Method::POST, DEPLOYED).body(long);
    assert_eq!(answer(request).await.0, 413);
    // A trailing slash is accepted, and so is a body without a content type.
    let request = api
        .request(Method::POST, &format!("{DEPLOYED}/"))
        .body("{\"solution_path\": \"x\", \"async\": false}");
    assert_eq!(answer(request).await.0, 200);
}

#[tokio::test]
async fn broken_http_does_not_affect_other_clients() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let address = api.emulator.address();
    tokio::task::spawn_blocking(move || {
        for garbage in [
            "hello\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "\0\0\0\0\r\n\r\n",
        ] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(garbage.as_bytes()).unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
        }
        // A body that ends too early.
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "POST /api/v2/solutions/deployed HTTP/1.1\r\nhost: localhost\r\ncontent-length: \
             50\r\n\r\n{";
        stream.write_all(head.as_bytes()).unwrap();
    })
    .await
    .unwrap();
    let many = (0..200).map(|_| api.get(DEPLOYED));
    for (status, _) in futures_util::future::join_all(many).await {
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn bad_packages_fail_in_the_job() {
    let seed = "
packages:
  - { path: d/no-owner.ibsolution, name: A, version: 1, owner: ann, omit: [owner] }
  - { path: d/no-type.ibsolution, name: A, version: 1, owner: ann, omit: [solution_type] }
  - { path: d/good.zip, name: A, version: 1, owner: ann }
files:
  - { path: d/text.ibsolution, text: no zip }
";
    let cases = [
        ("d/no-owner.ibsolution", "`owner`"),
        ("d/no-type.ibsolution", "`solution_type`"),
        ("d/good.zip", "`.ibsolution`"),
        ("d/text.ibsolution", "not a zip"),
        ("d/missing.ibsolution", "no such file"),
        ("d/../x.ibsolution", "no such file"),
        ("d", "`.ibsolution`"),
    ];
    let api = Api::seeded(seed, &[], JobPace::Immediate).await;
    for (path, part) in cases {
        let body = json!({ "solution_path": path });
        let (status, started) = api.call(Method::POST, DEPLOYED, Some(body)).await;
        assert_eq!(status, 200);
        let status = api.status(&text(&started["job_id"])).await;
        assert_eq!(status["status"], "OK");
        let result = &status["results"][0];
        assert_eq!(result["status"], "ERROR");
        assert!(text(&result["msg"]).contains(part), "{path}: {result}");
    }
    assert!(api.names("").await.is_empty());
    let turned = json!({ "bad_package": "refused" });
    let (status, _) = api
        .call(Method::PATCH, "/__emulator/knobs", Some(turned))
        .await;
    assert_eq!(status, 200);
    for (path, _) in cases {
        let body = json!({ "solution_path": path });
        assert_eq!(api.call(Method::POST, DEPLOYED, Some(body)).await.0, 400);
    }
}

#[tokio::test]
async fn the_log_holds_each_request() {
    let api = Api::with(&[], JobPace::Immediate).await;
    api.list("name=Form+W-2").await;
    api.get("/api/v2/solutions/deployed/metrics/x").await;
    api.get("/__emulator/requests").await;
    let records = api.emulator.requests();
    let logged: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r.method.as_str(),
                r.path.as_str(),
                r.query.as_str(),
                r.status,
                r.operation,
            )
        })
        .collect();
    assert_eq!(
        logged,
        [
            (
                "GET",
                DEPLOYED,
                "name=Form+W-2",
                Some(200),
                Some(Operation::ListSolutions)
            ),
            (
                "GET",
                "/api/v2/solutions/deployed/metrics/x",
                "",
                Some(404),
                None
            ),
        ]
    );
    let (_, listed) = api.get("/__emulator/requests").await;
    assert_eq!(listed["requests"][0]["query"], "name=Form+W-2");
    assert_eq!(listed["requests"][0]["operation"], "list_solutions");
    assert_eq!(listed["requests"][1]["operation"], json!(null));
    api.call(Method::DELETE, "/__emulator/requests", None).await;
    assert!(api.emulator.requests().is_empty());
}
