//! The plan in Markdown: the verdict first, what is destroyed whole, the rest folded, and never more than
//! a comment may hold.

use std::io::{self, Write};

use super::escape::{code, comment};
use super::table::{Layout, RESERVE, strong};
use crate::attribute::Visibility;
use crate::ident::{Digest, Version};
use crate::plan::{ActionKind, Block, Change, Decision, Field, FieldChange, Plan, Reason, Summary};
use crate::render::words::{self, risk};

/// How much a comment may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkdownOptions {
    /// The most bytes; the middle is cut where there are more.
    pub max_bytes: usize,
}

const LAYOUT: Layout = Layout {
    header: "| | version | what changes | why | risks |\n|---|---|---|---|---|\n",
    row: "change",
    rest: "more change",
    document: "plan",
};

/// Writes a plan, and what stands against it.
pub fn render_markdown(
    plan: &Plan,
    refusals: &[String],
    options: MarkdownOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let summary = Summary::of(plan);
    let mut head = Vec::new();
    let subject = &plan.subject;
    let key = Digest::of(format!("{}\n{}", subject.environment, subject.url).as_bytes());
    // A wrapper finds its comment by this line, whatever else changes.
    writeln!(
        head,
        "<!-- solform environment={} id={} -->",
        comment(&subject.environment),
        &key.as_str()[..12]
    )?;
    writeln!(head, "### solform plan: {}\n", code(&subject.environment))?;
    write!(head, "{}", verdict(&summary))?;
    for refusal in refusals {
        writeln!(head, "\n> **Cannot be applied:** {}", code(refusal))?;
    }
    let (destroys, others): (Vec<&Change>, Vec<&Change>) = plan
        .changes
        .iter()
        .filter(|change| !change.is_no_op())
        .partition(|change| {
            matches!(
                change.action.kind(),
                ActionKind::Delete | ActionKind::Replace
            )
        });
    let row = |change: &Change| row(change, plan);
    let destroys: Vec<String> = destroys.into_iter().map(row).collect();
    let others: Vec<String> = others.into_iter().map(row).collect();
    let notes = notes(plan, &summary);
    let budget = options
        .max_bytes
        .saturating_sub(head.len() + notes.len() + RESERVE);
    let tables = LAYOUT.tables("Destroyed", &destroys, &others, budget);
    out.write_all(&head)?;
    out.write_all(tables.as_bytes())?;
    out.write_all(notes.as_bytes())
}

/// One line that says it all.
fn verdict(summary: &Summary) -> String {
    if !summary.has_changes() {
        return "**No changes.** Your infrastructure matches the configuration.\n".to_owned();
    }
    let mut risks = Vec::new();
    let mut risk = |number: usize, what: &str| {
        if number > 0 {
            risks.push(format!("{number} {what}"));
        }
    };
    risk(summary.blocked, "blocked");
    risk(summary.ends_service, "out of service without a successor");
    risk(summary.irreversible, "irreversible");
    let risks = if risks.is_empty() {
        String::new()
    } else {
        format!(" **Risks:** {}.", risks.join(", "))
    };
    format!(
        "**Plan: {} to add, {} to change, {} to destroy.**{risks}\n",
        summary.add, summary.change, summary.destroy
    )
}

fn row(change: &Change, plan: &Plan) -> String {
    let kind = change.action.kind();
    let fields: Vec<String> = change
        .fields
        .iter()
        .filter(|field| field.decision == Decision::Apply)
        .map(field_text)
        .collect();
    let risks = risks(change, plan);
    format!(
        "| `{}` | {} | {} | {} | {} |\n",
        words::symbol(kind),
        code(change.address.as_str()),
        if fields.is_empty() {
            words::legend(kind).to_owned()
        } else {
            fields.join("<br>")
        },
        reason(change),
        risks.join("<br>")
    )
}

fn field_text(field: &FieldChange) -> String {
    let name = field.field.as_str();
    match (&field.before, &field.after) {
        (Some(before), Some(after)) => format!("{name} {} → {}", code(before), code(after)),
        (None, Some(after)) => format!("{name} {}", code(after)),
        (Some(before), None) => format!("~~{name}~~ {}", code(before)),
        (None, None) => name.to_owned(),
    }
}

fn reason(change: &Change) -> String {
    let reason = match &change.reason {
        Reason::Declared => "declared".to_owned(),
        Reason::Superseded { by } => {
            let by: Vec<String> = by.iter().map(|address| code(address.as_str())).collect();
            format!("superseded by {}", by.join(", "))
        }
        Reason::Undeclared => "not declared".to_owned(),
        Reason::Tombstone => "declared as ABSENT".to_owned(),
        Reason::Requested => "requested".to_owned(),
    };
    match &change.origin {
        Some(origin) => {
            let place = format!("{}:{}", origin.file, origin.line);
            format!("{reason}, {}", code(&place))
        }
        None => reason,
    }
}

/// What a reviewer must not overlook.
fn risks(change: &Change, plan: &Plan) -> Vec<String> {
    let kind = change.action.kind();
    let is_widened = change.fields.iter().any(|field| {
        field.field == Field::Visibility
            && field.decision == Decision::Apply
            && field.after.as_deref() == Some(Visibility::Public.as_str())
    });
    let marks = [
        (
            change.blocked == Some(Block::Protected),
            strong(risk::BLOCKED),
        ),
        (
            matches!(kind, ActionKind::Delete | ActionKind::Replace),
            strong(risk::DELETED),
        ),
        (
            change.undo == crate::plan::Undo::Irreversible,
            risk::IRREVERSIBLE.to_owned(),
        ),
        (
            kind == ActionKind::Replace,
            risk::OUT_OF_SERVICE_MEANWHILE.to_owned(),
        ),
        (change.ends_service(), risk::OUT_OF_SERVICE.to_owned()),
        (is_widened, strong(risk::BECOMES_PUBLIC)),
        (goes_down(change, plan), strong(risk::GOES_DOWN)),
    ];
    marks
        .into_iter()
        .filter_map(|(holds, mark)| holds.then_some(mark))
        .collect()
}

/// Whether this brings a version into service in the place of a higher one.
fn goes_down(change: &Change, plan: &Plan) -> bool {
    let is_higher = |other: &Version| {
        other.natural_cmp(&change.identity.version) == std::cmp::Ordering::Greater
    };
    change.action.brings_into_service()
        && plan.changes.iter().any(|other| {
            let by_this = match &other.reason {
                Reason::Superseded { by } => by.contains(&change.address),
                Reason::Declared | Reason::Undeclared | Reason::Tombstone | Reason::Requested => {
                    false
                }
            };
            by_this && is_higher(&other.identity.version)
        })
}

/// What is left alone, in numbers.
fn notes(plan: &Plan, summary: &Summary) -> String {
    let mut parts = vec![format!("{} as declared", summary.no_op)];
    for (number, what) in [
        (summary.unmanaged, "unmanaged"),
        (summary.left_out, "left out by options"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    format!(
        "\n<sub>Versions: {}. Manifest {}.</sub>\n",
        parts.join(", "),
        code(&plan.subject.manifest.as_str()[..12])
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{Scenario, declared, live, scenario};

    fn markdown(scenario: &Scenario, refusals: &[String], max_bytes: usize) -> String {
        let mut text = Vec::new();
        let options = MarkdownOptions { max_bytes };
        render_markdown(&scenario.plan(), refusals, options, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn what_a_reviewer_sees() {
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
        insta::assert_snapshot!(text, @r"
        <!-- solform environment=prod id=956102bc0100 -->
        ### solform plan: `prod`

        **Plan: 1 to add, 3 to change, 1 to destroy.** **Risks:** 1 out of service without a successor, 1 irreversible.

        > **Cannot be applied:** `` `x` is protected ``

        #### Destroyed

        | | version | what changes | why | risks |
        |---|---|---|---|---|
        | `-` | `Gone@1.0` | ~~owner~~ `svc`<br>~~state~~ `ACTIVE`<br>~~visibility~~ `PUBLIC` | declared as ABSENT, `solform.yaml:1` | **deleted**<br>irreversible<br>out of service |

        <details><summary>4 more changes</summary>

        | | version | what changes | why | risks |
        |---|---|---|---|---|
        | `~` | `Back@1.0` | state `INACTIVE` → `ACTIVE` | declared, `solform.yaml:1` | **version goes down** |
        | `~` | `Back@2.0` | state `ACTIVE` → `INACTIVE` | superseded by `Back@1.0`, `solform.yaml:1` |  |
        | `~` | `Upgrade@1.0` | state `ACTIVE` → `INACTIVE` | superseded by `Upgrade@2.0`, `solform.yaml:1` |  |
        | `+` | `Upgrade@2.0` | owner `svc`<br>path `releases/Upgrade-2.0.ibsolution`<br>state `ACTIVE`<br>visibility `PUBLIC` | declared, `solform.yaml:1` | **becomes PUBLIC** |

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
    fn budgets_hold_and_tell_what_was_cut() {
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
                assert_eq!(is_cut, number > 10 || budget == 2_000, "{number} {budget}");
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
