//! The steps of a request: log, body limits, latency, token, operation, answer. Every request of
//! every route goes through [`Shared::handle`], which also applies the fault rules.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::access::Access;
use super::call::{Call, Query, decode};
use super::engine::Engine;
use super::faults::{ConnectionFault, Fault, FaultRules, When};
use super::host;
use super::knobs::{Compression, ErrorStatus, Knobs, RetryAfterForm};
use super::log::{RequestLog, RequestRecord};
use super::operation::{JSON_LIMIT, Operation};
use super::operations::control::ControlOperation;
use super::options::EmulatorOptions;
use super::received::{Received, read_body};
use super::refusal::Refusal;
use super::reply::{self, Answer, Reply};
use super::state::disk::DiskSpace;
use super::state::world::World;

/// The maximum time for a whole body: a client that sends a byte now and then cannot hold its
/// connection without end.
const BODY_TIMEOUT: Duration = Duration::from_mins(10);

/// The state that all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The engine; `None` once the emulator has stopped, so that no late request holds the data
    /// folder.
    engine: Mutex<Option<Engine>>,
    /// The disk space of large files.
    space: Arc<DiskSpace>,
    access: Access,
    latency: Duration,
    pub(crate) log: RequestLog,
    pub(crate) faults: FaultRules,
    /// True if answers wait for the disk.
    is_durable: bool,
}

/// The target of a request.
#[derive(Debug, Clone, Copy)]
enum Target {
    Api(Operation),
    Control(ControlOperation),
    UnknownRoute,
    WrongMethod,
}

impl Target {
    fn operation(self) -> Option<Operation> {
        match self {
            Self::Api(operation) => Some(operation),
            Self::Control(_) | Self::UnknownRoute | Self::WrongMethod => None,
        }
    }

    /// Returns the address, with `{id}` or `{*path}` for the part that varies.
    fn template(self) -> &'static str {
        match self {
            Self::Api(operation) => operation.route().1,
            Self::Control(operation) => operation.route().1,
            Self::UnknownRoute | Self::WrongMethod => "",
        }
    }

    /// Returns the maximum length of the body. `knob` is the value of `body_limit_kib`.
    fn body_limit(self, knob: u32) -> usize {
        match self {
            Self::Api(operation) => match usize::try_from(knob) {
                Ok(0) | Err(_) => operation.body_limit(),
                Ok(limit) => operation.body_limit().min(limit.saturating_mul(1 << 10)),
            },
            Self::Control(_) => JSON_LIMIT,
            // The body is not used, only discarded.
            Self::UnknownRoute | Self::WrongMethod => 0,
        }
    }
}

impl Shared {
    pub(crate) fn new(engine: Engine, options: EmulatorOptions) -> Self {
        let seed = options.seed.unwrap_or_default();
        let faults = seed.faults.into_iter().chain(options.faults);
        Self {
            faults: FaultRules::new(faults, options.id_seed),
            is_durable: engine.store.is_some(),
            space: Arc::clone(&engine.space),
            engine: Mutex::new(Some(engine)),
            access: Access {
                users: seed.users,
                default_user: options.user,
                token: options.token,
                contexts: options.contexts,
            },
            latency: options.latency,
            log: RequestLog::default(),
        }
    }

    /// Locks the engine. The value is `None` once the emulator has stopped.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Engine>> {
        // A panic in one operation must not stop the server.
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the world and releases the data folder.
    pub(crate) fn close(&self) {
        drop(self.lock().take());
    }

    /// Executes the request, saves the world, and builds the answer.
    fn answer(&self, target: Target, call: Result<Call, Refusal>, fault: &Fault) -> Reply {
        let mut engine = self.lock();
        let Some(engine) = engine.as_mut() else {
            return reply::plain_refusal(&Refusal::Stopping);
        };
        let world = &mut engine.world;
        let knobs = world.knobs.clone();
        world.fault = fault.clone();
        for (name, value) in &fault.knobs {
            let result = world.knobs.set(name, value);
            result.expect("invariant: a rule's knobs were checked when it was parsed");
        }
        let accepts_gzip = call.as_ref().is_ok_and(|call| {
            call.header("accept-encoding")
                .is_some_and(|codings| codings.contains("gzip"))
        });
        let mut result = call.and_then(|call| self.perform(world, target, &call));
        world.fault = Fault::default();
        let in_force = world.knobs.clone();
        if !fault.knobs.is_empty() {
            world.knobs = knobs;
        }
        if let Err(error) = engine.save() {
            tracing::error!(error = ?error, "the data folder cannot be written");
            result = Err(Refusal::Broken(error.to_string()));
        }
        let reply = result.unwrap_or_else(|refusal| {
            let status = match target {
                // Control routes always use the same form of error.
                Target::Control(_) => return reply::plain_refusal(&refusal),
                // An answer to HEAD has no body for an error.
                Target::Api(operation) if operation != Operation::HeadNode => in_force.error_status,
                Target::Api(_) | Target::UnknownRoute | Target::WrongMethod => ErrorStatus::Http,
            };
            let reply = reply::refusal(&refusal, in_force.error_body, status);
            match refusal {
                Refusal::TooMany => retry_after(reply, &in_force, engine.world.time.now_ms()),
                _ => reply,
            }
        });
        if in_force.compression == Compression::Gzip && accepts_gzip {
            reply.gzipped()
        } else {
            reply
        }
    }

    /// Returns a value of the world; the default once the emulator has stopped.
    pub(crate) fn read<T: Default>(&self, read: impl FnOnce(&World) -> T) -> T {
        let engine = self.lock();
        let value = engine.as_ref().map(|engine| read(&engine.world));
        value.unwrap_or_default()
    }

    /// Returns the time of the world, in milliseconds since 1970.
    fn now_ms(&self) -> u64 {
        self.read(|world| world.time.now_ms())
    }

    fn perform(&self, world: &mut World, target: Target, call: &Call) -> Answer {
        let caller = || {
            let authorization = call.header("authorization");
            self.access.caller(authorization, call.header("ib-context"))
        };
        match target {
            Target::Api(operation) => {
                world.begin();
                world.requests += 1;
                let rate = u64::from(world.knobs.rate_limit);
                if rate > 0 && world.requests.is_multiple_of(rate + 1) {
                    return Err(Refusal::TooMany);
                }
                operation.perform(world, &caller()?, call)
            }
            Target::Control(operation) => {
                if self.access.token.is_some() {
                    caller()?;
                }
                operation.perform(world, &self.log, &self.faults, call)
            }
            Target::UnknownRoute => Err(call.no_such_route()),
            Target::WrongMethod => {
                let (method, path) = (call.parts.method.clone(), call.parts.uri.path());
                Err(Refusal::WrongMethod(method, path.to_owned()))
            }
        }
    }

    /// Answers a request.
    async fn handle(self: Arc<Self>, target: Target, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        if let Err(refusal) = host::check(&parts) {
            return reply::plain_refusal(&refusal).into_response();
        }
        let is_control = matches!(target, Target::Control(_));
        let ticket = (!is_control).then(|| {
            self.log
                .record_arrival(record_of(&parts, target.operation()))
        });
        let limit = target.body_limit(self.read(|world| world.knobs.body_limit_kib));
        // A file may be large, so its bytes are kept on disk.
        let takes_file = target.operation().is_some_and(Operation::takes_file);
        let space = takes_file.then_some(&self.space);
        let body = tokio::time::timeout(BODY_TIMEOUT, read_body(body, limit, space)).await;
        let body = body.unwrap_or(Err(Refusal::TooSlow));
        let body = match (body, target) {
            // The address is wrong, so the length of the body is not reported.
            (Err(Refusal::TooLong(_)), Target::UnknownRoute | Target::WrongMethod) => {
                Ok(Received::default())
            }
            (body, _) => body,
        };
        let call = body.and_then(|body| decode_call(parts, target, body));
        let matched = match (&call, ticket) {
            (Ok(call), Some(_)) => self.faults.match_fault(target.operation(), call),
            _ => None,
        };
        if let (Some(ticket), Some((id, _))) = (ticket, &matched) {
            self.log.record_fault(ticket, *id);
        }
        // A request that no rule hits has a rule without effect.
        let fault = matched.map(|(_, fault)| fault).unwrap_or_default();
        // From here on the work is done even if the client disconnects, as on a server behind a
        // queue. So it runs in its own task.
        let shared = Arc::clone(&self);
        let work = tokio::spawn(async move {
            let latency = target
                .operation()
                .map_or(Duration::ZERO, |_| shared.latency);
            pause(latency.saturating_add(fault.delay_at(When::Before))).await;
            if fault.when == When::Before
                && let Some(reply) = fault.reply(|| shared.now_ms())
            {
                return Ok(reply);
            }
            let mut reply = if shared.is_durable {
                let (shared, fault) = (Arc::clone(&shared), Arc::clone(&fault));
                let work = move || shared.answer(target, call, &fault);
                tokio::task::spawn_blocking(work).await?
            } else {
                shared.answer(target, call, &fault)
            };
            pause(fault.delay_at(When::After)).await;
            reply = fault.reply(|| shared.now_ms()).unwrap_or(reply);
            reply.connection = fault.connection;
            Ok(reply)
        });
        let reply = match work.await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) | Err(error) => {
                tracing::error!(%error, "an operation has failed");
                reply::plain_refusal(&Refusal::Broken("an operation has failed".to_owned()))
            }
        };
        if let Some(ticket) = ticket {
            let is_sent = reply.connection != Some(ConnectionFault::Drop);
            let status = is_sent.then_some(reply.status.as_u16());
            self.log.record_answer(ticket, status);
        }
        reply.into_response()
    }
}

/// Adds the header `Retry-After`, as the knob asks for.
fn retry_after(reply: Reply, knobs: &Knobs, now_ms: u64) -> Reply {
    let value = match knobs.retry_after {
        RetryAfterForm::Seconds => "1".to_owned(),
        RetryAfterForm::Date => reply::http_date(now_ms.saturating_add(1_000)),
        RetryAfterForm::Missing => return reply,
    };
    reply.with(header::RETRY_AFTER, &value)
}

/// Sleeps, unless the time is zero: even a sleep of zero yields to other tasks.
async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn record_of(parts: &Parts, operation: Option<Operation>) -> RequestRecord {
    RequestRecord {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        operation,
        status: None,
        fault: None,
    }
}

fn decode_call(parts: Parts, target: Target, received: Received) -> Result<Call, Refusal> {
    let path = parts.uri.path();
    let template = target.template();
    // A route has at most one variable part; the text around it is fixed.
    let parameter = match (template.find('{'), template.find('}')) {
        (Some(from), Some(to)) => {
            let rest = path.get(from..).unwrap_or_default();
            let after = &template[to + 1..];
            decode(rest.strip_suffix(after).unwrap_or(rest))?
        }
        _ => String::new(),
    };
    Ok(Call {
        parameter,
        query: Query::parse(parts.uri.query().unwrap_or_default())?,
        parts,
        body: received.head,
        file: received.file,
    })
}

/// Returns the router with every operation at its address.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let handler = |target: Target| {
        let shared = Arc::clone(shared);
        move |request: Request| Arc::clone(&shared).handle(target, request)
    };
    let mut router = Router::new();
    let api = Operation::ALL
        .into_iter()
        .map(|operation| (operation.route(), Target::Api(operation)));
    let control = ControlOperation::ALL
        .into_iter()
        .map(|operation| (operation.route(), Target::Control(operation)));
    for ((method, path), target) in api.chain(control) {
        let filter = MethodFilter::try_from(method)
            .expect("invariant: the routes use the usual methods only");
        let service: MethodRouter = on(filter, handler(target));
        router = router.route(path, service.clone());
        // Some clients write a slash at the end, and the documentation of the compiler omits the
        // path.
        let other = match path {
            "/api/v2/solutions/deployed" => Some("/api/v2/solutions/deployed/"),
            "/api/v1/flow_binary/compile/{*path}" => Some("/api/v1/flow_binary/compile"),
            _ => None,
        };
        if let Some(other) = other {
            router = router.route(other, service);
        }
    }
    router
        .fallback(handler(Target::UnknownRoute))
        .method_not_allowed_fallback(handler(Target::WrongMethod))
}
