//! Slow clients, many clients, large bodies and odd parameters: each gets an answer or a closed
//! connection, and the server continues. Some tests pause the clock of tokio, which then jumps to
//! the next timer, so that the time-outs take no real time.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use solform_emulator::JobPace;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Api, DEPLOYED, answer};

const LIST: &[u8] =
    b"GET /api/v2/solutions/deployed HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer \
        t\r\n\r\n";

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Writes all bytes.
async fn write(stream: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        stream.writable().await.unwrap();
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns the next bytes that the server sends; empty if it has closed the connection.
async fn read(stream: &TcpStream) -> String {
    let mut buffer = [0; 4_096];
    loop {
        stream.readable().await.unwrap();
        match stream.try_read(&mut buffer) {
            Ok(count) => return String::from_utf8_lossy(&buffer[..count]).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return String::new(),
        }
    }
}

#[tokio::test]
async fn a_thousand_connections_at_once() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let address = api.emulator.address();
    let streams = join_all((0..1_000).map(|_| connect(address))).await;
    // All are open and silent, and one more is still served.
    assert_eq!(api.get(DEPLOYED).await.0, 200);
    join_all(streams.iter().map(|stream| write(stream, LIST))).await;
    for reply in join_all(streams.iter().map(read)).await {
        assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    }
    assert_eq!(api.emulator.requests().len(), 1_001);
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_disconnected() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let address = api.emulator.address();
    // No byte, half a head, and a head that arrives one byte at a time.
    for head in [&b""[..], b"GET /api/v2/solutions/deployed HTTP/1.1\r\nhos"] {
        let stream = connect(address).await;
        write(&stream, head).await;
        let reply = read(&stream).await;
        assert!(reply.is_empty() || reply.contains(" 408 "), "{reply}");
    }
    let stream = connect(address).await;
    let dripping = async {
        for byte in LIST {
            sleep(Duration::from_secs(20)).await;
            write_if_open(&stream, *byte).await;
        }
    };
    tokio::select! {
        reply = read(&stream) => assert!(reply.is_empty() || reply.contains(" 408 "), "{reply}"),
        () = dripping => panic!("the server accepted the whole head"),
    }
    // A body that stops, and one that arrives one byte at a time.
    let head = "POST /api/v2/solutions/deployed HTTP/1.1\r\nhost: localhost\r\nauthorization: \
        Bearer t\r\n\
                content-length: 1000\r\n\r\n";
    let stream = connect(address).await;
    write(&stream, head.as_bytes()).await;
    assert!(read(&stream).await.contains(" 408 "));
    let stream = connect(address).await;
    write(&stream, head.as_bytes()).await;
    let dripping = async {
        for _ in 0..1_000 {
            sleep(Duration::from_secs(20)).await;
            write_if_open(&stream, b' ').await;
        }
    };
    tokio::select! {
        reply = read(&stream) => assert!(reply.contains(" 408 "), "{reply}"),
        () = dripping => panic!("the server accepted the whole body"),
    }
    assert_eq!(api.get(DEPLOYED).await.0, 200);
}

/// Writes a byte, unless the server has closed the connection.
async fn write_if_open(stream: &TcpStream, byte: u8) {
    if stream.writable().await.is_ok() {
        let _ = stream.try_write(&[byte]);
    }
}

#[tokio::test]
async fn bodies_of_a_hundred_megabytes() {
    let api = Api::with(&[], JobPace::Immediate).await;
    let length = 100 << 20;
    let body = || {
        let chunk = bytes::Bytes::from(vec![b' '; 1 << 20]);
        let chunks = (0..100).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
        Body::wrap_stream(futures_util::stream::iter(chunks))
    };
    for (method, path, status) in [
        (Method::POST, DEPLOYED.to_owned(), 413),
        (Method::POST, format!("{DEPLOYED}/run"), 413),
        (Method::POST, "/nowhere".to_owned(), 404),
    ] {
        let request = api.request(method.clone(), &path).body(body());
        assert_eq!(answer(request).await.0, status, "{method} {path}");
    }
    let (status, reply) = answer(api.file(Method::PUT, "large").body(body())).await;
    assert_eq!(status, 204, "{reply}");
    let head = api.file(Method::HEAD, "large").send().await.unwrap();
    assert_eq!(head.headers()["content-length"], length.to_string());
}

#[tokio::test]
async fn odd_parameters() {
    let seed = "
solutions:
  - { name: A, version: 1, owner: ann }
  - { name: B, version: 1, owner: ann, state: INACTIVE }
";
    let api = Api::seeded(seed, &[], JobPace::Immediate).await;
    // Query, status, and the names in the answer.
    for (query, status, names) in [
        ("name=A&name=B", 200, "A"),
        ("name=&name=B", 200, "B A"),
        ("limit=1&limit=5", 200, "B"),
        ("limit=1000000000", 200, "B A"),
        ("offset=1000000000", 200, ""),
        ("offset=9223372036854775807", 200, ""),
        ("offset=9223372036854775808", 400, ""),
        ("limit=9223372036854775807", 200, "B A"),
        ("limit=9223372036854775808", 400, ""),
        ("limit=0", 400, ""),
        ("limit=", 400, ""),
        ("offset=&offset=1", 400, ""),
        ("state=&visibility=", 200, "B A"),
        ("limit=-1", 400, ""),
        ("limit=%20", 400, ""),
        ("state=active", 200, ""),
        ("visibility=SECRET", 200, ""),
        ("colour=red&=&&", 200, "B A"),
        ("name=%00", 200, ""),
    ] {
        let (answered, body) = api.get(&format!("{DEPLOYED}?{query}")).await;
        assert_eq!(answered, status, "{query}: {body}");
        let shown = body["solutions"].as_array().into_iter().flatten();
        let shown: Vec<_> = shown.map(|s| s["name"].as_str().unwrap()).collect();
        assert_eq!(shown.join(" "), names, "{query}");
    }
    let long = "x".repeat(50_000);
    let (status, _) = api.get(&format!("{DEPLOYED}?name={long}")).await;
    assert_eq!(status, 200);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let request = api.request(Method::POST, DEPLOYED).body(deep);
    assert_eq!(answer(request).await.0, 400);
    for body in [json!({ "solution_path": "x".repeat(500_000) }), Value::Null] {
        let (status, _) = api.call(Method::POST, DEPLOYED, Some(body)).await;
        assert!([200, 400].contains(&status), "{status}");
    }
    assert_eq!(api.get(DEPLOYED).await.0, 200);
}
