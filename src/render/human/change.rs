//! One change of a plan as text.

use std::io::{self, Write as _};

use crate::plan::{Change, ContentDrift, Decision, FieldChange, Origin, Reason, Succession};
use crate::render::styles::{StyledWriter, styled};
use crate::render::text_diff::marked;
use crate::render::view::drift;
use crate::render::view::notes;
use crate::render::view::plan as view;
use crate::render::words;

/// The minimum width of a field name, so that the equal signs are aligned.
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
    render_fields(change.fields.iter(), out)?;
    if let Reason::ContentChanged { drift } = &change.reason {
        render_drift(drift, out)?;
    }
    let mut warn = |text: &str| {
        let line = styled(out.styles.warning, format!("! {text}"));
        writeln!(out, "      {line}")
    };
    for block in &change.blocked {
        warn(&format!("blocked: {}", notes::why_blocked(block)))?;
    }
    for note in &change.notes {
        warn(&notes::text(note, change))?;
    }
    let risks = view::risks(change, succession).into_iter();
    for risk in risks.filter(|risk| !risk.is_noted) {
        warn(&risk.sentence)?;
    }
    writeln!(out)
}

/// Writes a change in two lines: the phrase and the reason. An upload is shown with its fields.
pub(super) fn render_briefly(
    change: &Change,
    succession: Option<&Succession<'_>>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    render_phrase(change, out)?;
    let reason = view::reason(&change.reason, words::address);
    let succession = takes_over(succession);
    writeln!(out, "  # ({reason}{succession})")?;
    render_fields(view::upload(change), out)
}

/// Writes the line that other programs search for; nothing follows the phrase.
fn render_phrase(change: &Change, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let phrase = change.action.kind().phrase();
    let line = format!("# {} {phrase}", words::address(&change.address));
    writeln!(out, "  {}", styled(out.styles.strong, line))
}

/// Returns a position in the manifest.
pub(super) fn position(origin: &Origin) -> String {
    let file = words::escaped(&origin.file);
    format!("{file}:{}:{}", origin.line, origin.column)
}

fn because(change: &Change, succession: Option<&Succession<'_>>) -> String {
    let origin = change.origin.as_ref();
    let origin = origin.map_or_else(String::new, |origin| format!(", {}", position(origin)));
    let waits = if change.waits_for.is_empty() {
        String::new()
    } else {
        let addresses = words::addresses(change.waits_for.iter());
        format!("; waits for {addresses}")
    };
    let reason = view::reason(&change.reason, words::address);
    let succession = takes_over(succession);
    let expected = view::expected_end(change);
    format!("{reason}{origin}{succession}{waits}{expected}")
}

fn takes_over(succession: Option<&Succession<'_>>) -> String {
    succession.map_or_else(String::new, |succession| {
        format!("; {}", view::succession(succession, words::address))
    })
}

fn render_fields<'a>(
    fields: impl Iterator<Item = &'a FieldChange>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    // A saved plan may contain a field without a difference.
    let fields = fields.filter(|field| field.before != field.after);
    let fields: Vec<&FieldChange> = fields.collect();
    let widths = fields.iter().map(|field| field.field.as_str().len());
    let width = widths.max().unwrap_or(0).max(FIELD_WIDTH);
    let mut fields = fields.into_iter();
    fields.try_for_each(|field| render_field(field, width, out))
}

fn render_field(field: &FieldChange, width: usize, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let name = format!("{:<width$}", field.field.as_str());
    let styles = out.styles;
    let (sign, style, text) = match (&field.before, &field.after) {
        (None, Some(after)) if field.decision == Decision::Apply => {
            ("+", styles.add, words::value(after))
        }
        (Some(before), None) => ("-", styles.destroy, words::value(before)),
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

/// Returns two values as text that shows their differences.
fn difference(before: Option<&str>, after: Option<&str>) -> String {
    let (Some(before), Some(after)) = (before, after) else {
        let shown =
            |text: Option<&str>| text.map_or_else(|| "(not known)".to_owned(), words::value);
        return format!("{} -> {}", shown(before), shown(after));
    };
    let is_long = |text: &str| text.chars().count() >= LONG;
    let (from, to) = (words::value(before), words::value(after));
    if is_long(before) || is_long(after) || from == to {
        format!("\"{}\"", marked(before, after))
    } else {
        format!("{from} -> {to}")
    }
}
