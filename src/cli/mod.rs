//! The command line: arguments, environment, streams, exit codes, and one file per command.
//!
//! Only this module reads the process environment and owns the streams. Commands collect inputs,
//! call the core and the edges, and pass values to renderers.

mod args;
mod clock;
mod command_line;
mod commands;
mod environment;
mod error;
mod files;
mod invocation;
mod io;
mod process;
mod restrictions;
mod settings;
mod signals;
mod workflow;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{ArgMatches, ColorChoice, CommandFactory as _, FromArgMatches as _};

use self::command_line::normalise;
use self::commands::Cli;
use self::error::{CommandError, ExitStatus};
use self::invocation::Invocation;
use self::io::Io;
use self::settings::Settings;

/// Runs the program, and returns the code to exit with.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let mut settings = Settings::from_env();
    let words: Vec<_> = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy())
        .collect();
    settings.typed = format!("solform {}", words.join(" "));
    let definition = Cli::command();
    let arguments = match normalise(&definition, arguments, settings.cli_args.as_deref()) {
        Ok(arguments) => arguments,
        Err(error) => {
            let mut io = Io::new(&settings, false);
            return finish(Err(error), false, &mut io);
        }
    };
    // Help is printed while arguments are parsed, before the option is known.
    let is_plain = arguments.iter().any(|word| word == "--no-color");
    let colors = if is_plain {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    };
    let parsed = definition
        .clone()
        .color(colors)
        .try_get_matches_from(arguments)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        // clap distinguishes help, which goes to stdout, from a mistake. Its own code for
        // mistakes means "changes present" here, and is not used.
        Err(error) if error.use_stderr() => {
            let mut io = Io::new(&settings, false);
            // Every error begins with the same word, also those of clap.
            let text = error.render().to_string().replacen("error:", "Error:", 1);
            let _ = io.err.write_all(text.as_bytes());
            return finish(Ok(ExitStatus::Error), false, &mut io);
        }
        Err(help) => {
            let status = match help.print() {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitStatus::Error,
                Ok(()) | Err(_) => ExitStatus::Success,
            };
            return status.code(false);
        }
    };
    let environment = settings.environment.as_deref();
    settings.invocation = Invocation::new(&definition, &matches, environment);
    let is_detailed = is_set(&matches, "detailed_exitcode");
    let mut io = Io::new(&settings, cli.global.no_color);
    io.start_log(cli.global.log.or(settings.log));
    if cli.command.has_stream() {
        io.open_stream();
    }
    settings.allow_variables(&cli.global.env);
    let is_writing = cli.command.is_writing();
    let result = match &cli.global.chdir {
        Some(folder) => std::env::set_current_dir(folder)
            .map_err(|source| CommandError::io("enter", folder, source)),
        None => Ok(()),
    };
    let result = result.and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(CommandError::runtime)?;
        let result = runtime.block_on(commands::run(cli.command, definition, &settings, &mut io));
        // A blocked read of standard input must not delay the exit.
        runtime.shutdown_background();
        result
    });
    // A closed pipe must not hide that the apply did not happen.
    let result = match result {
        Err(error) if is_writing && error.is_closed() => Err(CommandError::failed(
            "the output was closed before anything was sent, so nothing was changed",
        )),
        result => result,
    };
    finish(result, is_detailed, &mut io)
}

/// Returns true if a flag of the command is set; false if the command does not have it.
fn is_set(matches: &ArgMatches, flag: &str) -> bool {
    let command = matches.subcommand().map(|(_, command)| command);
    let value = command.and_then(|command| command.try_get_one::<bool>(flag).ok()?);
    value == Some(&true)
}

fn finish(result: Result<ExitStatus, CommandError>, is_detailed: bool, io: &mut Io) -> ExitCode {
    let mut status = result.unwrap_or_else(|error| {
        io.report(&error);
        error.kind.exit_status()
    });
    // A closed pipe is no error; a full disk is one.
    if let Err(error) = io.flush()
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        io.report(&CommandError::from(error));
        status = ExitStatus::Error;
    }
    status.code(is_detailed)
}
