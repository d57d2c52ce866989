//! What was typed behind `export` and `doctor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ManifestArgs, parse_duration};

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

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// Look at this store, instead of where the manifest says; also SOLFORM_STORE
    #[arg(long, value_name = "STORE")]
    pub(in crate::cli) store: Option<String>,
    /// The longest that one check may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub(in crate::cli) timeout: Duration,
    /// Print a JSON document
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
