//! A server on a loopback port that answers by a function, and records the requests.
//!
//! On demand it breaks HTTP: bodies that end early or never, answers that never come.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use url::Url;

/// A request, as the server received it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The number of requests before this one.
    pub(crate) nth: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns method and target, as in a request line.
    pub(crate) fn line(&self) -> String {
        let mark = if self.raw_query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.raw_query)
    }
}

/// An answer to a request.
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Ending,
    /// A gate that holds the answer back until a permit is added.
    gate: Option<Arc<Semaphore>>,
    delay: Duration,
}

enum Ending {
    Whole(Vec<u8>),
    CutOff(Vec<u8>),
    Endless(Vec<u8>),
    Never,
}

impl Reply {
    pub(crate) fn json(value: &Value) -> Self {
        Self::text(200, &value.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Ending::Whole(text.as_bytes().to_vec()),
            gate: None,
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn bytes(status: u16, bytes: &[u8]) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Ending::Whole(bytes.to_vec()),
            gate: None,
            delay: Duration::ZERO,
        }
    }

    /// Creates an answer whose body breaks off.
    pub(crate) fn cut_off(text: &str) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Ending::CutOff(text.as_bytes().to_vec()),
            gate: None,
            delay: Duration::ZERO,
        }
    }

    /// Creates an answer whose body repeats without end.
    pub(crate) fn endless(text: &str) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Ending::Endless(text.as_bytes().repeat(4096)),
            gate: None,
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Creates no answer: the connection stays open.
    pub(crate) fn never() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Ending::Never,
            gate: None,
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Holds the answer back until a permit is added.
    pub(crate) fn behind(mut self, gate: &Arc<Semaphore>) -> Self {
        self.gate = Some(Arc::clone(gate));
        self
    }

    /// Delays the answer. Only for tests whose time is paused.
    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    async fn send(self) -> Response<Body> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        if let Some(gate) = &self.gate {
            drop(gate.acquire().await);
        }
        let body = match self.body {
            Ending::Whole(bytes) => Body::from(bytes),
            Ending::CutOff(bytes) => Body::from_stream(
                stream::iter([Ok(Bytes::from(bytes))]).chain(stream::once(async {
                    // The written bytes must be sent before the connection breaks.
                    for _ in 0..8 {
                        tokio::task::yield_now().await;
                    }
                    Err(io::Error::other("cut off"))
                })),
            ),
            Ending::Endless(bytes) => Body::from_stream(stream::repeat_with(move || {
                Ok::<_, Infallible>(Bytes::from(bytes.clone()))
            })),
            Ending::Never => std::future::pending().await,
        };
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(body).unwrap()
    }
}

/// The running server; it stops when dropped.
pub(crate) struct Scripted {
    pub(crate) url: Url,
    log: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Scripted {
    /// Starts a server that sends the answers of `answer`.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let answer = Arc::new(answer);
        let shared = Arc::clone(&log);
        let app = Router::new().fallback(move |request: Request| {
            let (answer, log) = (Arc::clone(&answer), Arc::clone(&shared));
            async move {
                let asked = read(request, &log).await;
                answer(&asked).send().await
            }
        });
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            url: Url::parse(&format!("http://{address}")).unwrap(),
            log,
            task,
        }
    }

    /// Starts a server that accepts connections and closes them at once.
    pub(crate) async fn slamming() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.readable().await.unwrap();
                drop(stream);
            }
        });
        Self {
            url: Url::parse(&format!("http://{address}")).unwrap(),
            log: Arc::default(),
            task,
        }
    }

    /// Returns all requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.log.lock().unwrap().len()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(request: Request, log: &Mutex<Vec<Asked>>) -> Asked {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let query = url::form_urlencoded::parse(raw_query.as_bytes())
        .into_owned()
        .collect();
    let mut log = log.lock().unwrap();
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query,
        raw_query,
        headers: head.headers,
        body,
        nth: log.len(),
    };
    log.push(asked.clone());
    asked
}
