//! The words and counts of earlier applies that all formats share.

use std::collections::HashSet;
use std::time::Duration;

use super::report::provenance_line;
use crate::render::words;
use crate::store::{PastApply, PastStep, Took};

/// Returns the number of applies as a sentence.
pub(in crate::render) fn number_of(applies: &[PastApply]) -> String {
    match applies.len() {
        0 => "No applies.".to_owned(),
        number => format!("{}.", words::count(number, "apply")),
    }
}

/// The minimum number of shown characters of an apply's id: the part that is a time.
const ID_LENGTH: usize = 13;

/// An apply in the list of applies.
pub(in crate::render) struct PastRow {
    /// The id, cut to the shortest length at which the ids of all applies differ; `history show`
    /// accepts such a prefix.
    pub(in crate::render) id: String,
    /// The start.
    pub(in crate::render) began: Option<String>,
    /// The duration.
    pub(in crate::render) took: Option<String>,
    /// The outcome, with a remark on a roll-back.
    pub(in crate::render) result: String,
    /// The number of completed changes, and of all.
    pub(in crate::render) done: String,
    /// The person who started it, and its source.
    pub(in crate::render) provenance: Option<String>,
    /// True if every change is done.
    pub(in crate::render) is_complete: bool,
}

/// Returns the list of applies, the newest first.
pub(in crate::render) fn rows(applies: &[PastApply]) -> impl Iterator<Item = PastRow> + Clone {
    let length = prefix_length(applies);
    applies.iter().rev().map(move |apply| PastRow {
        id: apply.id.chars().take(length).collect(),
        began: apply.began_at_ms.and_then(words::brief_time),
        took: took(apply, "> "),
        result: match apply.rollback_of {
            Some(_) => format!("{} (roll-back)", result(apply)),
            None => result(apply).to_owned(),
        },
        done: format!("{}/{}", count_done(apply), apply.changes),
        provenance: apply.provenance.as_ref().and_then(provenance_line),
        is_complete: apply.complete == Some(true),
    })
}

/// Returns the number of characters after which the ids of all applies differ.
fn prefix_length(applies: &[PastApply]) -> usize {
    let longest = applies.iter().map(|apply| apply.id.chars().count()).max();
    let is_unique = |length: &usize| {
        let mut seen = HashSet::new();
        let begins = |apply: &PastApply| apply.id.chars().take(*length).collect::<String>();
        applies.iter().all(|apply| seen.insert(begins(apply)))
    };
    let longest = longest.unwrap_or(0);
    (ID_LENGTH..longest).find(is_unique).unwrap_or(longest)
}

/// Returns the duration of an apply; `at_least` is the prefix of a minimum duration.
pub(in crate::render) fn took(apply: &PastApply, at_least: &str) -> Option<String> {
    let (before, ms) = match apply.took() {
        Took::Exactly(ms) => ("", ms),
        Took::AtLeast(ms) => (at_least, ms),
        Took::Unknown => return None,
    };
    let duration = words::duration(Duration::from_millis(ms));
    Some(format!("{before}{duration}"))
}

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
