//! One case: its faults and knobs, the commands that run, and the expected end.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use solform_emulator::{Fault, Profile};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::world::{World, is_unmanaged, ours, unmanaged_records};
use crate::support::CommandOutput;
use crate::support::http_client;
use crate::support::sweep::{assert_none_failed, chosen};

/// The number of concurrent cases: they mostly wait.
const AT_ONCE: usize = 12;

/// The changes of the plan. Each has exactly one outcome in every case.
const CHANGES: [&str; 5] = [
    "Form@1.0.0",
    "Form@2.0.0",
    "Gone@1.0.0",
    "New@1.10",
    "Patched@1.0.0",
];

/// The managed records as declared.
const DECLARED: [&str; 4] = [
    "Form@1.0.0 INACTIVE PRIVATE",
    "Form@2.0.0 ACTIVE PRIVATE",
    "New@1.10 ACTIVE PUBLIC",
    "Patched@1.0.0 INACTIVE PRIVATE",
];

/// The end of the first apply.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// The instance is as declared, after this number of deploy requests.
    Converges { deploys: usize },
    /// The apply fails before it sends a write.
    Stops { code: i32, says: &'static str },
    /// Some changes are not done. `recover` has the extra arguments of the next apply.
    Partly {
        code: i32,
        says: &'static str,
        recover: &'static [&'static str],
    },
    /// The given end if a body reaches the limit of its size first. A slow machine reaches the time
    /// limit first: then the read is repeated, and the apply converges.
    SizeOrTime(Box<End>),
}

pub(super) const CONVERGES: End = End::Converges { deploys: 2 };

pub(super) fn partly(says: &'static str) -> End {
    End::Partly {
        code: 5,
        says,
        recover: &[],
    }
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) profile: Profile,
    pub(super) knobs: Vec<String>,
    /// The fault rule, which is active from the first apply on.
    fault: Option<String>,
    /// The maximum duration of one step, as the manifest writes it.
    pub(super) patience: &'static str,
    end: End,
}

impl Case {
    pub(super) fn plain(profile: Profile, end: End) -> Self {
        Self {
            profile,
            knobs: Vec::new(),
            fault: None,
            patience: "30s",
            end,
        }
    }

    pub(super) fn knob(profile: Profile, setting: &str, end: End) -> Self {
        Self::plain(profile, end).with(setting)
    }

    pub(super) fn fault(rule: String, end: End) -> Self {
        Self {
            fault: Some(rule),
            ..Self::plain(Profile::Docs, end)
        }
    }

    pub(super) fn with(mut self, setting: &str) -> Self {
        self.knobs.push(setting.to_owned());
        self
    }

    /// Returns the name of the case, which selects it to run alone.
    fn name(&self) -> String {
        let fault = self.fault.iter().map(String::as_str);
        let trouble: Vec<&str> = self.knobs.iter().map(String::as_str).chain(fault).collect();
        format!("{} {}", self.profile, trouble.join(" "))
    }

    /// Shortens the time limit of a step, for jobs that never end.
    pub(super) fn impatient(self) -> Self {
        Self {
            patience: "5s",
            ..self
        }
    }
}

/// Returns the message of a failed case.
fn message_of(failed: JoinError) -> String {
    match failed.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_else(|| "it panicked".to_owned()),
        Err(other) => other.to_string(),
    }
}

/// Returns the address and the outcome of each change, sorted by address.
fn outcomes(applied: &CommandOutput) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = applied
        .stdout
        .lines()
        .skip_while(|line| *line != "Outcomes:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[2].to_owned(), words[0].to_owned())
        })
        .collect();
    rows.sort();
    rows
}

/// Checks that every change has one outcome, and that the totals of the report match them.
fn check_total(applied: &CommandOutput) -> Vec<(String, String)> {
    let rows = outcomes(applied);
    let addresses: Vec<&str> = rows.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(addresses, CHANGES, "{applied}");
    let counted = |word: &str| rows.iter().filter(|(_, outcome)| outcome == word).count();
    let words = [
        "done",
        "failed",
        "skipped",
        "refused",
        "cancelled",
        "unknown",
    ];
    let mut totals = String::new();
    for word in words {
        write!(totals, "{} {word}, ", counted(word)).unwrap();
    }
    let totals = totals.trim_end_matches(", ");
    if !applied.stdout.contains("Apply complete! ") {
        assert!(
            applied
                .stdout
                .contains(&format!("Not complete: {totals}; ")),
            "{applied}"
        );
    }
    rows
}

async fn run_case(case: Case, client: reqwest::Client) {
    let world = World::start(&case, client).await;
    let before = world.unmanaged().await;
    let planned = world.plan().await.exits_with(2);
    let planned = planned.says("Plan: 2 to add, 2 to change, 1 to destroy.");
    assert_eq!(world.deploys(), 0, "{planned}");
    if let Some(rule) = &case.fault {
        world.emulator.add_fault(rule.parse::<Fault>().unwrap());
    }
    world.emulator.clear_requests();

    let applied = world.apply(&[]).await;
    let deploys = world.deploys();
    let end = match &case.end {
        End::SizeOrTime(_) if applied.code() == 2 => &CONVERGES,
        End::SizeOrTime(end) => end,
        end => end,
    };
    match end {
        End::Converges { deploys: expected } => {
            let applied = applied
                .exits_with(2)
                .says("Apply complete! Resources: 2 added, 2 changed, 1 destroyed.");
            check_total(&applied);
            assert_eq!(deploys, *expected, "{applied}");
            world.emulator.clear_faults();
            let _ = world.plan().await.exits_with(0).says("No changes.");
            world.reset();
        }
        End::SizeOrTime(_) => unreachable!("it was replaced above"),
        End::Stops { code, says } => {
            let applied = applied.exits_with(*code).warns(says);
            let is_read = |method: &str| ["GET", "HEAD"].contains(&method);
            let requests = world.emulator.requests();
            assert!(requests.iter().all(|r| is_read(&r.method)), "{applied}");
            world.reset();
            let _ = world.apply(&[]).await.exits_with(2);
        }
        End::Partly {
            code,
            says,
            recover,
        } => {
            let applied = applied.exits_with(*code).says(says);
            assert!(!applied.stdout.contains("Apply complete!"), "{applied}");
            let rows = check_total(&applied);
            world.reset();
            let records = world.records().await;
            check_service(&rows, &records);
            world.check_requests();
            world.approve().await;
            world.emulator.clear_requests();
            let is_left = ours(&world.records().await) != DECLARED || !recover.is_empty();
            let next = world.apply(recover).await;
            let expected = if case.knobs == ["version_form=three_parts"] {
                // The record that the deploy made instead is reported until a user deletes it.
                world.delete("New", "1.10.0").await;
                5
            } else if is_left {
                2
            } else {
                0
            };
            assert_eq!(next.code(), expected, "{applied}\nthen {next}");
        }
    }
    world.check_requests();
    if !matches!(end, End::Converges { .. }) {
        let _ = world.plan().await.exits_with(0).says("No changes.");
    }
    let records = world.records().await;
    assert_eq!(ours(&records), DECLARED);
    assert_eq!(unmanaged_records(&records), before);
}

/// Checks that the old version is in service unless the new one is proven to be.
fn check_service(rows: &[(String, String)], records: &[Value]) {
    let is_done = |address: &str| {
        rows.iter()
            .any(|(row, word)| row == address && word == "done")
    };
    let serves = |version: &str| {
        records.iter().any(|record| {
            record["name"] == "Form"
                && record["version"] == version
                && record["state"] == "ACTIVE"
                && !is_unmanaged(record)
        })
    };
    assert!(!is_done("Form@1.0.0") || is_done("Form@2.0.0"), "{rows:?}");
    if is_done("Form@2.0.0") {
        assert!(serves("2.0.0"), "{rows:?} {records:?}");
    } else {
        assert!(serves("1.0.0"), "{rows:?} {records:?}");
    }
}

/// Runs every case, and reports all failures at once.
pub(super) async fn run_cases(test: &str, cases: Vec<Case>) {
    // One client for all cases: creating one takes longer than a case.
    let client = http_client();
    let cases = chosen(cases, Case::name);
    let count = cases.len();
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for case in cases {
        let (permits, client) = (Arc::clone(&permits), client.clone());
        running.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            let name = case.name();
            let ended = tokio::spawn(run_case(case, client)).await;
            Some((name, message_of(ended.err()?)))
        });
    }
    let mut failed: Vec<(String, String)> =
        running.join_all().await.into_iter().flatten().collect();
    failed.sort();
    assert_none_failed(test, count, &failed);
}
