//! `review`: shows the effects of a change to a manifest, offline. No request is sent, and no token
//! is read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use indexmap::IndexSet;

use crate::cli::args::{Output, Outputs, SizeArgs, output_parser, parser};
use crate::cli::environment::base_manifest::{read_base, reviewed};
use crate::cli::environment::context::read_source;
use crate::cli::error::{CommandError, ExitStatus, Result};
use crate::cli::io::Io;
use crate::cli::settings::{Settings, variable};
use crate::cli::workflow::output_files::{self, OutputWriter};
use crate::manifest::{
    self, Checked, Manifest, Placeholders, Problem, Problems, Selection, SourceFile,
};
use crate::render::{Content, Format, JSON, PlanDetail, Subject};
use crate::review::{
    Review, ReviewBase, ReviewSummary, group_findings, review_environment, reviewed_solutions,
};

/// Show the effects of a change to the manifest, without network or token
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    solform review --base main\n  \
    solform review --base solform.yaml.orig -e prod --detailed-exitcode\n  \
    solform review --base origin/main -e uat -e prod --output markdown=review.md")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
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
    /// Compare only this environment; repeatable; also SOLFORM_ENVIRONMENT
    #[arg(short, long, value_name = "NAME")]
    environment: Vec<String>,
    /// Compare all environments, also if SOLFORM_ENVIRONMENT is set; the default without it
    #[arg(long, conflicts_with = "environment")]
    all_environments: bool,
    /// Print the review in this format
    #[arg(long, value_name = "FORMAT", value_parser = parser(Subject::Review))]
    format: Option<&'static Format>,
    /// Print a JSON document; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Also write the review to a file, in the given format; repeatable
    #[arg(long, value_name = "FORMAT=FILE", value_parser = output_parser(Subject::Review))]
    output: Vec<Output>,
    #[command(flatten)]
    size: SizeArgs,
    /// Return exit code 2 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) async fn run(args: &ReviewArgs, settings: &Settings, io: &mut Io) -> Result<ExitStatus> {
    output_files::check(args.output.iter().map(|output| &*output.path), &args.file)?;
    let head = read_source(&args.file)?;
    let base = read_base(&args.base, &args.file, args.base_exact).await?;
    let sources = || [&head].into_iter().chain(&base.source);
    for source in sources() {
        settings.hide_tokens(source, &io.secrets);
    }
    let only = selected(args, settings);
    let variables = Variables {
        placeholders: Placeholders::of(sources()),
        known: &settings.allowed_variables,
        replaced: RefCell::default(),
    };
    let heads = variables.read(&head, &only, "the manifest")?;
    // Warnings about the base are not caused by this change.
    io.warn_of(&heads.warnings)?;
    let bases = match &base.source {
        Some(base) => variables.read(base, &only, "the base manifest")?,
        None => Side::default(),
    };
    // The head's order, followed by the environments that only the base declares.
    let names: IndexSet<&String> = heads.names.iter().chain(&bases.names).collect();
    if let Some(only) = only.iter().find(|only| !names.contains(only)) {
        let known: Vec<&str> = names.into_iter().map(String::as_str).collect();
        let message = format!("neither manifest declares an environment `{only}`");
        let hint = format!("Declared are: {}.", known.join(", "));
        return Err(CommandError::failed(message).hint(hint));
    }
    let environments: Vec<String> = names
        .into_iter()
        .filter(|name| only.is_empty() || only.contains(name))
        .cloned()
        .collect();
    let sides = environments.iter();
    let sides = sides.map(|name| (bases.manifests.get(name), heads.manifests.get(name)));
    let sides: Vec<_> = sides.collect();
    let found = environments.iter().zip(&sides);
    let found = found.map(|(name, (base, head))| (name.clone(), review_environment(*base, *head)));
    let review = Review {
        base: ReviewBase {
            is_present: base.source.is_some(),
            name: base.name,
            commit: base.commit,
        },
        head: head.name().to_owned(),
        only: if only.is_empty() {
            only
        } else {
            environments.clone()
        },
        groups: group_findings(found.collect()),
        solutions: reviewed_solutions(&sides),
        environments,
    };
    let format = if args.json { Some(&JSON) } else { args.format };
    let writer = OutputWriter {
        content: Content::Review(&review),
        outputs: Outputs::new(format, &args.output, &args.size),
        settings,
    };
    writer.write(PlanDetail::Verbose, io)?;
    Ok(if ReviewSummary::of(&review).has_changes() {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

/// Returns the environments to compare; empty for all.
fn selected(args: &ReviewArgs, settings: &Settings) -> Vec<String> {
    let given: IndexSet<&String> = args.environment.iter().collect();
    if given.is_empty() && !args.all_environments {
        return settings.environment.clone().into_iter().collect();
    }
    given.into_iter().cloned().collect()
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
    fn read(&self, source: &SourceFile, only: &[String], what: &str) -> Result<Side> {
        self.replaced.borrow_mut().clear();
        let read = |name: &str| self.value(name);
        let failed = |problems: Problems| {
            let variables: Vec<String> = self.replaced.take().into_iter().collect();
            reviewed(&format!("{what} `{}`", source.name()), problems, &variables)
        };
        let names = manifest::environments(source).map_err(failed)?;
        // The other manifest may have more environments.
        let own = only.iter().filter(|only| names.contains(only));
        let own: Vec<String> = own.cloned().collect();
        let (manifests, warnings) = match &own[..] {
            [] if only.is_empty() => {
                let checked = manifest::read_all(source, &read).map_err(failed)?;
                (checked.manifests, checked.warnings)
            }
            [] => (Vec::new(), Vec::new()),
            [only] => {
                let environment = Some(only.as_str());
                let selection = Selection { environment };
                let Checked { manifest, warnings } =
                    manifest::read(source, &selection, &read).map_err(failed)?;
                (vec![manifest], warnings)
            }
            own => {
                let checked = manifest::read_each(source, Some(own), &read).map_err(failed)?;
                let problems = checked.problems;
                if let Some(problems) = Problems::from_errors(problems.clone()) {
                    return Err(failed(problems));
                }
                let manifests = checked.environments.into_iter();
                (
                    manifests.filter_map(|(_, manifest)| manifest).collect(),
                    problems,
                )
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
