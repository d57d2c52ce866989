//! The rounds of a load: the program and the baseline client in turn, each result checked.

use std::path::Path;

use serde::Serialize;
use tempfile::TempDir;

use crate::Failure;
use crate::load::{Load, Task};
use crate::measure::{Finished, Usage, measure};
use crate::options::Options;
use crate::server::Server;

/// The figures of one round, of the client and of the server.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Run {
    #[serde(flatten)]
    pub(crate) usage: Usage,
    pub(crate) requests: usize,
    /// The CPU time of the emulator, if the system reports it.
    pub(crate) server_cpu_ms: Option<f64>,
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
    let runs = options.runs.unwrap_or(load.runs);
    for _ in 0..runs {
        results
            .program
            .push(run_program(load, &options.program, server.as_ref())?);
        if load.writes() {
            server = Some(start()?);
        }
        if let Some(server) = &server
            && let Some(arguments) = load.floor_arguments(server.address())
        {
            results.floor.push(run_floor(load, &arguments, server)?);
        }
        if load.writes() {
            server = Some(start()?);
        }
    }
    Ok(results)
}

fn run_program(load: &Load, program: &Path, server: Option<&Server>) -> Result<Run, Failure> {
    let folder = tempfile::tempdir()?;
    let url = server.map_or_else(
        || "https://instabase.example.com".to_owned(),
        |server| format!("http://{}", server.address()),
    );
    std::fs::write(folder.path().join("solform.yaml"), load.manifest(&url))?;
    let (run, finished) = run_measured(program, &load.program_arguments(), &folder, server)?;
    let (code, words) = load.expected();
    check(load, server, &finished, code, &words)?;
    Ok(run)
}

fn run_floor(load: &Load, arguments: &[String], server: &Server) -> Result<Run, Failure> {
    let folder = tempfile::tempdir()?;
    let program = std::env::current_exe()?;
    let (run, finished) = run_measured(&program, arguments, &folder, Some(server))?;
    let words = format!("{} changes\n", load.changes());
    check(load, Some(server), &finished, 0, &words)?;
    Ok(run)
}

fn run_measured(
    program: &Path,
    arguments: &[String],
    folder: &TempDir,
    server: Option<&Server>,
) -> Result<(Run, Finished), Failure> {
    if let Some(server) = server {
        server.forget_requests()?;
    }
    let cpu_before = server.and_then(Server::cpu_ms);
    let finished = measure(program, arguments, folder.path())?;
    let cpu_after = server.and_then(Server::cpu_ms);
    let run = Run {
        usage: finished.usage,
        requests: server.map_or(Ok(0), Server::requests)?,
        server_cpu_ms: cpu_after
            .zip(cpu_before)
            .map(|(after, before)| after - before),
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
