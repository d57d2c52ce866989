//! What was typed behind `export` and `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::ManifestArgs;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// Export everything that is listed, and not only what `manage` covers
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Write the manifest to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long, requires = "out")]
    pub(in crate::cli) force: bool,
}
