//! A review in Markdown: the verdict first, then the findings with high risks, then the others,
//! folded. It never exceeds the size of a comment.

use std::io::{self, Write};

use super::budget::{Row, Section, Tables, mark, strong, values};
use super::escape::{code, comment, shortened};
use super::matrix::review_tables;
use crate::ident::Digest;
use crate::render::view::review as review_words;
use crate::render::words;
use crate::review::{Finding, Review, ReviewSummary};

const HEADER: &str =
    "| environment | what | what changes | effect | risks |\n|---|---|---|---|---|\n";

/// The maximum length of a name in the header, in characters. The header itself is never cut.
const MAX_NAME: usize = 200;
/// The maximum number of listed versions of a finding.
const MAX_LISTED: usize = 5;

/// Writes a review.
pub fn render_review_markdown(
    review: &Review,
    max_bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let summary = ReviewSummary::of(review);
    let mut head = Vec::new();
    // The base differs from review to review, but the comment must stay the same one.
    let only = review.only.join(",");
    let key = Digest::of(format!("{}\n{only}", review.head).as_bytes());
    // A wrapper script finds its comment by this line, so it must not change with the content.
    writeln!(
        head,
        "<!-- solform review manifest={} id={} -->",
        comment(&shortened(&review.head, MAX_NAME)),
        &key.as_str()[..12]
    )?;
    writeln!(
        head,
        "### solform review: {} since {}{}\n",
        code(&shortened(&review.head, MAX_NAME)),
        code(&shortened(&review.base.name, MAX_NAME)),
        review_words::commit(&review.base)
    )?;
    writeln!(head, "{}", verdict(&summary))?;
    if !review.base.is_present {
        writeln!(head, "\n> The base has no manifest: everything is new.")?;
    }
    let (mut high, mut rest) = (Vec::new(), Vec::new());
    for group in &review.groups {
        let names = review_words::environments(group);
        for finding in &group.findings {
            let row = row(finding, &names);
            if finding.has_high_risk() {
                high.push(row);
            } else {
                rest.push(row);
            }
        }
    }
    let notes = format!(
        "\n<sub>Environments: {} compared, {} changed. The live state was not read.</sub>\n",
        summary.environments, summary.changed_environments
    );
    let budget = max_bytes.saturating_sub(head.len() + notes.len());
    let others = words::count(rest.len(), "other finding");
    let tables = Tables {
        header: HEADER,
        document: "review",
        sections: [
            Section::titled("High risks", &high, "high risk"),
            Section::folded(&others, &rest, "finding"),
        ],
    };
    let matrix = if review.environments.len() > 1 && !review.solutions.is_empty() {
        review_tables(review, budget / 3)
    } else {
        String::new()
    };
    let tables = tables.within(budget.saturating_sub(matrix.len()));
    out.write_all(&head)?;
    out.write_all(matrix.as_bytes())?;
    out.write_all(tables.as_bytes())?;
    out.write_all(notes.as_bytes())
}

/// Returns the verdict line.
fn verdict(summary: &ReviewSummary) -> String {
    if !summary.has_changes() {
        return strong(review_words::NO_CHANGES);
    }
    let risks = if summary.risks.is_empty() {
        String::new()
    } else {
        format!(" **Risks:** {}.", review_words::risks(summary))
    };
    format!(
        "{}{risks}",
        strong(&format!("{}.", review_words::counts(summary)))
    )
}

fn row(finding: &Finding, environment: &str) -> Row {
    let position = &finding.place.position;
    let location = format!("{}:{}", position.file, position.line);
    let risks = finding.risks.iter();
    let risks: Vec<String> = risks
        .map(|risk| mark(risk.mark(), risk.is_high()))
        .collect();
    let risks = risks.join("<br>");
    let (before, after) = (finding.before.as_deref(), finding.after.as_deref());
    let values = match (before, after) {
        (None, None) => String::new(),
        _ => format!(
            "<br>{}",
            values(review_words::key(finding), before, after, code)
        ),
    };
    let begin = format!(
        "| {} | {}<br>{} | `{}` {}",
        code(environment),
        code(review_words::subject(finding, environment)),
        code(&location),
        finding.kind.sign().as_str(),
        finding.kind.phrase()
    );
    Row {
        whole: format!(
            "{begin}{values} | {} | {risks} |\n",
            review_words::consequences(finding, MAX_LISTED, code).join("<br>")
        ),
        brief: format!("{begin} | | {risks} |\n"),
        rank: rank(finding),
    }
}

/// Returns the rank of a finding, by its highest risk; findings with the lowest rank are cut last.
fn rank(finding: &Finding) -> usize {
    let highest = finding.risks.iter().min();
    highest.map_or(usize::MAX, |risk| *risk as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Selection, SourceFile, read};
    use crate::review::{ReviewBase, group_findings, review_environment};

    fn markdown(base: &str, head: &str, max_bytes: usize) -> String {
        let read = |name: &str, solutions: &str| {
            let text = format!(
                "solform: 1\nenvironments: {{ prod: {{ url: https://ib.example.com, token: {{ env: \
                 T }} }} }}\ndefaults: {{ owner: svc }}\nsolutions:\n  Z: {{ version: 1 \
                 }}\n{solutions}"
            );
            let source = SourceFile::from_bytes(name, text).unwrap();
            read(&source, &Selection::default(), &|_| None)
                .unwrap()
                .manifest
        };
        let (base, head) = (read("main:solform.yaml", base), read("solform.yaml", head));
        let review = Review {
            base: ReviewBase {
                name: "main:solform.yaml".to_owned(),
                commit: None,
                is_present: true,
            },
            head: "solform.yaml".to_owned(),
            only: Vec::new(),
            solutions: Vec::new(),
            environments: vec!["prod".to_owned()],
            groups: group_findings(vec![(
                "prod".to_owned(),
                review_environment(Some(&base), Some(&head)),
            )]),
        };
        let mut text = Vec::new();
        render_review_markdown(&review, max_bytes, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_review_in_markdown() {
        let text = markdown(
            "  A: { version: 2 }\n  B: { version: 1 }\n",
            "  A: { version: 1 }\n  C: { version: 1, visibility: PUBLIC }\n",
            65_536,
        );
        insta::assert_snapshot!(text, @r"
        <!-- solform review manifest=solform.yaml id=237198ac9f8b -->
        ### solform review: `solform.yaml` since `main:solform.yaml`

        **Review: 1 added, 1 removed, 0 retired, 0 upgraded, 1 downgraded, 0 other changes.** **Risks:** 1 becomes PUBLIC, 1 version goes down.

        #### High risks

        | environment | what | what changes | effect | risks |
        |---|---|---|---|---|
        | `prod` | `A@1`<br>`solform.yaml:6` | `~` version downgraded<br>version `2` → `1` | if `A@2` is live, it will be taken out of service | **version goes down** |
        | `prod` | `C@1`<br>`solform.yaml:7` | `+` added<br>state `ACTIVE` | `C@1` has no path, so it must already be live | **becomes PUBLIC** |

        <details><summary>1 other finding</summary>

        | environment | what | what changes | effect | risks |
        |---|---|---|---|---|
        | `prod` | `B@1`<br>`main:solform.yaml:7` | `-` removed<br>~~state~~ `ACTIVE` | if `B@1` is live, it stays live, unchanged: `manage.undeclared` is `ignore` |  |

        </details>

        <sub>Environments: 1 compared, 1 changed. The live state was not read.</sub>
        ");
    }

    #[test]
    fn a_review_without_changes_has_no_table() {
        let text = markdown("", "", 65_536);
        assert!(
            text.contains("\n**No changes. Both manifests mean the same.**\n"),
            "{text}"
        );
        assert!(!text.contains("| environment |"), "{text}");
    }

    #[test]
    fn budgets_hold_and_cut_rows_are_counted() {
        use std::fmt::Write as _;
        for number in [10, 1_000, 10_000] {
            let mut added = String::new();
            for nth in 0..number {
                writeln!(added, "  Solution {nth}: {{ version: 1 }}").unwrap();
            }
            for nth in 0..number / 10 {
                writeln!(added, "  Gone {nth}: {{ version: 1, state: ABSENT }}").unwrap();
            }
            for budget in [2_000, 65_536] {
                let text = markdown("", &added, budget);
                assert!(text.len() <= budget, "{number} {budget}: {}", text.len());
                let is_cut = text.contains(" cut: the whole review is in the job's output");
                assert_eq!(is_cut, number > 10, "{number} {budget}");
                let verdict = format!(
                    "**Review: {number} added, 0 removed, {} retired, 0 upgraded, 0 downgraded, 0 \
                     other changes.**",
                    number / 10
                );
                assert!(text.contains(&verdict), "{text}");
                let opened = text.matches("<details>").count();
                assert_eq!(opened, text.matches("</details>").count());
            }
        }
    }
}
