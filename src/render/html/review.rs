//! The page of a review: the verdict, the findings with high risks, then the others.

use std::io::{self, Write};

use maud::{Markup, html};

use super::change::side;
use super::page::{Page, Tone, heading, marks, notice, section, tiles, verdict};
use super::plans::table;
use super::text::{code, prose, quoted_text};
use crate::escape::escaped;
use crate::plan::SUMMARISED_ABOVE;
use crate::render::view::matrix::Matrix;
use crate::render::view::review as view;
use crate::render::words;
use crate::review::{Finding, Review, ReviewSummary, Sign};

/// The maximum number of listed versions of a finding.
const MAX_LISTED: usize = 20;
/// The maximum number of findings without a high risk that are listed.
const MAX_FINDINGS: usize = 1_000;

/// Writes the page of a review.
pub(in crate::render) fn render_review_html(
    review: &Review,
    out: &mut dyn Write,
) -> io::Result<()> {
    let summary = ReviewSummary::of(review);
    let mut all = Vec::new();
    for group in &review.groups {
        let names = view::environments(group);
        all.extend(
            group
                .findings
                .iter()
                .map(|finding| (names.clone(), finding)),
        );
    }
    let (high, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(_, finding)| finding.has_high_risk());
    let names: Vec<&str> = review.environments.iter().map(String::as_str).collect();
    let foot = format!(
        "Environments: {} compared, {} changed. The live state was not read.",
        summary.environments, summary.changed_environments
    );
    let base = html! { "since " (code(&review.base.name)) (view::commit(&review.base)) };
    let all_new = "The base has no manifest: everything is new.";
    let all_new: Vec<Markup> = (!review.base.is_present)
        .then(|| html! { (all_new) })
        .into_iter()
        .collect();
    let page = Page {
        kind: "review",
        subject: code(&review.head),
        title: escaped(&review.head),
        facts: vec![base],
        body: html! {
            (head(&summary))
            (notice(2, "New manifest", Tone::Warning, &all_new))
            (section(2, "High risks", &cards(&high)))
            @if names.len() > 1 { (table("Solutions", &Matrix::of_review(review), &names)) }
            (rest(&others))
        },
        foot: vec![html! { (foot) }],
    };
    page.write(out)
}

fn head(summary: &ReviewSummary) -> Markup {
    if !summary.has_changes() {
        return verdict(Tone::Good, view::NO_CHANGES, "", &html! {});
    }
    let tiles_of = [
        (summary.removed, "removed", Tone::Bad),
        (summary.retired, "retired", Tone::Bad),
        (summary.downgraded, "downgraded", Tone::Bad),
        (summary.added, "added", Tone::Good),
        (summary.upgraded, "upgraded", Tone::Warning),
        (summary.other, "other", Tone::Plain),
    ];
    let risks = summary.risks.iter().map(|(risk, number)| {
        let tone = if risk.is_high() {
            Tone::Bad
        } else {
            Tone::Warning
        };
        (format!("{number} {}", risk.mark()), tone)
    });
    let risks: Vec<(String, Tone)> = risks.collect();
    let is_high = summary.risks.iter().any(|(risk, _)| risk.is_high());
    let tone = if is_high { Tone::Bad } else { Tone::Warning };
    verdict(
        tone,
        &format!("{}.", view::counts(summary)),
        "",
        &html! {
            (tiles(&tiles_of))
            (marks(&risks))
        },
    )
}

/// Returns the findings without a high risk; many are folded.
fn rest(findings: &[(String, &Finding)]) -> Markup {
    let number = findings.len();
    let cut = number.saturating_sub(MAX_FINDINGS);
    html! {
        @if number > 0 {
            section {
                (heading(2, &html! { "Other findings" }))
                details open[number <= SUMMARISED_ABOVE] {
                    summary { (words::count(number, "finding")) }
                    (cards(&findings[..number - cut]))
                    @if cut > 0 { p { "and " (words::count(cut, "more finding")) } }
                }
            }
        }
    }
}

fn cards(findings: &[(String, &Finding)]) -> Markup {
    html! {
        @if !findings.is_empty() {
            div.cards { @for (names, finding) in findings { (card(finding, names)) } }
        }
    }
}

fn card(finding: &Finding, environments: &str) -> Markup {
    let tone = match finding.kind.sign() {
        Sign::Comes => Tone::Good,
        Sign::Goes => Tone::Bad,
        Sign::Changes => Tone::Warning,
    };
    let position = &finding.place.position;
    let location = format!("{}:{}:{}", position.file, position.line, position.column);
    let risks = finding.risks.iter();
    let risks = risks.map(|risk| {
        let tone = if risk.is_high() {
            Tone::Bad
        } else {
            Tone::Warning
        };
        (risk.mark().to_owned(), tone)
    });
    let risks: Vec<(String, Tone)> = risks.collect();
    let title = html! {
        (code(view::subject(finding, environments))) " " span { (finding.kind.phrase()) }
    };
    html! {
        article.(tone.class()) {
            div.head {
                span.sign.(tone.class()) aria-hidden="true" { (finding.kind.sign().as_str()) }
                (heading(3, &title))
            }
            (marks(&risks))
            p.why { "in " (code(environments)) " · " (code(&location)) }
            @if finding.before.is_some() || finding.after.is_some() { (values(finding)) }
            ul.effects {
                @for line in view::consequences(finding, MAX_LISTED, quoted_text) {
                    li { (prose(&line)) }
                }
            }
        }
    }
}

fn values(finding: &Finding) -> Markup {
    html! {
        table.fields {
            thead { tr {
                th scope="col" { "Key" }
                th scope="col" { "Before" }
                th scope="col" { "After" }
            } }
            tbody { tr {
                th scope="row" { (view::key(finding)) }
                td.before { (side(finding.before.as_deref(), true)) }
                td.after { (side(finding.after.as_deref(), true)) }
            } }
        }
    }
}
