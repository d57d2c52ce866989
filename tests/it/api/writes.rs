//! Writes: the exact request, sent once, and the result for each answer.

use std::time::Duration;

use serde_json::json;
use solform::api::{ApiErrorKind, Patch, PatchStyle, WriteError, Writer};
use solform::ident::SolutionId;

use super::reader;
use crate::support::scripted::{Asked, Reply, Scripted};

fn id() -> SolutionId {
    SolutionId::parse("id-1").unwrap()
}

fn class(error: &WriteError) -> &'static str {
    match error {
        WriteError::NotTaken(_) => "not accepted",
        WriteError::Ambiguous(_) => "ambiguous",
        WriteError::NotFound(_) => "not found",
        WriteError::Refused(_) => "refused",
    }
}

#[tokio::test]
async fn requests_of_writes_are_exact() {
    let server = Scripted::start(|asked| match asked.method.as_str() {
        "PATCH" => Reply::json(
            &json!({"solution": {"id": "id-1", "name": "A", "version": "1",
            "owner": "o", "state": "INACTIVE", "visibility": "PUBLIC"}}),
        ),
        _ => Reply::json(&json!({"job_id": "j1"})),
    })
    .await;
    let writer = Writer::new(&reader(&server));
    writer.ready().await.unwrap();
    assert_eq!(server.count(), 0);
    let job = writer
        .deploy("a/b/fs/Drive/Form W-2.ibsolution")
        .await
        .unwrap();
    assert_eq!(job.unwrap().as_str(), "j1");
    let other = writer.clone();
    let task = tokio::spawn(async move { other.delete(&id()).await });
    task.await.unwrap().unwrap();
    let both = Patch {
        state: Some("INACTIVE"),
        visibility: Some("PUBLIC"),
    };
    let one = Patch {
        state: Some("ACTIVE"),
        visibility: None,
    };
    let version = writer
        .patch(&id(), both, PatchStyle::Query)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(version.state.as_str(), "INACTIVE");
    writer.patch(&id(), one, PatchStyle::Query).await.unwrap();
    writer.patch(&id(), both, PatchStyle::Body).await.unwrap();
    let sent: Vec<(String, String, Option<String>)> = server
        .asked()
        .iter()
        .map(|asked| {
            (
                asked.line(),
                String::from_utf8(asked.body.to_vec()).unwrap(),
                asked.header("content-type").map(str::to_owned),
            )
        })
        .collect();
    // A server or proxy may require a length, even for an empty body.
    for asked in server
        .asked()
        .iter()
        .filter(|asked| asked.method != "DELETE")
    {
        let length = asked.body.len().to_string();
        assert_eq!(
            asked.header("content-length"),
            Some(length.as_str()),
            "{}",
            asked.line()
        );
    }
    let json_type = Some("application/json".to_owned());
    assert_eq!(
        sent,
        [
            (
                "POST /api/v2/solutions/deployed".to_owned(),
                r#"{"solution_path":"a/b/fs/Drive/Form W-2.ibsolution"}"#.to_owned(),
                json_type.clone(),
            ),
            (
                "DELETE /api/v2/solutions/deployed/id-1".to_owned(),
                String::new(),
                None
            ),
            (
                "PATCH /api/v2/solutions/deployed/id-1?visibility=PUBLIC&state=INACTIVE".to_owned(),
                String::new(),
                None,
            ),
            (
                "PATCH /api/v2/solutions/deployed/id-1?state=ACTIVE".to_owned(),
                String::new(),
                None,
            ),
            (
                "PATCH /api/v2/solutions/deployed/id-1".to_owned(),
                r#"{"state":"INACTIVE","visibility":"PUBLIC"}"#.to_owned(),
                json_type,
            ),
        ]
    );
}

#[tokio::test]
async fn every_answer_has_its_class_and_is_sent_once() {
    let none: &[(&str, &str)] = &[];
    let seconds: &[(&str, &str)] = &[("retry-after", "7")];
    let location: &[(&str, &str)] = &[("location", "/login")];
    for (status, headers, body, expected) in [
        (200, none, r#"{"job_id":"j"}"#, "job"),
        (201, none, r#"{"job_id":"j"}"#, "job"),
        (202, none, "{}", "accepted"),
        (204, none, "", "accepted"),
        (200, none, "", "accepted"),
        (200, none, r#"{"status":"OK"}"#, "accepted"),
        (
            200,
            none,
            r#"{"status":"ERROR","msg":"it exists"}"#,
            "refused",
        ),
        (200, none, r#"{"error":{"code":409}}"#, "refused"),
        (200, none, "<html>sign in</html>", "ambiguous"),
        (200, none, "{\"job_id\": ", "ambiguous"),
        (400, none, "", "refused"),
        (401, none, "", "refused"),
        (403, none, "quota", "refused"),
        (404, none, "", "not found"),
        (409, none, r#"{"message":"exists"}"#, "refused"),
        (410, none, "", "not found"),
        (413, none, "", "refused"),
        (408, none, "", "ambiguous"),
        (429, none, "", "not accepted"),
        (429, seconds, "", "not accepted"),
        (503, seconds, "", "not accepted"),
        (503, none, "", "ambiguous"),
        (500, none, "", "ambiguous"),
        (502, none, "<html>", "ambiguous"),
        (504, none, "", "ambiguous"),
        (302, location, "", "refused"),
        (308, location, "", "refused"),
        (303, location, "", "ambiguous"),
    ] {
        for is_deploy in [true, false] {
            let server = Scripted::start(move |_| {
                headers
                    .iter()
                    .fold(Reply::text(status, body), |reply, (name, value)| {
                        reply.header(name, value)
                    })
            })
            .await;
            let writer = Writer::new(&reader(&server));
            let result = if is_deploy {
                writer.deploy("p").await
            } else {
                writer.delete(&id()).await
            };
            let found = match &result {
                Ok(Some(_)) => "job",
                Ok(None) => "accepted",
                Err(error) => class(error),
            };
            assert_eq!(found, expected, "{status} {body}");
            // A refused token is read again, and the request is sent once more.
            assert_eq!(
                server.count(),
                if status == 401 { 2 } else { 1 },
                "{status}"
            );
            if let Err(error) = result {
                assert_eq!(error.api().status(), Some(status));
                let asked = (!headers.is_empty() && status < 600 && headers == seconds)
                    .then_some(Duration::from_secs(7));
                assert_eq!(error.api().retry_after(), asked, "{status}");
                if headers == location {
                    assert!(error.to_string().contains("/login"), "{error}");
                }
            }
        }
    }
}

/// An answer without the record is a success whose result must be read.
#[tokio::test]
async fn a_patch_is_accepted_even_with_a_bare_answer() {
    for (status, body, expected) in [
        (204, "", Ok(false)),
        (200, "{}", Ok(false)),
        (200, r#"{"solution": null}"#, Ok(false)),
        (200, r#"{"solution": {"id": "id-1"}}"#, Ok(false)),
        (
            200,
            r#"{"solution": {"id": "id-1", "name": "A", "version": "1", "owner": "o"}}"#,
            Ok(true),
        ),
        (
            200,
            r#"{"status": "ERROR", "msg": "not yours"}"#,
            Err("refused"),
        ),
        (200, "<html>", Err("ambiguous")),
        (404, "", Err("not found")),
        (500, "", Err("ambiguous")),
    ] {
        let server = Scripted::start(move |_| Reply::text(status, body)).await;
        let patch = Patch {
            state: None,
            visibility: Some("PUBLIC"),
        };
        let result = Writer::new(&reader(&server))
            .patch(&id(), patch, PatchStyle::Query)
            .await;
        let found = result.as_ref().map(Option::is_some).map_err(class);
        assert_eq!(found, expected, "{status} {body}");
        assert_eq!(server.count(), 1);
    }
}

/// A refused connection proves that the write was not accepted. After any other failure this is not
/// known.
#[tokio::test(start_paused = true)]
async fn an_unreachable_server_accepts_no_write() {
    let refused = {
        let server = Scripted::start(|_| Reply::text(200, "")).await;
        reader(&server)
    };
    tokio::task::yield_now().await;
    let error = Writer::new(&refused).deploy("p").await.unwrap_err();
    assert_eq!(
        (class(&error), error.api().kind()),
        ("not accepted", &ApiErrorKind::Connect)
    );
    assert!(error.api().is_retryable());

    let slammed = Scripted::slamming().await;
    let error = Writer::new(&reader(&slammed))
        .deploy("p")
        .await
        .unwrap_err();
    assert_eq!(
        (class(&error), error.api().kind()),
        ("ambiguous", &ApiErrorKind::Reset)
    );

    let silent = Scripted::start(|_| Reply::never()).await;
    let error = Writer::new(&reader(&silent)).deploy("p").await.unwrap_err();
    assert_eq!(class(&error), "ambiguous");
    assert_eq!(silent.count(), 1);

    let cut_off = Scripted::start(|_| Reply::cut_off("{\"job")).await;
    let error = Writer::new(&reader(&cut_off))
        .delete(&id())
        .await
        .unwrap_err();
    assert_eq!(class(&error), "ambiguous");
    assert_eq!(cut_off.count(), 1);
}

/// After a 429, `ready` waits for the time in `retry-after`.
#[tokio::test(start_paused = true)]
async fn a_write_waits_for_retry_after() {
    let server = Scripted::start(|asked| {
        if asked.nth == 0 {
            Reply::text(429, "").header("retry-after", "20")
        } else {
            Reply::json(&json!({"job_id": "j"}))
        }
    })
    .await;
    let writer = Writer::new(&reader(&server));
    let error = writer.deploy("p").await.unwrap_err();
    assert_eq!(class(&error), "not accepted");
    let start = tokio::time::Instant::now();
    writer.ready().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(20));
    writer.deploy("p").await.unwrap();
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_redirect_that_adds_a_slash_is_followed() {
    for status in [301, 302, 307, 308] {
        let server = Scripted::start(move |asked| {
            if asked.path.ends_with('/') {
                return Reply::json(&json!({"job_id": "j1"}));
            }
            let mark = if asked.raw_query.is_empty() { "" } else { "?" };
            let location = format!("{}/{mark}{}", asked.path, asked.raw_query);
            Reply::text(status, "").header("location", &location)
        })
        .await;
        let writer = Writer::new(&reader(&server));
        writer.deploy("p.ibsolution").await.unwrap();
        writer.delete(&id()).await.unwrap();
        let patch = Patch {
            state: Some("INACTIVE"),
            visibility: None,
        };
        writer.patch(&id(), patch, PatchStyle::Query).await.unwrap();
        let asked = server.asked();
        assert_eq!(
            asked.iter().map(Asked::line).collect::<Vec<_>>()[1..],
            [
                "POST /api/v2/solutions/deployed/",
                "DELETE /api/v2/solutions/deployed/id-1",
                "DELETE /api/v2/solutions/deployed/id-1/",
                "PATCH /api/v2/solutions/deployed/id-1?state=INACTIVE",
                "PATCH /api/v2/solutions/deployed/id-1/?state=INACTIVE",
            ]
        );
        assert_eq!(asked[0].body, asked[1].body);
        assert_eq!(
            asked[1].header("authorization"),
            asked[0].header("authorization")
        );
    }
}

#[tokio::test]
async fn any_other_redirect_of_a_write_is_refused() {
    for (status, location) in [
        (308, "/api/v3/solutions/deployed/id-1/?state=INACTIVE"),
        (308, "/api/v2/solutions/deployed/id-1/"),
        (
            308,
            "http://127.0.0.1:9/api/v2/solutions/deployed/id-1/?state=INACTIVE",
        ),
        (303, "/api/v2/solutions/deployed/id-1/?state=INACTIVE"),
    ] {
        let server =
            Scripted::start(move |_| Reply::text(status, "").header("location", location)).await;
        let patch = Patch {
            state: Some("INACTIVE"),
            visibility: None,
        };
        let error = Writer::new(&reader(&server))
            .patch(&id(), patch, PatchStyle::Query)
            .await
            .unwrap_err();
        assert!(
            matches!(error.api().kind(), ApiErrorKind::Redirect { .. }),
            "{location}: {error}"
        );
        assert_eq!(server.count(), 1, "{location}");
    }
}
