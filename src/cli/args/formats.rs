//! The options for the formats of plans and reports.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use crate::render::words;

/// The maximum size of a GitHub comment, in bytes.
const COMMENT: usize = 65_536;

/// The option for the size of Markdown output.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output options")]
pub(in crate::cli) struct SizeArgs {
    /// Maximum size of Markdown output in bytes; a longer text is cut in the middle
    #[arg(long, value_name = "N", default_value_t = COMMENT)]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(2_000..))]
    pub(in crate::cli) max_bytes: usize,
}

/// The formats of a plan.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output options")]
pub(in crate::cli) struct FormatArgs {
    /// Print the plan in this format
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<PlanFormat>,
    #[command(flatten)]
    pub(in crate::cli) size: SizeArgs,
    /// Also write the plan to a file, in the given format; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(in crate::cli) output: Vec<Output<PlanFormat>>,
}

impl FormatArgs {
    /// Returns the same formats with JSON on standard output.
    pub(in crate::cli) fn in_json(self) -> Self {
        Self {
            format: Some(PlanFormat::Json),
            ..self
        }
    }

    /// Returns the format of standard output.
    pub(in crate::cli) fn format(&self) -> PlanFormat {
        self.format.unwrap_or_default()
    }

    /// Returns true if standard output is text for people.
    pub(in crate::cli) fn is_text(&self) -> bool {
        self.format() == PlanFormat::Text
    }

    /// Returns true if any output is for GitHub.
    pub(in crate::cli) fn is_for_github(&self) -> bool {
        let github = PlanFormat::Github;
        self.format() == github || self.output.iter().any(|output| output.format == github)
    }
}

/// A format of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PlanFormat {
    /// For people.
    #[default]
    Text,
    /// Terraform's plan document, with ours under `x_solution`.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// The counts that GitLab's merge-request widget shows.
    Gitlab,
    /// Annotations at the manifest's lines, and the step summary.
    Github,
}

/// The formats of a report.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output options")]
pub(in crate::cli) struct ReportFormatArgs {
    /// Print the report in this format, and the plan on standard error
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<ReportFormat>,
    #[command(flatten)]
    pub(in crate::cli) size: SizeArgs,
    /// Also write the report to a file, even if the apply fails; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(in crate::cli) output: Vec<Output<ReportFormat>>,
    /// Print events instead, one JSON object per line
    #[arg(long, conflicts_with = "format")]
    pub(in crate::cli) json: bool,
}

impl ReportFormatArgs {
    /// Returns the format of standard output.
    pub(in crate::cli) fn format(&self) -> ReportFormat {
        self.format.unwrap_or_default()
    }

    /// Returns true if any output is for GitHub.
    pub(in crate::cli) fn is_for_github(&self) -> bool {
        let github = ReportFormat::Github;
        self.format() == github || self.output.iter().any(|output| output.format == github)
    }
}

/// A format of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReportFormat {
    /// For people: the plan, then the outcome of each change.
    #[default]
    Text,
    /// The report document.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// Annotations at the manifest's lines, and the step summary.
    Github,
}

/// An output file and its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Output<F> {
    pub(in crate::cli) format: F,
    pub(in crate::cli) path: PathBuf,
}

impl<F: ValueEnum> FromStr for Output<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or("an output is written FORMAT=FILE")?;
        Ok(Self {
            format: F::from_str(format, false).map_err(|_| {
                let known = F::value_variants().iter().filter_map(F::to_possible_value);
                let known: Vec<String> = known
                    .map(|value| format!("`{}`", value.get_name()))
                    .collect();
                format!(
                    "unknown format `{}`; known formats: {}",
                    words::escaped(format),
                    known.join(", ")
                )
            })?,
            path: PathBuf::from(path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_name_their_format_first() {
        let output: Output<PlanFormat> = "json=a=b.json".parse().unwrap();
        assert_eq!(
            (output.format, output.path),
            (PlanFormat::Json, PathBuf::from("a=b.json"))
        );
        for text in ["plan.json", "json=", "xml=plan.xml", ""] {
            assert!(text.parse::<Output<PlanFormat>>().is_err(), "{text}");
        }
        // Reports have no GitLab format.
        assert!("gitlab=a".parse::<Output<ReportFormat>>().is_err());
    }
}
