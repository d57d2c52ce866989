//! The outcome table of an apply, and its verdict.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};

use super::history::verified_run;
use super::table::{column_width, padded};
use crate::apply::{ApplyReport, Done, Outcome, SkipReason, StepError, StepReport};
use crate::manifest::Severity;
use crate::outcome::OutcomeKind;
use crate::plan::{ActionKind, Change, SUMMARISED_ABOVE};
use crate::render::json::report_document;
use crate::render::styles::{StyledWriter, styled};
use crate::render::text_diff::render_differences;
use crate::render::view::ReportView;
use crate::render::view::report::DELETED;
use crate::render::words;

/// Writes the changes that a new plan contains, and that the approved plan does not.
pub fn render_not_approved(changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNot approved, and not executed:")?;
    for change in changes {
        writeln!(
            out,
            "  {:>3} {} {}",
            change.action.kind().symbol(),
            words::address(&change.address),
            change.action.kind().phrase()
        )?;
    }
    Ok(())
}

/// Writes one row for each change, with the reason if it is not done. If a report is not verbose
/// and has more than [`SUMMARISED_ABOVE`] changes, changes that are done are only counted.
pub fn render_report(
    report: &ApplyReport,
    is_verbose: bool,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    if report.steps.is_empty() {
        return Ok(());
    }
    out.line(out.styles.strong, "Outcomes:")?;
    let is_summarised = !is_verbose && report.steps.len() > SUMMARISED_ABOVE;
    let steps = report.steps.iter();
    let (counted, steps): (Vec<&StepReport>, Vec<&StepReport>) =
        steps.partition(|step| is_summarised && is_plainly_done(step));
    let mut counts: BTreeMap<ActionKind, usize> = BTreeMap::new();
    for step in counted {
        *counts.entry(step.kind).or_default() += 1;
    }
    for (kind, count) in counts {
        let done = styled(out.styles.add, format!("{:<9}", OutcomeKind::Done.as_str()));
        let symbol = kind.symbol();
        let count = words::count(count, "change");
        writeln!(out, "  {done} {symbol:>3} {count}")?;
    }
    let addresses: Vec<String> = steps
        .iter()
        .map(|step| words::address(&step.address))
        .collect();
    let width = column_width(addresses.iter().map(String::as_str));
    for step in steps {
        render_step(step, width, out)?;
    }
    writeln!(out)
}

/// Returns true if a change is done and needs no remark.
fn is_plainly_done(step: &StepReport) -> bool {
    let is_noteworthy = |done: &Done| {
        done.visibility_not_known
            || !step.sent_twice.is_empty()
            || step.uploaded.is_some()
            || step.verified.is_some()
    };
    matches!(&step.outcome, Outcome::Done(done) if !is_noteworthy(done))
}

fn render_step(step: &StepReport, width: usize, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let word = step.outcome.word();
    let style = match word {
        OutcomeKind::Done => out.styles.add,
        OutcomeKind::Failed | OutcomeKind::Refused => out.styles.destroy,
        OutcomeKind::Skipped | OutcomeKind::Cancelled | OutcomeKind::Unknown => out.styles.warning,
    };
    writeln!(
        out,
        "  {} {:>3} {}  {}",
        styled(style, format!("{:<9}", word.as_str())),
        step.kind.symbol(),
        padded(&words::address(&step.address), width),
        remark(step)
    )?;
    match &step.outcome {
        Outcome::Failed(error) => render_error(error, out),
        Outcome::Refused(differences) => {
            writeln!(
                out,
                "      changed since the plan was made; the plan (-) against what was found (+):"
            )?;
            render_differences(differences, "      ", out)
        }
        Outcome::Done(_) | Outcome::Skipped(_) | Outcome::Cancelled | Outcome::Unknown { .. } => {
            Ok(())
        }
    }
}

fn remark(step: &StepReport) -> String {
    let why = step.why();
    let mut remarks = vec![words::duration(step.took)];
    match &step.outcome {
        Outcome::Done(done) => {
            remarks.extend(why);
            remarks.extend(done.id.as_ref().map(|id| format!("id {id}")));
        }
        Outcome::Skipped(reason) => {
            let because = match reason {
                SkipReason::SuccessorNotLive { .. } => "because of",
                SkipReason::Because(_) | SkipReason::OutOfTime | SkipReason::HeldBack { .. } => {
                    "because"
                }
            };
            remarks = vec![format!("{because} {}", why.unwrap_or_default())];
            if let SkipReason::HeldBack { until_ms } = reason {
                remarks.push(format!("held back until {}", words::instant(*until_ms)));
            }
        }
        Outcome::Cancelled => remarks = why.into_iter().collect(),
        Outcome::Unknown { .. } => remarks.extend(why),
        Outcome::Failed(_) | Outcome::Refused(_) => {
            remarks.extend(step.jobs.iter().map(|job| format!("job {}", job.id)));
        }
    }
    remarks.extend(step.deleted.then(|| DELETED.to_owned()));
    remarks.extend(step.uploaded.map(|uploaded| {
        let size = words::bytes(uploaded.bytes);
        if uploaded.was_already {
            format!("its package ({size}) was uploaded before")
        } else {
            format!("{size} uploaded")
        }
    }));
    let runs = step.verified.iter().flat_map(|verified| &verified.runs);
    remarks.extend(runs.map(|run| format!("verification with {}", verified_run(run))));
    let repeated = step.sent_twice.iter();
    remarks.extend(repeated.map(|call| format!("{call} sent more than once")));
    words::escaped(&remarks.join(", "))
}

fn render_error(error: &StepError, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let message = words::escaped(&error.to_string());
    writeln!(out, "      {}", styled(out.styles.destroy, message))?;
    render_causes(error, &error.help(), "      ", out)
}

/// Writes the causes of an error, and its help.
pub(super) fn render_causes(
    error: &dyn Error,
    help: &str,
    indent: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    for cause in words::causes(error) {
        writeln!(out, "{indent}because {}", words::escaped(&cause))?;
    }
    writeln!(out, "{indent}help: {}", words::escaped(help))
}

/// Writes the last lines: what needs attention, the totals, and the next command if something is
/// left.
pub fn render_verdict(view: &ReportView<'_>, out: &mut StyledWriter<'_>) -> io::Result<()> {
    render_verdict_alone(view, out)?;
    let next = match (view.is_all_done(), view.is_interrupted) {
        (true, false) => return Ok(()),
        (true, true) => "To check",
        (false, _) => "To go on",
    };
    writeln!(out, "{next}, run: {}", view.resume_command)
}

/// Writes the same without the next command, for one of several environments.
pub fn render_verdict_alone(view: &ReportView<'_>, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let document = report_document(view);
    if let Some(line) = &document.provenance_line {
        writeln!(out, "{}", words::escaped(line))?;
    }
    for remark in document.remarks() {
        let style = match remark.severity {
            Severity::Error => out.styles.destroy,
            Severity::Warning => out.styles.warning,
        };
        out.line(style, words::escaped(&remark.to_string()))?;
    }
    if view.is_interrupted {
        let line = "The check after the apply was cut short by the interrupt.";
        out.line(out.styles.warning, line)?;
    }
    for command in view.abandon_commands {
        let command = words::escaped(command);
        writeln!(out, "If the job never ends, stop waiting for it: {command}")?;
    }
    let style = if view.is_all_done() {
        out.styles.add
    } else {
        out.styles.destroy
    };
    out.line(style, document.verdict())
}
