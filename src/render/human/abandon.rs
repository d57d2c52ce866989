//! The known facts about a change that the user abandons, as text.

use std::io::{self, Write};

use super::table::{Rows, render_rows};
use crate::render::view::Abandoned;
use crate::render::words;

/// Writes the known facts, and the consequences of `abandon`.
pub fn render_abandoned(abandoned: &Abandoned<'_>, out: &mut dyn Write) -> io::Result<()> {
    let live = abandoned.live.iter();
    let live: Vec<String> = live
        .map(|live| {
            format!(
                "{} ({}, owner {})",
                live.id, live.state, live.identity.owner
            )
        })
        .collect();
    let live = if live.is_empty() {
        "no record of this version is live".to_owned()
    } else {
        live.join(", ")
    };
    let sent = abandoned.age.map(words::duration);
    let orphaned = abandoned.orphaned.map(ToString::to_string);
    let rows: Rows = vec![
        ("apply", Some(abandoned.apply.to_owned())),
        ("change", Some(abandoned.address.to_string())),
        ("write", abandoned.call.map(|call| call.to_string())),
        ("job", abandoned.job.map(ToString::to_string)),
        ("sent", sent.map(|age| format!("{age} ago"))),
        ("last answer", abandoned.last_answer.map(str::to_owned)),
        ("orphaned record", orphaned),
        ("live", Some(live)),
    ];
    render_rows(&rows, out)?;
    writeln!(out)?;
    if abandoned.orphaned.is_some() {
        return writeln!(
            out,
            "From now on, the record that the failed deploy left is treated like any other live \
             record."
        );
    }
    writeln!(
        out,
        "Later plans do not wait for the job. They compare the version with the live state."
    )?;
    if let Some(hold) = abandoned.hold {
        writeln!(
            out,
            "The job may still end: no apply deploys the version for {}, unless --replace names \
             it.",
            words::duration(hold)
        )?;
    }
    Ok(())
}
