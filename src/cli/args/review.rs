//! Arguments of `review`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

/// What is compared with what, and in which formats it is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReviewArgs {
    /// Compare with this file, or with the manifest in this git revision
    #[arg(long, value_name = "REF|FILE")]
    pub(in crate::cli) base: OsString,
    /// The manifest
    #[arg(short, long, value_name = "FILE", default_value = "solform.yaml")]
    pub(in crate::cli) file: PathBuf,
    /// Only this environment, of either side; also SOLFORM_ENVIRONMENT
    #[arg(short, long, value_name = "NAME")]
    pub(in crate::cli) environment: Option<String>,
    /// Read this environment variable, which else stands for itself; repeatable
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) env: Vec<String>,
    /// Print the review in this format
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<ReviewFormat>,
    /// Print a JSON document; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write the review to a file too, in a format of its own; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(in crate::cli) output: Vec<ReviewOutput>,
    /// The most bytes of Markdown: the middle is cut where there are more
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2_000..))]
    pub(in crate::cli) max_bytes: usize,
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
}

/// A format of a review.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReviewFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For a comment on a pull request.
    Markdown,
}

/// A file that a review is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct ReviewOutput {
    pub(in crate::cli) format: ReviewFormat,
    pub(in crate::cli) path: PathBuf,
}

impl FromStr for ReviewOutput {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or("an output is written FORMAT=FILE")?;
        Ok(Self {
            format: ReviewFormat::from_str(format, false)?,
            path: PathBuf::from(path),
        })
    }
}
