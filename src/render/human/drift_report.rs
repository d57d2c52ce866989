//! The drift of an environment, as text.

use std::io::{self, Write as _};

use crate::render::styles::{StyledWriter, styled};
use crate::render::view::DriftReport;
use crate::render::words;

/// Writes the drift: a line with the time and the counts, and the first versions. `plan` is the
/// command that shows all of them.
pub fn render_drift(
    report: &DriftReport,
    plan: &str,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let time = words::instant(report.at_ms);
    let style = if report.has_drifted() {
        out.styles.strong
    } else {
        out.styles.add
    };
    writeln!(out, "{time} {}", styled(style, &report.verdict))?;
    for line in &report.details() {
        writeln!(out, "  {line}")?;
    }
    if report.more > 0 {
        writeln!(out, "  To see all, run: {plan}")?;
    }
    Ok(())
}
