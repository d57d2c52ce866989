//! The parsing of text into a [`RawManifest`]: options, budget and errors of the YAML crate.

use serde_yaml::budget::BudgetBreach;
use serde_yaml::granit_parser::ErrorKind;
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{
    Budget, Error, ExternalMessageSource, MessageFormatter as _, Options, UserMessageFormatter,
};

use spanned::mark;

use super::masking::printable;
use super::node::{Found, Node};
use super::position::Mark;
use super::problem::{Code, Problem, Problems};
use super::raw::RawManifest;
use super::source::SourceFile;

pub(super) use direct::Solutions;

mod direct;
pub(super) mod outline;
mod spanned;

/// The maximum nesting. A valid manifest has at most ten levels: a version entry of a solution of
/// an environment.
const MAX_DEPTH: usize = 24;

/// The maximum number of values in a manifest; 100,000 entries with four keys each have about
/// 1,000,000.
const MAX_NODES: usize = 1_500_000;

/// The maximum number of values that aliases may add.
const MAX_REPEATED: usize = 250_000;

/// Parses the YAML of a manifest.
pub(super) fn parse(source: &SourceFile) -> Result<RawManifest, Problems> {
    directly(source).map_or_else(|| by_crate(source), Ok)
}

/// Reads the YAML with the direct reader; `None` if it is not plain.
pub(super) fn directly(source: &SourceFile) -> Option<RawManifest> {
    direct::read(source.text()).ok()
}

/// Finds the solutions of a manifest, to read them one after the other; `None` if their key is not
/// the one at this offset, or if anything above is not plain.
pub(super) fn solutions(source: &SourceFile, offset: usize) -> Option<Solutions<'_>> {
    Solutions::find(source.text(), offset).ok()
}

/// Reads the YAML with the crate, which supports all of YAML, and turns an error into problems.
pub(super) fn by_crate(source: &SourceFile) -> Result<RawManifest, Problems> {
    let node: Node<RawManifest> = serde_yaml::from_str_with_options(source.text(), options())
        .map_err(|error| Problems::of(explain(source, error.without_snippet())))?;
    let problem = match (node.value, node.found) {
        (_, Found::Nothing) => Problem::new(Code::EmptyFile, "the manifest is empty")
            .at(source, source.mark_at(1, 1))
            .label("nothing is here"),
        (Some(raw), _) => return Ok(raw),
        (None, found) => {
            let message = format!("a manifest must be a mapping, found {}", found.as_str());
            Problem::new(Code::WrongType, message)
                .at(source, node.used)
                .label("not a mapping")
        }
    };
    let help = if source.name() == SourceFile::STANDARD_INPUT {
        "Write a manifest to standard input: docs/manifest.md describes its keys."
    } else {
        "Delete the file, then run `solform init`: it writes a manifest to start from."
    };
    Err(Problems::of(problem.help(help)))
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_depth = MAX_DEPTH;
    budget.max_nodes = MAX_NODES;
    budget.max_events = 2 * MAX_NODES;
    budget.max_merge_keys = MAX_NODES;
    // An anchor like `&defaults` with a thousand aliases is fine.
    budget.enforce_alias_anchor_ratio = false;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = MAX_REPEATED;
    // `mapping!` and `Table` report all duplicates.
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    // `version: 1e999` is a text here, not a number.
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.reject_unsupported_tags = true;
    options.with_snippet = false;
    options
}

/// Turns an error of the crate into a problem.
fn explain(source: &SourceFile, error: &Error) -> Problem {
    let (code, message) = match error {
        Error::AliasError { error, .. } => return explain(source, error),
        Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => (Code::YamlTooComplex, too_deep()),
        Error::Budget { .. } => (
            Code::YamlTooComplex,
            format!("the YAML has more than the maximum of {MAX_NODES} values"),
        ),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            Code::YamlTooComplex,
            format!("the aliases expand to more than {MAX_REPEATED} values"),
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => (
            Code::YamlTooComplex,
            "an alias is inside of the value that it refers to".to_owned(),
        ),
        Error::ExternalMessage { source: origin, .. }
            if matches!(&**origin, ExternalMessageSource::Parser(error)
                if matches!(error.kind(), ErrorKind::RecursionLimitExceeded)) =>
        {
            (Code::YamlTooComplex, too_deep())
        }
        Error::MultipleDocuments { .. } => (
            Code::SeveralDocuments,
            "the file holds more than one YAML document".to_owned(),
        ),
        other => (Code::YamlSyntax, syntax_message(source, other)),
    };
    Problem::new(code, message).at(source, error_mark(source, error))
}

fn too_deep() -> String {
    format!("the YAML nests deeper than {MAX_DEPTH} levels")
}

fn syntax_message(source: &SourceFile, error: &Error) -> String {
    let letter = source.slice(error_mark(source, error)).chars().next();
    if let Some(control) = letter.filter(|letter| letter.is_control()) {
        let number = u32::from(control);
        return format!("the character U+{number:04X} is not allowed in YAML");
    }
    // The crate's message may quote the file.
    if !source.is_manifest() {
        return "invalid YAML: the file does not look like a manifest".to_owned();
    }
    let text = printable(&UserMessageFormatter.format_message(error));
    format!(
        "invalid YAML: {}",
        text.replace("`'", "`").replace('\'', "`")
    )
}

/// Returns the position of an error. Errors of the scanner have no byte offset, only line and
/// column.
fn error_mark(source: &SourceFile, error: &Error) -> Mark {
    match error.location() {
        None => source.mark_at(1, 1),
        Some(location) if location.span().byte_offset().is_some() => mark(location),
        Some(location) => {
            let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            source.mark_at(number(location.line()), number(location.column()))
        }
    }
}
