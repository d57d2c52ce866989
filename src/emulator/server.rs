//! The socket: listens, accepts connections and serves them until it is told to stop. A handle
//! stops everything when it is dropped.

use std::net::SocketAddr;
use std::path::PathBuf;
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
use super::faults::{Fault, FaultStatus};
use super::jobs::Ending;
use super::knobs::{Knobs, RunEnd};
use super::log::RequestRecord;
use super::options::EmulatorOptions;
use super::persist::StoreError;
use super::reply::HangUp;
use super::seed::SeedError;
use super::service::{Shared, router};
use super::world::World;

/// How long a client may take for the head of a request, or keep a connection without one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a stop waits for the requests that are being answered.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// An emulator that could not start.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// The address cannot be listened on.
    #[error("failed to listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Other machines could reach the address.
    #[error("{address} is not a loopback address")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// Another emulator holds the data folder.
    #[error("the data folder `{}` is in use by another emulator", path.display())]
    DataInUse {
        /// The folder.
        path: PathBuf,
    },
    /// The data folder cannot be used.
    #[error("failed to open the data folder `{}`", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        source: StoreError,
    },
    /// The seed cannot be sown.
    #[error("failed to sow the seed")]
    Seed {
        /// What is wrong with it.
        #[from]
        source: SeedError,
    },
}

impl EmulatorError {
    /// What to do about it, in a full sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                "Another program listens there: choose another port, or port 0 for a free one."
            }
            Self::Bind { .. } => "Choose a loopback address and port that this user may listen on.",
            Self::NotLoopback { .. } => {
                "Use an address of this machine, such as 127.0.0.1 or [::1]."
            }
            Self::DataInUse { .. } => "Wait until the other emulator has ended.",
            Self::Data {
                source: StoreError::Format { .. },
                ..
            } => "Use the version of solform that wrote it, or name another folder.",
            Self::Data { source, .. } if source.is_damaged() => {
                "Move the folder away, and the next start begins with a new world."
            }
            Self::Data { .. } => {
                "Check the folder, the permissions on it, and the room on the disk."
            }
            Self::Seed { .. } => "Correct the seed.",
        }
    }
}

/// A running emulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// Starts an emulator on the running tokio runtime. It listens when this returns.
pub async fn start(options: EmulatorOptions) -> Result<Emulator, EmulatorError> {
    if !options.listen.ip().to_canonical().is_loopback() {
        return Err(EmulatorError::NotLoopback {
            address: options.listen,
        });
    }
    let bind_error = |source| EmulatorError::Bind {
        address: options.listen,
        source,
    };
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(bind_error)?;
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
    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether the data folder keeps a world that began with other records, packages or files than
    /// the seed holds: those of the seed are not loaded then.
    pub fn ignores_seed(&self) -> bool {
        let engine = self.shared.lock();
        engine.as_ref().is_some_and(|engine| engine.ignores_seed)
    }

    /// What clients have asked so far, in the order of arrival; control routes do not count.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log().records()
    }

    /// Empties the request log.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// The ids of the jobs that are not over, in the order of their start.
    pub fn pending_jobs(&self) -> Vec<String> {
        match &*self.shared.lock() {
            Some(engine) => engine.world.jobs.pending_ids(),
            None => Vec::new(),
        }
    }

    /// Ends a pending job: well, or badly with this message. Says whether there was such a job.
    pub fn finish_job(&self, id: &str, failure: Option<&str>) -> bool {
        let ending = failure.map(|message| Ending::Failed(message.to_owned()));
        self.change(|world| world.finish_job(id, ending.as_ref()).is_ok())
            .unwrap_or(false)
    }

    /// Ends a run that is not over in this way. Says whether there was such a run.
    pub fn finish_run(&self, id: &str, end: RunEnd) -> bool {
        let ending = Ending::Run(end);
        self.change(|world| world.finish_job(id, Some(&ending)).is_ok())
            .unwrap_or(false)
    }

    /// Moves a logical clock on and ends the jobs whose time has come; the system's clock stays.
    pub fn advance_clock(&self, by: Duration) {
        self.change(|world| world.advance(by));
    }

    /// Turns the knobs of the running server.
    pub fn turn_knobs(&self, turn: impl FnOnce(&mut Knobs)) {
        self.change(|world| turn(&mut world.knobs));
    }

    /// Adds a fault rule behind the others and tells its number.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.shared.faults().add(fault)
    }

    /// Removes a fault rule and says whether it was there.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.shared.faults().remove(id)
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// The fault rules in force, and what they have done so far.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.shared.faults().statuses()
    }

    /// Changes the world as an operation would; nothing, if the emulator has stopped.
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> Option<T> {
        let mut engine = self.shared.lock();
        let engine = engine.as_mut()?;
        let result = change(&mut engine.world);
        if let Err(error) = engine.save() {
            tracing::error!(error = ?error, "the data folder cannot be written");
        }
        Some(result)
    }

    /// Stops: takes no new request, answers those that have arrived, and lets the data folder go.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // The task has no result, and a panic in it has been reported where it happened.
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

/// Accepts connections until it is told to stop.
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
            // An error of the service closes the connection without a word.
            match response.extensions().get::<HangUp>() {
                Some(HangUp) => Err("the fault rules hang up"),
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
                    let connection = builder.serve_connection(TokioIo::new(stream), service.clone());
                    let connection = graceful.watch(connection);
                    connections.spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection has broken");
                        }
                    });
                }
                Err(error) => {
                    // Mostly no file handles are left; some come free soon.
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
        tracing::debug!("connections are cut that did not end in time");
    }
}
