//! The report of an earlier apply, from its journal.

use std::collections::BTreeMap;

use super::items::time;
use super::report::{ReportChange, ReportDocument, ResultWord, TotalsItem, empty};
use crate::plan::{Action, ActionKind, Mode};
use crate::render::view::past;
use crate::store::{PastApply, RecordedOutcome};

/// Returns the report document of an earlier apply, from its journal.
pub(in crate::render) fn past_report_document(run: &PastApply) -> ReportDocument {
    let changes: Vec<ReportChange> = run
        .steps
        .iter()
        .map(|step| {
            let outcome = step.outcome.as_ref();
            ReportChange {
                address: step.address().to_string(),
                action: step.action.as_ref().map(|action| action.kind().as_str()),
                outcome: past::word_of(step),
                detail: outcome.and_then(|outcome| outcome.detail.clone()),
                help: None,
                id: outcome.and_then(|outcome| outcome.id.as_ref().map(ToString::to_string)),
                jobs: step
                    .sendings
                    .iter()
                    .filter_map(|sent| sent.job.as_ref().map(ToString::to_string))
                    .collect(),
                sent_twice: Vec::new(),
                was_already: false,
                took_seconds: None,
                position: None,
            }
        })
        .collect();
    let mut outcomes = BTreeMap::new();
    for change in &changes {
        *outcomes.entry(change.outcome).or_insert(0) += 1;
    }
    let subject = run.subject.as_ref();
    ReportDocument {
        environment: subject.map(|subject| subject.environment.clone()),
        url: subject.map(|subject| subject.url.clone()),
        run: Some(run.id.clone()),
        started_at: run.began_at_ms.and_then(time),
        ended_at: run.last_at_ms.and_then(time),
        result: if run.complete == Some(true) {
            ResultWord::Complete
        } else {
            ResultWord::Incomplete
        },
        interrupted: run.complete.is_none(),
        totals: past_totals(run),
        outcomes,
        changes,
        ..empty(Mode::Converge)
    }
}

/// Returns the totals of an earlier apply. A step without a write changed nothing, so it is not
/// counted.
fn past_totals(run: &PastApply) -> TotalsItem {
    let mut totals = TotalsItem::default();
    for step in &run.steps {
        let is_done = step.outcome.as_ref().is_some_and(RecordedOutcome::is_done);
        if !is_done || step.sendings.is_empty() {
            continue;
        }
        match step.action.as_ref().map(Action::kind) {
            Some(ActionKind::Create) => totals.added += 1,
            Some(ActionKind::Update) => totals.changed += 1,
            Some(ActionKind::Delete) => totals.destroyed += 1,
            Some(ActionKind::Replace) => {
                totals.added += 1;
                totals.destroyed += 1;
            }
            Some(ActionKind::NoOp) | None => {}
        }
    }
    totals
}
