//! A proxy between the program and an emulator, which can kill the program at any request.

use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use futures_util::StreamExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::TestEnv;
use super::sweep::{assert_none_failed, chosen};

/// The moment at which the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kill {
    /// When the request arrives: the server never sees it.
    Before(usize),
    /// After the server has answered it: the program never sees the answer.
    After(usize),
    Never,
}

/// The number of concurrent cases: they mostly wait.
pub(crate) const AT_ONCE: usize = 8;

/// Runs a case with a kill before and after each of its requests, and returns the number of its
/// requests without a kill.
pub(crate) async fn every_kill<F>(test: &str, case: impl Fn(Kill) -> F) -> usize
where
    F: Future<Output = Result<usize, String>> + Send + 'static,
{
    let requests = case(Kill::Never).await.unwrap();
    let name = |kill: &Kill| format!("{kill:?}");
    let cases = (0..requests).flat_map(|nth| [Kill::Before(nth), Kill::After(nth)]);
    let cases = chosen(cases, name);
    let count = cases.len();
    let failed: Vec<(String, String)> = futures_util::stream::iter(cases)
        .map(|kill| {
            let ended = tokio::spawn(case(kill));
            async move {
                match ended.await {
                    Ok(Ok(_)) => None,
                    Ok(Err(wrong)) => Some((name(&kill), wrong)),
                    Err(panic) => Some((name(&kill), panic.to_string())),
                }
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert_none_failed(test, count, &failed);
    requests
}

/// A check of the server's state after each write; returns an error message.
pub(crate) type Watch =
    Arc<dyn Fn() -> futures_util::future::BoxFuture<'static, Option<String>> + Send + Sync>;

pub(crate) struct KillingProxy {
    pub(crate) url: String,
    /// The program's process, after its start.
    pub(crate) process: Arc<AtomicU32>,
    /// True if requests are neither counted nor a reason to kill.
    is_paused: Arc<AtomicBool>,
    seen: Arc<AtomicUsize>,
    wrong: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl KillingProxy {
    pub(crate) async fn start(to: &str, kill: Kill, watch: Watch) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let process: Arc<AtomicU32> = Arc::default();
        let is_paused: Arc<AtomicBool> = Arc::default();
        let seen: Arc<AtomicUsize> = Arc::default();
        let wrong: Arc<Mutex<Vec<String>>> = Arc::default();
        let client = crate::support::http_client();
        let shared = (
            to.to_owned(),
            Arc::clone(&process),
            (Arc::clone(&is_paused), Arc::clone(&seen)),
            Arc::clone(&wrong),
        );
        let app = Router::new().fallback(move |request: Request| {
            let (to, process, (is_paused, seen), wrong) = shared.clone();
            let (client, watch) = (client.clone(), Arc::clone(&watch));
            async move {
                if is_paused.load(Ordering::SeqCst) {
                    return forward(&client, &to, request).await;
                }
                let nth = seen.fetch_add(1, Ordering::SeqCst);
                if kill == Kill::Before(nth) {
                    kill_process(&process);
                    return never().await;
                }
                let is_write = request.method() != axum::http::Method::GET;
                let answer = forward(&client, &to, request).await;
                if is_write && let Some(what) = watch().await {
                    wrong.lock().unwrap().push(what);
                }
                if kill == Kill::After(nth) {
                    kill_process(&process);
                    return never().await;
                }
                answer
            }
        });
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            process,
            is_paused,
            seen,
            wrong,
            serving,
        }
    }

    /// Lets all requests pass, without counting them, until it is resumed.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::SeqCst);
    }

    /// Runs the program until it ends, or until the proxy kills it.
    pub(crate) async fn run_until_killed(&self, env: &TestEnv, arguments: &[&str]) -> ExitStatus {
        let mut command = env.command(env!("CARGO_BIN_EXE_solform"), arguments);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process.store(child.id(), Ordering::SeqCst);
        tokio::task::spawn_blocking(move || child.wait().unwrap())
            .await
            .unwrap()
    }

    /// Returns the number of requests.
    pub(crate) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Returns the errors that the checks after writes found.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }
}

impl Drop for KillingProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn kill_process(process: &AtomicU32) {
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &process.load(Ordering::SeqCst).to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
}

async fn never() -> Response<Body> {
    std::future::pending().await
}

async fn forward(client: &reqwest::Client, to: &str, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().unwrap().as_str();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = parts.headers;
    headers.remove("host");
    let answer = client
        .request(parts.method, format!("{to}{target}"))
        .headers(headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from(answer.bytes().await.unwrap()))
        .unwrap()
}
