//! `review`: what the change of a manifest means, offline. No environment is asked, and no token is
//! looked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::outputs;
use crate::cli::args::{DocumentFormat, Output, ReviewArgs};
use crate::cli::base::{BaseSource, read_base};
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::cli::session::read_source;
use crate::cli::settings::{Settings, variable};
use crate::manifest::{
    self, Checked, Manifest, Placeholders, Problem, Problems, Selection, SourceFile,
};
use crate::render::{
    MarkdownOptions, Styles, render_json, render_review, render_review_markdown, review_document,
};
use crate::review::{Review, ReviewBase, ReviewSummary, review_environment};

pub(super) async fn run(
    args: &ReviewArgs,
    settings: &Settings,
    io: &mut Io,
) -> Result<ExitStatus, CommandError> {
    outputs::check(args.output.iter().map(|output| &*output.path), &args.file)?;
    let head = read_source(&args.file)?;
    let (base, base_name) = match read_base(&args.base, &args.file).await? {
        BaseSource::There(source) => {
            let name = source.name().to_owned();
            (Some(source), name)
        }
        BaseSource::NotThere(name) => (None, name),
    };
    let only = args
        .environment
        .as_deref()
        .or(settings.environment.as_deref());
    let variables = Variables {
        placeholders: Placeholders::of([&head].into_iter().chain(&base)),
        known: &args.env,
        stood_in: RefCell::default(),
    };
    let heads = variables.read(&head, only, "the manifest")?;
    // What the base is warned of is no matter of this change.
    io.warn_of(&heads.warnings)?;
    let bases = match &base {
        Some(base) => variables.read(base, only, "the base manifest")?,
        None => Side::default(),
    };
    let names: BTreeSet<&String> = bases.names.iter().chain(&heads.names).collect();
    if let Some(only) = only.filter(|only| !names.contains(&(*only).to_owned())) {
        return Err(CommandError::NoEnvironment {
            name: only.to_owned(),
            known: names.into_iter().cloned().collect(),
        });
    }
    let review = Review {
        base: ReviewBase {
            name: base_name,
            is_present: base.is_some(),
        },
        head: head.name().to_owned(),
        only: only.map(str::to_owned),
        environments: names
            .into_iter()
            .filter(|name| only.is_none_or(|only| only == *name))
            .map(|name| {
                let (base, head) = (bases.manifests.get(name), heads.manifests.get(name));
                review_environment(name, base, head)
            })
            .collect(),
    };
    write_review(&review, args, io)?;
    Ok(if ReviewSummary::of(&review).has_changes() {
        ExitStatus::Changes
    } else {
        ExitStatus::Success
    })
}

/// One of the two manifests.
#[derive(Default)]
struct Side {
    /// All environments that it declares.
    names: Vec<String>,
    /// Those that are compared.
    manifests: BTreeMap<String, Manifest>,
    warnings: Vec<Problem>,
}

/// What stands for environment variables. Their values would differ from machine to machine, and what
/// a pull request names could end in a comment: so only those are read that were named.
struct Variables<'a> {
    placeholders: Placeholders,
    known: &'a [String],
    stood_in: RefCell<BTreeSet<String>>,
}

impl Variables<'_> {
    fn value(&self, name: &str) -> Option<String> {
        if self.known.iter().any(|known| known == name) {
            return variable(name);
        }
        self.stood_in.borrow_mut().insert(name.to_owned());
        Some(self.placeholders.text(name))
    }

    /// Reads one side; all of its problems are one error.
    fn read(
        &self,
        source: &SourceFile,
        only: Option<&str>,
        what: &str,
    ) -> Result<Side, CommandError> {
        self.stood_in.borrow_mut().clear();
        let read = |name: &str| self.value(name);
        let failed = |problems: Problems| CommandError::Reviewed {
            what: format!("{what} `{}`", source.name()),
            problems,
            variables: self.stood_in.take().into_iter().collect(),
        };
        let names = manifest::environments(source).map_err(failed)?;
        let (manifests, warnings) = match only {
            // An environment of the other side alone.
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

/// Writes a review in every format that was asked for.
fn write_review(review: &Review, args: &ReviewArgs, io: &mut Io) -> Result<(), CommandError> {
    let styles = io.out_styles;
    let options = MarkdownOptions {
        max_bytes: args.size.max_bytes,
    };
    render(review, args.format(), options, &styles, &mut io.out)?;
    for Output { format, path } in &args.output {
        let mut text = Vec::new();
        render(review, *format, options, &Styles::default(), &mut text)?;
        outputs::write_file(path, &text, false, io)?;
    }
    Ok(())
}

fn render(
    review: &Review,
    format: DocumentFormat,
    options: MarkdownOptions,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        DocumentFormat::Text => render_review(review, styles, out),
        DocumentFormat::Json => render_json(&review_document(review), out),
        DocumentFormat::Markdown => render_review_markdown(review, options, out),
    }
}
