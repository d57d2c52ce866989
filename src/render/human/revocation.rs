//! A verification record that a person revokes, as text.

use std::io::{self, Write};

use super::history::verified_run;
use super::table::{Rows, render_rows};
use crate::render::view::Revocation;

/// Writes the record, and the consequences of `revoke`.
pub fn render_revocation(revocation: &Revocation<'_>, out: &mut dyn Write) -> io::Result<()> {
    let verified = revocation.verified;
    let mut rows: Rows = vec![
        ("apply", Some(revocation.apply.to_owned())),
        ("version", Some(revocation.address.to_string())),
        ("id", Some(verified.record.to_string())),
        ("result", Some(verified.verdict.to_string())),
    ];
    let runs = verified.runs.iter();
    rows.extend(runs.map(|run| ("run", Some(verified_run(run)))));
    render_rows(&rows, out)?;
    writeln!(
        out,
        "\nFrom now on, the version counts as not verified. Its runs are repeated before it comes \
         into\nservice again, and before another version of its name is retired. `promote` leaves \
         it out\nwhere `require_verified` is set."
    )
}
