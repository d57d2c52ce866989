//! A review as text: environment by environment, findings with high risks first.

use std::io::{self, Write as _};

use super::matrix::render_review_rows;
use crate::render::styles::{StyledWriter, styled};
use crate::render::view::review as review_words;
use crate::render::words;
use crate::review::{Finding, Review, ReviewGroup, ReviewSummary, Sign};

/// The maximum number of listed versions of a finding.
const MAX_LISTED: usize = 20;

/// Writes a review.
pub fn render_review(review: &Review, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let summary = ReviewSummary::of(review);
    writeln!(
        out,
        "Review of {} since {}{}",
        words::escaped(&review.head),
        words::escaped(&review.base.name),
        review_words::commit(&review.base)
    )?;
    if !review.base.is_present {
        let line = "The base has no manifest: everything is new.";
        out.line(out.styles.warning, line)?;
    }
    writeln!(out)?;
    if review.environments.len() > 1 {
        render_review_rows(review, out)?;
    }
    for group in &review.groups {
        render_group(group, out)?;
    }
    if !summary.has_changes() {
        return out.line(out.styles.add, review_words::NO_CHANGES);
    }
    let line = format!("{}.", review_words::counts(&summary));
    out.line(out.styles.strong, line)?;
    if summary.risks.is_empty() {
        return Ok(());
    }
    let line = format!("Risks: {}.", review_words::risks(&summary));
    out.line(out.styles.warning, line)
}

fn render_group(group: &ReviewGroup, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let names = group.environments.iter().map(|name| words::quoted(name));
    let label = if group.environments.len() == 1 {
        "Environment"
    } else {
        "Environments"
    };
    let label = format!("{label} {}", words::joined(names));
    if group.findings.is_empty() {
        let line = format!("{label}: no changes.");
        out.line(out.styles.faint, line)?;
        return writeln!(out);
    }
    let count = words::count(group.findings.len(), "finding");
    let line = format!("{label}: {count}.");
    out.line(out.styles.strong, line)?;
    let names = review_words::environments(group);
    for finding in &group.findings {
        render_finding(finding, &names, out)?;
    }
    writeln!(out)
}

fn render_finding(
    finding: &Finding,
    environment: &str,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let sign = finding.kind.sign();
    let style = match sign {
        Sign::Comes => out.styles.add,
        Sign::Goes => out.styles.destroy,
        Sign::Changes => out.styles.change,
    };
    let sign = styled(style, sign.as_str());
    let subject = words::escaped(review_words::subject(finding, environment));
    let subject = styled(out.styles.strong, format!("{subject}:"));
    let position = &finding.place.position;
    let (line, column) = (position.line, position.column);
    let location = format!("({}:{line}:{column})", words::escaped(&position.file));
    let location = styled(out.styles.faint, location);
    let phrase = finding.kind.phrase();
    writeln!(out, "  {sign} {subject} {phrase} {location}")?;
    if finding.before.is_some() || finding.after.is_some() {
        let value =
            |text: &Option<String>| text.as_deref().map_or("(none)".to_owned(), words::quoted);
        let (before, after) = (value(&finding.before), value(&finding.after));
        writeln!(
            out,
            "      {} = {before} -> {after}",
            review_words::key(finding)
        )?;
    }
    for line in review_words::consequences(finding, MAX_LISTED, words::escaped) {
        writeln!(out, "      {line}")?;
    }
    if finding.risks.is_empty() {
        return Ok(());
    }
    let risks: Vec<&str> = finding.risks.iter().map(|risk| risk.mark()).collect();
    let line = format!("! {}", risks.join(", "));
    writeln!(out, "      {}", styled(out.styles.warning, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Manifest, Selection, SourceFile, read};
    use crate::review::{ReviewBase, group_findings, review_environment};

    fn manifest(name: &str, block: &str, solutions: &str) -> Manifest {
        let text = format!(
            "solform: 1\nenvironments:\n  prod: {{ url: https://ib.example.com, token: {{ env: T \
             }}, {block} }}\ndefaults: {{ owner: svc, path: x.ibsolution }}\nsolutions:\n  Z: {{ \
             version: 1 }}\n{solutions}"
        );
        let source = SourceFile::from_bytes(name, text).unwrap();
        let checked = read(&source, &Selection::default(), &|_| None);
        checked.unwrap().manifest
    }

    fn text_of(base: Option<&Manifest>, head: &Manifest) -> String {
        let review = Review {
            base: ReviewBase {
                name: "main:m.yaml".to_owned(),
                commit: None,
                is_present: base.is_some(),
            },
            head: "m.yaml".to_owned(),
            only: Vec::new(),
            solutions: Vec::new(),
            environments: vec!["prod".to_owned()],
            groups: group_findings(vec![(
                "prod".to_owned(),
                review_environment(base, Some(head)),
            )]),
        };
        let mut text = Vec::new();
        render_review(&review, &mut StyledWriter::plain(&mut text)).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_review_as_text() {
        let base = manifest(
            "main:m.yaml",
            "protect: ['Gone@*']",
            "  Up: { version: 1.9 }\n  Gone: { version: 1 }\n",
        );
        let head = manifest(
            "m.yaml",
            "limits: { max_change: 1 }",
            "  Up: { version: 1.10, superseded: delete, visibility: PUBLIC }\n  \"New\\u202e\": { \
             version: 1 }\n",
        );
        insta::assert_snapshot!(text_of(Some(&base), &head), @r#"
        Review of m.yaml since main:m.yaml

        Environment "prod": 7 findings.
          - protect: protection removed together with what it covered (main:m.yaml:3:59)
              protect = "Gone@*" -> (none)
              Gone@1 is removed in the same change
              ! protection removed with what it covered
          ~ Up@1.10: version upgraded (m.yaml:7:18)
              version = "1.9" -> "1.10"
              if Up@1.9 is live, it will be deleted
              ! deleted, irreversible
          ~ Up@1.10: visibility widened (m.yaml:7:18)
              visibility = (none) -> "PUBLIC"
              ! becomes PUBLIC
          ~ Up@1.10: policy loosened (m.yaml:7:24)
              superseded = "deactivate" -> "delete"
              live versions of the same name and owner that are not declared will be deleted
              ! loosened, deleted, irreversible
          ~ limits.max_change: limit tightened (m.yaml:3:69)
              limits.max_change = (none) -> "1"
          - Gone@1: removed (main:m.yaml:8:20)
              state = "ACTIVE" -> (none)
              if Gone@1 is live, it stays live, unchanged: `manage.undeclared` is `ignore`
          + New\u{202e}@1: added (m.yaml:8:27)
              state = (none) -> "ACTIVE"
              New\u{202e}@1 will serve, and is deployed if it is not live

        Review: 1 added, 1 removed, 0 retired, 1 upgraded, 0 downgraded, 4 other changes.
        Risks: 1 protection removed with what it covered, 2 deleted, 1 becomes PUBLIC, 2 irreversible, 1 loosened.
        "#);
    }

    #[test]
    fn a_base_without_a_manifest_is_reported() {
        let head = manifest("m.yaml", "", "");
        let text = text_of(None, &head);
        assert!(
            text.starts_with(
                "Review of m.yaml since main:m.yaml\nThe base has no manifest: everything is \
                 new.\n\n"
            ),
            "{text}"
        );
        assert!(
            text.contains(
                "  + prod: environment added (m.yaml:3:3)\n      url = (none) -> \
            \"https://ib.example.com\"\n"
            ),
            "{text}"
        );
    }
}
