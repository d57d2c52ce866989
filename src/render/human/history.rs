//! Earlier applies, as a table or one by one.

use std::io::{self, Write};

use super::table::{Rows, render_rows, render_table};
use crate::plan::VerifiedRun;
use crate::render::json::{VerifiedRunItem, past_step_item};
use crate::render::view::past::{number_of, result, rows, took};
use crate::render::view::report::DELETED;
use crate::render::words;
use crate::store::{PastApply, Provenance};

/// Writes a table of applies, the newest first.
pub fn render_history(applies: &[PastApply], out: &mut dyn Write) -> io::Result<()> {
    if applies.is_empty() {
        return writeln!(out, "{}", number_of(applies));
    }
    let header = ["APPLY", "BEGAN", "TOOK", "RESULT", "DONE"];
    let rows = rows(applies).map(|row| {
        [
            Some(row.id),
            row.began,
            row.took,
            Some(row.result),
            Some(row.done),
        ]
    });
    render_table(header, rows, out)
}

/// Writes one apply: its facts, and its steps as in the report of an apply. Ids and messages have
/// lines of their own, so that they also fit a narrow terminal.
pub fn render_past_apply(apply: &PastApply, out: &mut dyn Write) -> io::Result<()> {
    let subject = apply.subject.as_ref();
    let rows: Rows = vec![
        ("apply", Some(apply.id.clone())),
        ("began", apply.began_at_ms.and_then(words::time)),
        ("took", took(apply, "at least ")),
        ("result", Some(result(apply).to_owned())),
        (
            "environment",
            subject.map(|subject| subject.environment.clone()),
        ),
        ("url", subject.map(|subject| subject.url.clone())),
        (
            "manifest",
            subject.map(|subject| subject.manifest.to_string()),
        ),
        ("plan", apply.plan.clone()),
        ("rolls back", apply.rollback_of.clone()),
    ];
    let facts = apply.provenance.iter().flat_map(Provenance::facts);
    let facts = facts.map(|(label, fact)| (label, Some(fact.to_owned())));
    let rows: Rows = rows.into_iter().chain(facts).collect();
    render_rows(&rows, out)?;
    writeln!(out)?;
    for step in &apply.steps {
        let item = past_step_item(step);
        let symbol = step.action.as_ref().map(|action| action.kind().symbol());
        let address = words::escaped(&item.address);
        writeln!(
            out,
            "{:<9} {:>3} {address}",
            item.outcome,
            symbol.unwrap_or_default()
        )?;
        let jobs = item.jobs.into_iter().map(|job| format!("job {job}"));
        let id = item.id.map(|id| format!("id {id}"));
        let deleted = item.deleted.then(|| DELETED.to_owned());
        let runs = step.verified.iter().flat_map(|verified| &verified.runs);
        let runs = runs.map(|run| format!("verification with {}", verified_run(run)));
        let revoked = item.revoked_by;
        let revoked = revoked.map(|who| format!("verification record revoked by {who}"));
        let lines = id.into_iter().chain(jobs).chain(runs).chain(revoked);
        for line in lines.chain(item.detail).chain(deleted) {
            writeln!(out, "    {}", words::escaped(&line))?;
        }
    }
    Ok(())
}

/// Returns the name of a run of a verification, with its result and its id.
pub(super) fn verified_run(run: &VerifiedRun) -> String {
    let run = VerifiedRunItem::of(run);
    let id = run.run.as_ref().map(|id| format!(" [run={id}]"));
    format!("{}{}", run.phrase(), id.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_60_columns_with_unique_ids() {
        let apply = |id: &str| PastApply {
            began_at_ms: Some(1_795_550_115_123),
            ended_at_ms: Some(1_795_550_175_999),
            complete: Some(true),
            changes: 12,
            id: id.to_owned(),
            ..PastApply::default()
        };
        let table = |ids: [&str; 2]| {
            let mut out = Vec::new();
            render_history(&ids.map(apply), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = table([
            "01a20f35-b190-73dc-b6ae-1030757e0e72",
            "01a20f35-c000-73dc-b6ae-1030757e0e72",
        ]);
        insta::assert_snapshot!(text, @"
        APPLY          BEGAN                 TOOK   RESULT    DONE
        01a20f35-c000  2026-11-24T19:55:15Z  1m00s  complete  0/12
        01a20f35-b190  2026-11-24T19:55:15Z  1m00s  complete  0/12
        ");
        assert!(text.lines().all(|line| line.len() <= 60), "{text}");
        let text = table([
            "01a20f35-b190-73dc-b6ae-1030757e0e72",
            "01a20f35-b190-73dd-b6ae-1030757e0e72",
        ]);
        assert!(text.contains("01a20f35-b190-73dc  "), "{text}");
        assert!(text.contains("01a20f35-b190-73dd  "), "{text}");
    }
}
