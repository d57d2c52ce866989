//! Apply events as lines, with Terraform's literals.

use std::io::{self, Write};

use super::styles::{Styles, styled};
use super::view::report::DELETED;
use super::words;
use crate::apply::ApplyEvent;

/// Writes the line of one event; `ended` of `total` changes have ended after it.
pub fn render_event(
    event: &ApplyEvent<'_>,
    (ended, total): (usize, usize),
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut line = sentence(event);
    let mut is_warning = matches!(
        event,
        ApplyEvent::Retrying { .. } | ApplyEvent::Draining { .. }
    );
    if let ApplyEvent::StepFinished(step) = event {
        line = format!("{line} ({ended} of {total})");
        is_warning = step.outcome.done().is_none();
    }
    let line = words::escaped(&line);
    if is_warning {
        writeln!(out, "{}", styled(styles.warning, line))
    } else {
        writeln!(out, "{line}")
    }
}

/// Returns an event as a sentence.
pub(super) fn sentence(event: &ApplyEvent<'_>) -> String {
    match event {
        ApplyEvent::StepStarted { address, kind } => format!("{address}: {}...", kind.doing()),
        ApplyEvent::Uploading {
            address,
            done,
            total,
        } => {
            let size = words::bytes(*total);
            match *done {
                0 => format!("{address}: Uploading {size}..."),
                done if done == *total => format!("{address}: Upload complete [{size}]"),
                done => {
                    let done = words::bytes(done);
                    format!("{address}: Uploading... [{done} of {size}]")
                }
            }
        }
        ApplyEvent::JobStarted { address, call, job } => match job {
            Some(job) => format!("{address}: {call} taken [job={job}]"),
            None => format!("{address}: {call} taken, without a job"),
        },
        ApplyEvent::JobAnswered { address, job, word } => {
            format!("{address}: job {job} says {}", words::quoted(word))
        }
        ApplyEvent::RunStarted { address, name, run } => {
            format!(
                "{address}: Verifying with {}... [run={run}]",
                words::quoted(name)
            )
        }
        ApplyEvent::RunAnswered {
            address, run, word, ..
        } => format!("{address}: run {run} says {}", words::quoted(word)),
        ApplyEvent::RunEnded { address, run } => {
            let why = run.why.as_ref().map(|why| format!(": {why}"));
            format!(
                "{address}: Verification with {} {}{}",
                words::quoted(&run.name),
                run.verdict.phrase(),
                why.unwrap_or_default()
            )
        }
        ApplyEvent::WaitingForRuns { address, runs } => {
            format!("{address}: waits for {}", words::count(*runs, "run"))
        }
        ApplyEvent::Retrying {
            address,
            call,
            after,
            is_ambiguous,
            why,
        } => {
            let doing = if *is_ambiguous {
                "may have been accepted, checking for its effect for up to"
            } else {
                "was not accepted, sending again in"
            };
            let after = words::duration(*after);
            format!("{address}: {call} {doing} {after}: {why}")
        }
        ApplyEvent::StepFinished(step) => {
            let address = &step.address;
            let took = words::duration(step.took);
            let Some(done) = step.outcome.done() else {
                let word = step.outcome.word().as_str();
                let deleted = if step.deleted {
                    format!("; {DELETED}")
                } else {
                    String::new()
                };
                return format!("{address}: {word} after {took}{deleted}");
            };
            let id = done.id.as_ref().map(|id| format!(" [id={id}]"));
            let id = id.unwrap_or_default();
            if done.was_already {
                format!("{address}: already up to date{id}")
            } else {
                format!("{address}: {} complete after {took}{id}", step.kind.done())
            }
        }
        ApplyEvent::Draining { in_progress } => format!(
            "Interrupted: nothing new is started; {} in progress may end within 30 s. \
             Interrupt again to leave at once.",
            words::count(*in_progress, "step")
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::apply::{Done, Outcome, StepReport};
    use crate::ident::Address;
    use crate::plan::ActionKind;
    use crate::plan::testing::identity;

    /// A change that was only found done has no duration.
    #[test]
    fn a_change_found_done_is_already_up_to_date() {
        for (was_already, expected) in [
            (false, "A@1: Destruction complete after 2.0s"),
            (true, "A@1: already up to date"),
        ] {
            let step = StepReport {
                address: Address::parse("A@1").unwrap(),
                identity: identity("A@1"),
                kind: ActionKind::Delete,
                outcome: Outcome::Done(Done {
                    id: None,
                    was_already,
                    visibility_not_known: false,
                }),
                began_at_ms: None,
                jobs: Vec::new(),
                sent_twice: Vec::new(),
                uploaded: None,
                verified: None,
                left_file: None,
                deleted: false,
                deployed: None,
                took: Duration::from_secs(2),
            };
            assert_eq!(sentence(&ApplyEvent::StepFinished(&step)), expected);
        }
    }
}
