//! The pace of the machine, and time limits that are adapted to it.
//!
//! Some tests wait until a limit of the program has passed: a job that never ends, a write that
//! never shows. The rest of such a test must end before that. Its duration depends on the machine
//! and its load, so the limits in manifests grow with the time that the program takes to start.

use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use regex::{Captures, Regex};

/// The time for a start of the program within which no limit is stretched.
const QUICK: Duration = Duration::from_millis(30);
/// The time for which a measurement is used.
const FRESH: Duration = Duration::from_secs(2);

/// Returns the factor by which this machine is slower than a quick and idle one; at least 1.
pub(crate) fn factor() -> f64 {
    static LAST: Mutex<Option<(Instant, f64)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap();
    match *last {
        Some((measured_at, factor)) if measured_at.elapsed() < FRESH => factor,
        _ => {
            let measured = (start_time().as_secs_f64() / QUICK.as_secs_f64()).max(1.0);
            // A quiet moment between two loads must not count as the end of the load.
            let before = last.map_or(1.0, |(_, factor)| factor);
            let factor = measured.max(f64::midpoint(measured, before));
            *last = Some((Instant::now(), factor));
            factor
        }
    }
}

/// Measures the time that the program takes from its start to its end without waiting.
fn start_time() -> Duration {
    let begun = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_solform"))
        .args(["schema", "manifest"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    begun.elapsed()
}

/// Returns a manifest whose limits in whole seconds are stretched. Limits in other units are exact.
/// The length stays the same, because reports contain positions: if a number has more digits, a
/// space that YAML does not need is removed.
pub(crate) fn stretched(manifest: &str, factor: f64) -> String {
    static LIMITS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"timeouts: \{[^}]*\}").unwrap());
    static SECONDS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(\d+)s\b").unwrap());
    let stretch = |found: &Captures<'_>| {
        let seconds: u32 = found[1].parse().unwrap();
        format!("{:.0}s", (f64::from(seconds) * factor).ceil())
    };
    LIMITS
        .replace_all(manifest, |found: &Captures<'_>| {
            let mut limits = SECONDS.replace_all(&found[0], stretch).into_owned();
            for (space, without) in [(", ", ","), ("{ ", "{"), (" }", "}")] {
                while limits.len() > found[0].len() && limits.contains(space) {
                    limits = limits.replacen(space, without, 1);
                }
            }
            limits
        })
        .into_owned()
}

#[test]
fn limits_in_seconds_are_stretched() {
    let text =
        "url: a1s\ntimeouts: { deploy: 20s, propagation: 300ms, run: 1h }\nvars: { a: 3s }\n";
    assert_eq!(stretched(text, 1.0), text);
    assert_eq!(
        stretched(text, 2.51),
        text.replace("deploy: 20s", "deploy: 51s")
    );
    assert_eq!(
        stretched(
            "timeouts: { deploy: 20s, delete: 1s, propagation: 1s }",
            12.0
        ),
        "timeouts: {deploy: 240s,delete: 12s,propagation: 12s }"
    );
}
