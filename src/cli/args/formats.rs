//! The options for the formats of plans, reports and reviews.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};

use crate::render::{Channel, FORMATS, Format, Subject, TEXT, words};

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
    #[arg(long, value_name = "FORMAT", value_parser = parser(Subject::Plan))]
    format: Option<&'static Format>,
    #[command(flatten)]
    size: SizeArgs,
    /// Also write the plan to a file, in the given format; repeatable
    #[arg(long, value_name = "FORMAT=FILE", value_parser = output_parser(Subject::Plan))]
    output: Vec<Output>,
}

impl FormatArgs {
    /// Returns the requested outputs.
    pub(in crate::cli) fn outputs(&self) -> Outputs<'_> {
        Outputs::new(self.format, &self.output, &self.size)
    }
}

/// The formats of a report.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output options")]
pub(in crate::cli) struct ReportFormatArgs {
    /// Print the report in this format, and the plan on standard error
    #[arg(long, value_name = "FORMAT", value_parser = parser(Subject::Report))]
    format: Option<&'static Format>,
    #[command(flatten)]
    size: SizeArgs,
    /// Also write the report to a file, even if the apply fails; repeatable
    #[arg(long, value_name = "FORMAT=FILE", value_parser = output_parser(Subject::Report))]
    output: Vec<Output>,
    /// Print events instead, one JSON object per line
    #[arg(long, conflicts_with = "format")]
    pub(in crate::cli) json: bool,
}

impl ReportFormatArgs {
    /// Returns the options of a report as text, or as events.
    pub(in crate::cli) fn of_events(json: bool) -> Self {
        Self {
            format: None,
            size: SizeArgs { max_bytes: COMMENT },
            output: Vec::new(),
            json,
        }
    }

    /// Returns the requested outputs.
    pub(in crate::cli) fn outputs(&self) -> Outputs<'_> {
        Outputs::new(self.format, &self.output, &self.size)
    }
}

/// The requested outputs: one on standard output, and any number of files.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Outputs<'a> {
    /// The format of standard output.
    pub(in crate::cli) format: &'static Format,
    pub(in crate::cli) files: &'a [Output],
    /// The maximum size of Markdown, in bytes.
    pub(in crate::cli) max_bytes: usize,
}

impl<'a> Outputs<'a> {
    pub(in crate::cli) fn new(
        format: Option<&'static Format>,
        files: &'a [Output],
        size: &SizeArgs,
    ) -> Self {
        Self {
            format: format.unwrap_or(&TEXT),
            files,
            max_bytes: size.max_bytes,
        }
    }

    /// Returns the outputs of the problems of a manifest.
    pub(in crate::cli) fn of_problems(
        format: Option<&'static Format>,
        files: &'a [Output],
    ) -> Self {
        Self::new(format, files, &SizeArgs { max_bytes: COMMENT })
    }

    /// Returns true if standard output is text for people.
    pub(in crate::cli) fn is_text(&self) -> bool {
        self.format.channel == Channel::Text
    }

    /// Returns true if any output is for GitHub.
    pub(in crate::cli) fn is_for_github(&self) -> bool {
        let files = self.files.iter().map(|output| output.format);
        let mut formats = files.chain([self.format]);
        formats.any(|format| format.channel == Channel::Commands)
    }
}

/// An output file and its format.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Output {
    pub(in crate::cli) format: &'static Format,
    pub(in crate::cli) path: PathBuf,
}

/// Returns the formats of a kind of content.
fn formats_of(subject: Subject) -> impl Iterator<Item = &'static Format> {
    let formats = FORMATS.into_iter();
    formats.filter(move |format| format.subjects.contains(&subject))
}

fn format_named(subject: Subject, name: &str) -> Result<&'static Format, String> {
    let format = formats_of(subject).find(|format| format.name == name);
    format.ok_or_else(|| {
        let known: Vec<String> = formats_of(subject)
            .map(|format| format!("`{}`", format.name))
            .collect();
        let (name, known) = (words::escaped(name), known.join(", "));
        format!("unknown format `{name}`; known formats: {known}")
    })
}

/// Returns the parser of the formats of a kind of content.
pub(in crate::cli) fn parser(subject: Subject) -> impl TypedValueParser<Value = &'static Format> {
    let value = |format: &Format| PossibleValue::new(format.name).help(format.help);
    PossibleValuesParser::new(formats_of(subject).map(value))
        .try_map(move |name| format_named(subject, &name))
}

/// Returns the parser of an output file, which is written FORMAT=FILE.
pub(in crate::cli) fn output_parser(
    subject: Subject,
) -> impl Fn(&str) -> Result<Output, String> + Clone + Send + Sync + 'static {
    move |text| {
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or("an output is written FORMAT=FILE")?;
        Ok(Output {
            format: format_named(subject, format)?,
            path: PathBuf::from(path),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_name_their_format_first() {
        let parse = output_parser(Subject::Plan);
        let output = parse("json=a=b.json").unwrap();
        assert_eq!(
            (output.format.name, output.path),
            ("json", PathBuf::from("a=b.json"))
        );
        for text in ["plan.json", "json=", "xml=plan.xml", ""] {
            assert!(parse(text).is_err(), "{text}");
        }
        // Reports have no GitLab format.
        assert!(output_parser(Subject::Report)("gitlab=a").is_err());
    }
}
