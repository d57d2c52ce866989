//! Arguments of `review`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::formats::{Output, ReviewFormat, SizeArgs};

/// The manifests to compare, and the formats of the review.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReviewArgs {
    /// Compare with this file, or with the manifest at the merge base of HEAD and this git revision
    #[arg(long, value_name = "REF|FILE")]
    pub(in crate::cli) base: OsString,
    /// Compare with the revision itself, not with the merge base
    #[arg(long)]
    pub(in crate::cli) base_exact: bool,
    /// Manifest file; - reads standard input
    #[arg(short, long, value_name = "FILE", default_value = "solform.yaml")]
    pub(in crate::cli) file: PathBuf,
    /// Compare only this environment; also SOLFORM_ENVIRONMENT
    #[arg(short, long, value_name = "NAME")]
    pub(in crate::cli) environment: Option<String>,
    /// Print the review in this format
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<ReviewFormat>,
    /// Print a JSON document; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Also write the review to a file, in the given format; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(in crate::cli) output: Vec<Output<ReviewFormat>>,
    #[command(flatten)]
    pub(in crate::cli) size: SizeArgs,
    /// Return exit code 2 if there are changes
    #[arg(long)]
    pub(in crate::cli) detailed_exitcode: bool,
}

impl ReviewArgs {
    /// Returns the format of standard output.
    pub(in crate::cli) fn format(&self) -> ReviewFormat {
        if self.json {
            ReviewFormat::Json
        } else {
            self.format.unwrap_or_default()
        }
    }

    /// Returns true if any output is for GitHub.
    pub(in crate::cli) fn is_for_github(&self) -> bool {
        let github = ReviewFormat::Github;
        self.format() == github || self.output.iter().any(|output| output.format == github)
    }
}
