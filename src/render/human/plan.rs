//! The plan as text: destroys first, each change once, the numbers last.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::change::{is_loss, needs_attention, render_briefly, render_change, said};
use crate::plan::{ActionKind, Change, InFlight, Plan, Refusal, Succession, Successions, Summary};
use crate::render::styles::{Styles, styled};
use crate::render::words;

/// Writes a plan.
pub fn render_plan(plan: &Plan, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    render(plan, Detail::Whole, styles, out)
}

/// Writes a plan in two lines a change. What is lost, blocked or warned of stays whole.
pub fn render_concise_plan(plan: &Plan, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    render(plan, Detail::Concise, styles, out)
}

/// How much is told of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Everything.
    Whole,
    /// That it is, and why.
    Concise,
}

fn render(plan: &Plan, detail: Detail, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::of(plan);
    if summary.has_changes() {
        render_head(plan, &summary, detail, styles, out)?;
        render_changes(plan, detail, styles, out)?;
    }
    let (verdict, rest) = words::verdict(plan.mode, &summary);
    let style = if summary.has_changes() {
        styles.strong
    } else if summary.has_leftovers() {
        styles.warning
    } else {
        styles.add
    };
    writeln!(out, "{}", styled(style, verdict + rest))?;
    render_asides(plan, &summary, styles, out)
}

/// What stands above the changes: where, what the symbols mean, and what a first plan brings about.
fn render_head(
    plan: &Plan,
    summary: &Summary,
    detail: Detail,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(
        out,
        "Environment {} at {}.",
        words::quoted(&plan.subject.environment),
        words::escaped(&plan.subject.url)
    )?;
    match detail {
        Detail::Concise => writeln!(out)?,
        Detail::Whole => {
            writeln!(out, " Actions are shown with these symbols:")?;
            let kinds: BTreeSet<ActionKind> =
                to_do(plan).map(|change| change.action.kind()).collect();
            for kind in kinds {
                let symbol = styled(styles.of(kind), format!("{:>3}", words::symbol(kind)));
                writeln!(out, "{symbol} {}", words::legend(kind))?;
            }
        }
    }
    if summary.coexisting > 0 {
        let line = words::coexisting(summary.coexisting);
        writeln!(out, "\n{}", styled(styles.warning, line))?;
    }
    writeln!(out)
}

fn to_do(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.changes.iter().filter(|change| !change.is_no_op())
}

fn render_changes(
    plan: &Plan,
    detail: Detail,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    let successions = Successions::of(plan);
    let mut changes: Vec<(&Change, Option<Succession<'_>>)> = to_do(plan)
        .map(|change| (change, successions.of_change(change)))
        .collect();
    let is_brief = |change: &Change, succession: Option<&Succession<'_>>| {
        detail == Detail::Concise && !needs_attention(change, succession)
    };
    // What is lost stands first, and what is told in two lines last; the plan's own order is by name.
    changes.sort_by_key(|(change, succession)| {
        (!is_loss(change), is_brief(change, succession.as_ref()))
    });
    let mut is_open = false;
    for (change, succession) in &changes {
        let succession = succession.as_ref();
        if is_brief(change, succession) {
            render_briefly(change, succession, styles, out)?;
            is_open = true;
        } else {
            render_change(change, succession, styles, out)?;
        }
    }
    if is_open { writeln!(out) } else { Ok(()) }
}

/// What is worth knowing besides the changes: notes on versions that stay, and counts.
fn render_asides(
    plan: &Plan,
    summary: &Summary,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    for change in plan.changes.iter().filter(|change| change.is_no_op()) {
        for note in &change.notes {
            let address = words::address(&change.address);
            let line = format!("Note: {address}: {}", said(note, change));
            writeln!(out, "{}", styled(styles.warning, line))?;
        }
    }
    render_leftovers(plan, &plan.in_flight, styles, out)?;
    let mut counts = vec![format!("{} as declared", summary.no_op)];
    if summary.in_flight > 0 {
        counts.push(format!("{} in flight", summary.in_flight));
    }
    if summary.orphaned > 0 {
        counts.push(format!("{} orphaned", summary.orphaned));
    }
    if summary.unknown > 0 {
        counts.push(format!("{} unknown", summary.unknown));
    }
    if summary.blocked > 0 {
        counts.push(format!("{} blocked", summary.blocked));
    }
    if summary.unmanaged > 0 {
        counts.push(format!("{} unmanaged", summary.unmanaged));
    }
    if summary.left_out > 0 {
        counts.push(format!("{} left out by options", summary.left_out));
    }
    if summary.ends_service > 0 {
        counts.push(format!("{} without a successor", summary.ends_service));
    }
    if summary.downgraded > 0 {
        counts.push(format!("{} going down", summary.downgraded));
    }
    if summary.widened > 0 {
        counts.push(format!("{} becoming PUBLIC", summary.widened));
    }
    if summary.narrowed > 0 {
        counts.push(format!("{} becoming less visible", summary.narrowed));
    }
    if summary.irreversible > 0 {
        counts.push(format!("{} that cannot be undone", summary.irreversible));
    }
    let line = format!("Versions: {}.", counts.join(", "));
    writeln!(out, "{}", styled(styles.faint, line))
}

/// Writes what earlier applies left.
pub(super) fn render_leftovers(
    plan: &Plan,
    in_flight: &[InFlight],
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    for write in in_flight {
        let address = words::address(&plan.address_of(&write.identity));
        let line = format!("In flight: {}.", words::in_flight(write, &address));
        writeln!(out, "{}", styled(styles.warning, line))?;
    }
    for record in &plan.orphaned {
        let address_of = |identity: &_| words::address(&plan.address_of(identity));
        let line = format!("Orphaned: {}.", words::orphaned(record, address_of));
        writeln!(out, "{}", styled(styles.warning, line))?;
    }
    Ok(())
}

/// Writes what stands against a plan.
pub fn render_refusal(refusal: &Refusal, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    let head = styled(styles.destroy, "Error:");
    writeln!(out, "{head} {}", words::escaped(&refusal.to_string()))?;
    let mut source = std::error::Error::source(refusal);
    while let Some(cause) = source {
        writeln!(out, "  because {}", words::escaped(&cause.to_string()))?;
        source = cause.source();
    }
    writeln!(out, "  help: {}", words::escaped(&refusal.help()))
}

#[cfg(test)]
mod tests;
