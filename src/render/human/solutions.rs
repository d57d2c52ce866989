//! Live solution versions, as a table or one by one.

use std::borrow::Cow;
use std::io::{self, Write};

use super::table::{Rows, render_rows, render_table};
use crate::attribute::LiveVisibilityWord;
use crate::ident::Address;
use crate::live::{LiveState, LiveVersion};
use crate::plan::OrphanedRecord;
use crate::render::words;

/// Writes a table of all versions and unmanageable records of a live state.
pub fn render_solutions(live: &LiveState, out: &mut dyn Write) -> io::Result<()> {
    let header = ["NAME", "VERSION", "OWNER", "STATE", "VISIBILITY", "ID"];
    let rows = live.versions().iter().map(|version| {
        let identity = &version.identity;
        let visibility = version.visibility.as_ref();
        let values = [
            Some(identity.name.as_str()),
            Some(identity.version.as_str()),
            Some(identity.owner.as_str()),
            Some(version.state.as_str()),
            visibility.map(LiveVisibilityWord::as_str),
            Some(version.id.as_str()),
        ];
        values.map(|value| value.map(Cow::from))
    });
    // A record that no manifest can declare is quoted, so that spaces at an end are visible.
    let quoted = |text: &str| format!("{text:?}");
    let unmanageable = live.unmanageable().iter().map(|record| {
        let texts = &record.texts;
        [
            Some(format!("! {}", quoted(&texts.name)).into()),
            Some(quoted(&texts.version).into()),
            Some(quoted(&texts.owner).into()),
            texts.state.as_deref().map(Cow::from),
            texts.visibility.as_deref().map(Cow::from),
            Some(record.id.as_str().into()),
        ]
    });
    if live.versions().is_empty() && live.unmanageable().is_empty() {
        return writeln!(out, "No live versions.");
    }
    render_table(header, rows.chain(unmanageable), out)?;
    if !live.unmanageable().is_empty() {
        writeln!(
            out,
            "\n! No manifest can declare these records, and solform leaves them alone:"
        )?;
        for record in live.unmanageable() {
            let id = words::escaped(record.id.as_str());
            writeln!(out, "  {id}: {}", words::escaped(&record.reason))?;
        }
    }
    Ok(())
}

/// Writes all known facts about one version.
pub fn render_solution(
    live: &LiveVersion,
    address: Option<&Address>,
    orphaned: Option<&OrphanedRecord>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let orphaned =
        orphaned.map(|record| format!("left by the failed deploy of apply {}", record.apply));
    let LiveVersion {
        id,
        identity,
        author,
        state,
        visibility,
        created_at_ms,
        updated_at_ms,
    } = live;
    let rows: Rows = vec![
        (
            "address",
            Some(address.map_or_else(|| identity.address().to_string(), ToString::to_string)),
        ),
        ("id", Some(id.to_string())),
        ("name", Some(identity.name.to_string())),
        ("version", Some(identity.version.to_string())),
        ("owner", Some(identity.owner.to_string())),
        ("author", author.as_deref().map(str::to_owned)),
        ("state", Some(state.to_string())),
        ("visibility", visibility.as_ref().map(ToString::to_string)),
        ("orphaned", orphaned),
        ("created", created_at_ms.and_then(words::time)),
        ("updated", updated_at_ms.and_then(words::time)),
    ];
    render_rows(&rows, out)
}
