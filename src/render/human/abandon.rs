//! The known facts about a change that the user abandons, as text.

use std::io::{self, Write};
use std::time::Duration;

use super::table::{Rows, render_rows};
use crate::ident::{Address, JobId, SolutionId};
use crate::live::LiveVersion;
use crate::outcome::WriteKind;
use crate::render::words;

/// A change that the user abandons, with all known facts about it.
#[derive(Debug)]
pub struct Abandoned<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The id of the apply.
    pub apply: &'a str,
    /// The change.
    pub address: &'a Address,
    /// The last write that was sent.
    pub call: Option<WriteKind>,
    /// The id of its job, if the server returned one.
    pub job: Option<&'a JobId>,
    /// The time since the write was sent.
    pub age: Option<Duration>,
    /// The server's current answer about the job.
    pub last_answer: Option<&'a str>,
    /// The record that a failed deploy left, if this record is abandoned.
    pub orphaned: Option<&'a SolutionId>,
    /// The live records of the version, of every owner.
    pub live: &'a [LiveVersion],
    /// The time for which no apply deploys the version; `None` if the next apply may deploy it.
    pub hold: Option<Duration>,
}

/// Writes the known facts, and the consequences of `abandon`.
pub fn render_abandoned(abandoned: &Abandoned<'_>, out: &mut dyn Write) -> io::Result<()> {
    let live: Vec<String> = abandoned
        .live
        .iter()
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
    let rows: Rows = vec![
        ("apply", Some(abandoned.apply.to_owned())),
        ("change", Some(abandoned.address.to_string())),
        ("write", abandoned.call.map(|call| call.to_string())),
        ("job", abandoned.job.map(ToString::to_string)),
        (
            "sent",
            abandoned
                .age
                .map(|age| format!("{} ago", words::duration(age))),
        ),
        ("last answer", abandoned.last_answer.map(str::to_owned)),
        (
            "orphaned record",
            abandoned.orphaned.map(ToString::to_string),
        ),
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
