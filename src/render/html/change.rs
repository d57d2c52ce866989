//! One change of a plan.

use maud::{Markup, html};

use super::page::{Tone, heading, marks};
use super::text::{code, prose, quoted, shown, value};
use crate::plan::{ActionKind, Change, ContentDrift, Decision, FieldChange, Reason, Succession};
use crate::render::view::drift;
use crate::render::view::notes::{self, why_blocked};
use crate::render::view::plan as view;
use crate::render::words;

/// Returns the tone of a kind of change.
pub(super) fn tone(kind: ActionKind) -> Tone {
    match kind {
        ActionKind::Create => Tone::Good,
        ActionKind::Update => Tone::Warning,
        ActionKind::Delete | ActionKind::Replace => Tone::Bad,
        ActionKind::NoOp => Tone::Plain,
    }
}

/// Returns the sign of a kind of change.
pub(super) fn sign(kind: ActionKind) -> Markup {
    html! { span.sign.(tone(kind).class()) aria-hidden="true" { (kind.symbol().trim()) } }
}

/// Returns a change with its reason, fields, risks and notes.
pub(super) fn card(change: &Change, succession: Option<&Succession<'_>>, level: u8) -> Markup {
    let kind = change.action.kind();
    let phrase = html! { (code(change.address.as_str())) " " span { (kind.phrase()) } };
    html! {
        article.(tone(kind).class()) {
            div.head { (sign(kind)) (heading(level, &phrase)) }
            (marks(&risk_marks(change, succession)))
            p.why { (because(change, succession)) }
            (fields(change))
            @if let Reason::ContentChanged { drift } = &change.reason { (contents(drift)) }
            (warnings(change, succession))
        }
    }
}

/// Returns a change as an item of a list, in one line.
pub(super) fn line(change: &Change, succession: Option<&Succession<'_>>) -> Markup {
    html! {
        li {
            (sign(change.action.kind()))
            span {
                (code(change.address.as_str())) " " (change.action.kind().phrase())
                span.why { " (" (reason(change, succession)) ")" }
            }
            (marks(&risk_marks(change, succession)))
        }
    }
}

fn risk_marks(change: &Change, succession: Option<&Succession<'_>>) -> Vec<(String, Tone)> {
    let blocks = change.blocked.iter();
    let blocks = blocks.map(|block| (view::block(block), Tone::Bad));
    let risks = view::risks(change, succession).into_iter().map(|risk| {
        let tone = if risk.is_high {
            Tone::Bad
        } else {
            Tone::Warning
        };
        (risk.mark.into_owned(), tone)
    });
    blocks.chain(risks).collect()
}

/// Returns the reason of a change, and the versions that it replaces.
fn reason(change: &Change, succession: Option<&Succession<'_>>) -> Markup {
    let succession = succession.map(|found| view::succession(found, quoted));
    html! {
        (prose(&view::reason(&change.reason, quoted)))
        @if let Some(succession) = succession { "; " (prose(&succession)) }
    }
}

fn because(change: &Change, succession: Option<&Succession<'_>>) -> Markup {
    let waits_for = words::joined(change.waits_for.iter().map(quoted));
    html! {
        (reason(change, succession))
        @if let Some(origin) = &change.origin {
            " · " (code(&format!("{}:{}:{}", origin.file, origin.line, origin.column)))
        }
        @if !change.waits_for.is_empty() { " · waits for " (prose(&waits_for)) }
        (view::expected_end(change))
    }
}

/// Returns the fields that differ. A created version has no values before, and a deleted one none
/// after.
fn fields(change: &Change) -> Markup {
    // A saved plan may contain a field without a difference.
    let fields: Vec<&FieldChange> = change
        .fields
        .iter()
        .filter(|field| field.before != field.after)
        .collect();
    let is_added = |field: &FieldChange| {
        field.before.is_none() && field.after.is_some() && field.decision == Decision::Apply
    };
    let has_before = !fields.iter().all(|field| is_added(field));
    let has_after = fields.iter().any(|field| field.after.is_some());
    html! {
        @if !fields.is_empty() {
            table.fields {
                thead { tr {
                    th scope="col" { "Field" }
                    @if has_before { th scope="col" { "Before" } }
                    @if has_after { th scope="col" { "After" } }
                } }
                tbody { @for field in &fields { tr {
                    th scope="row" { (field.field.as_str()) }
                    @if has_before { td { (side(field.before.as_deref(), is_added(field))) } }
                    @if has_after { td {
                        (side(field.after.as_deref(), field.before.is_some()))
                        (prose(field.decision.remark()))
                    } }
                } } }
            }
        }
    }
}

/// Returns the value on one side. `is_none` says that the side is known to have none.
pub(super) fn side(text: Option<&str>, is_none: bool) -> Markup {
    html! {
        @match text {
            Some(text) => (value(text)),
            None if is_none => span.none { "none" },
            None => span.none { "not known" },
        }
    }
}

/// Returns the differences between the deployed contents and the source.
fn contents(contents: &ContentDrift) -> Markup {
    html! {
        p { "Contents: " (prose(&drift::counts(contents))) }
        ul.drift {
            @for line in drift::lines(contents) {
                li.(line_tone(line.sign).class()).nested[line.is_nested] {
                    code { (line.sign) " " (shown(&words::clipped(&line.text).0)) }
                }
            }
        }
    }
}

fn line_tone(sign: char) -> Tone {
    match sign {
        '+' => Tone::Good,
        '-' => Tone::Bad,
        '~' => Tone::Warning,
        _ => Tone::Plain,
    }
}

/// Returns the reasons that block a change, its notes, and the risks that no note names.
fn warnings(change: &Change, succession: Option<&Succession<'_>>) -> Markup {
    let blocks = change.blocked.iter();
    let blocks = blocks.map(|block| format!("blocked: {}", why_blocked(block)));
    let notes = change.notes.iter().map(|note| notes::text(note, change));
    let risks = view::risks(change, succession).into_iter();
    let risks = risks.filter(|risk| !risk.is_noted);
    let risks = risks.map(|risk| risk.sentence.into_owned());
    let lines: Vec<String> = blocks.chain(notes).chain(risks).collect();
    html! {
        @if !lines.is_empty() {
            ul.warnings { @for line in lines { li { (prose(&line)) } } }
        }
    }
}
