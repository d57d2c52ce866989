//! The plan as text: destroys first, each change once, the counts last.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use super::change::{position, render_briefly, render_change};
use super::report::render_causes;
use crate::plan::{
    ActionKind, Change, Plan, Refusal, SUMMARISED_ABOVE, Succession, Successions, Summary,
};
use crate::render::json::{UnrestoredItem, in_backticks, leftovers};
use crate::render::styles::{StyledWriter, styled};
use crate::render::view::notes;
use crate::render::view::plan::{self as view, is_loss, needs_attention};
use crate::render::view::steps::first_releases;
use crate::render::words;

/// The detail of a printed plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanDetail {
    /// Every change with all its fields.
    Verbose,
    /// Two lines for each change; changes with a loss, a block or a warning are shown in full.
    Concise,
    /// As `Verbose`; but more than [`SUMMARISED_ABOVE`] changes are shown as groups, and only
    /// changes that need attention are listed.
    Summarised,
}

/// The maximum number of notes on unchanged versions in a summarised plan.
const MAX_NOTES: usize = 3;

/// Writes a plan with this level of detail. `abandon` is the start of the command that clears an
/// orphaned record.
pub fn render_plan_in(
    detail: PlanDetail,
    plan: &Plan,
    abandon: &str,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let summary = Summary::of(plan);
    if summary.has_changes() {
        render_head(plan, &summary, detail, out)?;
    }
    render_body(plan, (detail, abandon), out)
}

/// Writes the changes, the verdict and the notes of a plan.
pub(super) fn render_body(
    plan: &Plan,
    (detail, abandon): (PlanDetail, &str),
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let summary = Summary::of(plan);
    render_rollback(plan, out)?;
    if summary.has_changes() {
        render_changes(plan, detail, out)?;
        render_releases(plan, out)?;
    }
    let (verdict, rest) = view::verdict(plan.mode, &summary);
    let style = if summary.has_changes() {
        out.styles.strong
    } else if summary.has_leftovers() {
        out.styles.warning
    } else {
        out.styles.add
    };
    out.line(style, verdict + rest)?;
    if let Some(line) = view::expected_time(plan, words::address) {
        writeln!(out, "{line}")?;
    }
    render_notes(plan, (detail, abandon), &summary, out)
}

/// Writes the apply that a plan rolls back, and what is not restored.
fn render_rollback(plan: &Plan, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let Some(line) = view::rolls_back(plan, words::escaped) else {
        return Ok(());
    };
    writeln!(out, "{line}\n")?;
    let unrestored = UnrestoredItem::all(plan);
    if unrestored.is_empty() {
        return Ok(());
    }
    out.line(out.styles.warning, "Not restored:")?;
    for item in unrestored {
        let sentence = item.sentence(words::escaped);
        out.line(out.styles.warning, format!("  {sentence}"))?;
    }
    writeln!(out)
}

/// Writes the header of a plan: the environment, the meaning of the symbols, and the first plan's
/// warning.
fn render_head(
    plan: &Plan,
    summary: &Summary,
    detail: PlanDetail,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    write!(
        out,
        "Environment {} at {}.",
        words::quoted(&plan.subject.environment),
        words::escaped(&plan.subject.url)
    )?;
    match detail {
        PlanDetail::Concise => writeln!(out)?,
        PlanDetail::Verbose | PlanDetail::Summarised => {
            writeln!(out, " Actions are shown with these symbols:")?;
            let kinds: BTreeSet<ActionKind> =
                to_do(plan).map(|change| change.action.kind()).collect();
            for kind in kinds {
                writeln!(out, "{} {}", out.styles.symbol(kind), kind.legend())?;
            }
        }
    }
    if summary.coexisting > 0 {
        let line = view::coexisting(summary.coexisting);
        writeln!(out, "\n{}", styled(out.styles.warning, line))?;
    }
    writeln!(out)
}

fn to_do(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.changes.iter().filter(|change| !change.is_no_op())
}

fn render_changes(plan: &Plan, detail: PlanDetail, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let successions = Successions::of(plan);
    let mut changes: Vec<(&Change, Option<Succession<'_>>)> = to_do(plan)
        .map(|change| (change, successions.of_change(change)))
        .collect();
    let mut detail = detail;
    let mut is_all_brief = false;
    if detail == PlanDetail::Summarised && changes.len() > SUMMARISED_ABOVE {
        render_groups(&changes, out)?;
        changes.retain(|(change, succession)| needs_attention(change, succession.as_ref()));
        // Losses and blocked changes are always listed; other changes that need attention are
        // listed only if there are few.
        if changes.len() > SUMMARISED_ABOVE {
            detail = PlanDetail::Concise;
            is_all_brief = true;
            changes.retain(|(change, _)| is_loss(change) || !change.blocked.is_empty());
        }
    }
    let is_brief = |change: &Change, succession: Option<&Succession<'_>>| match detail {
        PlanDetail::Concise => is_all_brief || !needs_attention(change, succession),
        PlanDetail::Verbose | PlanDetail::Summarised => false,
    };
    // Losses come first, and changes in two lines come last; the plan itself is ordered by name.
    changes.sort_by_key(|(change, succession)| {
        (!is_loss(change), is_brief(change, succession.as_ref()))
    });
    let mut is_open = false;
    for (change, succession) in &changes {
        let succession = succession.as_ref();
        if is_brief(change, succession) {
            render_briefly(change, succession, out)?;
            is_open = true;
        } else {
            render_change(change, succession, out)?;
        }
    }
    if is_open { writeln!(out) } else { Ok(()) }
}

/// Writes the steps of the releases of a plan, numbered.
fn render_releases(plan: &Plan, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let (releases, more) = first_releases(plan);
    for release in &releases {
        let name = words::escaped(release.name.as_str());
        writeln!(out, "Steps of {name}:")?;
        for (index, step) in release.steps.iter().enumerate() {
            writeln!(out, "{:>3}. {}", index + 1, step.text)?;
        }
        writeln!(out)?;
    }
    more.map_or(Ok(()), |more| writeln!(out, "{more}\n"))
}

/// Writes the number of changes by kind and reason, with the first addresses of each group.
fn render_groups(
    changes: &[(&Change, Option<Succession<'_>>)],
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    writeln!(
        out,
        "{} in groups; --verbose shows each of them:",
        words::count(changes.len(), "change")
    )?;
    for group in view::groups(changes.iter().map(|(change, _)| *change)) {
        let symbol = out.styles.symbol(group.kind);
        let number = group.changes.len();
        let legend = group.kind.legend();
        let why = group.why;
        let named = words::addresses(group.changes.iter().map(|change| &change.address));
        writeln!(out, "{symbol} {number} to {legend}, {why}: {named}")?;
    }
    writeln!(out)
}

/// Writes notes on unchanged versions, leftovers of earlier applies, and counts.
fn render_notes(
    plan: &Plan,
    (detail, abandon): (PlanDetail, &str),
    summary: &Summary,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let notes: Vec<String> = notes::on_unchanged(plan)
        .into_iter()
        .map(|(address, note)| format!("Note: {}: {note}", words::address(address)))
        .collect();
    let is_summarised = detail == PlanDetail::Summarised && notes.len() > SUMMARISED_ABOVE;
    let shown = if is_summarised {
        MAX_NOTES
    } else {
        notes.len()
    };
    for line in &notes[..shown] {
        out.line(out.styles.warning, line)?;
    }
    if is_summarised {
        let more = words::count(notes.len() - shown, "more note");
        let line = format!("{more}; --verbose shows each of them.");
        out.line(out.styles.warning, line)?;
    }
    for violation in plan.judgement.warnings() {
        let line = words::escaped(&violation.to_string());
        out.line(out.styles.warning, format!("Warning: {line}"))?;
        if let Some(origin) = &violation.origin {
            out.line(out.styles.faint, format!("  at {}", position(origin)))?;
        }
    }
    for line in leftovers(plan, abandon, words::escaped, in_backticks) {
        out.line(out.styles.warning, words::escaped(&line))?;
    }
    let counts = [view::unchanged(plan.mode, summary), view::at_risk(summary)].concat();
    let line = format!("Versions: {}.", counts.join(", "));
    out.line(out.styles.faint, line)
}

/// Writes a refusal of a plan, with its causes and its help.
pub fn render_refusal(refusal: &Refusal, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let head = styled(out.styles.destroy, "Error:");
    writeln!(out, "{head} {}", words::escaped(&refusal.to_string()))?;
    render_causes(refusal, &refusal.help(), "  ", out)
}

/// Returns the text of a plan without colours.
#[cfg(test)]
pub(in crate::render) fn plan_text(detail: PlanDetail, plan: &Plan) -> String {
    use crate::render::ABANDON;

    let mut text = Vec::new();
    render_plan_in(detail, plan, ABANDON, &mut StyledWriter::plain(&mut text)).unwrap();
    String::from_utf8(text).unwrap()
}

#[cfg(test)]
mod tests;
