//! The plan in Markdown: the verdict first, then the destroyed versions, then the other changes,
//! folded. It never exceeds the size of a comment.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::budget::{Row, Section, Tables, listed, mark, quotes, strong, values};
use super::escape::{NAME_LIMIT, code, code_in_text, marker, short_code};
use crate::ident::Address;
use crate::plan::{
    ActionKind, Change, ContentDrift, Decision, FieldChange, Mode, Plan, Reason, Succession,
    Successions, Summary,
};
use crate::render::json::{UnrestoredItem, leftovers as leftovers_of};
use crate::render::view::plan as view;
use crate::render::view::steps::first_releases;
use crate::render::view::{drift, notes};
use crate::render::words;

const HEADER: &str = "| | version | what changes | why | risks |\n|---|---|---|---|---|\n";

/// Writes a plan and its refusals. `abandon` is the start of the command that clears an orphaned
/// record.
pub fn render_markdown(
    plan: &Plan,
    refusals: &[impl ToString],
    abandon: &str,
    max_bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let summary = Summary::of(plan);
    let mut head = head(plan, &summary);
    let unrestored = UnrestoredItem::all(plan);
    let unrestored = unrestored.iter().map(|item| item.sentence(str::to_owned));
    let unrestored: Vec<String> = unrestored.collect();
    head.push_str(&quotes("Not restored", &unrestored, max_bytes / 4));
    let warnings = view::policy_warnings(plan);
    head.push_str(&quotes(view::POLICY_WARNINGS, &warnings, max_bytes / 8));
    let steps = steps(plan, max_bytes / 8);
    let notes = listed(&note_lines(plan), max_bytes / 16);
    let foot = foot(plan, abandon, &summary);
    let budget = max_bytes.saturating_sub(head.len() + steps.len() + notes.len() + foot.len());
    let refusals = quotes("Cannot be applied", refusals, budget / 4);
    let successions = Successions::of(plan);
    let mut destroys = Vec::new();
    let mut others = Vec::new();
    for change in &plan.changes {
        let rows = match change.action.kind() {
            ActionKind::NoOp => continue,
            ActionKind::Delete | ActionKind::Replace => &mut destroys,
            ActionKind::Update | ActionKind::Create => &mut others,
        };
        rows.push(row(change, successions.of_change(change).as_ref()));
    }
    let more = words::count(others.len(), "more change");
    let tables = Tables {
        header: HEADER,
        document: "plan",
        sections: [
            Section::titled("Destroyed", &destroys, "destroyed version"),
            Section::folded(&more, &others, "change"),
        ],
    };
    let tables = tables.within(budget.saturating_sub(refusals.len()));
    for part in [head, refusals, tables, steps, notes, foot] {
        out.write_all(part.as_bytes())?;
    }
    Ok(())
}

/// Returns the hidden marker line, the title and the verdict.
fn head(plan: &Plan, summary: &Summary) -> String {
    let subject = &plan.subject;
    let marker = marker("", &subject.environment, &subject.url);
    let title = short_code(&subject.environment, NAME_LIMIT);
    let verdict = verdict(plan.mode, summary);
    let rollback = view::rolls_back(plan, code);
    let rollback = rollback.map_or_else(String::new, |line| format!("{line}\n\n"));
    let coexisting = match summary.coexisting {
        0 => String::new(),
        number => format!("\n{}\n", view::coexisting(number)),
    };
    let expected = view::expected_time(plan, code_of);
    let expected = expected.map_or_else(String::new, |line| format!("\n{line}\n"));
    format!(
        "{marker}
### solform plan: {title}

{rollback}{verdict}{coexisting}{expected}"
    )
}

/// Returns the verdict line.
fn verdict(mode: Mode, summary: &Summary) -> String {
    let (verdict, rest) = view::verdict(mode, summary);
    let risks = view::at_risk(summary);
    let risks = if risks.is_empty() || !summary.has_changes() {
        String::new()
    } else {
        format!(" **Risks:** {}.", risks.join(", "))
    };
    format!("**{verdict}**{rest}{risks}\n")
}

fn row(change: &Change, succession: Option<&Succession<'_>>) -> Row {
    let kind = change.action.kind();
    let fields: Vec<String> = change
        .fields
        .iter()
        .filter(|field| field.decision == Decision::Apply && field.before != field.after)
        .map(field_text)
        .collect();
    let mut fields = fields;
    if let Reason::ContentChanged { drift } = &change.reason {
        fields.push(drift_text(drift));
    }
    let runs = change.running_runs().map(view::running_runs);
    fields.extend(runs.map(|runs| code(&runs)));
    let fields = if fields.is_empty() {
        kind.legend().to_owned()
    } else {
        fields.join("<br>")
    };
    let symbol = kind.symbol();
    let address = code_of(&change.address);
    let why = why(change, succession);
    let risks = risks(change, succession);
    let rank = rank(change, !risks.is_empty());
    let risks = risks.join("<br>");
    Row {
        whole: format!("| `{symbol}` | {address} | {fields} | {why} | {risks} |\n"),
        brief: format!("| `{symbol}` | {address} | | | {risks} |\n"),
        rank,
    }
}

/// Returns the rank of a change: changes with the lowest rank are cut last. The order is blocked
/// destroys, other destroys, blocked changes, changes with risks, other changes.
fn rank(change: &Change, has_risks: bool) -> usize {
    match change.action.kind() {
        ActionKind::Delete | ActionKind::Replace => usize::from(change.blocked.is_empty()),
        ActionKind::Create | ActionKind::Update | ActionKind::NoOp => {
            match (change.blocked.is_empty(), has_risks) {
                (false, _) => 2,
                (true, true) => 3,
                (true, false) => 4,
            }
        }
    }
}

fn code_of(address: &Address) -> String {
    code(address.as_str())
}

/// Returns the values of a field.
pub(super) fn field_text(field: &FieldChange) -> String {
    let FieldChange { before, after, .. } = field;
    let code = |text: &str| code(&words::clipped(text).0);
    values(
        field.field.as_str(),
        before.as_deref(),
        after.as_deref(),
        code,
    )
}

/// The maximum number of lines about contents in a cell.
const MAX_CONTENTS: usize = 16;

/// Returns the differences between the deployed contents and the source.
fn drift_text(contents: &ContentDrift) -> String {
    let lines = drift::lines(contents);
    let total = lines.len();
    let shown = lines.iter().take(MAX_CONTENTS).map(|line| {
        let indent = if line.is_nested { "&emsp;" } else { "" };
        let text = format!("{} {}", line.sign, words::clipped(&line.text).0);
        format!("{indent}{}", code(text.trim()))
    });
    let mut parts = vec![format!("contents: {}", drift::counts(contents))];
    parts.extend(shown);
    if total > MAX_CONTENTS {
        parts.push(format!(
            "and {}",
            words::count(total - MAX_CONTENTS, "more line")
        ));
    }
    parts.join("<br>")
}

fn why(change: &Change, succession: Option<&Succession<'_>>) -> String {
    let mut why = view::reason(&change.reason, code_of);
    if let Some(origin) = &change.origin {
        let location = format!("{}:{}", origin.file, origin.line);
        let _ = write!(why, ", {}", code(&location));
    }
    if let Some(succession) = succession {
        let _ = write!(why, "; {}", view::succession(succession, code_of));
    }
    why.push_str(&view::expected_end(change));
    why
}

/// Returns the risks for a reviewer.
fn risks(change: &Change, succession: Option<&Succession<'_>>) -> Vec<String> {
    let blocks = change
        .blocked
        .iter()
        .map(|block| strong(&view::block(block)));
    let risks = view::risks(change, succession).into_iter();
    let risks = risks.map(|risk| mark(&risk.mark, risk.is_high));
    blocks.chain(risks).collect()
}

/// Returns the last lines: leftovers of earlier applies, and the counts of unchanged versions.
fn foot(plan: &Plan, abandon: &str, summary: &Summary) -> String {
    format!(
        "{}\n<sub>Versions: {}. Manifest {}.</sub>\n",
        leftovers(plan, abandon),
        view::unchanged(plan.mode, summary).join(", "),
        code(&plan.subject.manifest.as_str()[..12])
    )
}

/// Returns the steps of the releases of a plan, as numbered lists.
fn steps(plan: &Plan, max_bytes: usize) -> String {
    let (releases, more) = first_releases(plan);
    let mut text = String::new();
    for release in &releases {
        let _ = writeln!(
            text,
            "\n**Steps of {}**\n",
            code_in_text(release.name.as_str())
        );
        for (index, step) in release.steps.iter().enumerate() {
            let _ = writeln!(text, "{}. {}", index + 1, code_in_text(&step.text));
        }
    }
    if let Some(more) = more {
        let _ = writeln!(text, "\n{more}");
    }
    if text.len() > max_bytes {
        return "\nThe steps of the verified solutions are in the text of the plan.\n".to_owned();
    }
    text
}

/// Returns the notes on unchanged versions.
pub(super) fn note_lines(plan: &Plan) -> Vec<String> {
    let notes = notes::on_unchanged(plan).into_iter();
    let notes = notes.map(|(address, note)| format!("{}: {}", code_of(address), code(&note)));
    notes.collect()
}

/// The maximum number of listed leftovers of earlier applies.
const MAX_LEFTOVERS: usize = 10;

/// Returns the writes in flight and the orphaned records of earlier applies, as a list.
fn leftovers(plan: &Plan, abandon: &str) -> String {
    let lines = leftovers_of(plan, abandon, code, code);
    let total = lines.len();
    let mut text = String::new();
    for line in lines.iter().take(MAX_LEFTOVERS) {
        let _ = write!(text, "\n- {line}");
    }
    if total > MAX_LEFTOVERS {
        let _ = write!(text, "\n- and {} more", total - MAX_LEFTOVERS);
    }
    if total > 0 {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Visibility;
    use crate::plan::testing::{Scenario, declared, live, scenario};
    use crate::render::ABANDON;

    fn markdown(scenario: &Scenario, refusals: &[String], max_bytes: usize) -> String {
        let mut text = Vec::new();
        render_markdown(&scenario.plan(), refusals, ABANDON, max_bytes, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_plan_in_markdown() {
        let scenario = scenario()
            .declare([
                declared("Upgrade@2.0").visible(Visibility::Public),
                declared("Back@1.0"),
                declared("Gone@1.0").absent(),
                declared("Same@1.0"),
            ])
            .live([
                live("Upgrade@1.0"),
                live("Back@1.0").state("INACTIVE"),
                live("Back@2.0"),
                live("Gone@1.0").visible("PUBLIC"),
                live("Same@1.0"),
            ]);
        let text = markdown(&scenario, &["`x` is protected".to_owned()], 65_536);
        insta::assert_snapshot!(text, @"
        <!-- solform environment=prod id=956102bc0100 -->
        ### solform plan: `prod`

        **Plan: 1 to add, 3 to change, 1 to destroy.** **Risks:** 1 without a successor, 1 going down in version, 1 becoming PUBLIC, 1 irreversible.

        > **Cannot be applied:** `` `x` is protected ``

        #### Destroyed

        | | version | what changes | why | risks |
        |---|---|---|---|---|
        | `-` | `Gone@1.0` | ~~owner~~ `svc`<br>~~state~~ `ACTIVE`<br>~~visibility~~ `PUBLIC` | declared as ABSENT, `solform.yaml:1` | **deleted**<br>irreversible<br>out of service |

        <details><summary>4 more changes</summary>

        | | version | what changes | why | risks |
        |---|---|---|---|---|
        | `~` | `Back@1.0` | state `INACTIVE` → `ACTIVE` | declared, `solform.yaml:1`; downgrade from `Back@2.0` | **version goes down** |
        | `~` | `Back@2.0` | state `ACTIVE` → `INACTIVE` | superseded by `Back@1.0`, `solform.yaml:1` |  |
        | `~` | `Upgrade@1.0` | state `ACTIVE` → `INACTIVE` | superseded by `Upgrade@2.0`, `solform.yaml:1` |  |
        | `+` | `Upgrade@2.0` | owner `svc`<br>path `releases/Upgrade-2.0.ibsolution`<br>state `ACTIVE`<br>visibility `PUBLIC` | declared, `solform.yaml:1`; upgrade from `Upgrade@1.0` | **becomes PUBLIC** |

        </details>

        <sub>Versions: 1 as declared. Manifest `05b3abf2579a`.</sub>
        ");
    }

    #[test]
    fn nothing_to_do() {
        let scenario = scenario()
            .declare([declared("Same@1.0")])
            .live([live("Same@1.0")]);
        let text = markdown(&scenario, &[], 65_536);
        assert!(
            text.contains("\n**No changes.** Your infrastructure"),
            "{text}"
        );
    }

    #[test]
    fn budgets_hold_and_cut_rows_are_counted() {
        for number in [10, 1_000, 10_000] {
            let names: Vec<String> = (0..number).map(|nth| format!("Solution {nth}@1")).collect();
            let gone: Vec<String> = (0..number / 10)
                .map(|nth| format!("Gone {nth}@1"))
                .collect();
            let scenario = scenario()
                .declare(names.iter().map(|name| declared(name)))
                .declare(gone.iter().map(|name| declared(name).absent()))
                .live(gone.iter().map(|name| live(name)));
            for budget in [2_000, 65_536] {
                let text = markdown(&scenario, &[], budget);
                assert!(text.len() <= budget, "{number} {budget}: {}", text.len());
                let is_cut = text.contains(" cut: the whole plan is in the job's output");
                let is_too_long = number == 10_000 || number == 1_000 && budget == 2_000;
                assert_eq!(is_cut, is_too_long, "{number} {budget}");
                assert!(text.contains(&format!(
                    "**Plan: {number} to add, 0 to change, {} to destroy.**",
                    number / 10
                )));
                let opened = text.matches("<details>").count();
                assert_eq!(opened, text.matches("</details>").count());
            }
        }
    }

    #[test]
    fn hostile_names_stay_in_their_cells() {
        let scenario = scenario().declare([
            declared("a|b`<img src=x onerror=alert(1)>@1"),
            declared("</details>@team@2"),
        ]);
        let text = markdown(&scenario, &[], 65_536);
        for line in text.lines().filter(|line| line.starts_with("| `+`")) {
            let bare = line.replace("\\|", "");
            assert_eq!(bare.matches('|').count(), 6, "{line}");
        }
        assert_eq!(text.matches("\n</details>").count(), 1, "{text}");
    }
}
