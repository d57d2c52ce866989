//! The result of `doctor` for people: one paragraph for each check.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use anstyle::Style;

use crate::diagnosis::{Check, Diagnosis, Verdict};
use crate::render::styles::{StyledWriter, Styles, styled};
use crate::render::words;
use crate::render::wrap::{PROSE_WIDTH, push_wrapped};

/// The width of the verdict column, with the space behind it.
const INDENT: usize = 8;
/// The maximum number of findings with one text that are shown in full.
const MAX_ALIKE: usize = 3;

/// Writes a diagnosis for a terminal of this width; without a width, each paragraph is one line.
pub fn render_doctor(
    diagnosis: &Diagnosis,
    width: Option<usize>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let width = width.map_or(usize::MAX, |width| width.min(PROSE_WIDTH));
    if let Some(environment) = &diagnosis.environment {
        writeln!(out, "Environment {}:\n", words::quoted(environment))?;
    }
    for check in &diagnosis.checks {
        render_check(check, width, out)?;
    }
    let skipped = match diagnosis.count(Verdict::Skipped) {
        0 => String::new(),
        count => format!(", {count} skipped"),
    };
    writeln!(
        out,
        "\n{} ok, {}, {} failed{skipped}.",
        diagnosis.count(Verdict::Ok),
        words::count(diagnosis.count(Verdict::Warn), "warning"),
        diagnosis.count(Verdict::Fail)
    )
}

fn render_check(check: &Check, width: usize, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let mut paragraph = |verdict: Option<Verdict>, text: &str| {
        let (word, style) =
            verdict.map_or(("", Style::new()), |verdict| word(verdict, &out.styles));
        let gap = INDENT - word.len();
        let line = format!("{}{:gap$}{}", styled(style, word), "", words::escaped(text));
        let mut wrapped = String::new();
        push_wrapped(&line, width, INDENT, &mut wrapped);
        writeln!(out, "{wrapped}")
    };
    let text = format!("{}: {}", check.name.as_str(), check.text);
    paragraph(Some(check.verdict), &text)?;
    let shown = check
        .findings
        .iter()
        .filter(|finding| finding.verdict > Verdict::Skipped);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in shown {
        let count = counts.entry(&finding.text).or_default();
        *count += 1;
        if *count <= MAX_ALIKE {
            let text = format!("- {}: {}", finding.subject, finding.text);
            paragraph(None, &text)?;
        }
    }
    for (text, count) in counts {
        if let Some(more @ 1..) = count.checked_sub(MAX_ALIKE) {
            paragraph(None, &format!("- {more} more, which --json lists: {text}"))?;
        }
    }
    match &check.hint {
        Some(hint) if !hint.is_empty() => paragraph(None, &format!("Hint: {hint}")),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{CheckName, Finding};

    #[test]
    fn equal_findings_are_grouped() {
        let findings = ["a", "b", "c", "d", "e"].map(|subject| Finding {
            subject: subject.to_owned(),
            verdict: Verdict::Fail,
            text: if subject == "b" { "Odd." } else { "Missing." }.to_owned(),
        });
        let diagnosis = Diagnosis {
            environment: None,
            version: "1",
            checks: vec![Check::of_findings(
                CheckName::Paths,
                "0 of 5.",
                "",
                findings.to_vec(),
            )],
        };
        let mut out = Vec::new();
        render_doctor(&diagnosis, None, &mut StyledWriter::plain(&mut out)).unwrap();
        let expected = "\
FAIL    paths: 0 of 5.
        - a: Missing.
        - b: Odd.
        - c: Missing.
        - d: Missing.
        - 1 more, which --json lists: Missing.

0 ok, 0 warnings, 1 failed.
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_diagnosis_reads_without_colour() {
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
        render_doctor(&diagnosis, Some(60), &mut StyledWriter::plain(&mut out)).unwrap();
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
        // A pipe has no width; a paragraph is never wider than `PROSE_WIDTH`.
        let widest = |width: Option<usize>| {
            let mut out = Vec::new();
            render_doctor(&diagnosis, width, &mut StyledWriter::plain(&mut out)).unwrap();
            let text = String::from_utf8(out).unwrap();
            text.lines().map(str::len).max().unwrap()
        };
        assert_eq!(widest(None), widest(Some(80)));
        assert!(widest(Some(40)) <= 40);
    }
}
