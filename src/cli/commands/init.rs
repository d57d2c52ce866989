//! `init`: writes a manifest to start from, and a seed for its emulator.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::files::is_standard_input;
use crate::cli::io::Io;
use crate::manifest;

/// The file that the manifest names as its emulator's seed.
const SEED: &str = "emulator.yaml";

/// Write a commented manifest to start from
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform init\n  solform init --file releases/solform.yaml")]
pub(in crate::cli) struct InitArgs {
    /// Manifest file to write; an existing file is not overwritten; - prints the manifest
    #[arg(short, long, value_name = "FILE", default_value = "solform.yaml")]
    file: PathBuf,
}

pub(super) fn run(args: &InitArgs, io: &mut Io) -> Result<ExitStatus> {
    if is_standard_input(&args.file) {
        io.document().write_all(manifest::template().as_bytes())?;
        return Ok(ExitStatus::Success);
    }
    write_new(&args.file, manifest::template())?;
    writeln!(io.out, "Wrote `{}`.", args.file.display())?;
    let seed = args.file.with_file_name(SEED);
    // An existing seed is kept, and the manifest can use it.
    if !seed.exists() {
        write_new(&seed, include_str!("init_emulator.yaml"))?;
        writeln!(io.out, "Wrote `{}`.", seed.display())?;
    }
    let next = io
        .invocation
        .complete("Next: look at them, then run `solform plan`.");
    writeln!(io.out, "{next}")?;
    Ok(ExitStatus::Success)
}

/// Writes a file, unless it exists.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let mut file = std::fs::File::create_new(path)
        .map_err(|source| CommandError::io("create", path, source))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|source| CommandError::io("write", path, source))
}
