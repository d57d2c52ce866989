//! The rounds of a load: the program and the baseline client in turn, each result checked.

use std::net::TcpListener;
use std::path::Path;

use serde::Serialize;

use crate::Failure;
use crate::counter::Counter;
use crate::load::{Load, Setting, Task};
use crate::measure::{self, Finished, Usage};
use crate::options::Options;
use crate::package;
use crate::server::{Endpoint, Server};

/// The name of the manifest, in the folder of the program.
const MANIFEST: &str = "solform.yaml";

/// The figures of one round, of the client and of the server.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Run {
    #[serde(flatten)]
    pub(crate) usage: Usage,
    pub(crate) requests: usize,
    /// The CPU time of the server process, if the system reports it.
    pub(crate) server_cpu_ms: Option<f64>,
    /// The time between the first and the last byte of an upload.
    pub(crate) sending_ms: Option<f64>,
    /// The number of bytes between client and server, if they were counted.
    pub(crate) bytes: Option<u64>,
}

/// The figures of all rounds of a load.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) load: String,
    #[serde(skip)]
    pub(crate) task: Task,
    #[serde(skip)]
    pub(crate) setting: Setting,
    pub(crate) program: Vec<Run>,
    /// The shortest time from the start of the program to its first connection, if the load is a
    /// plan.
    pub(crate) connect_ms: Option<f64>,
    /// The figures of the earlier build; empty if there is none.
    pub(crate) earlier: Vec<Run>,
    /// The figures of the baseline client; empty if the load has none.
    pub(crate) floor: Vec<Run>,
}

/// Executes all rounds of a load.
pub(crate) fn run(load: &Load, options: &Options) -> Result<Results, Failure> {
    let mut results = Results {
        load: load.name(),
        task: load.task,
        setting: load.setting,
        program: Vec::new(),
        connect_ms: None,
        earlier: Vec::new(),
        floor: Vec::new(),
    };
    let folder = tempfile::tempdir()?;
    let start = || {
        let contents = load.contents();
        let server = |contents| Server::start(&load.setting, contents, folder.path());
        contents.map(server).transpose()
    };
    let mut server = start()?;
    let package = folder.path().join(package::FILE);
    if let Some(mib) = load.package_mib() {
        package::write(&package, mib)?;
    }
    let counter = match (&server, load.task) {
        (Some(server), Task::Inspect { .. }) => {
            run_curl(&package, server, folder.path())?.ok_or("this load needs curl")?;
            Some(Counter::start(server.address())?)
        }
        _ => None,
    };
    if load.is_plan() {
        results.connect_ms = Some(connect_ms(load, options, server.as_ref())?);
    }
    let runs = options.runs.unwrap_or(load.runs);
    for _ in 0..runs {
        let programs = [
            (options.earlier.as_ref(), &mut results.earlier),
            (Some(&options.program), &mut results.program),
        ];
        for (program, runs) in programs {
            let Some(program) = program else { continue };
            let environment = Environment {
                server: server.as_ref(),
                counter: counter.as_ref(),
                package: &package,
            };
            runs.push(run_program(load, program, environment)?);
            if load.writes() {
                server = start()?;
            }
        }
        if let Some(server) = &server {
            if let Some(arguments) = load.floor_arguments(server.endpoint()) {
                results.floor.push(run_floor(load, &arguments, server)?);
            } else if let Task::Upload { .. } = load.task {
                let run = run_curl(&package, server, folder.path())?;
                results.floor.extend(run);
            }
        }
        if load.writes() {
            server = start()?;
        }
    }
    Ok(results)
}

/// Returns the shortest of a few times from the start of the program to its first connection. They
/// are taken at a listener that does not answer.
fn connect_ms(load: &Load, options: &Options, server: Option<&Server>) -> Result<f64, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let certificate = server.and_then(|server| server.endpoint().certificate.clone());
    let scheme = certificate.as_ref().map_or("http", |_| "https");
    let endpoint = Endpoint {
        url: format!("{scheme}://{}", listener.local_addr()?),
        certificate,
    };
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join(MANIFEST), load.manifest(&endpoint))?;
    let arguments = load.program_arguments();
    let mut shortest = f64::INFINITY;
    for _ in 0..3 {
        let program = &options.program;
        let time = measure::connect_ms(program, &arguments, folder.path(), &listener)?;
        shortest = shortest.min(time);
    }
    Ok(shortest)
}

/// The surroundings of a round of the program.
#[derive(Clone, Copy)]
struct Environment<'a> {
    server: Option<&'a Server>,
    counter: Option<&'a Counter>,
    /// The file of the package, if the load has one.
    package: &'a Path,
}

fn run_program(load: &Load, program: &Path, around: Environment<'_>) -> Result<Run, Failure> {
    let Environment {
        server, counter, ..
    } = around;
    let folder = tempfile::tempdir()?;
    let plain = |url| Endpoint {
        url,
        certificate: None,
    };
    let endpoint = match (counter, server) {
        (Some(counter), _) => plain(format!("http://{}", counter.address())),
        (None, Some(server)) => server.endpoint().clone(),
        (None, None) => plain("https://instabase.example.com".to_owned()),
    };
    std::fs::write(folder.path().join(MANIFEST), load.manifest(&endpoint))?;
    if let Task::Upload { .. } = load.task {
        std::fs::hard_link(around.package, folder.path().join(package::FILE))?;
    }
    counter.map(Counter::take);
    let arguments = load.program_arguments();
    let (mut run, finished) = run_measured(program, &arguments, folder.path(), server)?;
    let (code, words) = load.expected();
    check(load, server, &finished, code, &words)?;
    run.bytes = counter.map(Counter::take);
    if let Task::Upload { .. } = load.task {
        run.sending_ms = Some(package::sending_ms(&finished.stdout)?);
    }
    Ok(run)
}

/// Uploads the package by `curl -T`. Returns `None` if there is no curl.
fn run_curl(package: &Path, server: &Server, folder: &Path) -> Result<Option<Run>, Failure> {
    let Some((curl, arguments)) = package::curl(package, server.address()) else {
        return Ok(None);
    };
    let (run, finished) = run_measured(&curl, &arguments, folder, Some(server))?;
    match finished.usage.exit_code {
        0 => Ok(Some(Run {
            sending_ms: Some(run.usage.wall_ms),
            ..run
        })),
        code => Err(format!("curl ended with {code}: {}", finished.stderr).into()),
    }
}

fn run_floor(load: &Load, arguments: &[String], server: &Server) -> Result<Run, Failure> {
    let folder = tempfile::tempdir()?;
    let program = std::env::current_exe()?;
    let (run, finished) = run_measured(&program, arguments, folder.path(), Some(server))?;
    let words = format!("{} changes\n", load.changes());
    check(load, Some(server), &finished, 0, &words)?;
    Ok(run)
}

fn run_measured(
    program: &Path,
    arguments: &[String],
    folder: &Path,
    server: Option<&Server>,
) -> Result<(Run, Finished), Failure> {
    if let Some(server) = server {
        server.forget_requests()?;
    }
    let cpu_before = server.and_then(Server::cpu_ms);
    let finished = measure::measure(program, arguments, folder)?;
    let cpu_after = server.and_then(Server::cpu_ms);
    let run = Run {
        usage: finished.usage,
        requests: server.map_or(Ok(0), Server::requests)?,
        server_cpu_ms: cpu_after
            .zip(cpu_before)
            .map(|(after, before)| after - before),
        sending_ms: None,
        bytes: None,
    };
    Ok((run, finished))
}

/// Checks the result of a round, by its output and by the jobs of the server.
fn check(
    load: &Load,
    server: Option<&Server>,
    finished: &Finished,
    code: i32,
    words: &str,
) -> Result<(), Failure> {
    let Finished {
        usage,
        stdout,
        stderr,
    } = finished;
    if usage.exit_code != code || !stdout.contains(words) {
        let ended = usage.exit_code;
        return Err(format!(
            "expected exit code {code} and `{}`, found exit code {ended} and:\n{stdout}\n{stderr}",
            words.trim_end()
        )
        .into());
    }
    let jobs = match server {
        Some(server) if load.writes() => server.jobs()?,
        _ => 0,
    };
    if jobs == load.creates() {
        Ok(())
    } else {
        Err(format!("expected {} jobs, found {jobs}", load.creates()).into())
    }
}
