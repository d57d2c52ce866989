//! The execution of the program, from its words to its exit code.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, ColorChoice, Command, CommandFactory as _, FromArgMatches as _};

use super::command_line::{innermost, normalise};
use super::commands::Cli;
use super::completion;
use super::error::{CommandError, ExitStatus, Result};
use super::files::is_standard_input;
use super::invocation::Invocation;
use super::io::Io;
use super::settings::{Settings, variable};
use crate::store_location::StoreLocation;

/// Runs the program, and returns the code to exit with.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let mut settings = Settings::from_env();
    let words = arguments.iter().skip(1);
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    settings.typed = format!("solform {}", words.join(" "));
    let definition = Cli::command();
    if let Some(shell) = variable(completion::VARIABLE) {
        let answer = completion::answer(&shell, definition, &arguments, &settings);
        let mut io = Io::new(&settings, false);
        let written = io.document().write_all(&answer);
        return finish(
            written.map(|()| ExitStatus::Success).map_err(Into::into),
            false,
            &mut io,
        );
    }
    let (cli, matches) = match parse(&definition, arguments, &settings) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let matches = innermost(&matches);
    let environment = settings.environment.as_deref();
    settings.invocation = Invocation::new(
        &definition,
        matches,
        cli.global.chdir.clone(),
        cli.global.env.clone(),
        environment,
    );
    let is_given = |name| matches!(matches.try_get_one(name), Ok(Some(true)));
    let is_detailed = is_given("detailed_exitcode") || is_given("exit_on_drift");
    let mut io = Io::new(&settings, cli.global.no_color);
    if cli.command.has_stream() {
        io.open_stream();
    }
    let prepared = prepare(&cli, matches, &settings, &io);
    settings
        .allowed_variables
        .extend_from_slice(&cli.global.env);
    let is_writing = cli.command.is_writing();
    let result = match prepared.and_then(|()| execute(cli, definition, &settings, &mut io)) {
        // A closed pipe must not hide that the apply did not happen.
        Err(error) if is_writing && error.is_closed() => Err(CommandError::failed(
            "the output was closed before anything was sent, so nothing was changed",
        )),
        result => result,
    };
    finish(result, is_detailed, &mut io)
}

/// Parses the command line. Prints a help or an error, and returns the code to exit with.
fn parse(
    definition: &Command,
    arguments: Vec<OsString>,
    settings: &Settings,
) -> Result<(Cli, ArgMatches), ExitCode> {
    let failed = |error| finish(Err(error), false, &mut Io::new(settings, false));
    let extra = settings.cli_args.as_deref();
    let arguments = normalise(definition, arguments, extra).map_err(failed)?;
    // Help is printed while arguments are parsed, before the option is known.
    let is_plain = arguments.iter().any(|word| word == "--no-color");
    let colors = if is_plain {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    };
    let matches = definition
        .clone()
        .color(colors)
        .try_get_matches_from(arguments);
    let parsed = matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    parsed.map_err(|error| {
        // clap distinguishes help, which goes to stdout, from a mistake. Its own code for
        // mistakes means "changes present" here, and is not used.
        if error.use_stderr() {
            // Every error begins with the same word, also those of clap.
            let mut io = Io::new(settings, false);
            let text = error.render().to_string().replacen("error:", "Error:", 1);
            let _ = io.err.write_all(text.as_bytes());
            return finish(Ok(ExitStatus::Error), false, &mut io);
        }
        let status = match error.print() {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitStatus::Error,
            Ok(()) | Err(_) => ExitStatus::Success,
        };
        status.code(false)
    })
}

/// Starts the log, and checks the values that clap does not check.
fn prepare(cli: &Cli, matches: &ArgMatches, settings: &Settings, io: &Io) -> Result<()> {
    if cli.command.has_log() {
        io.start_log(settings.log_level(cli.global.log)?, settings.is_log_json()?);
    }
    // clap would print the value, and a pasted URL may have credentials.
    if let Ok(typed) = matches.try_get_one::<String>("store")
        && let Some(store) = typed.or(settings.store.as_ref())
    {
        let name = typed.map_or("SOLFORM_STORE", |_| "--store");
        StoreLocation::parse(store).map_err(|error| {
            let context = format!("{name} names no usable store");
            CommandError::from(error).context(context)
        })?;
    }
    let files = ["file", "files", "target_file", "exclude_file"];
    let files = files.map(|name| matches.try_get_many::<PathBuf>(name).ok().flatten());
    let files = files.into_iter().flatten().flatten();
    if files.filter(|file| is_standard_input(file)).count() > 1 {
        return Err(CommandError::failed(
            "more than one file is standard input, which is read once",
        )
        .hint("Write `-` for one of them only."));
    }
    Ok(())
}

fn execute(cli: Cli, definition: Command, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    if let Some(folder) = &cli.global.chdir {
        std::env::set_current_dir(folder)
            .map_err(|source| CommandError::io("enter", folder, source))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::runtime)?;
    let result = runtime.block_on(cli.command.run(definition, settings, io));
    // A blocked read of standard input must not delay the exit.
    runtime.shutdown_background();
    result
}

fn finish(result: Result<ExitStatus>, is_detailed: bool, io: &mut Io) -> ExitCode {
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
