//! `review`: shows the effects of a change to a manifest, offline. No request is sent, and no token
//! is read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indexmap::IndexSet;

use crate::cli::args::{Output, SizeArgs};
use crate::cli::environment::base_manifest::{Base, read_base, reviewed};
use crate::cli::environment::context::read_source;
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::cli::settings::{Settings, variable};
use crate::cli::workflow::output_files;
use crate::manifest::{
    self, Checked, Manifest, Placeholders, Problem, Problems, Selection, SourceFile,
};
use crate::render::{
    MarkdownOptions, Styles, render_github_review, render_json, render_review,
    render_review_markdown, review_document,
};
use crate::review::{Review, ReviewBase, ReviewSummary, group_findings, review_environment};

/// Show the effects of a change to the manifest, without network or token
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform review --base main\n  \
    solform review --base solform.yaml.orig -e prod --detailed-exitcode\n  \
    solform review --base origin/main --output markdown=review.md")]
pub(in crate::cli) struct ReviewArgs {
    /// Compare with this file, or with the manifest at the merge base of HEAD and this git revision
    #[arg(long, value_name = "REF|FILE")]
    base: OsString,
    /// Compare with the revision itself, not with the merge base
    #[arg(long)]
    base_exact: bool,
    /// Manifest file; - reads standard input
    #[arg(short, long, value_name = "FILE", default_value = "solform.yaml")]
    file: PathBuf,
    /// Compare only this environment; also SOLFORM_ENVIRONMENT
    #[arg(short, long, value_name = "NAME")]
    environment: Option<String>,
    /// Print the review in this format
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<ReviewFormat>,
    /// Print a JSON document; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Also write the review to a file, in the given format; repeatable
    #[arg(long, value_name = "FORMAT=FILE")]
    output: Vec<Output<ReviewFormat>>,
    #[command(flatten)]
    size: SizeArgs,
    /// Return exit code 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
}

impl ReviewArgs {
    /// Returns the format of standard output.
    fn format(&self) -> ReviewFormat {
        if self.json {
            ReviewFormat::Json
        } else {
            self.format.unwrap_or_default()
        }
    }

    /// Returns true if any output is for GitHub.
    fn is_for_github(&self) -> bool {
        let github = ReviewFormat::Github;
        self.format() == github || self.output.iter().any(|output| output.format == github)
    }
}

/// A format of a review.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ReviewFormat {
    /// For people.
    #[default]
    Text,
    /// The review document; short: --json.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// Annotations at the manifest's lines, and the step summary.
    Github,
}

pub(super) async fn run(
    args: &ReviewArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    output_files::check(args.output.iter().map(|output| &*output.path), &args.file)?;
    let head = read_source(&args.file)?;
    let Base {
        name: base_name,
        commit,
        source: base,
    } = read_base(&args.base, &args.file, args.base_exact).await?;
    let only = args
        .environment
        .as_deref()
        .or(settings.environment.as_deref());
    let variables = Variables {
        placeholders: Placeholders::of([&head].into_iter().chain(&base)),
        known: &settings.allowed_variables,
        replaced: RefCell::default(),
    };
    let heads = variables.read(&head, only, "the manifest")?;
    // Warnings about the base are not caused by this change.
    io.warn_of(&heads.warnings)?;
    let bases = match &base {
        Some(base) => variables.read(base, only, "the base manifest")?,
        None => Side::default(),
    };
    // The head's order, followed by the environments that only the base declares.
    let names: IndexSet<&String> = heads.names.iter().chain(&bases.names).collect();
    if let Some(only) = only.filter(|only| !names.iter().any(|name| name == only)) {
        let known: Vec<&str> = names.into_iter().map(String::as_str).collect();
        let message = format!("neither manifest declares an environment `{only}`");
        let hint = format!("Declared are: {}.", known.join(", "));
        return Err(CommandError::failed(message).hint(hint));
    }
    let environments: Vec<String> = names
        .into_iter()
        .filter(|name| only.is_none_or(|only| only == *name))
        .cloned()
        .collect();
    let found = environments.iter().map(|name| {
        let (base, head) = (bases.manifests.get(name), heads.manifests.get(name));
        (name.clone(), review_environment(base, head))
    });
    let review = Review {
        base: ReviewBase {
            name: base_name,
            commit,
            is_present: base.is_some(),
        },
        head: head.name().to_owned(),
        only: only.map(str::to_owned),
        groups: group_findings(found.collect()),
        environments,
    };
    write_review(&review, args, settings, io)?;
    Ok(if ReviewSummary::of(&review).has_changes() {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

/// A manifest of the review.
#[derive(Default)]
struct Side {
    /// The declared environments.
    names: Vec<String>,
    /// The compared environments.
    manifests: BTreeMap<String, Manifest>,
    warnings: Vec<Problem>,
}

/// The variables of a review. Their values differ between machines, and a pull request could show a
/// secret in a comment: only variables that the user names are read.
struct Variables<'a> {
    placeholders: Placeholders,
    known: &'a [String],
    replaced: RefCell<BTreeSet<String>>,
}

impl Variables<'_> {
    fn value(&self, name: &str) -> Option<String> {
        if self.known.iter().any(|known| known == name) {
            return variable(name);
        }
        self.replaced.borrow_mut().insert(name.to_owned());
        Some(self.placeholders.text(name))
    }

    /// Reads a manifest; all its problems become one error.
    fn read(
        &self,
        source: &SourceFile,
        only: Option<&str>,
        what: &str,
    ) -> Result<Side, CommandError> {
        self.replaced.borrow_mut().clear();
        let read = |name: &str| self.value(name);
        let failed = |problems: Problems| {
            let variables: Vec<String> = self.replaced.take().into_iter().collect();
            reviewed(&format!("{what} `{}`", source.name()), problems, &variables)
        };
        let names = manifest::environments(source).map_err(failed)?;
        let (manifests, warnings) = match only {
            // Only the other manifest has the environment.
            Some(only) if !names.iter().any(|name| name == only) => (Vec::new(), Vec::new()),
            Some(_) => {
                let selection = Selection { environment: only };
                let Checked { manifest, warnings } =
                    manifest::read(source, &selection, &read).map_err(failed)?;
                (vec![manifest], warnings)
            }
            None => {
                let checked = manifest::read_all(source, &read).map_err(failed)?;
                (checked.manifests, checked.warnings)
            }
        };
        let keyed = |manifest: Manifest| (manifest.environment.name.clone(), manifest);
        Ok(Side {
            names,
            warnings,
            manifests: manifests.into_iter().map(keyed).collect(),
        })
    }
}

/// Writes a review in every requested format.
fn write_review(
    review: &Review,
    args: &ReviewArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<(), CommandError> {
    let max_bytes = args.size.max_bytes;
    let folder = output_files::folder_in_repository(settings);
    let rendered = |format, styles: &Styles, out: &mut dyn Write| match format {
        ReviewFormat::Text => render_review(review, styles, out),
        ReviewFormat::Json => render_json(&review_document(review), out),
        ReviewFormat::Markdown => {
            render_review_markdown(review, MarkdownOptions { max_bytes }, out)
        }
        ReviewFormat::Github => render_github_review(review, &folder, out),
    };
    if args.format() == ReviewFormat::Github {
        let mut text = Vec::new();
        rendered(ReviewFormat::Github, &Styles::default(), &mut text)?;
        io.commands(&text)?;
    } else {
        let styles = io.out_styles;
        let out = match args.format() {
            ReviewFormat::Text => &mut io.out,
            ReviewFormat::Json | ReviewFormat::Markdown | ReviewFormat::Github => io.document(),
        };
        rendered(args.format(), &styles, out)?;
    }
    for Output { format, path } in &args.output {
        let mut text = Vec::new();
        rendered(*format, &Styles::default(), &mut text)?;
        output_files::write_file(path, &text, *format == ReviewFormat::Github, io)?;
    }
    if args.is_for_github() {
        output_files::add_to_summary(settings, io, |room| {
            let mut out = Vec::new();
            let options = MarkdownOptions { max_bytes: room };
            render_review_markdown(review, options, &mut out)?;
            Ok(out)
        })?;
    }
    Ok(())
}
