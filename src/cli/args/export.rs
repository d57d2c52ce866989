//! The arguments of `export` and `doctor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ManifestArgs, parse_duration};

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// Export all listed versions, not only those that `manage` covers
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Write the manifest to this file; it must not exist yet, except with --force
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long, requires = "out")]
    pub(in crate::cli) force: bool,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// Check this store, not the manifest's; also SOLFORM_STORE
    #[arg(long, value_name = "STORE")]
    pub(in crate::cli) store: Option<String>,
    /// Maximum duration of one check
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub(in crate::cli) timeout: Duration,
    /// Print a JSON document
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
