//! What `doctor` found, for people: one paragraph a check, no wider than 60 columns where words allow.

use std::io::{self, Write};

use anstyle::Style;

use crate::diagnosis::{Check, Diagnosis, Verdict};
use crate::render::styles::{Styles, styled};
use crate::render::words;

const WIDTH: usize = 60;
/// What the verdicts take, with the space behind them.
const INDENT: usize = 8;

/// Writes a diagnosis.
pub fn render_doctor(
    diagnosis: &Diagnosis,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Some(environment) = &diagnosis.environment {
        writeln!(out, "Environment {}:\n", words::quoted(environment))?;
    }
    for check in &diagnosis.checks {
        render_check(check, styles, out)?;
    }
    let counts = diagnosis.counts();
    let skipped = match counts.skipped {
        0 => String::new(),
        count => format!(", {count} skipped"),
    };
    writeln!(
        out,
        "\n{} ok, {}, {} failed{skipped}.",
        counts.ok,
        words::count(counts.warn, "warning"),
        counts.fail
    )
}

fn render_check(check: &Check, styles: &Styles, out: &mut dyn Write) -> io::Result<()> {
    let text = format!("{}: {}", check.name.as_str(), check.text);
    paragraph(Some(check.verdict), &text, styles, out)?;
    let shown = check
        .findings
        .iter()
        .filter(|finding| finding.verdict > Verdict::Skipped);
    for finding in shown {
        let text = format!("- {}: {}", finding.subject, finding.text);
        paragraph(None, &text, styles, out)?;
    }
    match &check.hint {
        Some(hint) if !hint.is_empty() => paragraph(None, &format!("Hint: {hint}"), styles, out),
        Some(_) | None => Ok(()),
    }
}

fn word(verdict: Verdict, styles: &Styles) -> (&'static str, Style) {
    match verdict {
        Verdict::Ok => ("ok", styles.add),
        Verdict::Skipped => ("skipped", styles.faint),
        Verdict::Warn => ("warn", styles.warning),
        Verdict::Fail => ("FAIL", styles.destroy),
    }
}

/// Writes a text in lines behind the verdict, or below one.
fn paragraph(
    verdict: Option<Verdict>,
    text: &str,
    styles: &Styles,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (word, style) = verdict.map_or(("", Style::new()), |verdict| word(verdict, styles));
    for (place, line) in lines(&words::escaped(text)).into_iter().enumerate() {
        let start = if place == 0 { word } else { "" };
        let gap = INDENT - start.len();
        writeln!(out, "{}{:gap$}{line}", styled(style, start), "")?;
    }
    Ok(())
}

/// Breaks a text between words. A longer word has a line of its own.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if INDENT + line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{CheckName, Finding};

    #[test]
    fn a_diagnosis_reads_without_colour_in_60_columns() {
        let findings = ["Ok", "Missing"].map(|text| Finding {
            subject: "acme/x\u{1b}.ibsolution".to_owned(),
            verdict: if text == "Ok" {
                Verdict::Ok
            } else {
                Verdict::Fail
            },
            text: format!("{text}."),
        });
        let diagnosis = Diagnosis {
            environment: Some("prod".to_owned()),
            version: "1",
            checks: vec![
                Check::ok(CheckName::Solform, "This is solform 1."),
                Check::warn(
                    CheckName::Clock,
                    "The server's clock is 2m00s ahead of ours.",
                    "Set the clocks by NTP, on both sides, and then look again.",
                ),
                Check::of_findings(
                    CheckName::Paths,
                    "1 of 2 packages.",
                    "Upload it.",
                    findings.to_vec(),
                ),
                Check::skipped(CheckName::Packages, "No package could be read."),
            ],
        };
        let mut out = Vec::new();
        render_doctor(&diagnosis, &Styles::default(), &mut out).unwrap();
        let expected = "\
Environment \"prod\":

ok      solform: This is solform 1.
warn    clock: The server's clock is 2m00s ahead of ours.
        Hint: Set the clocks by NTP, on both sides, and then
        look again.
FAIL    paths: 1 of 2 packages.
        - acme/x\\u{1b}.ibsolution: Missing.
        Hint: Upload it.
skipped packages: No package could be read.

1 ok, 1 warning, 1 failed, 1 skipped.
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
