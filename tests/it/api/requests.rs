//! Single requests: token, retries, limits, odd bodies, redirects, and no secret in any text.

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use solform::allowed_hosts::AllowedHosts;
use solform::api::{
    ApiError, ApiErrorKind, Client, ClientSettings, Files, Reader, Redactor, TokenSupplier,
};
use solform::ident::{JobId, SolutionId};
use solform::job::{JobState, NoAnswer};
use tokio::time::Instant;
use url::Url;

use super::{TOKEN, client, reader, settings, whole};
use crate::support::scripted::{Reply, Scripted};

fn id(text: &str) -> SolutionId {
    SolutionId::parse(text).unwrap()
}

fn record() -> serde_json::Value {
    json!({"solution": {"id": "a", "name": "A", "version": "1", "owner": "o", "state": "ACTIVE"}})
}

async fn failing(answer: impl Fn() -> Reply + Send + Sync + 'static) -> (ApiError, usize) {
    let server = Scripted::start(move |_| answer()).await;
    let error = reader(&server).get(&id("a")).await.unwrap_err();
    (error, server.count())
}

#[tokio::test]
async fn a_request_carries_token_context_and_agent() {
    let server = Scripted::start(|_| Reply::json(&record())).await;
    let mut settings = settings(&server);
    settings.context = Some("acme".to_owned());
    settings.user_agent = "tests/1".to_owned();
    let reader = Reader::new(Client::new(settings).unwrap());
    reader.get(&id("a b/c")).await.unwrap_err();
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/api/v2/solutions/deployed/a%20b%2Fc");
    for (name, value) in [
        ("authorization", "Bearer t0ken-of-the-tests"),
        ("ib-context", "acme"),
        ("user-agent", "tests/1"),
        ("accept", "application/json"),
    ] {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_refused_token_is_read_again_once() {
    for (second, calls, requests) in [("good-token", 2, 2), ("bad-token-too", 2, 2)] {
        let server = Scripted::start(|asked| {
            if asked.header("authorization") == Some("Bearer good-token") {
                return Reply::json(&record());
            }
            Reply::text(401, r#"{"message":"who are you?"}"#)
        })
        .await;
        let supplied = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&supplied);
        let mut settings = settings(&server);
        settings.token = Some(TokenSupplier::new(move || {
            let nth = counter.fetch_add(1, Ordering::SeqCst);
            let token = if nth == 0 { "bad-token" } else { second };
            Box::pin(async move { Ok(SecretString::from(token)) })
        }));
        let client = Client::new(settings).unwrap();
        assert_eq!(supplied.load(Ordering::SeqCst), 0, "asked at first use");
        let result = Reader::new(client).get(&id("a")).await;
        assert_eq!(result.is_ok(), second == "good-token");
        if let Err(error) = result {
            assert_eq!(error.status(), Some(401));
            assert!(error.help().contains("IB-Context"), "{}", error.help());
        }
        assert_eq!(supplied.load(Ordering::SeqCst), calls);
        assert_eq!(server.count(), requests);
    }
}

#[tokio::test]
async fn many_requests_read_a_refused_token_again_once() {
    let server = Scripted::start(|asked| {
        if asked.header("authorization") == Some("Bearer token-number-1") {
            return Reply::json(&record());
        }
        Reply::text(401, "")
    })
    .await;
    let supplied = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&supplied);
    let mut settings = settings(&server);
    settings.token = Some(TokenSupplier::new(move || {
        let nth = counter.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(SecretString::from(format!("token-number-{nth}"))) })
    }));
    let reader = Reader::new(Client::new(settings).unwrap());
    let wanted = id("a");
    let many = futures_util::future::join_all((0..20).map(|_| reader.get(&wanted))).await;
    assert!(many.iter().all(Result::is_ok));
    assert_eq!(supplied.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_error_has_its_request_status_and_help() {
    let server = Scripted::start(|_| {
        Reply::text(403, "{\"message\": \"no units\"}\n").header("x-request-id", "r-42")
    })
    .await;
    let error = reader(&server).get(&id("a b")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`GET {}api/v2/solutions/deployed/a%20b`: answered 403 Forbidden: \
             `{{\"message\": \"no units\"}}`, request id `r-42`",
            server.url
        )
    );
    assert!(error.source().is_none());
    assert!(error.help().contains("quota"));
}

#[tokio::test]
async fn a_missing_token_is_reported_before_any_request() {
    let server = Scripted::start(|_| Reply::json(&record())).await;
    let mut settings = settings(&server);
    settings.token = Some(TokenSupplier::new(|| {
        Box::pin(async { Err(Box::from("the command `vault` ended with 2")) })
    }));
    let reader = Reader::new(Client::new(settings).unwrap());
    let error = reader.get(&id("a")).await.unwrap_err();
    assert_eq!(error.kind(), &ApiErrorKind::Token);
    assert_eq!(
        error.source().unwrap().to_string(),
        "the command `vault` ended with 2"
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn failed_reads_are_sent_ten_times() {
    for status in [500, 502, 503, 504, 429, 408] {
        let server = Scripted::start(move |asked| {
            if asked.nth < 9 {
                Reply::text(status, "not now")
            } else {
                Reply::json(&record())
            }
        })
        .await;
        assert!(
            reader(&server).get(&id("a")).await.unwrap().is_some(),
            "{status}"
        );
        assert_eq!(server.count(), 10, "{status}");

        let (error, requests) = failing(move || Reply::text(status, "never")).await;
        assert_eq!((error.status(), requests), (Some(status), 10), "{status}");
        assert!(error.to_string().contains("never"), "{error}");
        assert!(error.to_string().contains("after 10 attempts"), "{error}");
    }
}

#[tokio::test]
async fn refused_reads_are_not_retried() {
    for status in [400, 401, 403, 405, 409, 413, 422, 501] {
        let (error, requests) =
            failing(move || Reply::text(status, "no").header("x-request-id", "r-1")).await;
        assert_eq!(error.status(), Some(status));
        assert_eq!(requests, if status == 401 { 2 } else { 1 }, "{status}");
        assert!(!error.help().is_empty());
        let text = error.to_string();
        assert!(
            text.contains("GET")
                && text.contains("request id `r-1`")
                && text.contains("/api/v2/solutions/deployed/a")
                && text.contains(&status.to_string()),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_delays_every_request_to_a_host() {
    let server = Scripted::start(|asked| {
        if asked.nth == 0 {
            return Reply::text(429, "").header("retry-after", "40");
        }
        Reply::json(&record())
    })
    .await;
    let reader = reader(&server);
    let start = Instant::now();
    reader.get(&id("a")).await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_secs(40),
        "{:?}",
        start.elapsed()
    );

    let server = Scripted::start(|asked| {
        if asked.nth == 0 {
            return Reply::text(503, "")
                .header("date", "Sun, 06 Nov 1994 08:49:30 GMT")
                .header("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT");
        }
        Reply::json(&record())
    })
    .await;
    let start = Instant::now();
    super::reader(&server).get(&id("a")).await.unwrap();
    let waited = start.elapsed();
    assert!((17..30).contains(&waited.as_secs()), "{waited:?}");

    let (error, requests) = failing(|| Reply::text(429, "").header("retry-after", "86400")).await;
    assert_eq!(requests, 1);
    assert_eq!(error.retry_after(), Some(Duration::from_hours(24)));
    assert!(error.to_string().contains("86400 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_address_is_reported_within_seconds() {
    let refused = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let mut settings = ClientSettings::new(
        Url::parse(&format!("http://{refused}")).unwrap(),
        Arc::default(),
    );
    settings.token = Some(TokenSupplier::fixed(SecretString::from(TOKEN)));
    let start = Instant::now();
    let reader = Reader::new(Client::new(settings).unwrap());
    let error = reader.collect(&whole()).await.unwrap_err();
    assert_eq!(error.kind(), &ApiErrorKind::Connect);
    assert!(error.source().unwrap().to_string().contains("refused"));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert!(error.to_string().contains(&refused.to_string()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn no_answer_ends_in_a_timeout() {
    let (error, _) = failing(Reply::never).await;
    assert_eq!(
        error.kind(),
        &ApiErrorKind::Timeout {
            after: Duration::from_secs(30)
        }
    );
}

#[tokio::test(start_paused = true)]
async fn connections_that_break_are_tried_again() {
    let server = Scripted::slamming().await;
    let error = reader(&server).get(&id("a")).await.unwrap_err();
    assert_eq!(error.kind(), &ApiErrorKind::Reset);
    assert!(error.to_string().contains(" attempts"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn bodies_without_an_answer_are_errors() {
    let html = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";
    for (answer, kind, tries) in [
        (
            Box::new(move || Reply::text(200, html)) as Box<dyn Fn() -> Reply + Send + Sync>,
            ApiErrorKind::NotJson { html: true },
            3,
        ),
        (
            Box::new(|| Reply::text(200, "OK")),
            ApiErrorKind::NotJson { html: false },
            3,
        ),
        (
            Box::new(|| Reply::text(200, "")),
            ApiErrorKind::EmptyBody,
            5,
        ),
        (
            Box::new(|| Reply::text(200, r#"{"solution": {"id""#)),
            ApiErrorKind::Truncated,
            5,
        ),
        (
            Box::new(|| Reply::cut_off(r#"{"solution": "#)),
            ApiErrorKind::Truncated,
            10,
        ),
        (
            Box::new(|| Reply::text(200, r#"{"status":"ERROR","msg":"no"}"#)),
            ApiErrorKind::Refused,
            3,
        ),
        (
            Box::new(|| Reply::text(200, "{}")),
            ApiErrorKind::Shape("a record has no `id`".to_owned()),
            3,
        ),
    ] {
        let (error, requests) = failing(answer).await;
        assert_eq!(error.kind(), &kind);
        assert_eq!(requests, tries, "{kind:?}");
        assert!(!error.help().is_empty());
    }
}

#[tokio::test]
async fn an_endless_body_ends_in_one_error() {
    let (error, requests) = failing(|| Reply::endless("{\"solution\": ")).await;
    assert_eq!(error.kind(), &ApiErrorKind::TooLarge { limit: 1024 * 1024 });
    assert_eq!(requests, 1);
    assert!(error.to_string().contains("{\"solution\": "), "{error}");

    let server = Scripted::start(|_| Reply::endless(" ")).await;
    let error = reader(&server).collect(&whole()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        &ApiErrorKind::TooLarge {
            limit: 64 * 1024 * 1024
        }
    );
}

#[tokio::test]
async fn endless_error_bodies_are_cut() {
    let server = Scripted::start(|_| Reply::endless("error ").status(400)).await;
    let error = reader(&server).get(&id("a")).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
    assert!(error.to_string().len() < 1000, "{error}");
}

#[tokio::test]
async fn only_reads_follow_redirects_within_the_origin() {
    let server = Scripted::start(|asked| match asked.path.as_str() {
        "/api/v2/solutions/deployed/a" => Reply::text(307, "").header("location", "/elsewhere?x=1"),
        "/elsewhere" => Reply::json(&record()),
        _ => Reply::text(302, "").header("location", "/api/v2/solutions/deployed/loop"),
    })
    .await;
    let reader = reader(&server);
    assert!(reader.get(&id("a")).await.unwrap().is_some());
    assert!(server.asked()[1].header("authorization").is_some());
    let error = reader.get(&id("loop")).await.unwrap_err();
    assert!(
        matches!(error.kind(), ApiErrorKind::Redirect { .. }),
        "{error}"
    );
    assert!(server.count() < 10);
}

#[tokio::test]
async fn the_token_does_not_travel_to_another_origin() {
    let other = Scripted::start(|_| Reply::json(&record())).await;
    let target = other.url.join("/steal").unwrap().to_string();
    let location = target.clone();
    let (error, requests) = failing(move || Reply::text(302, "").header("location", &target)).await;
    assert_eq!(
        error.kind(),
        &ApiErrorKind::Redirect {
            location: location.clone()
        }
    );
    assert!(error.to_string().contains(&location), "{error}");
    assert_eq!(requests, 1);
    assert_eq!(other.count(), 0);
}

#[tokio::test]
async fn a_missing_version_differs_from_a_refusal() {
    for status in [404, 410] {
        let server = Scripted::start(move |_| Reply::text(status, "gone")).await;
        assert_eq!(reader(&server).get(&id("a")).await.unwrap(), None);
    }
    for (body, expected) in [
        (json!({"solution": null}), "none"),
        (
            json!({"solution": {"id": "a", "name": "A", "version": "1", "owner": "o"}}),
            "some",
        ),
        (
            json!({"id": "a", "name": "A", "version": "1", "owner": "o"}),
            "some",
        ),
        (
            json!({"solution": {"id": "b", "name": "A", "version": "1", "owner": "o"}}),
            "error",
        ),
        (json!({"solution": []}), "error"),
    ] {
        let shown = body.to_string();
        let server = Scripted::start(move |_| Reply::json(&body)).await;
        let found = match reader(&server).get(&id("a")).await {
            Ok(None) => "none",
            Ok(Some(_)) => "some",
            Err(_) => "error",
        };
        assert_eq!(found, expected, "{shown}");
    }
}

#[tokio::test]
async fn a_job_is_requested_as_async() {
    let server = Scripted::start(|asked| {
        if asked.nth == 0 {
            Reply::json(&json!({"status": "OK", "state": "PENDING"}))
        } else {
            Reply::text(404, "")
        }
    })
    .await;
    let reader = reader(&server);
    let job = JobId::parse("j 1").unwrap();
    assert_eq!(
        reader.job(&job).await.unwrap(),
        JobState::Pending("PENDING".to_owned())
    );
    assert_eq!(
        server.asked()[0].line(),
        "GET /api/v1/jobs/status?job_id=j%201&type=async"
    );
    assert_eq!(
        reader.job(&job).await.unwrap(),
        JobState::NoAnswer(NoAnswer::UnknownJob)
    );
}

#[tokio::test]
async fn files_are_read_by_ranges() {
    let content: Vec<u8> = (0..=255).collect();
    let shared = content.clone();
    let server = Scripted::start(move |asked| match asked.path.as_str() {
        "/api/v2/files/acme/prod/fs/Instabase%20Drive/a.ibsolution" => {
            assert_eq!(asked.raw_query, "expect-node-type=file");
            let range = asked.header("range").unwrap();
            let (first, last) = range
                .strip_prefix("bytes=")
                .unwrap()
                .split_once('-')
                .unwrap();
            let first: usize = first.parse().unwrap();
            let last = last.parse::<usize>().unwrap().min(255);
            if first > 255 {
                return Reply::text(416, "").header("content-range", "bytes */256");
            }
            Reply::bytes(206, &shared[first..=last])
                .header("content-range", &format!("bytes {first}-{last}/256"))
        }
        "/api/v2/files/plain" => Reply::bytes(200, &shared),
        _ => Reply::text(404, r#"{"message":"no such file"}"#),
    })
    .await;
    let files = Files::new(client(&server));
    let path = "acme/prod/fs/Instabase Drive/a.ibsolution";
    for (range, start, length) in [(0..100, 0, 100), (200..900, 200, 56), (300..400, 300, 0)] {
        let part = files.read(path, range).await.unwrap().unwrap();
        assert_eq!(
            (part.start, part.bytes.len(), part.total),
            (start, length, Some(256))
        );
    }
    let whole = files.read("plain", 10..20).await.unwrap().unwrap();
    assert_eq!(
        (whole.start, &whole.bytes[..], whole.total),
        (0, &content[..], Some(256))
    );
    assert_eq!(files.read("missing", 0..10).await.unwrap(), None);
}

thread_local! {
    /// The log of this test's thread. All requests of a test run on its own thread.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A writer to the log of the current thread.
struct ThreadLog;

impl io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Enables the log. A single subscriber serves the whole process: the decision whether a code
/// location logs is cached for all threads, so a subscriber of one thread can miss a location that
/// another thread has reached without a subscriber.
fn log_everything() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| ThreadLog)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    tracing::callsite::rebuild_interest_cache();
}

#[tokio::test]
async fn no_text_contains_the_token() {
    log_everything();
    let server = Scripted::start(|asked| {
        let echo = asked.header("authorization").unwrap_or_default();
        match asked.nth {
            0 | 1 => Reply::text(401, &format!("{{\"you\": {echo:?}}}")),
            2 => Reply::text(302, "").header("location", &format!("http://evil.example/?t={echo}")),
            _ => Reply::text(400, echo).header("x-request-id", echo),
        }
    })
    .await;
    let client = client(&server);
    let reader = Reader::new(client.clone());
    let mut texts = vec![format!("{client:?} {reader:?} {:?}", settings(&server))];
    for _ in 0..3 {
        let error = reader.get(&id("a")).await.unwrap_err();
        texts.push(format!("{error} {error:?} {}", error.help()));
        assert!(error.to_string().contains("[redacted]"), "{error}");
    }
    // A name that contains the token by mistake.
    let error = reader.get(&id(TOKEN)).await.unwrap_err();
    texts.push(format!("{error} {error:?}"));
    texts.push(String::from_utf8(LOGGED.take()).unwrap());
    for text in &texts {
        assert!(!text.contains(TOKEN), "{text}");
    }
    assert!(texts.last().unwrap().contains("status=401"), "{texts:?}");
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let secrets: Arc<Redactor> = Arc::default();
    let with = |change: &dyn Fn(&mut ClientSettings)| {
        let mut settings = ClientSettings::new(
            Url::parse("https://h.example").unwrap(),
            Arc::clone(&secrets),
        );
        change(&mut settings);
        Client::new(settings)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(with(&|_| ()), Ok(()));
    for change in [
        &(|settings: &mut ClientSettings| settings.context = Some("a\nb".to_owned()))
            as &dyn Fn(&mut ClientSettings),
        &|settings| settings.user_agent = "a\nb".to_owned(),
        &|settings| settings.roots_pem = vec![b"no certificate".to_vec()],
        &|settings| settings.client_identity_pem = Some(b"no key".to_vec()),
        &|settings| {
            settings.allowed_hosts = Some(AllowedHosts::new("other.example", Arc::new(|_| None)));
        },
    ] {
        assert!(with(change).is_err());
    }
}

#[tokio::test]
async fn a_server_without_tls_is_no_trusted_connection() {
    let server = Scripted::start(|_| Reply::json(&record())).await;
    let mut url = server.url.clone();
    url.set_scheme("https").unwrap();
    let mut settings = settings(&server);
    settings.base = url;
    let reader = Reader::new(Client::new(settings).unwrap());
    let error = reader.get(&id("a")).await.unwrap_err();
    assert_eq!(error.kind(), &ApiErrorKind::Tls, "{error:?}");
    assert!(error.help().contains("ca_bundle"));
    assert!(!error.to_string().contains(" attempts"), "{error}");
}

#[tokio::test]
async fn every_read_can_be_made_from_a_task() {
    let server = Scripted::start(|_| Reply::json(&json!({"solutions": []}))).await;
    let reader = reader(&server);
    let task = tokio::spawn({
        let reader = reader.clone();
        async move {
            reader.collect(&whole()).await.unwrap();
            reader.named(&super::name("A")).await.unwrap()
        }
    });
    assert_eq!(task.await.unwrap(), []);
    let id = id("a");
    let version = tokio::spawn(async move { reader.get(&id).await });
    assert!(version.await.unwrap().is_err());
}
