//! What was asked for on the command line.

use std::path::PathBuf;

use crate::Failure;
use crate::load::Scale;

/// What `--help` says.
pub(crate) const HELP: &str = "\
Measures the whole program against an emulator and beside an idealised client.

Usage: cargo bench --bench e2e -- [OPTIONS] [FILTER]

  [FILTER]         Only the loads with this text in their names
  --quick          Only the loads that take seconds, and fewer rounds
  --smoke          Every load once and very small: whether the benchmark still works
  --runs N         So many rounds for each load
  --json FILE      Write every single run to this file, too
  --program FILE   Measure this program instead of the one that cargo has built";

/// What this process is for.
pub(crate) enum Asked {
    Benchmark(Options),
    /// To run a command as its only child and to tell what it used.
    Measure(Vec<String>),
    /// To be the idealised client.
    Floor(Vec<String>),
    Help,
}

/// How the benchmark is run.
pub(crate) struct Options {
    pub(crate) scale: Scale,
    pub(crate) filter: String,
    pub(crate) runs: Option<usize>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) program: PathBuf,
}

impl Asked {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        match arguments.split_first() {
            Some((first, rest)) if first == "--measure" => return Ok(Self::Measure(rest.to_vec())),
            Some((first, rest)) if first == "--floor" => return Ok(Self::Floor(rest.to_vec())),
            _ => {}
        }
        let mut options = Options {
            scale: Scale::Smoke,
            filter: String::new(),
            runs: None,
            json: None,
            program: env!("CARGO_BIN_EXE_solform").into(),
        };
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
                "--program" => options.program = value()?.into(),
                "--help" | "-h" => return Ok(Self::Help),
                other if other.starts_with('-') => {
                    return Err(format!("there is no option `{other}`; see `--help`").into());
                }
                filter => filter.clone_into(&mut options.filter),
            }
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
