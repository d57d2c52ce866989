//! Servers that answer every request with given bytes: for answers that no framework creates.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server on a loopback port that sends the same answer to every client.
pub(crate) struct RawServer {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    /// Starts a server that answers each request with these bytes and closes the connection.
    pub(crate) fn saying(answer: &str) -> Self {
        let answer = answer.as_bytes().to_vec();
        Self::serving(move |stream| {
            let _ = stream.write_all(&answer);
        })
    }

    /// Starts a server that answers with a head, and then repeats the same bytes until the client
    /// disconnects.
    pub(crate) fn endless(head: &str, bytes: &str) -> Self {
        let head = head.as_bytes().to_vec();
        let bytes = bytes.repeat(4096).into_bytes();
        Self::serving(move |stream| {
            let _ = stream.write_all(&head);
            while stream.write_all(&bytes).is_ok() {}
        })
    }

    fn serving(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { break };
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || {
                    seen.lock().unwrap().push(head_of(&mut stream));
                    answer(&mut stream);
                });
            }
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Returns a whole answer with its length.
pub(crate) fn answer(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: \
         close\r\n\r\n{body}",
        body.len()
    )
}
