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
}

const HEAD: [&str; 10] = [
    "load",
    "wall",
    "median",
    "user",
    "system",
    "peak",
    "requests",
    "floor",
    "floor requests",
    "ratio",
];

fn cells(results: &Results) -> [String; 10] {
    let program = Figures::of(&results.program);
    let floor = Figures::of(&results.floor);
    let none = || "-".to_owned();
    let of = |figures: &Option<Figures>, show: fn(&Figures) -> String| {
        figures.as_ref().map_or_else(none, show)
    };
    let ratio = program.as_ref().zip(floor.as_ref());
    [
        results.load.clone(),
        of(&program, |figures| time(figures.wall_ms())),
        of(&program, |figures| time(figures.median_ms)),
        of(&program, |figures| time(figures.best.usage.user_ms)),
        of(&program, |figures| time(figures.best.usage.system_ms)),
        of(&program, |figures| memory(figures.peak_kib)),
        of(&program, |figures| figures.requests.to_string()),
        of(&floor, |figures| time(figures.wall_ms())),
        of(&floor, |figures| figures.requests.to_string()),
        ratio.map_or_else(none, |(program, floor)| {
            format!("{:.2}", program.wall_ms() / floor.wall_ms())
        }),
    ]
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

/// Returns the figures of all loads as a Markdown table that is also readable in a terminal.
pub(crate) fn markdown(results: &[Results]) -> String {
    let rows: Vec<[String; 10]> = results.iter().map(cells).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].len());
            cells.max().unwrap_or_default().max(HEAD[column].len())
        })
        .collect();
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
    push(&HEAD.map(str::to_owned));
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
