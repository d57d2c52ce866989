//! The growth of work with the size of the input: two sizes are compared, without a limit on time.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The number of comparisons before the larger input counts as too expensive: other load may
/// disturb a single one.
const ROUNDS: usize = 5;

/// Asserts that an input which is `times` as large takes at most three times as much work for each
/// part of it; work that grows with the square takes `times` as much. `run` gets true for the large
/// input, and works on this thread.
///
/// Work is the processor time of the thread itself, measured on the same machine at nearly the same
/// moment: other threads and a slow machine affect both sizes equally.
pub(crate) fn assert_grows_linearly(what: &str, times: u32, run: impl Fn(bool)) {
    let (mut small, mut large) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        small = small.min(work(|| run(false)));
        large = large.min(work(|| run(true)));
        if large <= small * times * 3 {
            return;
        }
    }
    panic!(
        "{what}: {small:?} of work for the small input, {large:?} for one {times} times as large"
    );
}

fn work(run: impl FnOnce()) -> Duration {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let before = now();
    run();
    now().saturating_sub(before)
}

#[test]
#[should_panic(expected = "squares")]
fn quadratic_work_is_detected() {
    assert_grows_linearly("squares", 16, |is_large| {
        let length = if is_large { 1_600 } else { 100 };
        let pairs = (0..length).flat_map(|a| (0..length).map(move |b| a ^ b));
        std::hint::black_box(pairs.max());
    });
}
