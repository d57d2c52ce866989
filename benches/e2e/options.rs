//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use crate::Failure;
use crate::load::Scale;

/// The text of `--help`.
pub(crate) const HELP: &str = "\
Measures the whole program against an emulator, in comparison with an idealised client.

Usage: cargo bench --bench e2e -- [OPTIONS] [FILTER]

  [FILTER]         Only the loads with this text in their names
  --quick          Only the loads that take seconds, and fewer rounds
  --smoke          Every load once and very small, to check that the benchmark works
  --runs N         Number of rounds for each load
  --latency TIME   Delay that is added to each answer, such as 50ms, in all loads that have one;
                   5ms by default, and 50ms in the loads with TLS
  --json FILE      Write the figures of each round to this file
  --program FILE   Measure this program instead of the one that cargo has built. If it is given
                   twice, the first is measured in turn with the second, for comparison";

/// The purpose of this process.
pub(crate) enum Asked {
    Benchmark(Options),
    /// Execute a command as the only child and print its resource usage.
    Measure(Vec<String>),
    /// Act as the idealised client.
    Floor(Vec<String>),
    /// Act as the server.
    Service(String),
    Help,
}

/// The options of the benchmark.
pub(crate) struct Options {
    pub(crate) scale: Scale,
    pub(crate) filter: String,
    pub(crate) runs: Option<usize>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) latency: Option<Duration>,
    pub(crate) program: PathBuf,
    /// An earlier build of the program, for comparison.
    pub(crate) earlier: Option<PathBuf>,
}

impl Asked {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        match arguments.split_first() {
            Some((first, rest)) if first == "--measure" => return Ok(Self::Measure(rest.to_vec())),
            Some((first, rest)) if first == "--floor" => return Ok(Self::Floor(rest.to_vec())),
            Some((first, [options])) if first == "--service" => {
                return Ok(Self::Service(options.clone()));
            }
            _ => {}
        }
        let mut options = Options {
            scale: Scale::Smoke,
            filter: String::new(),
            runs: None,
            json: None,
            latency: None,
            program: env!("CARGO_BIN_EXE_solform").into(),
            earlier: None,
        };
        let mut programs = Vec::new();
        let (mut is_quick, mut is_smoke) = (false, false);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.ok_or_else(|| format!("`{argument}` needs a value"))
            };
            match argument.as_str() {
                "--bench" => options.scale = Scale::Full,
                "--quick" => is_quick = true,
                "--smoke" => is_smoke = true,
                "--runs" => options.runs = Some(value()?.parse::<usize>()?.max(1)),
                "--json" => options.json = Some(value()?.into()),
                "--latency" => {
                    let latency: SignedDuration = value()?.parse()?;
                    options.latency = Some(latency.try_into()?);
                }
                "--program" => programs.push(std::path::absolute(value()?)?),
                "--help" | "-h" => return Ok(Self::Help),
                other if other.starts_with('-') => {
                    return Err(format!("there is no option `{other}`; see `--help`").into());
                }
                filter => filter.clone_into(&mut options.filter),
            }
        }
        if let Some(program) = programs.pop() {
            options.program = program;
        }
        options.earlier = programs.pop();
        if !programs.is_empty() {
            return Err("at most two programs can be compared".into());
        }
        if is_quick {
            options.scale = Scale::Quick;
        }
        if is_smoke {
            options.scale = Scale::Smoke;
        }
        Ok(Self::Benchmark(options))
    }
}
