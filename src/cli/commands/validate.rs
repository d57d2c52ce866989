//! `validate`: checks the manifest, offline.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::{ManifestArgs, OUTPUT, Output, Outputs, output_parser, parser};
use crate::cli::environment::context;
use crate::cli::error::{CommandError, ExitStatus, Result, diagnostics_of};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::cli::workflow::output_files::{self, OutputWriter};
use crate::manifest::{self, Manifest, Problem};
use crate::render::{Content, Diagnostic, Format, PlanDetail, Subject, words};

/// Check the manifest, without network or token
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform validate\n  \
    solform validate -e prod --output sarif=problems.sarif")]
pub(in crate::cli) struct ValidateArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Print the problems in this format
    #[arg(long, value_name = "FORMAT", value_parser = parser(Subject::Problems))]
    #[arg(help_heading = OUTPUT)]
    format: Option<&'static Format>,
    /// Also write the problems to a file, in the given format; repeatable
    #[arg(long, value_name = "FORMAT=FILE", value_parser = output_parser(Subject::Problems))]
    #[arg(help_heading = OUTPUT)]
    output: Vec<Output>,
}

pub(super) fn run(args: &ValidateArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let outputs = Outputs::of_problems(args.format, &args.output);
    output_files::check(
        args.output.iter().map(|output| &*output.path),
        &args.manifest.file,
    )?;
    if !outputs.is_text() {
        io.reserve_out();
    }
    let done = check(&args.manifest, settings, io);
    let problems: Vec<Diagnostic> = match &done {
        Ok(warnings) => {
            let warnings = warnings.iter();
            let completed = warnings.map(|warning| io.invocation.complete_problem(warning));
            completed.map(|it| Diagnostic::of_problem(&it)).collect()
        }
        Err(error) => diagnostics_of(error, &io.invocation),
    };
    let writer = OutputWriter {
        content: Content::Problems(&problems),
        outputs,
        settings,
    };
    writer.write(PlanDetail::Verbose, io)?;
    done.map(|_| ExitStatus::Success)
}

/// Checks the manifest, and returns the warnings, which are shown already.
fn check(args: &ManifestArgs, settings: &Settings, io: &mut Io) -> Result<Vec<Problem>> {
    let source = context::read_source(&args.file)?;
    let selection = context::selection(args, settings)?;
    let variable = |name: &str| settings.manifest_variable(name);
    let failed = |problems| {
        settings.hide_tokens(&source, &io.secrets);
        CommandError::from(settings.problems(problems))
    };
    let counted = |manifest: Manifest| (manifest.environment.name, manifest.desired.len());
    let (environments, warnings) = if selection.environment.is_some() {
        let checked = manifest::read(&source, &selection, &variable).map_err(failed)?;
        (vec![counted(checked.manifest)], checked.warnings)
    } else {
        let checked = manifest::read_all_as(&source, &variable, counted).map_err(failed)?;
        (checked.manifests, checked.warnings)
    };
    if !warnings.is_empty() {
        settings.hide_tokens(&source, &io.secrets);
        io.warn_of(&warnings)?;
    }
    for (name, versions) in environments {
        writeln!(
            io.text(),
            "Environment {}: {} declared.",
            words::quoted(&name),
            words::count(versions, "version")
        )?;
    }
    writeln!(io.text(), "Success! The manifest is valid.")?;
    Ok(warnings)
}
