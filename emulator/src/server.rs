//! The socket: listens, accepts connections and serves them until it is stopped. Dropping the
//! handle stops the emulator.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::engine::Engine;
use super::error::EmulatorError;
use super::faults::{Fault, FaultStatus};
use super::knobs::{Knobs, RunEnd};
use super::log::RequestRecord;
use super::options::EmulatorOptions;
use super::reply::HangUp;
use super::service::{Shared, router};
use super::state::work::Ending;
use super::state::world::World;

/// The maximum time for the head of a request, or for an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum time that a stop waits for the requests in progress.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A handle to a running emulator. Dropping it stops the emulator at once; [`stop`](Self::stop)
/// waits for the requests in progress.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// Starts an emulator on the current tokio runtime. The emulator accepts connections when this
/// returns.
///
/// Fails if the address is not a loopback address or is in use, the data folder cannot be used, or
/// the seed is not valid.
pub async fn start(options: EmulatorOptions) -> Result<Emulator, EmulatorError> {
    let address = options.listen;
    if !address.ip().to_canonical().is_loopback() {
        return Err(EmulatorError::NotLoopback { address });
    }
    let bind_error = |source| EmulatorError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind_error)?;
    let address = listener.local_addr().map_err(bind_error)?;
    let engine = Engine::new(&options)?;
    let shared = Arc::new(Shared::new(engine, options));
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(listener, router(&shared), stopped));
    Ok(Emulator {
        address,
        shared,
        stop,
        serving,
    })
}

impl Emulator {
    /// Returns the address that the emulator listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns true if the data folder has a world that began with other records, packages or files
    /// than those of the seed. Those of the seed are not loaded then.
    pub fn ignores_seed(&self) -> bool {
        let engine = self.shared.lock();
        engine.as_ref().is_some_and(|engine| engine.ignores_seed)
    }

    /// Returns the request log in the order of arrival, without control routes. It has at most the
    /// last 100,000 requests.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log.records()
    }

    /// Clears the request log.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }

    /// Returns the ids of the pending jobs, in the order of their start.
    pub fn pending_jobs(&self) -> Vec<String> {
        self.shared.read(|world| world.jobs.pending_ids())
    }

    /// Ends a pending job: successfully, or with the error message `failure`. Returns true if there
    /// was such a job.
    pub fn finish_job(&self, id: &str, failure: Option<&str>) -> bool {
        let ending = failure.map(|message| Ending::Failed(message.to_owned()));
        self.end_job(id, ending.as_ref())
    }

    /// Ends a pending run with this end; a pending job of another kind fails. Returns true if there
    /// was such a job.
    pub fn finish_run(&self, id: &str, end: RunEnd) -> bool {
        self.end_job(id, Some(&Ending::Run(end)))
    }

    fn end_job(&self, id: &str, ending: Option<&Ending>) -> bool {
        self.change(|world| world.finish_job(id, ending).is_ok()) == Some(true)
    }

    /// Moves a logical clock forward and ends the jobs whose time has come. A system clock does not
    /// move.
    pub fn advance_clock(&self, by: Duration) {
        self.change(|world| world.advance(by));
    }

    /// Changes the knobs of the running emulator.
    pub fn change_knobs(&self, change: impl FnOnce(&mut Knobs)) {
        self.change(|world| change(&mut world.knobs));
    }

    /// Adds a fault rule after the others and returns its number.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.shared.faults.add(fault)
    }

    /// Removes a fault rule. Returns true if it existed.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.shared.faults.remove(id)
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Returns the active fault rules and their counts.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.shared.faults.statuses()
    }

    /// Changes the world as an operation would, and saves it. Returns `None` if the emulator has
    /// stopped.
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> Option<T> {
        let mut engine = self.shared.lock();
        let engine = engine.as_mut()?;
        let result = change(&mut engine.world);
        if let Err(error) = engine.save() {
            tracing::error!(error = ?error, "the data folder cannot be written");
        }
        Some(result)
    }

    /// Stops the emulator: accepts no new connection, waits at most 2 s for the requests in
    /// progress, and releases the data folder.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // The task has no result, and the panic hook has reported a panic in it.
        let _ = (&mut self.serving).await;
        self.shared.close();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.serving.abort();
        self.shared.close();
    }
}

/// Accepts connections until it is stopped.
async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    let answering = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let answer = answering.call(request);
        async move {
            let Ok(response) = answer.await;
            // An error of the service closes the connection without an answer.
            match response.extensions().get::<HangUp>() {
                Some(HangUp) => Err("a fault rule closes the connection"),
                None => Ok(response),
            }
        }
    });
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small answers must not wait for the client's acknowledgements.
                    let _ = stream.set_nodelay(true);
                    let stream = TokioIo::new(stream);
                    let connection = builder.serve_connection(stream, service.clone());
                    let connection = graceful.watch(connection);
                    connections.spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection has broken");
                        }
                    });
                }
                Err(error) => {
                    // The usual reason is a lack of file handles, which become free soon.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(STOP_GRACE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::debug!("connections that did not end in time are closed");
    }
}
