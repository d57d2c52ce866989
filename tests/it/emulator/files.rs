//! The Filesystem API.

use reqwest::Method;
use reqwest::StatusCode;
use serde_json::Value;
use serde_json::json;
use solform_emulator::{EmulatorOptions, JobPace};

use super::{Api, DRIVE, answer, text};

#[tokio::test]
async fn files_are_written_read_listed_and_removed() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let put = |path: &str, body: &'static str| api.file(Method::PUT, path).body(body);
    let get = |path: &str| {
        api.file(Method::GET, path)
            .query(&[("expect-node-type", "file")])
    };

    assert_eq!(answer(put("new/a.txt", "hello")).await.0, 204);
    assert_eq!(answer(put("new/a.txt", "hello!")).await.0, 204);
    let once = put("new/b c.txt", "x").header("If-None-Match", "*");
    let response = once.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(
        location,
        "/api/v2/files/acme/prod/fs/Instabase%20Drive/new/b%20c.txt"
    );
    let again = put("new/b c.txt", "x").header("If-None-Match", "*");
    assert_eq!(answer(again).await.0, 412);
    assert_eq!(answer(put("new/a.txt/below", "x")).await.0, 400);
    assert_eq!(answer(put("new", "x")).await.0, 412);

    let response = get("new/a.txt").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("last-modified"));
    assert_eq!(response.text().await.unwrap(), "hello!");
    for (range, status, content_range, part) in [
        ("bytes=1-3", 206, "bytes 1-3/6", "ell"),
        ("bytes=4-", 206, "bytes 4-5/6", "o!"),
        ("bytes=4-99", 206, "bytes 4-5/6", "o!"),
        ("bytes=-2", 206, "bytes 4-5/6", "o!"),
        ("bytes=-99", 206, "bytes 0-5/6", "hello!"),
        ("bytes=3-1", 200, "", "hello!"),
        ("lines=1-2", 200, "", "hello!"),
        ("bytes=6-7", 416, "bytes */6", ""),
        ("bytes=-0", 416, "bytes */6", ""),
    ] {
        let response = get("new/a.txt")
            .header("Range", range)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), status, "{range}");
        let header = response.headers().get("content-range");
        assert_eq!(
            header.map_or("", |v| v.to_str().unwrap()),
            content_range,
            "{range}"
        );
        if status < 400 {
            assert_eq!(response.text().await.unwrap(), part, "{range}");
        }
    }

    let response = api.file(Method::HEAD, "new/a.txt").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-length"], "6");
    assert_eq!(
        response.headers()["content-type"],
        "application/octet-stream"
    );
    assert!(response.headers().contains_key("last-modified"));
    let response = api.file(Method::HEAD, "new").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(!response.headers().contains_key("last-modified"));
    assert_eq!(answer(api.file(Method::HEAD, "none")).await.0, 404);

    // The expected type is required, and must be the true one.
    assert_eq!(answer(get("new")).await.0, 412);
    assert_eq!(answer(get("none")).await.0, 404);
    assert_eq!(answer(api.file(Method::GET, "new/a.txt")).await.0, 400);
    let folder = |path: &str| {
        api.file(Method::GET, path)
            .query(&[("expect-node-type", "folder")])
    };
    assert_eq!(answer(folder("new/a.txt")).await.0, 412);

    let response = api.file(Method::DELETE, "new").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(api.get(&location).await.1["state"], "COMPLETE");
    assert_eq!(answer(get("new/a.txt")).await.0, 404);
    assert_eq!(answer(api.file(Method::DELETE, "new")).await.0, 202);
}

#[tokio::test]
async fn folders_are_listed_page_by_page() {
    let api = Api::with(&["folder_page=2"], JobPace::Immediate).await;
    for (name, node_type, status) in [
        ("sub", "folder", 201),
        ("sub", "folder", 412),
        ("empty", "file", 201),
        ("a/b", "folder", 400),
        ("x", "link", 400),
    ] {
        let body = json!({ "name": name, "node_type": node_type });
        let (answered, body) = answer(api.file(Method::POST, "new").json(&body)).await;
        assert_eq!(answered, status, "{name}: {body}");
    }
    assert_eq!(
        answer(api.file(Method::PUT, "new/sub/deep").body("x"))
            .await
            .0,
        204
    );
    assert_eq!(
        answer(api.file(Method::PUT, "new/ärger").body("xy"))
            .await
            .0,
        204
    );
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let mut request = api
            .file(Method::GET, "new")
            .query(&[("expect-node-type", "folder")]);
        if let Some(token) = token {
            request = request.query(&[("start-token", token)]);
        }
        let (status, page) = answer(request).await;
        assert_eq!(status, 200);
        for node in page["nodes"].as_array().unwrap() {
            let path = text(&node["full_path"]);
            assert_eq!(path, format!("{DRIVE}/new/{}", text(&node["name"])));
            names.push(format!(
                "{} {} {}",
                text(&node["name"]),
                text(&node["metadata"]["node_type"]),
                node["metadata"]["size"]
            ));
        }
        if page["has_more"] == json!(false) {
            assert_eq!(page["next_page_token"], Value::Null);
            break;
        }
        token = Some(text(&page["next_page_token"]));
    }
    assert_eq!(names, ["empty file 0", "sub folder 0", "ärger file 2"]);
    let bad = api
        .file(Method::GET, "new")
        .query(&[("expect-node-type", "folder"), ("start-token", "xyz")]);
    assert_eq!(answer(bad).await.0, 400);
}

#[tokio::test]
async fn files_arrive_in_chunks() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let chunk = |cursor: &'static str, body: &'static str| {
        api.file(Method::PATCH, "up")
            .header("IB-Cursor", cursor)
            .body(body)
    };
    let read = || async {
        let request = api
            .file(Method::GET, "up")
            .query(&[("expect-node-type", "file")]);
        text(&answer(request).await.1)
    };
    assert_eq!(answer(chunk("-1", "x")).await.0, 404);
    for (cursor, body, status) in [
        ("0", "one ", 204),
        ("-1", "two ", 204),
        ("-1", "three", 204),
        ("14", "x", 400),
        ("-2", "x", 400),
        ("x", "x", 400),
    ] {
        assert_eq!(
            answer(chunk(cursor, body)).await.0,
            status,
            "{cursor} {body}"
        );
    }
    assert_eq!(answer(api.file(Method::PATCH, "up").body("x")).await.0, 400);
    assert_eq!(read().await, "one two three");
    assert_eq!(answer(chunk("4", "TWO")).await.0, 204);
    assert_eq!(read().await, "one TWO three");
    api.emulator
        .change_knobs(|knobs| knobs.assign("cursor_zero=overwrites").unwrap());
    assert_eq!(answer(chunk("0", "ONE")).await.0, 204);
    assert_eq!(read().await, "ONE TWO three");
    api.emulator
        .change_knobs(|knobs| knobs.assign("cursor_zero=truncates").unwrap());
    assert_eq!(answer(chunk("0", "done")).await.0, 204);
    assert_eq!(read().await, "done");
}

#[tokio::test]
async fn an_uploaded_package_can_be_deployed() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let request = api
        .file(Method::GET, "A-1.ibsolution")
        .query(&[("expect-node-type", "file")]);
    let bytes = request.send().await.unwrap().bytes().await.unwrap();
    let half = bytes.len() / 2;
    for (cursor, part) in [("0", bytes.slice(..half)), ("-1", bytes.slice(half..))] {
        let request = api.file(Method::PATCH, "up/A.ibsolution");
        let request = request.header("IB-Cursor", cursor).body(part);
        assert_eq!(answer(request).await.0, 204);
    }
    assert_eq!(api.deployed("up/A").await["status"], "OK");
    assert_eq!(api.names("").await, ["A@1"]);
}

/// The emulator keeps large files in blocks of 1 MiB on disk. No reader sees their borders, and a
/// data folder keeps them.
#[tokio::test]
async fn large_files_have_no_visible_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let durable = || EmulatorOptions {
        data: Some(folder.path().join("data")),
        ..EmulatorOptions::default()
    };
    let api = Api::start(durable()).await;
    let mut expected = noise(1, (5 << 19) + 7);
    let put = api.file(Method::PUT, "large").body(expected.clone());
    assert_eq!(answer(put).await.0, 204);
    // Behind the end, and over the border of two blocks.
    let changes = [
        ("-1", expected.len(), noise(2, 3 << 19)),
        ("1048000", 1_048_000, noise(3, 1_000)),
    ];
    for (cursor, start, bytes) in changes {
        let part = api
            .file(Method::PATCH, "large")
            .header("IB-Cursor", cursor)
            .body(bytes.clone());
        assert_eq!(answer(part).await.0, 204, "{cursor}");
        let end = (start + bytes.len()).min(expected.len());
        expected.splice(start..end, bytes);
    }
    api.emulator.stop().await;
    for _ in 0..2 {
        let api = Api::start(durable()).await;
        let length = expected.len();
        for (range, status) in [
            (0..length, 200),
            (1_048_570..1_048_580, 206),
            (0..1, 206),
            (length - 1..length, 206),
            (500_000..2_500_000, 206),
        ] {
            let mut read = api
                .file(Method::GET, "large")
                .query(&[("expect-node-type", "file")]);
            if status == 206 {
                let header = format!("bytes={}-{}", range.start, range.end - 1);
                read = read.header("Range", header);
            }
            let response = read.send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{range:?}");
            let sent = response.content_length();
            assert_eq!(sent, Some(range.len() as u64), "{range:?}");
            let bytes = response.bytes().await.unwrap();
            assert!(bytes == expected[range.clone()], "{range:?}");
        }
        api.emulator.stop().await;
    }
}

/// A fault cuts a large file at half of its length too.
#[tokio::test]
async fn a_large_file_can_break_off() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let put = api.file(Method::PUT, "large").body(noise(1, 3 << 20));
    assert_eq!(answer(put).await.0, 204);
    let fault = "operation=read_node,connection=truncate";
    api.emulator.add_fault(fault.parse().unwrap());
    let read = api
        .file(Method::GET, "large")
        .query(&[("expect-node-type", "file")]);
    let response = read.send().await.unwrap();
    assert_eq!(response.content_length(), Some(3 << 20));
    assert!(response.bytes().await.is_err());
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}
