//! `emulator`: serves the platform's API on a loopback port until a signal arrives.

use std::io::Write as _;
use std::path::Path;

use crate::apply::CancelHandle;
use crate::cli::args::EmulatorArgs;
use crate::cli::embedded::{self, Holder};
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::{Io, SharedErr};
use crate::cli::session::{read_seed, seed_error};
use crate::cli::settings::Settings;
use crate::cli::signals::{self, NextCommand};
use secrecy::SecretString;

use crate::cli::settings::variable;
use crate::regular_file::{self, SECRET_LIMIT};
use solform_emulator::{self as emulator, EmulatorOptions, Token};

pub(super) async fn run(
    args: EmulatorArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    if args.openapi {
        writeln!(io.document(), "{:#}", emulator::openapi())?;
        return Ok(ExitStatus::Success);
    }
    let (cancel_handle, interrupt) = CancelHandle::new();
    let err = SharedErr::new(&io.secrets);
    signals::watch(cancel_handle, None, err, NextCommand::default())
        .map_err(CommandError::runtime)?;
    let seed = args.seed.as_deref().map(read_seed).transpose()?;
    let knobs = if args.knob.is_empty() {
        None
    } else {
        let mut knobs = args.profile.knobs();
        if let Some(seed) = &seed {
            seed.turn_knobs(&mut knobs).map_err(|source| {
                let path = args.seed.as_deref().unwrap_or(Path::new(""));
                seed_error(path, source)
            })?;
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
    let holder = Holder {
        who: &settings.who,
        command: &io.secrets.redact(&settings.typed),
    };
    let embedded = embedded::start(options, args.seed.as_deref(), holder, io).await?;
    // The first line is the address, for scripts that wait for it.
    writeln!(io.out, "{}", embedded.emulator.url())?;
    io.out.flush()?;
    interrupt.raised().await;
    embedded.stop().await;
    Ok(ExitStatus::Success)
}

/// Returns the accepted token, from an option, a file or `SOLFORM_EMULATOR_TOKEN`.
fn token(args: &EmulatorArgs, io: &Io) -> Result<Option<Token>, CommandError> {
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
