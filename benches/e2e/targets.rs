//! The performance targets of the program, and their verdicts.

use std::fmt::{self, Write as _};
use std::time::Duration;

use solform_emulator::Profile;

use crate::load::Task;
use crate::rounds::Results;
use crate::table::{Figures, latencies, memory, time};

/// A figure with its upper limit.
pub(crate) struct Target {
    what: String,
    found: Found,
    most: f64,
}

/// A figure with its unit.
#[derive(Clone, Copy)]
enum Found {
    Milliseconds(f64),
    Kib(f64),
    Times(f64),
    Count(f64),
}

impl Target {
    pub(crate) fn is_met(&self) -> bool {
        self.found.number() <= self.most
    }
}

impl Found {
    fn number(self) -> f64 {
        match self {
            Self::Milliseconds(number)
            | Self::Kib(number)
            | Self::Times(number)
            | Self::Count(number) => number,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value is a whole number of KiB"
    )]
    fn show(self, number: f64) -> String {
        match self {
            Self::Milliseconds(_) => time(number),
            Self::Kib(_) => memory(number as u64),
            Self::Times(_) => format!("{number:.2} x"),
            Self::Count(_) => format!("{number:.1}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, most) = (
            self.found.show(self.found.number()),
            self.found.show(self.most),
        );
        write!(f, "{}: {found}, at most {most}", self.what)
    }
}

/// The targets for times and for the floor hold at this latency only.
const NEAR: Duration = Duration::from_millis(5);

/// The targets for the number of latencies hold at this latency only.
const FAR: Duration = Duration::from_millis(50);

/// Returns the targets whose loads were measured, with the latency for which they hold.
pub(crate) fn judge(results: &[Results], binary_bytes: u64) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut add = |what: &str, found, most| {
        targets.push(Target {
            what: what.to_owned(),
            found,
            most,
        });
    };
    plans(results, &mut add);
    applies(results, &mut add);
    packages(results, &mut add);
    for (task, what) in [
        (Task::Version, "start-up, `--version`"),
        (
            Task::Validate { entries: 10 },
            "start-up, `validate` of ten entries",
        ),
    ] {
        if let Some((program, _)) = find(results, task, PLAIN) {
            add(what, Found::Milliseconds(program.wall_ms()), 10.0);
        }
    }
    add("binary, stripped", kib(binary_bytes / 1_024), 20.0 * MIB);
    targets
}

type Add<'a> = &'a mut dyn FnMut(&str, Found, f64);

/// A MiB in KiB.
const MIB: f64 = 1_024.0;

/// The profile of a load, and true if it has TLS.
type Kind = (Profile, bool);

const PLAIN: Kind = (Profile::Aihub, false);
const TLS: Kind = (Profile::Aihub, true);

fn find_results(results: &[Results], task: Task, kind: Kind) -> Option<&Results> {
    results.iter().find(|results| {
        results.task == task && (results.setting.profile, results.setting.tls) == kind
    })
}

/// Returns the figures of the program and of the baseline client.
fn find(results: &[Results], task: Task, kind: Kind) -> Option<(Figures, Option<Figures>)> {
    let results = find_results(results, task, kind)?;
    Some((Figures::of(&results.program)?, Figures::of(&results.floor)))
}

fn is_near(results: &[Results], task: Task) -> bool {
    find_results(results, task, PLAIN).is_some_and(|results| results.setting.latency == NEAR)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the number of KiB is small enough to be exact"
)]
fn kib(number: u64) -> Found {
    Found::Kib(number as f64)
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

fn plans(results: &[Results], add: Add<'_>) {
    let plan = |live| Task::Plan { live, every: 1 };
    let ten_thousand = find(results, plan(10_000), PLAIN);
    if let Some((program, floor)) = &ten_thousand {
        if let Some(floor) = floor
            && is_near(results, plan(10_000))
        {
            let ratio = Found::Times(program.wall_ms() / floor.wall_ms());
            add("plan of 10,000, wall over the floor's", ratio, 1.25);
        }
        let user = Found::Milliseconds(program.best.usage.user_ms);
        add("plan of 10,000, user CPU", user, 350.0);
        let peak = kib(program.peak_kib);
        add("plan of 10,000, peak memory", peak, 48.0 * MIB);
    }
    for (live, most, name) in [(1_000, 3.5, "1,000"), (10_000, 10.0, "10,000")] {
        let found = find_results(results, plan(live), TLS);
        if let Some(results) = found.filter(|results| results.setting.latency == FAR)
            && let Some(latencies) = latencies(results)
        {
            let what = format!("plan of {name} with TLS, latencies of 50 ms");
            add(&what, Found::Count(latencies), most);
        }
    }
    let hundred_thousand = find(results, plan(100_000), PLAIN);
    let million = Task::Plan {
        live: 1_000_000,
        every: 11,
    };
    let million = find(results, million, PLAIN);
    if let Some((program, _)) = &hundred_thousand {
        let peak = kib(program.peak_kib);
        add("plan of 100,000, peak memory", peak, 128.0 * MIB);
    }
    if let Some((program, _)) = &million {
        let peak = kib(program.peak_kib);
        add("plan of 1,000,000, peak memory", peak, 1.2 * 1_024.0 * MIB);
    }
    for (less, more, what) in [
        (&ten_thousand, &hundred_thousand, "10,000 to 100,000"),
        (&hundred_thousand, &million, "100,000 to 1,000,000"),
    ] {
        if let Some(((less, _), (more, _))) = less.as_ref().zip(more.as_ref()) {
            let growth = Found::Times(more.wall_ms() / less.wall_ms());
            add(&format!("plan from {what}, wall"), growth, 11.0);
        }
    }
    for (profile, most) in [(Profile::Docs, 60.0), (Profile::Aihub, 25.0)] {
        let task = Task::PlanFew {
            declared: 10,
            live: 10_000,
        };
        if let Some((program, _)) = find(results, task, (profile, false)) {
            let what = format!("plan of 10 among 10,000 in profile {profile}, requests");
            add(&what, Found::Count(count(program.requests)), most);
        }
    }
}

fn applies(results: &[Results], add: Add<'_>) {
    for (creates, at_once, most_ms, most_requests, what) in [
        (1_000, 50, 11_500.0, 4.5, "apply of 1,000 at 50 at once"),
        (100, 10, 5_600.0, 6.0, "apply of 100 at 10 at once"),
    ] {
        let task = Task::Apply { creates, at_once };
        if let Some((program, _)) = find(results, task, PLAIN) {
            if is_near(results, task) {
                let wall = Found::Milliseconds(program.wall_ms());
                add(&format!("{what}, wall"), wall, most_ms);
            }
            let each = Found::Count(count(program.requests) / count(creates));
            let what = format!("{what}, requests for each create");
            add(&what, each, most_requests);
        }
    }
}

fn packages(results: &[Results], add: Add<'_>) {
    if let Some((program, floor)) = find(results, Task::Upload { mib: 1_024 }, PLAIN) {
        let peak = kib(program.peak_kib);
        add("upload of 1 GiB, peak memory", peak, 64.0 * MIB);
        let floor = floor.and_then(|floor| floor.sending_ms);
        if let Some((sending, floor)) = program.sending_ms.zip(floor) {
            // 0.8 of its throughput.
            let what = "upload of 1 GiB, time of the sending over that of `curl -T`";
            add(what, Found::Times(sending / floor), 1.25);
        }
    }
    if let Some((program, _)) = find(results, Task::Inspect { mib: 1_024 }, PLAIN)
        && let Some(bytes) = program.bytes
    {
        let moved = kib(bytes / 1_024);
        add("inspection of 1 GiB, bytes moved", moved, 256.0);
    }
}

/// Returns the targets, each with its verdict and figure.
pub(crate) fn verdicts(targets: &[Target]) -> String {
    let mut text = String::new();
    for target in targets {
        let verdict = if target.is_met() {
            "met    "
        } else {
            "NOT MET"
        };
        let _ = writeln!(text, "{verdict}  {target}");
    }
    text
}
