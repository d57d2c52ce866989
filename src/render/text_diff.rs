//! Two texts as a line diff, through `similar`.

use std::io::{self, Write};

use similar::{ChangeTag, TextDiff};

use super::styles::{Styles, styled};
use super::words;
use crate::plan::Difference;

/// Writes what the plan saw against what is live now.
pub(super) fn render_differences(
    differences: &[Difference],
    indent: &str,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (planned, live): (Vec<String>, Vec<String>) = differences.iter().map(sides).unzip();
    let planned = planned.concat();
    let live = live.concat();
    let diff = TextDiff::from_lines(&planned, &live);
    for change in diff.iter_all_changes() {
        let (sign, style) = match change.tag() {
            ChangeTag::Delete => ("-", styles.destroy),
            ChangeTag::Insert => ("+", styles.add),
            ChangeTag::Equal => (" ", styles.faint),
        };
        let text = change.value().trim_end_matches('\n');
        writeln!(out, "{indent}{}", styled(style, format!("{sign} {text}")))?;
    }
    Ok(())
}

/// What the plan saw and what is live, a line each.
fn sides(difference: &Difference) -> (String, String) {
    match difference {
        Difference::Gone { id } => (format!("live as {id}\n"), "not live\n".to_owned()),
        Difference::Appeared { id, state } => (
            "not live\n".to_owned(),
            format!("live as {id}, state {}\n", words::quoted(state)),
        ),
        Difference::OtherOwner { identity } => (
            "not live under any owner\n".to_owned(),
            format!(
                "live under owner {}\n",
                words::quoted(identity.owner.as_str())
            ),
        ),
        Difference::Field {
            field,
            planned,
            live,
        } => {
            let line = |value: &str| format!("{} = {}\n", field.as_str(), words::quoted(value));
            (line(planned), line(live))
        }
        Difference::OtherIdentity { planned, live } => (
            format!("{}\n", planned.full_address()),
            format!("{}\n", live.full_address()),
        ),
    }
}
