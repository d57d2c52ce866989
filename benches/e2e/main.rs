//! The speed of the whole program: `cargo bench --bench e2e`.
//!
//! An emulator with a known latency, page cap and job time runs in its own process. Each load is
//! executed by the program and by the floor, an idealised baseline client that knows exactly what
//! to fetch and do. Both are separate processes and are measured in the same way. A round with a
//! wrong result stops the benchmark, so that every figure belongs to a correct execution.
//!
//! Without `--bench`, which `cargo bench` adds, each load is executed once and very small, which
//! only proves that the benchmark still works: `cargo test --bench e2e`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark is a program that reads the clock and prints its results"
)]

mod counter;
mod estate;
mod floor;
mod front;
mod load;
mod measure;
mod options;
mod package;
mod rounds;
mod server;
mod service;
mod table;
mod targets;

use std::process::ExitCode;

use front::Failure;
use load::{Load, Scale};
use options::{Asked, Options};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match Asked::parse(&arguments) {
        Ok(Asked::Measure(command)) => measure::child(&command),
        Ok(Asked::Floor(arguments)) => floor::run(&arguments),
        Ok(Asked::Service(options)) => service::run(&options),
        Ok(Asked::Help) => {
            println!("{}", options::HELP);
            Ok(())
        }
        Ok(Asked::Benchmark(options)) => benchmark(&options),
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("Error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn benchmark(options: &Options) -> Result<(), Failure> {
    let loads: Vec<Load> = load::all(options.scale, options.latency)
        .into_iter()
        .filter(|load| load.name().contains(&options.filter))
        .collect();
    if loads.is_empty() {
        return Err(format!("no load has `{}` in its name", options.filter).into());
    }
    let mut results = Vec::new();
    for load in loads {
        let result = rounds::run(&load, options)
            .map_err(|failure| format!("load `{}`: {failure}", load.name()))?;
        eprintln!("{}", table::line(&result));
        results.push(result);
    }
    println!("{}", table::figures(&results));
    if options.earlier.is_some() {
        println!("{}", table::comparison(&results));
    }
    if options.scale != Scale::Smoke {
        let size = std::fs::metadata(&options.program)?.len();
        print!("{}", targets::verdicts(&targets::judge(&results, size)));
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&results)?)?;
    }
    Ok(())
}
