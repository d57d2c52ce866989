//! `validate`: checks the manifest, offline.

use std::io::Write as _;

use clap::Args;

use crate::cli::args::ManifestArgs;
use crate::cli::environment::context;
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::Settings;
use crate::manifest::{self, Manifest};
use crate::render::words;

/// Check the manifest, without network or token
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform validate\n  solform validate -e prod")]
pub(in crate::cli) struct ValidateArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
}

pub(super) fn run(args: &ValidateArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    let args = &args.manifest;
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
            io.out,
            "Environment {}: {} declared.",
            words::quoted(&name),
            words::count(versions, "version")
        )?;
    }
    writeln!(io.out, "Success! The manifest is valid.")?;
    Ok(ExitStatus::Success)
}
