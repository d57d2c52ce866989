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
    let mut line = sentence(event);
    let mut is_warning = matches!(
        event,
        ApplyEvent::Retrying { .. } | ApplyEvent::Draining { .. }
    );
    if let ApplyEvent::StepFinished { outcome, .. } = event {
        line = format!("{line} ({ended} of {total})");
        is_warning = *outcome != OutcomeKind::Done;
    }
    let line = words::escaped(&line);
    if is_warning {
        writeln!(out, "{}", styled(styles.warning, line))
    } else {
        writeln!(out, "{line}")
    }
}

/// Returns an event as a sentence.
pub(super) fn sentence(event: &ApplyEvent) -> String {
    match event {
        ApplyEvent::StepStarted { address, kind } => format!("{address}: {}...", kind.doing()),
        ApplyEvent::JobStarted { address, call, job } => match job {
            Some(job) => format!("{address}: {call} taken [job={job}]"),
            None => format!("{address}: {call} taken, without a job"),
        },
        ApplyEvent::JobAnswered { address, job, word } => {
            format!("{address}: job {job} says {}", words::quoted(word))
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
        ApplyEvent::StepFinished {
            address,
            kind,
            outcome,
            was_already,
            took,
            id,
            ..
        } => {
            let took = words::duration(*took);
            let id = id.as_ref().map(|id| format!(" [id={id}]"));
            match outcome {
                OutcomeKind::Done if *was_already => {
                    format!("{address}: already up to date{}", id.unwrap_or_default())
                }
                OutcomeKind::Done => format!(
                    "{address}: {} complete after {took}{}",
                    kind.done(),
                    id.unwrap_or_default()
                ),
                OutcomeKind::Failed
                | OutcomeKind::Skipped
                | OutcomeKind::Refused
                | OutcomeKind::Cancelled
                | OutcomeKind::Unknown => format!("{address}: {} after {took}", outcome.as_str()),
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
    use crate::ident::Address;
    use crate::plan::ActionKind;

    /// A change that was only found done has no duration.
    #[test]
    fn a_change_found_done_is_already_up_to_date() {
        let finished = |was_already| ApplyEvent::StepFinished {
            address: Address::parse("A@1").unwrap(),
            kind: ActionKind::Delete,
            outcome: OutcomeKind::Done,
            was_already,
            took: Duration::from_secs(2),
            id: None,
            why: None,
            jobs: Vec::new(),
            sent_twice: Vec::new(),
        };
        let complete = "A@1: Destruction complete after 2.0s";
        assert_eq!(sentence(&finished(false)), complete);
        assert_eq!(sentence(&finished(true)), "A@1: already up to date");
    }
}
