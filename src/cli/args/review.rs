//! Arguments of `review`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::formats::{Output, ReviewFormat, SizeArgs};

/// What is compared with what, and in which formats it is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReviewArgs {
    /// Compare with this file, or with the manifest in the merge base of HEAD and this git revision
    #[arg(long, value_name = "REF|FILE")]
    pub(in crate::cli) base: OsString,
    /// Compare with the revision itself, not with its merge base with HEAD
    #[arg(long)]
    pub(in crate::cli) base_exact: bool,
    /// The manifest; - reads standard input
    #[arg(short, long, value_name = "FILE", default_value = "solform.yaml")]
    pub(in crate::cli) file: PathBuf,
    /// Only this environment, of either side; also SOLFORM_ENVIRONMENT
    #[arg(short, long, value_name = "NAME")]
    pub(in crate::cli) environment: Option<String>,
    /// Print the review in this format
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<ReviewFormat>,
    /// Print a JSON document; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write the review to a file too, in a format of its own; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(in crate::cli) output: Vec<Output<ReviewFormat>>,
    #[command(flatten)]
    pub(in crate::cli) size: SizeArgs,
    /// Exit with 2 where there are changes
    #[arg(long)]
    pub(in crate::cli) detailed_exitcode: bool,
}

impl ReviewArgs {
    /// The format of standard output.
    pub(in crate::cli) fn format(&self) -> ReviewFormat {
        if self.json {
            ReviewFormat::Json
        } else {
            self.format.unwrap_or_default()
        }
    }

    /// Returns whether GitHub is to show it.
    pub(in crate::cli) fn is_for_github(&self) -> bool {
        let github = ReviewFormat::Github;
        self.format() == github || self.output.iter().any(|output| output.format == github)
    }
}
