//! Sweeps over many cases: the report of failed cases, and the way to run a single case.

use proptest::prelude::{ProptestConfig, Strategy};
use proptest::test_runner::{RngSeed, TestRunner};

/// The number of random cases over a socket, unless `SOCKET_CASES` is set.
const SOCKET_CASES: u64 = 24;

/// The variable that names the only case to run.
const ONE: &str = "SEED";

/// Returns the cases of a sweep, or only the case in `SEED`.
pub(crate) fn chosen<T>(cases: impl IntoIterator<Item = T>, name: impl Fn(&T) -> String) -> Vec<T> {
    let one = std::env::var(ONE).ok();
    let is_chosen = |case: &T| one.as_ref().is_none_or(|one| *one == name(case));
    let chosen: Vec<T> = cases.into_iter().filter(is_chosen).collect();
    assert!(!chosen.is_empty(), "{ONE}={one:?} names no case");
    chosen
}

/// Passes if no case has failed. Otherwise names all failed cases, shows the first ones, and
/// explains how to run a single case.
#[track_caller]
pub(crate) fn assert_none_failed(test: &str, cases: usize, failed: &[(String, String)]) {
    let Some((first, _)) = failed.first() else {
        return;
    };
    let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let shown: Vec<String> = failed
        .iter()
        .take(3)
        .map(|(name, what)| format!("--- {name}\n{what}"))
        .collect();
    panic!(
        "{} of {cases} cases failed:\n{}\n{}\nRun one alone: {ONE}='{first}' cargo test --test it \
         {test}",
        failed.len(),
        names.join("\n"),
        shown.join("\n"),
    );
}

/// Checks a property for a random value of each seed, and shrinks the values that fail.
pub(crate) fn hold_for_seeds<S: Strategy>(test: &str, strategy: &S, holds: impl Fn(S::Value)) {
    let cases = std::env::var("SOCKET_CASES").map_or(SOCKET_CASES, |text| text.parse().unwrap());
    let seeds = chosen(0..cases, u64::to_string);
    let count = seeds.len();
    let fails = |seed: u64| {
        let config = ProptestConfig {
            cases: 1,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(seed),
            ..ProptestConfig::default()
        };
        let held = TestRunner::new(config).run(strategy, |value| {
            holds(value);
            Ok(())
        });
        Some((seed.to_string(), held.err()?.to_string()))
    };
    let failed: Vec<(String, String)> = seeds.into_iter().filter_map(fails).collect();
    assert_none_failed(test, count, &failed);
}

#[test]
#[should_panic(expected = "SEED='7' cargo test --test it storms")]
fn a_failed_case_is_named_with_its_command() {
    assert_none_failed("storms", 9, &[("7".to_owned(), "broken".to_owned())]);
}
