//! What is known of a change that a person abandons.

use std::io::{self, Write};
use std::time::Duration;

use super::table::{Rows, render_rows};
use crate::ident::{Address, JobId, SolutionId};
use crate::live::LiveVersion;
use crate::outcome::WriteKind;
use crate::render::words;

/// A change that a person abandons, with all that is known of it.
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
    /// The job that the server named for it.
    pub job: Option<&'a JobId>,
    /// How long ago it was sent.
    pub age: Option<Duration>,
    /// What the server answers about the job now.
    pub last_answer: Option<&'a str>,
    /// The record that a failed deploy left, where that is what is abandoned.
    pub orphaned: Option<&'a SolutionId>,
    /// The live records of the version, of every owner.
    pub live: &'a [LiveVersion],
    /// How long the version is not deployed again; none where it may be at once.
    pub hold: Option<Duration>,
}

/// Writes what is known, and what abandoning means.
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
        "nothing of this version is live".to_owned()
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
            "The record that the failed deploy left counts as any other live record from now on."
        );
    }
    writeln!(
        out,
        "Later plans do not wait for the job, and treat the version by what is live."
    )?;
    if let Some(hold) = abandoned.hold {
        writeln!(
            out,
            "The job may still end: no apply deploys the version for {}, unless --replace names it.",
            words::duration(hold)
        )?;
    }
    Ok(())
}
