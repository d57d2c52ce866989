//! The tolerant readers of the platform's answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value, json};
use solform::api::{AnswerText, AnyRecord, ApiErrorKind, Redactor};
use solform::escape::escaped;
use solform::ident::JobId;
use solform::job::{JobResult, JobState, JobStatus, RunList, RunRecord};
use solform::live::{Coverage, LiveState, LiveVersion};
use solform::render::{render_job, render_runs, render_solution, render_solutions};
use solform::run::{JobOutcome, JobReport};

use super::{assert_shown, written};

/// The token of the client. No output contains it, however the server sends it. Its first letter is
/// not that of an escape, such as `\t`.
const TOKEN: &str = "key-5f1c9e-secret";

/// The maximum length of one value in an output, in bytes: each character may be escaped.
const VALUE: usize = 16 * 1024;

/// Asserts that an answer is refused or gives values that can be shown, without the token, and that
/// what was read can be sent and read again.
pub(crate) fn check(input: &[u8]) -> bool {
    let secrets = Redactor::new();
    secrets.add(&SecretString::from(TOKEN));
    let secrets = Arc::new(secrets);
    let answer = AnswerText::new(true, input, Arc::clone(&secrets));
    let refusal = AnswerText::new(false, input, secrets);
    let results = [
        answer.list().map(|page| {
            let known = page.versions.len() + page.unmanageable.len() + page.bad.len();
            assert!(known as u64 <= page.received, "{page:?}");
            assert!(page.received <= input.len() as u64, "{page:?}");
            for detail in &page.bad {
                assert_safe(&escaped(detail), VALUE);
            }
            assert_versions(&page.versions);
            let live =
                LiveState::new(page.versions, Coverage::Whole).with_unmanageable(page.unmanageable);
            let rows = live.versions().len() + live.unmanageable().len();
            let table = written(|out| render_solutions(&live, out));
            assert_safe(&table, (rows + 1) * 8 * VALUE);
        }),
        answer.record().map(|record| match record {
            Some(AnyRecord::Version(version)) => {
                assert_versions(std::slice::from_ref(&version));
                let list = read_again(&json!({ "solution": as_json(&version) })).record();
                assert_eq!(list, Ok(Some(AnyRecord::Version(version))));
            }
            Some(AnyRecord::Unmanageable(record)) => {
                assert_safe(&escaped(&record.label), VALUE);
                assert_safe(&escaped(&record.reason), VALUE);
            }
            None => {}
        }),
        answer.started_job().map(|job| {
            if let Some(job) = job {
                assert_safe(&escaped(job.as_str()), VALUE);
            }
        }),
        answer.job().map(|status| assert_job(&status)),
        refusal.job().map(|status| assert_job(&status)),
        answer.runs().map(assert_runs),
    ];
    for excerpt in [answer.excerpt(), refusal.excerpt()].into_iter().flatten() {
        assert_safe(&escaped(&excerpt), VALUE);
    }
    let mut is_accepted = false;
    for (index, result) in results.iter().enumerate() {
        match result {
            // An answer about a job may say nothing at all.
            Ok(()) => is_accepted |= !matches!(index, 2..=4),
            Err(error) => assert_error(error),
        }
    }
    is_accepted
}

#[track_caller]
fn assert_safe(output: &str, limit: usize) {
    assert_shown(output, limit);
    assert!(!output.contains(TOKEN), "the token is in {output}");
}

fn assert_error(error: &ApiErrorKind) {
    assert_safe(&escaped(&error.to_string()), 4 * VALUE);
}

fn read_again(body: &Value) -> AnswerText {
    AnswerText::new(true, body.to_string().as_bytes(), Arc::default())
}

fn as_json(version: &LiveVersion) -> Value {
    let LiveVersion {
        id,
        identity,
        author,
        state,
        visibility,
        created_at_ms,
        updated_at_ms,
    } = version;
    json!({
        "id": id,
        "name": identity.name,
        "version": identity.version,
        "owner": identity.owner,
        "author": author.as_deref(),
        "state": state,
        "visibility": visibility,
        "createdAtMs": created_at_ms,
        "updatedAtMs": updated_at_ms,
    })
}

fn assert_versions(versions: &[LiveVersion]) {
    for version in versions {
        assert_safe(
            &written(|out| render_solution(version, None, None, out)),
            10 * VALUE,
        );
    }
    let records: Vec<Value> = versions.iter().map(as_json).collect();
    let again = read_again(&json!({ "solutions": records })).list();
    assert_eq!(again.expect("a written list is read").versions, versions);
}

fn assert_job(status: &JobStatus) {
    let JobStatus {
        state,
        message,
        flow,
        output_folder,
    } = status;
    let (outcome, solution_ids) = match state {
        JobState::Pending(word) => {
            assert_safe(word, VALUE);
            (JobOutcome::InProgress, Vec::new())
        }
        JobState::Finished(JobResult::Done { solution_ids }) => {
            (JobOutcome::Done, solution_ids.clone())
        }
        JobState::Finished(JobResult::Failed(message)) => {
            let message = message.clone();
            (JobOutcome::Failed { message }, Vec::new())
        }
        JobState::NoAnswer(reason) => {
            let detail = reason.to_string();
            (JobOutcome::NotKnown { detail }, Vec::new())
        }
    };
    let progress = flow.as_ref().and_then(|flow| flow.progress);
    assert!(progress.is_none_or(|share| (0.0..=1.0).contains(&share)));
    let count = solution_ids.len();
    let report = JobReport {
        state: flow.as_ref().map(|flow| flow.state.as_str().to_owned()),
        progress,
        message: message.clone(),
        output_folder: output_folder.clone(),
        solution_ids,
        ..JobReport::new(JobId::parse("job").expect("a word is an id"), outcome)
    };
    assert_safe(
        &written(|out| render_job(&report, out)),
        (count + 8) * VALUE,
    );
}

fn assert_runs(runs: Vec<RunRecord>) {
    let list = RunList {
        runs,
        incomplete: None,
    };
    let output = written(|out| render_runs(&list, &BTreeMap::new(), out));
    assert_safe(&output, (list.runs.len() + 1) * 8 * VALUE);
    let ns = |ms: Option<i64>| ms.map(|ms| ms * 1_000_000);
    let known = |run: &RunRecord| {
        let times = [run.started_at_ms, run.completed_at_ms, run.time_taken_ms];
        (run.id.clone(), run.solution_id.clone(), times)
    };
    let jobs: Vec<Value> = list
        .runs
        .iter()
        .map(|run| {
            json!({
                "id": run.id,
                "deployedSolutionId": run.solution_id,
                "startTimeNs": ns(run.started_at_ms),
                "completionTimeNs": ns(run.completed_at_ms),
                "timeTakenNs": ns(run.time_taken_ms),
            })
        })
        .collect();
    let again = read_again(&json!({ "jobs": jobs })).runs();
    let again = again.expect("a written list is read");
    assert!(again.iter().map(known).eq(list.runs.iter().map(known)));
}
