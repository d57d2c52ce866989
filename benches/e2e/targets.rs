//! The performance targets of the program, and their verdicts.

use std::fmt::{self, Write as _};

use crate::load::Task;
use crate::rounds::Results;
use crate::table::{Figures, memory, time};

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

/// Returns the targets whose loads were measured.
#[expect(
    clippy::cast_precision_loss,
    reason = "the counts are small enough to be exact"
)]
pub(crate) fn judge(results: &[Results], binary_bytes: u64) -> Vec<Target> {
    let find = |task: Task, profile: &str| {
        let same = |results: &&Results| results.task == task && results.profile == profile;
        let results = results.iter().find(same)?;
        Some((Figures::of(&results.program)?, Figures::of(&results.floor)))
    };
    let mut targets = Vec::new();
    let mut add = |what: &str, found, most| {
        targets.push(Target {
            what: what.to_owned(),
            found,
            most,
        });
    };
    let ten_thousand = find(Task::Plan { live: 10_000 }, "aihub");
    if let Some((program, Some(floor))) = &ten_thousand {
        let ratio = program.wall_ms() / floor.wall_ms();
        add(
            "plan of 10,000, wall over the floor's",
            Found::Times(ratio),
            1.25,
        );
        let user = Found::Milliseconds(program.best.usage.user_ms);
        add("plan of 10,000, user CPU", user, 350.0);
        let peak = Found::Kib(program.peak_kib as f64);
        add("plan of 10,000, peak memory", peak, 48.0 * 1_024.0);
    }
    let hundred_thousand = find(Task::Plan { live: 100_000 }, "aihub");
    if let Some((program, _)) = &hundred_thousand {
        let peak = Found::Kib(program.peak_kib as f64);
        add("plan of 100,000, peak memory", peak, 256.0 * 1_024.0);
    }
    if let (Some((less, _)), Some((more, _))) = (&ten_thousand, &hundred_thousand) {
        let growth = Found::Times(more.wall_ms() / less.wall_ms());
        add("plan from 10,000 to 100,000, wall", growth, 11.0);
    }
    for (profile, most) in [("docs", 60.0), ("aihub", 25.0)] {
        let task = Task::PlanFew {
            declared: 10,
            live: 10_000,
        };
        if let Some((program, _)) = find(task, profile) {
            let what = format!("plan of 10 among 10,000 in profile {profile}, requests");
            add(&what, Found::Count(program.requests as f64), most);
        }
    }
    for (creates, at_once, most_ms, what) in [
        (1_000, 50, 11_500.0, "apply of 1,000 at 50 at once"),
        (100, 10, 5_600.0, "apply of 100 at 10 at once"),
    ] {
        if let Some((program, _)) = find(Task::Apply { creates, at_once }, "aihub") {
            let wall = Found::Milliseconds(program.wall_ms());
            add(&format!("{what}, wall"), wall, most_ms);
            let each = program.requests as f64 / creates as f64;
            let what = format!("{what}, requests for each create");
            add(&what, Found::Count(each), 6.0);
        }
    }
    let upload = Task::Upload { mib: 1_024 };
    if let Some((program, floor)) = find(upload, "aihub") {
        let peak = Found::Kib(program.peak_kib as f64);
        add("upload of 1 GiB, peak memory", peak, 64.0 * 1_024.0);
        let floor = floor.and_then(|floor| floor.sending_ms);
        if let Some((sending, floor)) = program.sending_ms.zip(floor) {
            // 0.8 of its throughput.
            let what = "upload of 1 GiB, time of the sending over that of `curl -T`";
            add(what, Found::Times(sending / floor), 1.25);
        }
    }
    if let Some((program, _)) = find(Task::Inspect { mib: 1_024 }, "aihub")
        && let Some(bytes) = program.bytes
    {
        let moved = Found::Kib(bytes as f64 / 1_024.0);
        add("inspection of 1 GiB, bytes moved", moved, 256.0);
    }
    for (task, what) in [
        (Task::Version, "start-up, `--version`"),
        (
            Task::Validate { entries: 10 },
            "start-up, `validate` of ten entries",
        ),
    ] {
        if let Some((program, _)) = find(task, "aihub") {
            add(what, Found::Milliseconds(program.wall_ms()), 10.0);
        }
    }
    let size = Found::Kib((binary_bytes / 1_024) as f64);
    add("binary, stripped", size, 20.0 * 1_024.0);
    targets
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
