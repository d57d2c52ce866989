//! From text to [`RawManifest`]: the YAML crate's options, budget and errors.

use serde_yaml::budget::BudgetBreach;
use serde_yaml::granit_parser::ErrorKind;
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{
    Budget, Error, ExternalMessageSource, MessageFormatter as _, Options, UserMessageFormatter,
};

use spanned::mark;

use super::masking::printable;
use super::node::{Found, Node};
use super::problem::{Code, Problem, Problems};
use super::raw::RawManifest;
use super::source::{Mark, SourceFile};

mod direct;
mod spanned;

/// The deepest manifest nests ten levels: root, environments, one, solutions, one, versions, one.
const MAX_DEPTH: usize = 24;

/// Values in the largest manifest that is read; 100,000 entries of four keys have as many as
/// 1,000,000.
const MAX_NODES: usize = 1_500_000;

/// Values that aliases may add by repeating what they stand for.
const MAX_REPEATED: usize = 250_000;

/// Reads the YAML.
pub(super) fn parse(source: &SourceFile) -> Result<RawManifest, Problems> {
    directly(source).map_or_else(|| by_crate(source), Ok)
}

/// Reads the YAML if it is plain.
pub(super) fn directly(source: &SourceFile) -> Option<RawManifest> {
    direct::read(source.text()).ok()
}

/// Reads the YAML with all that it may hold, and explains what is wrong.
pub(super) fn by_crate(source: &SourceFile) -> Result<RawManifest, Problems> {
    let node: Node<RawManifest> = serde_yaml::from_str_with_options(source.text(), options())
        .map_err(|error| Problems::of(explain(source, error.without_snippet())))?;
    let problem = match (node.value, node.found) {
        (_, Found::Nothing) => Problem::new(Code::EmptyFile, "the manifest is empty").at(
            source,
            source.mark_at(1, 1),
            "nothing is here",
        ),
        (Some(raw), _) => return Ok(raw),
        (None, found) => {
            let message = format!("a manifest is a mapping, found {}", found.as_str());
            Problem::new(Code::WrongType, message).at(source, node.used, "not a mapping")
        }
    };
    Err(Problems::of(problem.help(
        "Delete the file, then run `solform init`: it writes a manifest to start from.",
    )))
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_depth = MAX_DEPTH;
    budget.max_nodes = MAX_NODES;
    budget.max_events = 2 * MAX_NODES;
    budget.max_merge_keys = MAX_NODES;
    // One `&defaults` that a thousand entries use is good style.
    budget.enforce_alias_anchor_ratio = false;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = MAX_REPEATED;
    // `mapping!` and `Table` report duplicates, all of them.
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    // `version: 1e999` is a text like any other.
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.reject_unsupported_tags = true;
    options.with_snippet = false;
    options
}

/// Turns the crate's error into a problem; the text of an error is only ever shown.
fn explain(source: &SourceFile, error: &Error) -> Problem {
    let at = place(source, error);
    let too_complex = |message: String| {
        Problem::new(Code::YamlTooComplex, message)
            .at(source, at, "reading stopped here")
            .help("Write the manifest without deep nesting and with fewer aliases.")
    };
    match error {
        Error::AliasError { error, .. } => explain(source, error),
        Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => too_complex(format!("the YAML nests deeper than {MAX_DEPTH} levels")),
        Error::Budget { .. } => too_complex(format!(
            "the YAML holds more than a manifest may: {MAX_NODES} values"
        )),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_complex(format!(
            "the aliases expand to more than {MAX_REPEATED} values"
        )),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            too_complex("an alias stands inside of what it stands for".to_owned())
        }
        Error::ExternalMessage { source: origin, .. }
            if matches!(&**origin, ExternalMessageSource::Parser(error)
                if matches!(error.kind(), ErrorKind::RecursionLimitExceeded)) =>
        {
            too_complex(format!("the YAML nests deeper than {MAX_DEPTH} levels"))
        }
        Error::MultipleDocuments { .. } => Problem::new(
            Code::SeveralDocuments,
            "the file holds more than one YAML document",
        )
        .at(source, at, "the second one begins here")
        .help("Keep one document to a file; several environments fit into one."),
        other => {
            let control = source
                .slice(at)
                .chars()
                .next()
                .filter(|char| char.is_control());
            let message = control.map_or_else(
                || {
                    // The message may quote the file.
                    if !source.is_manifest() {
                        return "invalid YAML: the file does not look like a manifest".to_owned();
                    }
                    let text = UserMessageFormatter.format_message(other);
                    format!(
                        "invalid YAML: {}",
                        printable(&text).replace("`'", "`").replace('\'', "`")
                    )
                },
                |char| {
                    format!(
                        "the character U+{:04X} is not allowed in YAML",
                        u32::from(char)
                    )
                },
            );
            Problem::new(Code::YamlSyntax, message)
                .at(source, at, "here")
                .help("Check indentation, quotes and brackets here and in the lines above.")
        }
    }
}

/// Errors of the scanner come without byte offsets.
fn place(source: &SourceFile, error: &Error) -> Mark {
    match error.location() {
        None => source.mark_at(1, 1),
        Some(location) if location.span().byte_offset().is_some() => mark(location),
        Some(location) => {
            let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            source.mark_at(number(location.line()), number(location.column()))
        }
    }
}
