//! `fmt`: lays the manifest out.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::environment::context::read_source;
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::files::is_standard_input;
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::manifest_edit;
use crate::manifest::{LayoutError, SourceFile, laid_out_manifest};
use crate::render::{render_text_diff, words};

/// Lay the manifest out: two spaces for each level; only white space changes
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform fmt\n  solform fmt --check --diff")]
pub(in crate::cli) struct FmtArgs {
    /// Manifest files; - reads standard input, and writes standard output
    #[arg(value_name = "FILE", default_value = "solform.yaml")]
    files: Vec<PathBuf>,
    /// Write nothing; name the files that would change, and return exit code 1 for them
    #[arg(long)]
    check: bool,
    /// Show the changes
    #[arg(long)]
    diff: bool,
}

pub(super) fn run(args: &FmtArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let mut status = ExitStatus::Success;
    for file in &args.files {
        let is_input = is_standard_input(file);
        if !is_input && !args.check {
            manifest_edit::check(file)?;
        }
        let source = read_source(file)?;
        let made = laid_out_manifest(&source).map_err(|error| match error {
            LayoutError::Invalid(problems) => {
                settings.hide_tokens(&source, &io.secrets);
                CommandError::from(settings.problems(problems))
            }
            LayoutError::Form(_) => CommandError::failed(error).hint(LayoutError::HELP),
        })?;
        let is_changed = !made.is_same_text(&source);
        if is_input && !args.check && !args.diff {
            // A secret must stay in the text, so none is known here.
            io.document().write_all(made.text().as_bytes())?;
            continue;
        }
        if !is_changed {
            continue;
        }
        writeln!(io.text(), "{}", words::escaped(source.name()))?;
        if args.diff {
            settings.hide_tokens(&source, &io.secrets);
            show(&source, &made, io)?;
        }
        if args.check {
            status = ExitStatus::Error;
        } else if !is_input {
            let hint = "Run the command again.";
            manifest_edit::replace_manifest(file, &source, made.text(), hint)?;
        }
    }
    Ok(status)
}

/// Shows the changes, without the secrets of the manifest.
fn show(source: &SourceFile, made: &SourceFile, io: &mut Io) -> Result<()> {
    let mut out = io.text();
    // A broken line would not be a line of the file.
    out.width = None;
    Ok(render_text_diff(
        source.name(),
        source.masked(),
        made.masked(),
        &mut out,
    )?)
}
