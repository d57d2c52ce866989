//! The words and counts of earlier applies that all formats share.

use crate::store::{PastApply, PastStep};

/// Returns the outcome of a step; `unknown` if a write was sent and no outcome was recorded.
pub(in crate::render) fn word_of(step: &PastStep) -> &'static str {
    match &step.outcome {
        _ if step.is_abandoned() => "abandoned",
        Some(outcome) => outcome.word.as_str(),
        None if step.sendings.is_empty() => "not sent",
        None => "unknown",
    }
}

pub(in crate::render) fn count_done(apply: &PastApply) -> usize {
    apply
        .steps
        .iter()
        .filter_map(|step| step.outcome.as_ref())
        .filter(|outcome| outcome.is_done())
        .count()
}

/// Returns the outcome of an apply.
pub(in crate::render) fn result(apply: &PastApply) -> &'static str {
    match apply.complete {
        _ if apply.running_at_ms.is_some() => "running",
        Some(true) => "complete",
        Some(false) => "incomplete",
        None => "interrupted",
    }
}
