//! The report of an apply in Markdown: the verdict first, then the changes that are not done, then
//! the completed changes, folded.

use std::io::{self, Write};

use super::budget::{Row, Section, Tables, quotes};
use super::escape::{NAME_LIMIT, code, marker, short_code, shortened};
use crate::outcome::OutcomeKind;
use crate::render::json::{Diagnostic, ReportChange, ReportDocument, past_report_document};
use crate::render::view::report::ResultWord;
use crate::render::words;
use crate::store::PastApply;

const HEADER: &str = "| | version | outcome | detail | jobs |\n|---|---|---|---|---|\n";
/// The maximum length of a detail, in characters. A server's answer may be a whole page.
pub(super) const LONGEST_DETAIL: usize = 400;
/// The maximum length of a detail in a shortened row, in characters.
const BRIEF_DETAIL: usize = 60;

/// Writes a report.
pub fn render_report_markdown(
    report: &ReportDocument,
    max_bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let environment = report.environment.as_deref().unwrap_or_default();
    let url = report.url.as_deref().unwrap_or_default();
    let mut head = format!(
        "{}\n### solform {}: {}\n\n**{}**\n",
        marker(" report", environment, url),
        report.operation(),
        short_code(environment, NAME_LIMIT),
        report.verdict()
    );
    let quarter = max_bytes / 4;
    head.push_str(&quotes("Error", &errors(&report.errors), quarter));
    head.push_str(&quotes("Needs attention", &notes(report), quarter));
    let provenance = report.provenance_line.iter();
    let provenance: Vec<String> = provenance
        .map(|line| shortened(line, LONGEST_DETAIL))
        .collect();
    head.push_str(&quotes("Provenance", &provenance, quarter));
    let mut failures: Vec<&ReportChange> = report
        .changes
        .iter()
        .filter(|change| !change.is_done())
        .collect();
    failures.sort_by_key(|change| urgency(change));
    let failures: Vec<Row> = failures.into_iter().map(row).collect();
    let done = report.changes.iter().filter(|change| change.is_done());
    let done: Vec<Row> = done.map(row).collect();
    let foot = last_line(report);
    let line = format!("{} done", words::count(done.len(), "change"));
    let tables = Tables {
        header: HEADER,
        document: "report",
        sections: [
            Section::titled("Not done", &failures, "change"),
            Section::folded(&line, &done, "change"),
        ],
    };
    let tables = tables.within(max_bytes.saturating_sub(head.len() + foot.len()));
    for part in [head, tables, foot] {
        out.write_all(part.as_bytes())?;
    }
    Ok(())
}

/// Writes the report of an earlier apply, from its journal.
pub fn render_past_apply_markdown(
    run: &PastApply,
    max_bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    render_report_markdown(&past_report_document(run), max_bytes, out)
}

pub(super) fn errors(errors: &[Diagnostic]) -> Vec<String> {
    let texts = errors.iter().map(Diagnostic::in_one_line);
    texts.map(|text| shortened(&text, LONGEST_DETAIL)).collect()
}

pub(in crate::render) fn notes(report: &ReportDocument) -> Vec<String> {
    let remarks = report.remarks().into_iter();
    let not_approved = report.not_approved.iter().map(|change| {
        format!(
            "not approved, and not executed: {} {}",
            change.action, change.address
        )
    });
    let interrupted = report
        .interrupted
        .then(|| "an interrupt ended the apply early".to_owned());
    let abandon = report
        .abandon_commands
        .iter()
        .map(|command| format!("if the job never ends, stop waiting for it: {command}"));
    remarks
        .map(|remark| remark.to_string())
        .chain(abandon)
        .chain(not_approved)
        .chain(interrupted)
        .map(|text| shortened(&text, LONGEST_DETAIL))
        .collect()
}

/// Returns the sort key of a change: failed changes come before changes that were skipped because
/// of them.
pub(in crate::render) fn urgency(change: &ReportChange) -> usize {
    const ORDER: [OutcomeKind; 5] = [
        OutcomeKind::Failed,
        OutcomeKind::Refused,
        OutcomeKind::Unknown,
        OutcomeKind::Skipped,
        OutcomeKind::Cancelled,
    ];
    let index = ORDER
        .iter()
        .position(|word| word.as_str() == change.outcome);
    index.unwrap_or(ORDER.len())
}

pub(super) fn row(change: &ReportChange) -> Row {
    let detail = |length: usize| -> Vec<String> {
        let detail = change.detail.iter();
        detail
            .map(|detail| code(&shortened(detail, length)))
            .collect()
    };
    let mut details = detail(LONGEST_DETAIL);
    if !change.sent_twice.is_empty() {
        details.push(format!(
            "{} sent more than once",
            change.sent_twice.join(", ")
        ));
    }
    let runs = change.verified_runs();
    details.extend(runs.map(|run| format!("verification with {}", code(&run.phrase()))));
    if let Some(position) = &change.position {
        details.push(code(&format!("{}:{}", position.file, position.line)));
    }
    let jobs: Vec<String> = change.jobs.iter().map(|job| code(job)).collect();
    let outcome = if change.is_done() {
        change.outcome.to_owned()
    } else {
        format!("**{}**", change.outcome)
    };
    let begin = format!(
        "| {} | {} | {outcome} |",
        change.action.map_or_else(String::new, code),
        code(&change.address)
    );
    Row {
        whole: format!(
            "{begin} {} | {} |\n",
            details.join("<br>"),
            jobs.join("<br>")
        ),
        brief: format!("{begin} {} | |\n", detail(BRIEF_DETAIL).join("<br>")),
        rank: urgency(change),
    }
}

/// Returns the last line: the id and times of the apply, and the command that continues it.
fn last_line(report: &ReportDocument) -> String {
    let mut text = foot(report);
    if let (Some(command), ResultWord::Incomplete) = (&report.resume_command, report.result) {
        let command = code(&shortened(command, LONGEST_DETAIL));
        let space = if text.is_empty() { "" } else { " " };
        text = format!("{text}{space}To go on, run: {command}");
    }
    if text.is_empty() {
        return text;
    }
    format!("\n<sub>{text}</sub>\n")
}

/// Returns the id and times of the apply, as sentences.
pub(super) fn foot(report: &ReportDocument) -> String {
    let mut parts = Vec::new();
    if let Some(run) = &report.run {
        parts.push(format!("Apply {}.", code(run)));
    }
    match (&report.started_at, &report.ended_at) {
        (Some(began), Some(ended)) => parts.push(format!("{} to {}.", code(began), code(ended))),
        (Some(began), None) => parts.push(format!("Began {}.", code(began))),
        _ => {}
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::apply::{ApplyReport, Done, Outcome, SkipReason, StepError, StepJob, StepReport};
    use crate::ident::{Address, JobId, SolutionId};
    use crate::manifest::Severity;
    use crate::outcome::WriteKind;
    use crate::plan::Plan;
    use crate::plan::testing::{declared, live, scenario};
    use crate::render::{Diagnostic, NotApplied};
    use crate::render::{ReportView, not_applied_document, report_document};

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn markdown(document: &ReportDocument, max_bytes: usize) -> String {
        let mut out = Vec::new();
        render_report_markdown(document, max_bytes, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn plan() -> Plan {
        scenario()
            .declare([declared("Bad@2"), declared("Good@1"), declared("Next@2")])
            .live([live("Bad@1"), live("Good@1").state("INACTIVE")])
            .plan()
    }

    /// Returns a report on a plan, with the outcome that `outcome` returns for each address.
    fn report(plan: &Plan, outcome: impl Fn(&str) -> Outcome) -> ApplyReport {
        let steps = plan.changes.iter().filter(|change| !change.is_no_op());
        let steps = steps.map(|change| StepReport {
            address: change.address.clone(),
            identity: change.identity.clone(),
            kind: change.action.kind(),
            outcome: outcome(change.address.as_str()),
            began_at_ms: Some(1_000),
            jobs: vec![StepJob {
                id: JobId::parse("job-1").unwrap(),
                write: WriteKind::Deploy,
                began_at_ms: 1_200,
                ended_at_ms: Some(2_000),
            }],
            sent_twice: Vec::new(),
            uploaded: None,
            verified: None,
            left_file: None,
            deleted: false,
            deployed: None,
            took: Duration::from_millis(1_500),
        });
        ApplyReport {
            steps: steps.collect(),
            interrupted: false,
        }
    }

    fn document(plan: &Plan, report: &ApplyReport) -> ReportDocument {
        report_document(&ReportView {
            adjustments: &[],
            has_written_manifest: false,
            plan,
            run: Some("0192f1c4"),
            provenance: None,
            began_at_ms: 1_683_159_463_986,
            ended_at_ms: 1_683_159_493_000,
            report,
            not_converged: &[],
            waiting_for_review: &[],
            unproven: None,
            not_approved: &[],
            in_flight: &[],
            abandon_commands: &[],
            abandon: crate::render::ABANDON,
            is_interrupted: false,
            resume_command: "solform apply -e prod",
        })
    }

    fn done() -> Outcome {
        Outcome::Done(Done {
            id: Some(SolutionId::parse("id-1").unwrap()),
            was_already: false,
            visibility_not_known: false,
        })
    }

    fn failed(message: &str) -> Outcome {
        Outcome::Failed(StepError::JobFailed {
            call: WriteKind::Deploy,
            job: JobId::parse("job-1").unwrap(),
            message: message.to_owned(),
            orphan: None,
        })
    }

    #[test]
    fn failures_come_first() {
        let plan = plan();
        let report = report(&plan, |of| match of {
            "Bad@2" => failed("out of | memory\n<b>@team"),
            "Bad@1" => Outcome::Skipped(SkipReason::Because(address("Bad@2"))),
            _ => done(),
        });
        let document = document(&plan, &report);
        insta::assert_snapshot!(markdown(&document, 65_536), @r"
        <!-- solform report environment=prod id=956102bc0100 -->
        ### solform apply: `prod`

        **Not complete: 2 done, 1 failed, 1 skipped, 0 refused, 0 cancelled, 0 unknown; 1 added, 1 changed, 0 destroyed.**

        #### Not done

        | | version | outcome | detail | jobs |
        |---|---|---|---|---|
        | `create` | `Bad@2` | **failed** | ``the deploy job `job-1` failed: out of \| memory\n<b>@team``<br>`solform.yaml:1` | `job-1` |
        | `update` | `Bad@1` | **skipped** | `Bad@2 is not done`<br>`solform.yaml:1` | `job-1` |

        <details><summary>2 changes done</summary>

        | | version | outcome | detail | jobs |
        |---|---|---|---|---|
        | `update` | `Good@1` | done | `solform.yaml:1` | `job-1` |
        | `create` | `Next@2` | done | `solform.yaml:1` | `job-1` |

        </details>

        <sub>Apply `0192f1c4`. `2023-05-04T00:17:43.986Z` to `2023-05-04T00:18:13Z`. To go on, run: `solform apply -e prod`</sub>
        ");
    }

    #[test]
    fn an_apply_that_did_not_start_shows_its_errors() {
        let document = not_applied_document(NotApplied {
            subject: Some(("prod", "https://ib.example.com")),
            mode: crate::plan::Mode::Destroy,
            began_at_ms: 1_683_159_463_986,
            ended_at_ms: 1_683_159_463_986,
            errors: vec![
                Diagnostic::new(Severity::Error, "`A@1` is protected")
                    .because(vec!["so it is".to_owned()], None),
            ],
        });
        insta::assert_snapshot!(markdown(&document, 65_536), @r"
        <!-- solform report environment=prod id=956102bc0100 -->
        ### solform destroy: `prod`

        **Not applied: nothing was changed.**

        > **Error:** `` `A@1` is protected: so it is ``

        <sub>`2023-05-04T00:17:43.986Z` to `2023-05-04T00:17:43.986Z`.</sub>
        ");
    }

    #[test]
    fn budgets_hold_for_any_number_of_failures() {
        for number in [10, 1_000, 10_000] {
            let names: Vec<String> = (0..number).map(|nth| format!("Solution {nth}@1")).collect();
            let plan = scenario()
                .declare(names.iter().map(|name| declared(name)))
                .plan();
            let half = report(&plan, |of| {
                if of.contains('3') {
                    failed(&"no ".repeat(1_000))
                } else {
                    done()
                }
            });
            let document = document(&plan, &half);
            for budget in [2_000, 65_536] {
                let text = markdown(&document, budget);
                assert!(text.len() <= budget, "{number} {budget}: {}", text.len());
                assert_eq!(
                    text.matches("<details>").count(),
                    text.matches("</details>").count()
                );
                assert!(text.contains("**Not complete: "), "{text}");
                if number > 10 {
                    assert!(text.contains(" cut: "), "{text}");
                }
            }
        }
    }
}
