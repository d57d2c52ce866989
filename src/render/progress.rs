//! Apply events as lines, with Terraform's literals.

use std::io::{self, Write};

use super::styles::{Styles, styled};
use super::words;
use crate::apply::ApplyEvent;
use crate::outcome::OutcomeKind;

/// Writes the line of one event; `ended` of `total` changes have ended after it.
pub fn render_event(
    event: &ApplyEvent,
    (ended, total): (usize, usize),
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    match event {
        ApplyEvent::StepStarted { address, kind } => {
            let address = words::address(address);
            writeln!(out, "{address}: {}...", kind.doing())
        }
        ApplyEvent::JobStarted { address, call, job } => {
            let address = words::address(address);
            match job {
                Some(job) => writeln!(
                    out,
                    "{address}: {call} taken [job={}]",
                    words::escaped(job.as_str())
                ),
                None => writeln!(out, "{address}: {call} taken, without a job"),
            }
        }
        ApplyEvent::JobAnswered { address, job, word } => writeln!(
            out,
            "{}: job {} says {}",
            words::address(address),
            words::escaped(job.as_str()),
            words::quoted(word)
        ),
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
            let line = format!(
                "{}: {call} {doing} {}: {}",
                words::address(address),
                words::duration(*after),
                words::escaped(why)
            );
            writeln!(out, "{}", styled(styles.warning, line))
        }
        ApplyEvent::StepFinished {
            address,
            kind,
            outcome,
            took,
            id,
            ..
        } => {
            let address = words::address(address);
            let took = words::duration(*took);
            let id = id.as_ref().map_or_else(String::new, |id| {
                format!(" [id={}]", words::escaped(id.as_str()))
            });
            let count = format!("({ended} of {total})");
            match outcome {
                OutcomeKind::Done => {
                    writeln!(
                        out,
                        "{address}: {} complete after {took}{id} {count}",
                        kind.done()
                    )
                }
                OutcomeKind::Failed
                | OutcomeKind::Skipped
                | OutcomeKind::Refused
                | OutcomeKind::Cancelled
                | OutcomeKind::Unknown => {
                    let line = format!("{address}: {} after {took} {count}", outcome.as_str());
                    writeln!(out, "{}", styled(styles.warning, line))
                }
            }
        }
        ApplyEvent::Draining { in_progress } => {
            let line = format!(
                "Interrupted: nothing new is started; {} in progress may end within 30 s. Interrupt again to leave at once.",
                words::count(*in_progress, "step")
            );
            writeln!(out, "{}", styled(styles.warning, line))
        }
    }
}
