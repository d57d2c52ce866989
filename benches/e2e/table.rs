//! The output: a line for each load when it ends, the table, and the targets.

use std::fmt::Write as _;

use crate::rounds::{Results, Run};

/// The figures of one client for a load.
pub(crate) struct Figures {
    /// The shortest round.
    pub(crate) best: Run,
    pub(crate) median_ms: f64,
    /// The shortest time between the first and the last byte of an upload.
    pub(crate) sending_ms: Option<f64>,
    /// The maximum of all rounds.
    pub(crate) bytes: Option<u64>,
    pub(crate) peak_kib: u64,
    pub(crate) requests: usize,
}

impl Figures {
    /// Computes the figures; `None` if there were no rounds.
    pub(crate) fn of(runs: &[Run]) -> Option<Self> {
        let mut sorted = runs.to_vec();
        sorted.sort_by(|left, right| left.usage.wall_ms.total_cmp(&right.usage.wall_ms));
        let best = *sorted.first()?;
        Some(Self {
            best,
            median_ms: sorted[sorted.len() / 2].usage.wall_ms,
            sending_ms: runs
                .iter()
                .filter_map(|run| run.sending_ms)
                .reduce(f64::min),
            bytes: runs.iter().filter_map(|run| run.bytes).max(),
            peak_kib: runs.iter().map(|run| run.usage.peak_kib).max()?,
            requests: runs.iter().map(|run| run.requests).max()?,
        })
    }

    pub(crate) fn wall_ms(&self) -> f64 {
        self.best.usage.wall_ms
    }

    /// Returns the processor time of the shortest round.
    pub(crate) fn cpu_ms(&self) -> f64 {
        self.best.usage.user_ms + self.best.usage.system_ms
    }
}

const HEAD: [&str; 9] = [
    "load",
    "wall",
    "CPU",
    "peak",
    "requests",
    "latencies",
    "floor",
    "floor requests",
    "ratio",
];

/// Shows a figure; a dash if there is none.
fn show<T>(value: Option<&T>, show: impl FnOnce(&T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

fn cells(results: &Results) -> [String; 9] {
    let program = Figures::of(&results.program);
    let program = program.as_ref();
    let floor = Figures::of(&results.floor);
    let floor = floor.as_ref();
    [
        results.load.clone(),
        show(program, |figures| time(figures.wall_ms())),
        show(program, |figures| time(figures.cpu_ms())),
        show(program, |figures| memory(figures.peak_kib)),
        show(program, |figures| figures.requests.to_string()),
        show(latencies(results).as_ref(), |number| format!("{number:.1}")),
        show(floor, |figures| time(figures.wall_ms())),
        show(floor, |figures| figures.requests.to_string()),
        show(program.zip(floor).as_ref(), |(program, floor)| {
            ratio(program.wall_ms(), floor.wall_ms())
        }),
    ]
}

/// Returns the shortest wall time of a plan, without the start-up, in units of the latency.
pub(crate) fn latencies(results: &Results) -> Option<f64> {
    let latency_ms = results.setting.latency.as_secs_f64() * 1e3;
    let wall_ms = Figures::of(&results.program)?.wall_ms() - results.connect_ms?;
    (latency_ms > 0.0).then(|| wall_ms / latency_ms)
}

/// Returns the figures of a load in one line.
pub(crate) fn line(results: &Results) -> String {
    let [load, values @ ..] = cells(results);
    let [_, heads @ ..] = HEAD;
    let shown = heads
        .iter()
        .zip(values)
        .map(|(head, value)| format!("{head} {value}"));
    format!("{load}: {}", shown.collect::<Vec<_>>().join(", "))
}

/// Returns the figures of all loads.
pub(crate) fn figures(results: &[Results]) -> String {
    markdown(HEAD, results.iter().map(cells))
}

/// Returns the figures of the earlier build beside those of the program.
pub(crate) fn comparison(results: &[Results]) -> String {
    let head = [
        "load", "before", "wall", "ratio", "before", "median", "before", "CPU", "before", "peak",
        "before", "requests",
    ];
    let rows = results.iter().filter_map(|results| {
        let (before, after) = (
            Figures::of(&results.earlier)?,
            Figures::of(&results.program)?,
        );
        Some([
            results.load.clone(),
            time(before.wall_ms()),
            time(after.wall_ms()),
            ratio(after.wall_ms(), before.wall_ms()),
            time(before.median_ms),
            time(after.median_ms),
            time(before.cpu_ms()),
            time(after.cpu_ms()),
            memory(before.peak_kib),
            memory(after.peak_kib),
            before.requests.to_string(),
            after.requests.to_string(),
        ])
    });
    markdown(head, rows)
}

fn ratio(part: f64, whole: f64) -> String {
    format!("{:.2}", part / whole)
}

/// Returns a Markdown table that is also readable in a terminal.
fn markdown<const COLUMNS: usize>(
    head: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    let rows: Vec<_> = rows.collect();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.max().unwrap_or_default().max(head[column].len())
    });
    let mut text = String::new();
    let mut push = |cells: &[String]| {
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            // The name is left-aligned, the figures are right-aligned.
            let _ = if column == 0 {
                write!(text, "| {cell:width$} ")
            } else {
                write!(text, "| {cell:>width$} ")
            };
        }
        text.push_str("|\n");
    };
    push(&head.map(str::to_owned));
    let rule: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            0 => "-".repeat(*width),
            _ => format!("{}:", "-".repeat(width - 1)),
        })
        .collect();
    push(&rule);
    for row in &rows {
        push(row);
    }
    text
}

/// Formats a time with about three digits.
pub(crate) fn time(milliseconds: f64) -> String {
    match milliseconds {
        long if long >= 10_000.0 => format!("{:.1} s", long / 1e3),
        long if long >= 1_000.0 => format!("{:.2} s", long / 1e3),
        long if long >= 10.0 => format!("{long:.0} ms"),
        short => format!("{short:.1} ms"),
    }
}

/// Formats memory in MiB.
#[expect(
    clippy::cast_precision_loss,
    reason = "the number of KiB is small enough to be exact"
)]
pub(crate) fn memory(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1_024.0)
}
