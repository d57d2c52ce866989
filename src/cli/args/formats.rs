//! In which formats a plan was asked for.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

/// The formats of a plan.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct FormatArgs {
    /// Print the plan in this format
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<PlanFormat>,
    /// The most bytes of Markdown: the middle is cut where there are more
    #[arg(long, value_name = "N", default_value_t = 65_536, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2_000..))]
    pub(in crate::cli) max_bytes: usize,
    /// Write the plan to a file too, in a format of its own; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(in crate::cli) output: Vec<PlanOutput>,
}

impl FormatArgs {
    /// The same with JSON on standard output.
    pub(in crate::cli) fn in_json(self) -> Self {
        Self {
            format: Some(PlanFormat::Json),
            ..self
        }
    }

    /// The format of standard output.
    pub(in crate::cli) fn format(&self) -> PlanFormat {
        self.format.unwrap_or_default()
    }

    /// Whether people read standard output.
    pub(in crate::cli) fn is_text(&self) -> bool {
        self.format() == PlanFormat::Text
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
}

/// A file that a plan is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct PlanOutput {
    pub(in crate::cli) format: PlanFormat,
    pub(in crate::cli) path: PathBuf,
}

impl FromStr for PlanOutput {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or("an output is written FORMAT=FILE")?;
        Ok(Self {
            format: PlanFormat::from_str(format, false)?,
            path: PathBuf::from(path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_name_their_format_first() {
        let output: PlanOutput = "json=a=b.json".parse().unwrap();
        assert_eq!(
            (output.format, output.path),
            (PlanFormat::Json, PathBuf::from("a=b.json"))
        );
        for text in ["plan.json", "json=", "xml=plan.xml", ""] {
            assert!(text.parse::<PlanOutput>().is_err(), "{text}");
        }
    }
}
