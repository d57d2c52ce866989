//! Seeded random faults: servers that fail, break connections, limit the rate, lag and send odd
//! answers. The apply, or a later one, converges with a bounded number of requests, and every
//! report is complete.

use std::time::Duration;

use fastrand::Rng;
use futures_util::StreamExt as _;
use solform_emulator::{self as emulator, Emulator, EmulatorOptions, Fault, Seed};

use super::{Live, live, manifest, start};
use crate::apply::uploads::{package, put_as};
use crate::support::sweep::{assert_none_failed, chosen};
use crate::support::worlds::{DRIVE, Version, env_with, options, path_of, seed};

/// The number of scenarios, unless `FAULTS` is set; `SEED` selects a single scenario.
const SCENARIOS: u64 = 300;
/// The number of concurrent scenarios: they mostly wait.
const AT_ONCE: usize = 24;
/// The number of applies after which a scenario must have converged.
const APPLIES: usize = 4;
/// The number of writes: deploys of `Up@2`, `New@1`, `Pub@1`, `Loc@1` and `Tra@1`, the last two
/// with an upload, patches of `Up@1` and `Pat@1`, and a delete of `Old@1`.
const WRITES: usize = 10;
/// The token of the environment that a package is transferred from.
const OTHER: &str = "tok-source-31-secret";

const SOLUTIONS: &str = "
  Up: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  New: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
  Pub: { version: 1, visibility: PUBLIC, path: '${drive}/${name}-${version}.ibsolution' }
  Pat: { version: 1, visibility: PUBLIC }
  Old: { version: 1, state: ABSENT }
  Loc: { version: 1, path: '${drive}/${name}-${version}.ibsolution', source: Loc-1.ibsolution }
  Tra:
    version: 1
    path: '${drive}/${name}-${version}.ibsolution'
    source: { environment: uat }
";

/// Returns the world. A second deploy of a version leaves a second record, which the final check
/// finds.
fn world() -> Seed {
    seed(
        &[
            Version::active("Up", "1"),
            Version::active("Pat", "1"),
            Version::active("Old", "1"),
            Version::active("Stranger", "1").owner("somebody"),
        ],
        &[
            Version::active("Up", "2"),
            Version::active("New", "1"),
            Version::active("Pub", "1"),
        ],
    )
}

fn expected() -> Vec<Live> {
    let mut all: Vec<Live> = [
        ("Loc", "1", "ACTIVE", "PRIVATE"),
        ("New", "1", "ACTIVE", "PRIVATE"),
        ("Pat", "1", "ACTIVE", "PUBLIC"),
        ("Pub", "1", "ACTIVE", "PUBLIC"),
        ("Stranger", "1", "ACTIVE", "PRIVATE"),
        ("Tra", "1", "ACTIVE", "PRIVATE"),
        ("Up", "1", "INACTIVE", "PRIVATE"),
        ("Up", "2", "ACTIVE", "PRIVATE"),
    ]
    .map(|(name, version, state, visibility)| Live {
        name: name.to_owned(),
        version: version.to_owned(),
        state: state.to_owned(),
        visibility: visibility.to_owned(),
    })
    .to_vec();
    all.sort();
    all
}

/// Returns fault rules: a fifth of all requests gets a 5xx, a tenth 429, a tenth no answer. Half of
/// the 5xx and of the lost answers come after the server has executed the request.
fn random_faults(number: u64) -> Vec<String> {
    [
        ("0.1", "when=before,status=503"),
        ("0.1", "when=after,status=502,body=html"),
        ("0.1", "when=before,status=429,retry_after=0"),
        ("0.05", "when=before,connection=drop"),
        ("0.05", "when=after,connection=drop"),
    ]
    .iter()
    .enumerate()
    .map(|(nth, (share, what))| {
        format!(
            "probability={share},seed={},{what}",
            number * 10 + nth as u64
        )
    })
    .collect()
}

fn knobs(random: &mut Rng) -> Vec<&'static str> {
    let mut knobs = vec![
        "visibility_in_records=true",
        "duplicate_deploy=second_record",
    ];
    for choices in [
        // The delay after a write does not depend on the speed of the machine, and is always
        // shorter than `propagation`.
        &["list_lag=0", "list_lag=150ms", "list_lag=300ms"][..],
        &[
            "job_first_answer=normal",
            "job_first_answer=empty_body",
            "job_first_answer=error",
            "job_first_answer=unknown_word",
        ],
        &["record_during_job=visible", "record_during_job=hidden"],
        &[
            "deploy_result=deployed_solution_id",
            "deploy_result=nothing",
        ],
        &["delete_answer=job_id", "delete_answer=no_content"],
        &["paging=wrapped", "paging=strings"],
    ] {
        knobs.push(choices[random.usize(..choices.len())]);
    }
    knobs
}

/// Returns whether a report contains every change of the plan.
fn is_total(stdout: &str) -> bool {
    let Some((_, rest)) = stdout.split_once("\nPlan: ") else {
        return true;
    };
    let sum = |line: &str| -> usize {
        line.split([',', ';'])
            .filter_map(|part| part.split_whitespace().next()?.parse::<usize>().ok())
            .sum()
    };
    let planned = sum(rest.lines().next().unwrap());
    let outcomes = rest
        .lines()
        .skip_while(|line| *line != "Outcomes:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("    "))
        .count();
    planned == outcomes
}

/// The cost of a scenario that has converged.
struct Converged {
    applies: usize,
    requests: usize,
}

async fn scenario(number: u64) -> Result<Converged, String> {
    let mut random = Rng::with_seed(number);
    let knobs = knobs(&mut random);
    let emulator: Emulator = start(world(), &knobs, Duration::from_millis(20)).await;
    let text =
        manifest(&emulator.url(), SOLUTIONS).replace("propagation: 200ms", "propagation: 600ms");
    assert!(text.contains("propagation: 600ms"));
    let uat = emulator::start(EmulatorOptions {
        token: Some(OTHER.into()),
        ..options(seed(&[], &[]), &[])
    });
    let uat = uat.await.unwrap();
    put_as(
        OTHER,
        &uat,
        &path_of("Tra", "1"),
        package("Tra", "1", b"flow"),
    )
    .await;
    for rule in random_faults(number) {
        emulator.add_fault(rule.parse::<Fault>().unwrap());
        uat.add_fault(rule.parse::<Fault>().unwrap());
    }
    let source = format!(
        "environments:\n  uat: {{ url: '{}', token: {{ env: UAT_TOKEN }}, vars: {{ drive: \
         '{DRIVE}' }} }}\n",
        uat.url()
    );
    let mut env = env_with(&text.replace("environments:\n", &source));
    env.set("UAT_TOKEN", OTHER)
        .set("SOLFORM_ENVIRONMENT", "test");
    let local = env.path().join("Loc-1.ibsolution");
    std::fs::write(local, package("Loc", "1", b"flow")).unwrap();
    let mut reports = String::new();
    let mut applies = 0;
    loop {
        applies += 1;
        let apply = env
            .solform_beside(&["apply", "--auto-approve", "--detailed-exitcode"])
            .await;
        if !is_total(&apply.stdout) {
            return Err(format!("the report is not total\n{apply}"));
        }
        let is_done = [0, 2].contains(&apply.code());
        reports = format!("{reports}{apply}\n");
        if is_done || applies == APPLIES {
            break;
        }
    }
    let requests = emulator.requests().len();
    emulator.clear_faults();
    let plan = env.solform_beside(&["plan", "--detailed-exitcode"]).await;
    let now = live(&emulator.url()).await;
    if plan.code() != 0 || now != expected() {
        return Err(format!("{knobs:?}\n{reports}\n{plan}\n{now:#?}"));
    }
    let most = 40 * WRITES + 200;
    if requests > most {
        return Err(format!(
            "{requests} requests in {applies} applies\n{reports}"
        ));
    }
    Ok(Converged { applies, requests })
}

#[tokio::test(flavor = "multi_thread")]
async fn applies_converge_under_random_faults() {
    let scenarios = std::env::var("FAULTS").map_or(SCENARIOS, |text| text.parse().unwrap());
    let seeds = chosen(0..scenarios, u64::to_string);
    let count = seeds.len();
    let ended: Vec<(u64, Result<Converged, String>)> = futures_util::stream::iter(seeds)
        .map(|number| async move {
            let ended = tokio::spawn(scenario(number)).await;
            (number, ended.unwrap_or_else(|panic| Err(panic.to_string())))
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut applies = [0_usize; APPLIES + 1];
    let (mut most, mut all) = (0, 0);
    for converged in ended.iter().filter_map(|(_, ended)| ended.as_ref().ok()) {
        applies[converged.applies] += 1;
        most = most.max(converged.requests);
        all += converged.requests;
    }
    println!("{count} scenarios: {applies:?} by applies; {all} requests, {most} at most");
    let failed: Vec<(String, String)> = ended
        .into_iter()
        .filter_map(|(number, ended)| Some((number.to_string(), ended.err()?)))
        .collect();
    assert_none_failed("applies_converge_under_random_faults", count, &failed);
}
