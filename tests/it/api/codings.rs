//! Compressed answers: requested, decompressed within the limits, and reported if they are broken.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use secrecy::SecretString;
use serde_json::json;
use solform::api::{ApiErrorKind, Client, Files, Reader, Writer};
use solform::ident::SolutionId;

use super::{TOKEN, client, reader, settings};
use crate::support::scripted::{Reply, Scripted};

const KIB: usize = 1024;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn record() -> Vec<u8> {
    json!({"solution": {"id": "a", "name": "A", "version": "1", "owner": "o", "state": "ACTIVE"}})
        .to_string()
        .into_bytes()
}

fn id() -> SolutionId {
    SolutionId::parse("a").unwrap()
}

fn coded(status: u16, coding: &str, body: &[u8]) -> Reply {
    Reply::bytes(status, body).header("content-encoding", coding)
}

#[tokio::test]
async fn answers_may_be_compressed() {
    let server = Scripted::start(|_| coded(200, "gzip", &gzip(&record()))).await;
    assert!(reader(&server).get(&id()).await.unwrap().is_some());
    let asked = &server.asked()[0];
    assert_eq!(asked.header("accept-encoding"), Some("zstd, br, gzip"));
    // A proxy has decompressed it, and left the header.
    let server = Scripted::start(|_| coded(200, "gzip", &record())).await;
    assert!(reader(&server).get(&id()).await.unwrap().is_some());
}

/// Time is paused, so that the pauses between the attempts take none.
#[tokio::test(start_paused = true)]
async fn bad_compression_is_an_error() {
    let whole = gzip(&record());
    let bomb = gzip(&vec![b' '; KIB * KIB]).repeat(KIB);
    let not_json = ApiErrorKind::NotJson { html: false };
    for (coding, body, kind, tries) in [
        ("compress", &whole[..], not_json.clone(), 3),
        ("gzip, gzip", &gzip(&whole), not_json.clone(), 3),
        ("gzip", &gzip(&whole), not_json.clone(), 3),
        ("br", &whole, not_json.clone(), 3),
        ("zstd", &whole, not_json, 3),
        (
            "gzip",
            &whole[..whole.len() - 9],
            ApiErrorKind::Truncated,
            5,
        ),
        ("gzip", &gzip(b" "), ApiErrorKind::EmptyBody, 5),
        (
            "gzip",
            &bomb,
            ApiErrorKind::TooLarge {
                limit: (KIB * KIB) as u64,
            },
            1,
        ),
    ] {
        let body = body.to_vec();
        let server = Scripted::start(move |_| coded(200, coding, &body)).await;
        let error = reader(&server).get(&id()).await.unwrap_err();
        assert_eq!(error.kind(), &kind, "{coding}");
        assert_eq!(server.count(), tries, "{coding}: {kind:?}");
        assert_eq!(error.status(), Some(200), "{coding}: {kind:?}");
    }
}

/// A server with a defect in its compression is asked for plain answers, and what can be read of
/// the answer to a write is used.
#[tokio::test(start_paused = true)]
async fn defects_of_a_compression_are_avoided() {
    let cut = |plain: &[u8]| {
        let whole = gzip(plain);
        whole[..whole.len() - 8].to_vec()
    };
    let server = Scripted::start(move |asked| {
        let job = br#"{"status": "OK", "job_id": "j-1"}"#;
        match (asked.method.as_str(), asked.header("accept-encoding")) {
            ("POST", _) => coded(200, "gzip", &cut(job)),
            (_, Some("identity")) => Reply::bytes(200, &record()),
            _ => coded(200, "gzip", &cut(&record())),
        }
    })
    .await;
    let reader = reader(&server);
    assert!(reader.get(&id()).await.unwrap().is_some());
    assert_eq!(server.count(), 2);
    let job = Writer::new(&reader).deploy("a/b.ibsolution").await.unwrap();
    assert_eq!(job.map(|job| job.to_string()), Some("j-1".to_owned()));
}

#[tokio::test]
async fn compressed_errors_are_quoted_without_secrets() {
    let text = format!("{{\"message\": \"not for {TOKEN}\"}}");
    for cut in [0, 9] {
        let mut body = gzip(text.as_bytes());
        body.truncate(body.len() - cut);
        let server = Scripted::start(move |_| coded(403, "gzip", &body)).await;
        let settings = settings(&server);
        settings.secrets.add(&SecretString::from(TOKEN));
        let client = Client::new(settings).unwrap();
        let error = Reader::new(client)
            .get(&id())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("not for [redacted]"), "{error}");
    }
}

/// What is stored in a compressed form is compared in that form.
#[tokio::test]
async fn files_are_not_decompressed() {
    let stored = gzip(b"a package");
    let sent = stored.clone();
    let server = Scripted::start(move |_| coded(200, "gzip", &sent)).await;
    let files = Files::new(client(&server));
    let part = files.read("a/b", 0..99).await.unwrap().unwrap();
    assert_eq!(part.bytes, stored);
    assert!(!files.is_folder("a/b").await.unwrap());
    for asked in server.asked() {
        assert_eq!(asked.header("accept-encoding"), Some("identity"));
    }
}
