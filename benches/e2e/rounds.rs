//! The rounds of a load: the program and the baseline client in turn, each result checked.

use std::path::Path;

use serde::Serialize;

use crate::Failure;
use crate::counter::Counter;
use crate::load::{Load, Task};
use crate::measure::{Finished, Usage, measure};
use crate::options::Options;
use crate::package;
use crate::server::Server;

/// The figures of one round, of the client and of the server.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Run {
    #[serde(flatten)]
    pub(crate) usage: Usage,
    pub(crate) requests: usize,
    /// The CPU time of the emulator, if the system reports it.
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
    pub(crate) profile: &'static str,
    pub(crate) program: Vec<Run>,
    /// The figures of the baseline client; empty if the load has none.
    pub(crate) floor: Vec<Run>,
}

/// Executes all rounds of a load.
pub(crate) fn run(load: &Load, options: &Options) -> Result<Results, Failure> {
    let mut results = Results {
        load: load.name(),
        task: load.task,
        profile: load.setting.profile,
        program: Vec::new(),
        floor: Vec::new(),
    };
    let folder = tempfile::tempdir()?;
    let seed = folder.path().join("seed.yaml");
    let start = || Server::start(&options.program, &load.setting, &seed);
    let mut server = match load.seed() {
        None => None,
        Some(text) => {
            std::fs::write(&seed, text)?;
            Some(start()?)
        }
    };
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
    let runs = options.runs.unwrap_or(load.runs);
    for _ in 0..runs {
        let at = Place {
            server: server.as_ref(),
            counter: counter.as_ref(),
            package: &package,
        };
        results
            .program
            .push(run_program(load, &options.program, at)?);
        if load.writes() {
            server = Some(start()?);
        }
        if let Some(server) = &server {
            if let Some(arguments) = load.floor_arguments(server.address()) {
                results.floor.push(run_floor(load, &arguments, server)?);
            } else if let Task::Upload { .. } = load.task {
                let run = run_curl(&package, server, folder.path())?;
                results.floor.extend(run);
            }
        }
        if load.writes() {
            server = Some(start()?);
        }
    }
    Ok(results)
}

/// What a round of the program needs.
#[derive(Clone, Copy)]
struct Place<'a> {
    server: Option<&'a Server>,
    counter: Option<&'a Counter>,
    /// The file of the package, if the load has one.
    package: &'a Path,
}

fn run_program(load: &Load, program: &Path, place: Place<'_>) -> Result<Run, Failure> {
    let Place {
        server, counter, ..
    } = place;
    let folder = tempfile::tempdir()?;
    let address = counter.map(Counter::address);
    let address = address.or_else(|| server.map(Server::address));
    let url = address.map_or_else(
        || "https://instabase.example.com".to_owned(),
        |address| format!("http://{address}"),
    );
    std::fs::write(folder.path().join("solform.yaml"), load.manifest(&url))?;
    if let Task::Upload { .. } = load.task {
        std::fs::hard_link(place.package, folder.path().join(package::FILE))?;
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
    let finished = measure(program, arguments, folder)?;
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
