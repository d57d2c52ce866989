//! The page of a plan: the verdict, what prevents it, what is lost, what is blocked, the rest, and
//! the order of all.

use std::io::{self, Write};

use maud::{Markup, html};

use super::change::{card, line, sign, tone};
use super::graph::order;
use super::page::{Page, Tone, marks, notice, section, tiles, verdict};
use super::text::{code, prose, quoted, quoted_briefly, quoted_text, shown};
use crate::plan::{Change, Plan, Refusal, SUMMARISED_ABOVE, Successions, Summary};
use crate::render::json::{UnrestoredItem, in_backticks, leftovers};
use crate::render::view::notes;
use crate::render::view::plan::{self as view, ChangeGroup, needs_attention};
use crate::render::view::steps::first_releases;
use crate::render::words;

/// The maximum number of changes in the list of a group.
const MAX_LINES: usize = 1_000;
/// The maximum number of notes on unchanged versions.
const MAX_NOTES: usize = 100;

/// Writes the page of a plan. `abandon` is the start of the command that clears an orphaned record.
pub(in crate::render) fn render_plan_html(
    plan: &Plan,
    refusals: &[Refusal],
    abandon: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let subject = &plan.subject;
    let page = Page {
        kind: "plan",
        subject: shown(&subject.environment),
        title: words::escaped(&subject.environment),
        facts: [code(&subject.url)]
            .into_iter()
            .chain(rolls_back(plan))
            .collect(),
        body: body(plan, refusals, abandon, 2),
        foot: vec![foot(plan)],
    };
    page.write(out)
}

/// Returns the sentence about the apply that a plan rolls back.
fn rolls_back(plan: &Plan) -> Option<Markup> {
    let rollback = plan.rollback.as_ref()?;
    Some(html! { "Rolls back the apply " (code(&rollback.apply)) "." })
}

/// Returns the counts of a plan and its manifest.
pub(super) fn foot(plan: &Plan) -> Markup {
    let counts = view::unchanged(plan.mode, &Summary::of(plan)).join(", ");
    html! {
        "Versions: " (counts) ". Manifest " (code(&plan.subject.manifest.as_str()[..12])) "."
    }
}

/// Returns all of a plan; `level` is that of its headings.
pub(super) fn body(plan: &Plan, refusals: &[Refusal], abandon: &str, level: u8) -> Markup {
    let summary = Summary::of(plan);
    let refused: Vec<Markup> = refusals.iter().map(refusal).collect();
    let unrestored: Vec<Markup> = UnrestoredItem::all(plan)
        .iter()
        .map(|item| prose(&item.sentence(quoted_text)))
        .collect();
    let leftovers: Vec<Markup> = leftovers(plan, abandon, quoted_text, in_backticks)
        .iter()
        .map(|line| prose(line))
        .collect();
    let warnings = view::policy_warnings(plan);
    let warnings: Vec<Markup> = warnings.iter().map(|line| prose(line)).collect();
    html! {
        (head(plan, &summary, refusals.is_empty()))
        (notice(level, "Not restored", Tone::Bad, &unrestored))
        (notice(level, "Cannot be applied", Tone::Bad, &refused))
        (notice(level, view::POLICY_WARNINGS, Tone::Warning, &warnings))
        (notice(level, "Left by earlier applies", Tone::Warning, &leftovers))
        (changes(plan, level))
        (notice(level, "Notes", Tone::Plain, &notes(plan)))
    }
}

/// Returns the verdict with its counts and risks.
fn head(plan: &Plan, summary: &Summary, is_applyable: bool) -> Markup {
    let (main, rest) = view::verdict(plan.mode, summary);
    let tone = if !is_applyable || summary.destroy > 0 {
        Tone::Bad
    } else if summary.has_changes() || summary.has_leftovers() {
        Tone::Warning
    } else {
        Tone::Good
    };
    let risks: Vec<(String, Tone)> = view::at_risk(summary)
        .into_iter()
        .map(|risk| (risk, Tone::Bad))
        .collect();
    let numbers = [
        (summary.destroy, "to destroy", Tone::Bad),
        (summary.change, "to change", Tone::Warning),
        (summary.add, "to add", Tone::Good),
        (summary.no_op, view::as_wanted(plan.mode), Tone::Plain),
    ];
    verdict(
        tone,
        &main,
        rest,
        &html! {
            @if summary.has_changes() { (tiles(&numbers)) }
            (marks(&risks))
            @if let Some(line) = view::expected_time(plan, quoted) { p { (prose(&line)) } }
            @if summary.coexisting > 0 { p { (prose(&view::coexisting(summary.coexisting))) } }
        },
    )
}

/// Returns a refusal with its causes and its help.
fn refusal(refusal: &Refusal) -> Markup {
    html! {
        (prose(&refusal.to_string()))
        @for cause in words::causes(refusal) { ": " (prose(&cause)) }
        p.help { (prose(&refusal.help())) }
    }
}

/// Returns the changes: the losses, then the blocked ones, then the others. Those of a big plan are
/// grouped, and only those that need attention are shown in full.
fn changes(plan: &Plan, level: u8) -> Markup {
    let successions = Successions::of(plan);
    let all: Vec<&Change> = plan.to_do().collect();
    let of = |change: &Change| successions.of_change(change);
    let is_big = all.len() > SUMMARISED_ABOVE;
    let needs = |change: &Change| needs_attention(change, of(change).as_ref());
    let attention = all.iter().filter(|change| needs(change)).count();
    let is_full = |change: &Change| !is_big || (attention <= SUMMARISED_ABOVE && needs(change));
    let list = |urgency: usize| {
        let listed = all.iter().filter(|change| view::urgency(change) == urgency);
        // The other changes of a big plan are in its groups.
        let listed = listed.filter(|change| urgency < 2 || is_full(change));
        let (full, brief): (Vec<&Change>, Vec<&Change>) =
            listed.copied().partition(|change| is_full(change));
        html! {
            @if !full.is_empty() {
                div.cards { @for change in full { (card(change, of(change).as_ref(), level + 1)) } }
            }
            @if !brief.is_empty() {
                ul.lines { @for change in brief { (line(change, of(change).as_ref())) } }
            }
        }
    };
    let (losses, blocked) = (list(0), list(1));
    let others = match (is_big, losses.0.is_empty() && blocked.0.is_empty()) {
        (true, _) => "Others that need attention",
        (false, true) => "Changes",
        (false, false) => "Other changes",
    };
    html! {
        (section(level, "Destroyed or lost", &losses))
        (section(level, "Blocked", &blocked))
        @if is_big { (groups(&all, level)) }
        (order(plan, level))
        (steps(plan, level))
        (section(level, others, &list(2)))
    }
}

/// Returns the steps of the releases of a plan, as numbered lists.
fn steps(plan: &Plan, level: u8) -> Markup {
    let (releases, more) = first_releases(plan);
    let lists = releases.iter().map(|release| {
        let title = format!("Steps of {}", words::escaped(release.name.as_str()));
        let steps = html! { ol { @for step in &release.steps { li { (prose(&step.text)) } } } };
        section(level, &title, &steps)
    });
    html! {
        @for list in lists { (list) }
        @if let Some(more) = more { p { (more) } }
    }
}

/// Returns the numbers of the changes by kind and reason, each with its changes, folded.
fn groups(changes: &[&Change], level: u8) -> Markup {
    let groups = view::groups(changes.iter().copied());
    let title = format!("{} in groups", words::count(changes.len(), "change"));
    section(
        level,
        &title,
        &html! {
            @for group in &groups { (folded(group)) }
        },
    )
}

fn folded(group: &ChangeGroup<'_>) -> Markup {
    let number = group.changes.len();
    let named = group.changes.iter();
    let named = words::joined(named.map(|change| quoted_briefly(&change.address)));
    html! {
        details.group.(tone(group.kind).class()) {
            summary {
                (sign(group.kind))
                span {
                    strong { (number) " to " (group.kind.legend()) } ", " (prose(group.why))
                    span.why { ": " (prose(&named)) }
                }
            }
            ul.lines {
                @for change in group.changes.iter().take(MAX_LINES) {
                    li { (code(change.address.as_str())) }
                }
                @if number > MAX_LINES {
                    li { "and " (words::count(number - MAX_LINES, "more change")) }
                }
            }
        }
    }
}

/// Returns the notes on versions that do not change.
fn notes(plan: &Plan) -> Vec<Markup> {
    let stays = plan.changes.iter().filter(|change| change.is_no_op());
    let notes = stays.flat_map(|change| change.notes.iter().map(move |note| (change, note)));
    let total = notes.clone().count();
    let shown = notes.take(MAX_NOTES).map(|(change, note)| {
        html! { (code(change.address.as_str())) ": " (prose(&notes::text(note, change))) }
    });
    let more = (total > MAX_NOTES).then(|| {
        html! { "and " (words::count(total - MAX_NOTES, "more note")) }
    });
    shown.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Visibility;
    use crate::plan::testing::{declared, live, scenario};
    use crate::plan::{Overrides, judge};
    use crate::render::ABANDON;
    use crate::render::properties::outline;

    /// The verdict comes first, then what prevents the plan, then losses; the order follows.
    #[test]
    fn a_plan_as_a_page() {
        let scenario = scenario()
            .declare([
                declared("Upgrade@2.0").visible(Visibility::Public),
                declared("Gone@1.0").absent(),
                declared("<b>@1.0").absent(),
            ])
            .live([
                live("Upgrade@1.0"),
                live("Gone@1.0").visible("PUBLIC"),
                live("<b>@1.0"),
            ])
            .protect("Gone@*");
        let plan = scenario.plan();
        let limits = &scenario.manifest.environment.limits;
        let refusals = judge(&plan, limits, &Overrides::default());
        let mut page = Vec::new();
        render_plan_html(&plan, &refusals, ABANDON, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        let text = outline(&page).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let help = |line: &&str| line.starts_with("Remove the pattern that covers ");
        assert_eq!(text.lines().filter(help).count(), 1);
        let text: Vec<&str> = text.lines().filter(|line| !help(line)).collect();
        let text = text.join("\n");
        let (first, rest) = text.split_once("\nOrder\n").unwrap();
        assert!(rest.contains("\nOther changes\n"), "{rest}");
        insta::assert_snapshot!(first, @"
        solform plan: prod
        solform plan
        prod
        https://ib.example.com
        Plan: 1 to add, 1 to change, 2 to destroy.
        2 to destroy
        1 to change
        1 to add
        0 as declared
        1 blocked
        2 without a successor
        1 becoming PUBLIC
        2 irreversible
        Cannot be applied
        Gone@1.0 is protected and must not be deleted
        Destroyed or lost
        -
        <b>@1.0 will be destroyed
        deleted
        irreversible
        out of service
        declared as ABSENT · solform.yaml:1:3
        Field
        Before
        owner
        svc
        state
        ACTIVE
        visibility
        PRIVATE
        stops serving, and no other version of this name takes its place
        cannot be undone: the record, its id and its job history are lost
        -
        Gone@1.0 will be destroyed
        blocked by protection
        deleted
        irreversible
        out of service
        declared as ABSENT · solform.yaml:1:3
        Field
        Before
        owner
        svc
        state
        ACTIVE
        visibility
        PUBLIC
        blocked: a protect pattern of the environment covers this version
        stops serving, and no other version of this name takes its place
        cannot be undone: the record, its id and its job history are lost
        ");
    }
}
