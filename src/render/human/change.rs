//! One change of a plan as text.

use std::io::{self, Write as _};

use crate::ident::SolutionId;
use crate::manifest::unmistakable;
use crate::plan::{
    ActionKind, Block, Change, ContentDrift, Decision, FieldChange, Note, Reason, Succession,
};
use crate::render::styles::{StyledWriter, styled};
use crate::render::text_diff::marked;
use crate::render::view::drift;
use crate::render::view::plan as view;
use crate::render::words;

/// The width of the longest field name, so that the equal signs are aligned.
const FIELD_WIDTH: usize = 10;
/// The length, in characters, from which two values are shown as one with marked differences.
const LONG: usize = 40;

/// Writes a change with its reason, fields, risks and notes.
pub(super) fn render_change(
    change: &Change,
    succession: Option<&Succession<'_>>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    render_phrase(change, out)?;
    writeln!(out, "  # ({})", because(change, succession))?;
    let symbol = out.styles.symbol(change.action.kind());
    writeln!(out, "{symbol} {}", words::address(&change.address))?;
    for field in &change.fields {
        render_field(field, out)?;
    }
    if let Reason::ContentChanged { drift } = &change.reason {
        render_drift(drift, out)?;
    }
    let mut warn = |text: &str| {
        let line = styled(out.styles.warning, format!("! {text}"));
        writeln!(out, "      {line}")
    };
    for block in &change.blocked {
        warn(&format!("blocked: {}", why_blocked(block)))?;
    }
    for note in &change.notes {
        warn(&note_text(note, change))?;
    }
    let risks = view::risks(change, succession).into_iter();
    for risk in risks.filter(|risk| !risk.is_noted) {
        warn(risk.sentence)?;
    }
    writeln!(out)
}

/// Writes a change in two lines: the phrase and the reason.
pub(super) fn render_briefly(
    change: &Change,
    succession: Option<&Succession<'_>>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    render_phrase(change, out)?;
    let reason = view::reason(&change.reason, words::address);
    let succession = takes_over(succession);
    writeln!(out, "  # ({reason}{succession})")
}

/// Writes the line that other programs search for; nothing follows the phrase.
fn render_phrase(change: &Change, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let phrase = change.action.kind().phrase();
    let line = format!("# {} {phrase}", words::address(&change.address));
    writeln!(out, "  {}", styled(out.styles.strong, line))
}

fn because(change: &Change, succession: Option<&Succession<'_>>) -> String {
    let origin = change.origin.as_ref().map_or_else(String::new, |origin| {
        let file = words::escaped(&origin.file);
        format!(", {file}:{}:{}", origin.line, origin.column)
    });
    let waits = if change.waits_for.is_empty() {
        String::new()
    } else {
        let addresses = words::addresses(change.waits_for.iter());
        format!("; waits for {addresses}")
    };
    let reason = view::reason(&change.reason, words::address);
    let succession = takes_over(succession);
    format!("{reason}{origin}{succession}{waits}")
}

fn takes_over(succession: Option<&Succession<'_>>) -> String {
    succession.map_or_else(String::new, |succession| {
        format!("; {}", view::succession(succession, words::address))
    })
}

fn render_field(field: &FieldChange, out: &mut StyledWriter<'_>) -> io::Result<()> {
    // A saved plan may contain a field without a difference.
    if field.before == field.after {
        return Ok(());
    }
    let name = format!("{:<FIELD_WIDTH$}", field.field.as_str());
    let styles = out.styles;
    let (sign, style, text) = match (&field.before, &field.after) {
        (None, Some(after)) if field.decision == Decision::Apply => ("+", styles.add, value(after)),
        (Some(before), None) => ("-", styles.destroy, value(before)),
        (before, after) => {
            let text = difference(before.as_deref(), after.as_deref());
            ("~", styles.change, text)
        }
    };
    let left = field.decision.remark();
    let sign = if left.is_empty() { sign } else { " " };
    writeln!(out, "      {} {name} = {text}{left}", styled(style, sign))
}

/// Writes the differences between the deployed contents and the source.
fn render_drift(contents: &ContentDrift, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let styles = out.styles;
    let name = format!("{:<FIELD_WIDTH$}", "contents");
    let counts = words::escaped(&drift::counts(contents));
    writeln!(
        out,
        "      {} {name} = {counts}",
        styled(styles.change, "~")
    )?;
    for line in drift::lines(contents) {
        let style = match line.sign {
            '+' => styles.add,
            '-' => styles.destroy,
            '~' => styles.change,
            _ => styles.faint,
        };
        let text = words::escaped(&line.text);
        let indent = if line.is_nested { 12 } else { 10 };
        let text = styled(style, format!("{} {text}", line.sign));
        writeln!(out, "{:indent$}{text}", "")?;
    }
    Ok(())
}

/// Returns the differences between the deployed contents and the source as lines, which are not
/// escaped.
pub fn drift_lines(contents: &ContentDrift) -> Vec<String> {
    let lines = drift::lines(contents).into_iter().map(|line| {
        let indent = if line.is_nested { "  " } else { "" };
        format!("{indent}{} {}", line.sign, line.text)
    });
    std::iter::once(drift::counts(contents))
        .chain(lines)
        .collect()
}

fn value(text: &str) -> String {
    let (shown, length) = words::clipped(text);
    let length = length.map_or_else(String::new, |length| format!(" ({length} characters)"));
    format!("{}{length}", words::quoted(&shown))
}

/// Returns two values as text that shows their differences.
fn difference(before: Option<&str>, after: Option<&str>) -> String {
    let (Some(before), Some(after)) = (before, after) else {
        let shown = |text: Option<&str>| text.map_or_else(|| "(not known)".to_owned(), value);
        return format!("{} -> {}", shown(before), shown(after));
    };
    let is_long = |text: &str| text.chars().count() >= LONG;
    let (from, to) = (value(before), value(after));
    if is_long(before) || is_long(after) || from == to {
        format!("\"{}\"", marked(before, after))
    } else {
        format!("{from} -> {to}")
    }
}

/// Returns a note as a sentence.
pub(in crate::render) fn note_text(note: &Note, change: &Change) -> String {
    match note {
        Note::NoSuccessor => view::NO_SUCCESSOR.to_owned(),
        Note::OutOfServiceMeanwhile => "out of service until the new deploy is done".to_owned(),
        Note::VisibilityNotKnown if change.lacks_visibility() => {
            "the live visibility is not known, so no write checks it".to_owned()
        }
        Note::VisibilityNotKnown => {
            "the live visibility is not known, which is not drift".to_owned()
        }
        Note::WaitsForReview => {
            "waits for a review: it becomes PUBLIC only after it is approved".to_owned()
        }
        Note::SuccessorWaitsForReview { successors } => format!(
            "skipped by apply until {} is approved",
            words::addresses(successors.iter())
        ),
        Note::ExposedUntilPatched { package } => {
            format!("its package is {package}, so more users see the version until it is patched")
        }
        Note::VisibilityOfPackage {
            before,
            package: Some(package),
        } => format!("is {before}, and is deployed again as {package}, as its package says"),
        Note::VisibilityOfPackage {
            before,
            package: None,
        } => format!(
            "is {before}, and no visibility is declared: its package decides about the new record"
        ),
        Note::UnknownWord { word } => {
            format!(
                "the server reports the unknown word {}, which solform leaves alone",
                value(word)
            )
        }
        Note::MoreRecords { ids } => {
            // A delete removes every record of a version.
            let is_deleted = change.action.kind() == ActionKind::Delete;
            let end = match (is_deleted, ids.len()) {
                (true, 1) => "record of this version is deleted too",
                (true, _) => "records of this version are deleted too",
                (false, 1) => "record of this version is left alone",
                (false, _) => "records of this version are left alone",
            };
            more_records(ids, end)
        }
        Note::RecordsOfOtherOwner { ids } if change.is_no_op() => format!(
            "live under the other owner, published by another author, and left alone: {}",
            words::joined(ids.iter().map(|id| words::escaped(id.as_str())))
        ),
        Note::RecordsOfOtherOwner { ids } => more_records(
            ids,
            match ids.len() {
                1 => "record of this version is live under the other owner, and is left alone",
                _ => "records of this version are live under the other owner, and are left alone",
            },
        ),
        Note::FollowedOwner { owner } => format!(
            "live under owner {}, which counts as the same owner",
            words::quoted(owner.as_str())
        ),
        Note::HeldBack { until_ms } => format!(
            "the job of its last deploy was abandoned: apply does not deploy it before {}, unless \
             --replace names it",
            words::instant(*until_ms)
        ),
        Note::SimilarNames { names } => format!(
            "{}: {}",
            view::SIMILAR_NAMES,
            words::joined(names.iter().map(|name| format!("`{}`", unmistakable(name))))
        ),
        Note::DeactivatedInstead { because } => {
            let instead = if change.is_no_op() {
                "stays out of service"
            } else {
                "is deactivated"
            };
            let why = why_blocked(because);
            format!("the policy says delete; it {instead} instead: {why}")
        }
    }
}

fn more_records(ids: &[SolutionId], end: &str) -> String {
    let count = ids.len();
    let ids = words::joined(ids.iter().map(|id| words::escaped(id.as_str())));
    format!("{count} more {end}: {ids}")
}

/// Returns the reason why a change is blocked.
pub(in crate::render) fn why_blocked(block: &Block) -> String {
    match block {
        Block::Protected => "a `protect` pattern of the environment covers this version".to_owned(),
        Block::Package { problem, .. } => words::escaped(&problem.to_string()),
        Block::Owner(conflict) => words::escaped(&conflict.to_string()),
    }
}
