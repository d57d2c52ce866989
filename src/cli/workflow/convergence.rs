//! The check of an apply: the completed changes are compared with the live state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::plan::Planner;
use crate::apply::{ApplyReport, Outcome};
use crate::cli::error::ErrorKind;
use crate::cli::io::Io;
use crate::delivery::CancelToken;
use crate::ident::{Address, Identity};
use crate::live::Coverage;
use crate::manifest::Problems;
use crate::plan::{Change, Decision, DiffOptions, Note, Plan};
use crate::render::words;

/// The result of the check.
#[derive(Debug, Default)]
pub(in crate::cli) struct ConvergenceCheck {
    /// Changes that are done but planned again, with their differences.
    pub(in crate::cli) not_converged: Vec<(Address, String)>,
    /// Versions that wait for an approval on the platform.
    pub(in crate::cli) waiting_for_review: Vec<Address>,
    /// The reason why the check proves nothing, if it does not.
    pub(in crate::cli) unproven: Option<String>,
    /// True if an interrupt ended the check early.
    pub(in crate::cli) is_interrupted: bool,
}

impl ConvergenceCheck {
    /// Returns the result for an apply that sent nothing: the plan is sufficient.
    pub(in crate::cli) fn unchanged(plan: &Plan) -> Self {
        Self {
            waiting_for_review: waiting(plan),
            ..Self::default()
        }
    }
}

/// Lists and plans again, and returns every change that is done but planned again. A list may lag
/// behind single reads, so it is repeated during `timeouts.propagation`.
pub(in crate::cli) async fn check(
    planner: Planner<'_>,
    report: &ApplyReport,
    interrupt: &CancelToken,
    io: &mut Io,
) -> ConvergenceCheck {
    let done: BTreeSet<&Identity> = report
        .steps
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Done(_)))
        .map(|step| &step.identity)
        .collect();
    // A requested replace or verification must not be planned again.
    let history = planner
        .history
        .with_verified(report.steps.iter().filter_map(|step| {
            let verified = step
                .verified
                .as_ref()
                .filter(|_| step.outcome.done().is_some());
            Some((&step.identity, verified?))
        }));
    let options = DiffOptions {
        reverify: Vec::new(),
        replace: Vec::new(),
        may_select_nothing: true,
        ..planner.options.clone()
    };
    let planner = Planner {
        options: &options,
        history: &history,
        ..planner
    };
    tokio::select! {
        biased;
        () = interrupt.raised() => ConvergenceCheck {
            is_interrupted: true,
            ..ConvergenceCheck::default()
        },
        check = look_until_final(planner, &done, io) => check,
    }
}

async fn look_until_final(
    planner: Planner<'_>,
    done: &BTreeSet<&Identity>,
    io: &mut Io,
) -> ConvergenceCheck {
    let timeouts = &planner.session.manifest().environment.timeouts;
    let propagation = timeouts.propagation;
    let deadline = Instant::now() + propagation;
    let mut pause = (propagation / 20).clamp(Duration::from_millis(20), Duration::from_secs(1));
    let mut is_reported = false;
    loop {
        let is_last = Instant::now() >= deadline;
        let (check, is_final) = look_once(planner, done).await;
        if is_final || is_last {
            return check;
        }
        if !is_reported {
            is_reported = true;
            // A closed output is ignored.
            let _ = io.note(&format!(
                "The list does not show everything yet; looking again for up to {}.",
                words::duration(propagation)
            ));
        }
        tokio::time::sleep_until((Instant::now() + pause).min(deadline)).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

/// Returns the result of one listing, and true if another listing would show the same.
async fn look_once(planner: Planner<'_>, done: &BTreeSet<&Identity>) -> (ConvergenceCheck, bool) {
    match planner.collect_and_diff(false).await {
        Ok((_, plan)) => {
            let check = ConvergenceCheck {
                unproven: match &plan.coverage {
                    Coverage::Unproven(why) => Some(why.to_string()),
                    Coverage::Whole | Coverage::Names(_) => None,
                },
                not_converged: planned_again(&plan, done),
                waiting_for_review: waiting(&plan),
                is_interrupted: false,
            };
            let is_final = check.not_converged.is_empty() && check.unproven.is_none();
            (check, is_final)
        }
        Err(error) => {
            let mut reasons = vec![error.to_string()];
            let problems = match &error.kind {
                ErrorKind::Manifest(problems) => Some(problems),
                _ => None,
            };
            let problems_shown = problems.into_iter().flat_map(Problems::iter);
            reasons.extend(problems_shown.map(ToString::to_string));
            reasons.extend(error.causes());
            let check = ConvergenceCheck {
                unproven: Some(reasons.join(": ")),
                ..ConvergenceCheck::default()
            };
            // Errors in the manifest stay; only a failed read may succeed next time.
            (check, problems.is_some())
        }
    }
}

fn planned_again(plan: &Plan, done: &BTreeSet<&Identity>) -> Vec<(Address, String)> {
    plan.changes
        .iter()
        .filter(|change| !change.is_no_op() && done.contains(&change.identity))
        .map(|change| (change.address.clone(), words_of(change)))
        .collect()
}

fn words_of(change: &Change) -> String {
    let fields: Vec<String> = change
        .fields
        .iter()
        .filter(|field| field.decision == Decision::Apply)
        .map(|field| {
            let value = |value: &Option<Arc<str>>| {
                value
                    .as_deref()
                    .map_or_else(|| "(nothing)".to_owned(), words::quoted)
            };
            format!(
                "{} {} -> {}",
                field.field.as_str(),
                value(&field.before),
                value(&field.after)
            )
        })
        .collect();
    format!(
        "it {}: {}",
        change.action.kind().phrase(),
        fields.join(", ")
    )
}

fn waiting(plan: &Plan) -> Vec<Address> {
    plan.changes
        .iter()
        .filter(|change| change.notes.contains(&Note::WaitsForReview))
        .map(|change| change.address.clone())
        .collect()
}
