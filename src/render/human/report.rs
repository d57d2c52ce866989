//! The outcome table of an apply, and its verdict.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};

use super::plan::render_leftovers;
use super::table::{column_width, padded};
use crate::apply::{ApplyReport, Outcome, SkipReason, StepError, StepReport};
use crate::ident::Address;
use crate::outcome::OutcomeKind;
use crate::plan::{ActionKind, Change, InFlight, Mode, Plan, SUMMARISED_ABOVE, Summary};
use crate::render::styles::{Styles, styled};
use crate::render::text_diff::render_differences;
use crate::render::words;

/// The data for the last lines of an apply: the report, and the result of the check after it.
#[derive(Debug)]
pub struct ReportView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The id of the apply in the store; `None` if there was nothing to do.
    pub run: Option<&'a str>,
    /// The start, in milliseconds since 1970.
    pub began_at_ms: u64,
    /// The end, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// The outcomes.
    pub report: &'a ApplyReport,
    /// Changes that were executed, but that a new plan contains again, with the fields that differ.
    pub not_converged: &'a [(Address, String)],
    /// Versions that wait for a review.
    pub waiting_for_review: &'a [Address],
    /// The reason why the check after the apply proves nothing; `None` if the check was complete.
    pub unproven: Option<&'a str>,
    /// Changes that a new plan contains, and that the saved plan does not approve.
    pub not_approved: &'a [Change],
    /// Writes of earlier applies that are still in flight, for versions that no change concerns.
    pub in_flight: &'a [InFlight],
    /// True if an interrupt ended the check after the apply early.
    pub is_interrupted: bool,
    /// The commands that stop waiting for the jobs that have not ended.
    pub abandon_commands: &'a [String],
    /// The command that continues this apply.
    pub resume_command: &'a str,
}

impl ReportView<'_> {
    /// Returns true if all is as planned, and the check after the apply was not interrupted.
    pub fn is_success(&self) -> bool {
        self.is_all_done() && !self.is_interrupted
    }

    /// Returns true if nothing is left to do, as far as is known.
    pub fn is_all_done(&self) -> bool {
        self.report.is_complete()
            && self.not_converged.is_empty()
            && self.waiting_for_review.is_empty()
            && self.unproven.is_none()
            && self.in_flight.is_empty()
            && !Summary::of(self.plan).is_partial()
    }
}

/// Writes the changes that a new plan contains, and that the saved plan does not approve.
pub fn render_not_approved(changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNot approved by the saved plan, and not executed:")?;
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
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    if report.steps.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", styled(styles.strong, "Outcomes:"))?;
    let is_summarised = !is_verbose && report.steps.len() > SUMMARISED_ABOVE;
    let is_counted = |step: &&StepReport| is_summarised && is_plainly_done(step);
    let mut counts: BTreeMap<ActionKind, usize> = BTreeMap::new();
    for step in report.steps.iter().filter(is_counted) {
        *counts.entry(step.kind).or_default() += 1;
    }
    for (kind, count) in counts {
        let done = styled(styles.add, format!("{:<9}", OutcomeKind::Done.as_str()));
        let symbol = kind.symbol();
        let count = words::count(count, "change");
        writeln!(out, "  {done} {symbol:>3} {count}")?;
    }
    let steps: Vec<&StepReport> = report
        .steps
        .iter()
        .filter(|step| !is_counted(step))
        .collect();
    let addresses: Vec<String> = steps
        .iter()
        .map(|step| words::address(&step.address))
        .collect();
    let width = column_width(addresses.iter().map(String::as_str));
    for step in steps {
        render_step(step, width, styles, out)?;
    }
    writeln!(out)
}

/// Returns true if a change is done and needs no remark.
fn is_plainly_done(step: &StepReport) -> bool {
    match &step.outcome {
        Outcome::Done(done) => !done.visibility_not_known && step.sent_twice.is_empty(),
        Outcome::Failed(_)
        | Outcome::Refused(_)
        | Outcome::Skipped(_)
        | Outcome::Cancelled
        | Outcome::Unknown { .. } => false,
    }
}

fn render_step(
    step: &StepReport,
    width: usize,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    let word = step.outcome.word();
    let style = match word {
        OutcomeKind::Done => styles.add,
        OutcomeKind::Failed | OutcomeKind::Refused => styles.destroy,
        OutcomeKind::Skipped | OutcomeKind::Cancelled | OutcomeKind::Unknown => styles.warning,
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
        Outcome::Failed(error) => render_error(error, styles, out),
        Outcome::Refused(differences) => {
            writeln!(
                out,
                "      changed since the plan was made; the plan (-) against what was found (+):"
            )?;
            render_differences(differences, "      ", styles, out)
        }
        Outcome::Done(_) | Outcome::Skipped(_) | Outcome::Cancelled | Outcome::Unknown { .. } => {
            Ok(())
        }
    }
}

fn remark(step: &StepReport) -> String {
    let mut remarks = vec![words::duration(step.took)];
    match &step.outcome {
        Outcome::Done(done) => {
            if done.was_already {
                remarks.push("already up to date".to_owned());
            }
            if done.visibility_not_known {
                remarks.push("the visibility was set and cannot be read back".to_owned());
            }
            if let Some(id) = &done.id {
                remarks.push(format!("id {}", words::escaped(id.as_str())));
            }
        }
        Outcome::Skipped(SkipReason::Because(address)) => {
            remarks = vec![format!("because {} is not done", words::address(address))];
        }
        Outcome::Skipped(SkipReason::SuccessorNotLive { successor, why }) => {
            remarks = vec![format!(
                "because of {}: {}",
                words::address(successor),
                words::escaped(&why.to_string())
            )];
        }
        Outcome::Skipped(SkipReason::HeldBack { until_ms }) => {
            remarks = vec![format!(
                "because the job of its last deploy was abandoned: it is not deployed before {}, unless --replace names it",
                words::instant(*until_ms)
            )];
        }
        Outcome::Skipped(SkipReason::OutOfTime) => {
            remarks = vec!["because `timeouts.apply` was exceeded".to_owned()];
        }
        Outcome::Unknown { job, last_answer } => {
            remarks.push(match job {
                Some(job) => format!("job {} was still in progress", words::escaped(job.as_str())),
                None => "the server may or may not have accepted the request".to_owned(),
            });
            if let Some(answer) = last_answer {
                remarks.push(format!("it last answered: {}", words::escaped(answer)));
            }
        }
        Outcome::Failed(_) | Outcome::Refused(_) => {
            for job in &step.jobs {
                remarks.push(format!("job {}", words::escaped(job.as_str())));
            }
        }
        Outcome::Cancelled => remarks = vec!["nothing more was sent".to_owned()],
    }
    for call in &step.sent_twice {
        remarks.push(format!("{call} sent more than once"));
    }
    remarks.join(", ")
}

fn render_error(error: &StepError, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    let message = words::escaped(&error.to_string());
    writeln!(out, "      {}", styled(styles.destroy, message))?;
    let mut source = error.source();
    while let Some(cause) = source {
        writeln!(out, "      because {}", words::escaped(&cause.to_string()))?;
        source = cause.source();
    }
    writeln!(out, "      help: {}", words::escaped(&error.help()))
}

/// Writes the last lines: the totals, and the next command if something is left.
pub fn render_verdict(
    view: &ReportView<'_>,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (address, fields) in view.not_converged {
        let address = words::address(address);
        let line = format!("Did not converge: {address} is planned again: {fields}");
        writeln!(out, "{}", styled(styles.destroy, line))?;
    }
    for address in view.waiting_for_review {
        let address = words::address(address);
        let line = format!("Waits for review: {address} becomes PUBLIC only after it is approved.");
        writeln!(out, "{}", styled(styles.warning, line))?;
    }
    if let Some(why) = view.unproven {
        let line = format!(
            "Did not converge: the live state could not be read again in full: {}",
            words::escaped(why)
        );
        writeln!(out, "{}", styled(styles.destroy, line))?;
    }
    render_leftovers(view.plan, view.in_flight, styles, out)?;
    if view.is_interrupted {
        let line = "The check after the apply was cut short by the interrupt.";
        writeln!(out, "{}", styled(styles.warning, line))?;
    }
    for command in view.abandon_commands {
        writeln!(
            out,
            "If the job never ends, stop waiting for it: {}",
            words::escaped(command)
        )?;
    }
    let report = view.report;
    let totals = report.made();
    if view.is_all_done() && view.is_interrupted {
        let line = words::all_done(totals.added, totals.changed, totals.destroyed);
        writeln!(out, "{}", styled(styles.add, line))?;
        return writeln!(out, "To check, run: {}", view.resume_command);
    }
    if view.is_success() {
        let line = match view.plan.mode {
            Mode::Converge => format!(
                "Apply complete! Resources: {} added, {} changed, {} destroyed.",
                totals.added, totals.changed, totals.destroyed
            ),
            Mode::Destroy => format!(
                "Destroy complete! Resources: {} destroyed.",
                totals.destroyed
            ),
        };
        return writeln!(out, "{}", styled(styles.add, line));
    }
    let counts: Vec<String> = OutcomeKind::ALL
        .into_iter()
        .map(|word| format!("{} {}", report.count(word), word.as_str()))
        .collect();
    let line = format!(
        "Not complete: {}; {} added, {} changed, {} destroyed.",
        counts.join(", "),
        totals.added,
        totals.changed,
        totals.destroyed
    );
    writeln!(out, "{}", styled(styles.destroy, line))?;
    writeln!(out, "To go on, run: {}", view.resume_command)
}
