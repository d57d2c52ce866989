//! `emulator`: serves the platform's API on a loopback port until a signal arrives.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use solform_emulator::{self as emulator, EmulatorOptions, Fault, JobPace, Profile, Token};

use crate::cli::environment::embedded_emulator;
use crate::cli::environment::session::{read_seed, seed_error};
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::{Settings, variable};
use crate::cli::workflow::cancellation::Cancellation;
use crate::manifest::duration_from;
use crate::regular_file::{self, SECRET_LIMIT};

/// Start an emulator of the platform's API on a loopback port
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform emulator --listen 127.0.0.1:8080 --seed emulator.yaml\n  \
    solform emulator --job-time polls:3 --page-cap 20 --latency 50ms")]
pub(in crate::cli) struct EmulatorArgs {
    /// Loopback address and port to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Accept only this bearer token; by default, any is accepted; also SOLFORM_EMULATOR_TOKEN
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Accept only the bearer token in this file
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// Load this file into a new world
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Keep the world in this folder; by default, it is kept in memory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Set when a job ends: after a time such as 2s, after polls:N, by manual control, or never
    #[arg(long, value_name = "PACE", default_value = "500ms")]
    job_time: JobPace,
    /// Maximum number of records in one page of a list
    #[arg(long, value_name = "N", default_value_t = 100)]
    page_cap: usize,
    /// Delay of every response
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = duration_from)]
    latency: Duration,
    /// Format of the responses: docs or aihub
    #[arg(long, value_name = "NAME", default_value = "docs")]
    profile: Profile,
    /// Choose a behaviour where the platform's behaviour is not known; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    knob: Vec<String>,
    /// Inject this fault; repeatable; docs/emulator.md lists the rules
    #[arg(long, value_name = "RULE")]
    fault: Vec<Fault>,
    /// Print the OpenAPI document of the emulator, and exit
    #[arg(long)]
    pub(super) openapi: bool,
}

pub(super) async fn run(
    args: EmulatorArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus> {
    if args.openapi {
        writeln!(io.document(), "{:#}", emulator::openapi())?;
        return Ok(ExitStatus::Success);
    }
    let cancel = Cancellation::new(io)?;
    let seed = args.seed.as_deref().map(read_seed).transpose()?;
    let knobs = if args.knob.is_empty() {
        None
    } else {
        let mut knobs = args.profile.knobs();
        if let (Some(seed), Some(path)) = (&seed, &args.seed) {
            seed.change_knobs(&mut knobs)
                .map_err(|source| seed_error(path, source))?;
        }
        for text in &args.knob {
            knobs.assign(text).map_err(|source| {
                CommandError::failed(source).context(format!("`--knob {text}` cannot be used"))
            })?;
        }
        Some(knobs)
    };
    let options = EmulatorOptions {
        listen: args.listen,
        token: token(&args, io)?,
        seed,
        data: args.data,
        job_pace: args.job_time,
        page_cap: args.page_cap,
        latency: args.latency,
        profile: args.profile,
        knobs,
        faults: args.fault,
        ..EmulatorOptions::default()
    };
    let embedded = embedded_emulator::start(options, args.seed.as_deref(), settings, io).await?;
    // The first line is the address, for scripts that wait for it.
    writeln!(io.out, "{}", embedded.emulator.url())?;
    io.out.flush()?;
    cancel.interrupt().raised().await;
    embedded.stop().await;
    Ok(ExitStatus::Success)
}

/// Returns the accepted token, from an option, a file or `SOLFORM_EMULATOR_TOKEN`.
fn token(args: &EmulatorArgs, io: &Io) -> Result<Option<Token>> {
    let text = match (&args.token, &args.token_file) {
        (Some(token), _) => token.clone(),
        (None, Some(path)) => regular_file::read_text(path, SECRET_LIMIT)
            .map_err(|source| CommandError::io("read", path, source))?,
        (None, None) => match variable("SOLFORM_EMULATOR_TOKEN") {
            Some(token) => token,
            None => return Ok(None),
        },
    };
    let token = text.trim();
    if token.is_empty() {
        return Err(CommandError::failed("the emulator's token is empty")
            .hint("Write the token into the file, or leave the option out."));
    }
    io.secrets.add(&SecretString::from(token));
    Ok(Some(token.into()))
}
