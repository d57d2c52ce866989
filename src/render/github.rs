//! A plan, a report or errors as workflow commands: GitHub shows them beside the manifest's lines.
//!
//! A runner takes any line that begins with `::` as a command, so that text from outside is escaped
//! by its rules here, and kept from beginning a line elsewhere (see `cli::io`).

use std::io::{self, Write};

use crate::ident::Identity;
use crate::outcome::OutcomeKind;
use crate::plan::{ActionKind, Change, Origin, Plan, Refusal, Summary};
use crate::render::json::{Diagnostic, ReportChange, ReportDocument, ResultWord, Severity};
use crate::render::{review_words, words};
use crate::review::{Finding, Review, ReviewSummary, Side};

/// The maximum number of annotations of a kind in one step; a runner drops the rest.
const MOST: usize = 10;

/// An annotation.
struct Annotation {
    severity: Severity,
    place: Option<Location>,
    title: String,
    message: String,
}

struct Location {
    file: String,
    line: usize,
    column: usize,
}

impl Location {
    fn of(origin: &Origin) -> Self {
        Self {
            file: origin.file.to_string(),
            line: origin.line,
            column: origin.column,
        }
    }
}

/// Writes a plan, whose manifest is named from `folder`, a folder of the repository: what stands
/// against it are errors, what a reviewer must not overlook are warnings.
pub fn render_github_plan(
    plan: &Plan,
    refusals: &[Refusal],
    folder: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let refused = refusals
        .iter()
        .map(|refusal| annotation_of(&Diagnostic::of_refusal(refusal, plan)));
    let risks = plan.changes.iter().filter_map(risk);
    let leftover = |identity: &Identity, title: &str, text: String| Annotation {
        severity: Severity::Warning,
        place: plan
            .changes
            .iter()
            .find(|change| change.identity == *identity)
            .and_then(|change| change.origin.as_ref().map(Location::of)),
        title: format!("{} {title}", plan.address_of(identity)),
        message: format!("{text}."),
    };
    let in_flight = plan.in_flight.iter().map(|write| {
        let address = plan.address_of(&write.identity);
        let text = words::in_flight(write, address.as_str());
        leftover(&write.identity, "is in flight", text)
    });
    let orphaned = plan.orphaned.iter().map(|record| {
        let text = words::orphaned(record, |identity| plan.address_of(identity).to_string());
        leftover(&record.identity, "is orphaned", text)
    });
    let annotations: Vec<Annotation> = refused
        .chain(in_flight)
        .chain(orphaned)
        .chain(risks)
        .collect();
    let (mut verdict, _) = words::verdict(plan.mode, &Summary::of(plan));
    if !refusals.is_empty() {
        verdict.push_str(" It cannot be applied.");
    }
    render(
        &annotations,
        &format!("solform plan: {}", plan.subject.environment),
        &verdict,
        folder,
        out,
    )
}

/// Writes a report: what is not done are errors, what is to be looked at are warnings.
pub fn render_github_report(
    report: &ReportDocument,
    folder: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let looked = &report.convergence;
    let again = looked.not_converged.iter().map(|change| {
        let place = place_in(report, &change.address);
        Annotation {
            severity: Severity::Error,
            place,
            title: format!("{} did not converge", change.address),
            message: change.detail.clone(),
        }
    });
    let waiting = looked.waiting_for_review.iter().map(|address| Annotation {
        severity: Severity::Warning,
        place: place_in(report, address),
        title: format!("{address} waits for review"),
        message: "It is not PUBLIC before somebody approves it.".to_owned(),
    });
    let unproven = looked.unproven.iter().map(|why| Annotation {
        severity: Severity::Error,
        place: None,
        title: "The live state could not be read again".to_owned(),
        message: why.clone(),
    });
    let annotations: Vec<Annotation> = report
        .errors
        .iter()
        .map(annotation_of)
        .chain(report.changes.iter().filter_map(not_done))
        .chain(again)
        .chain(unproven)
        .chain(waiting)
        .collect();
    let title = format!(
        "solform {}: {}",
        if report.mode == "destroy" {
            "destroy"
        } else {
            "apply"
        },
        report.environment.as_deref().unwrap_or("?")
    );
    let mut verdict = report.verdict();
    if let (ResultWord::Incomplete, Some(command)) = (report.result, &report.resume_command) {
        verdict.push_str(" To go on, run: ");
        verdict.push_str(command);
    }
    render(&annotations, &title, &verdict, folder, out)
}

/// Writes a review: a finding with a risk is a warning at its line.
pub fn render_github_review(review: &Review, folder: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut annotations: Vec<Annotation> = Vec::new();
    for group in &review.groups {
        let names = review_words::environments(group);
        let risky = group
            .findings
            .iter()
            .filter(|finding| !finding.risks.is_empty());
        annotations.extend(risky.map(|finding| review_annotation(finding, &names)));
    }
    let summary = ReviewSummary::of(review);
    let verdict = if summary.has_changes() {
        format!("{}.", review_words::counts(&summary))
    } else {
        review_words::NO_CHANGES.to_owned()
    };
    let commit = review_words::commit(&review.base);
    let title = format!("solform review since {}{commit}", review.base.name);
    render(&annotations, &title, &verdict, folder, out)
}

fn review_annotation(finding: &Finding, environments: &str) -> Annotation {
    let risks: Vec<&str> = finding
        .risks
        .iter()
        .map(|risk| review_words::risk(*risk))
        .collect();
    let effect = finding.effect.as_ref().map_or_else(String::new, |effect| {
        format!("; {}", review_words::effect(effect, str::to_owned))
    });
    let position = &finding.place.position;
    Annotation {
        severity: Severity::Warning,
        // The base's lines are not those of the file that GitHub shows.
        place: (finding.place.side == Side::Head).then(|| Location {
            file: position.file.to_string(),
            line: position.line,
            column: position.column,
        }),
        title: format!(
            "{} in {environments}",
            review_words::subject(finding, environments)
        ),
        message: format!(
            "{}: {}{effect}",
            review_words::phrase(finding.kind),
            risks.join(", ")
        ),
    }
}

/// Writes errors, where there is neither plan nor report.
pub fn render_github_errors(
    errors: &[Diagnostic],
    folder: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let annotations: Vec<Annotation> = errors.iter().map(annotation_of).collect();
    render(&annotations, "solform", "There is no plan.", folder, out)
}

fn annotation_of(diagnostic: &Diagnostic) -> Annotation {
    let lines = [diagnostic.summary.as_str(), diagnostic.detail.as_str()];
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    Annotation {
        severity: diagnostic.severity,
        place: diagnostic.range.as_ref().map(|range| Location {
            file: range.filename.clone(),
            line: range.start.line,
            column: range.start.column,
        }),
        title: diagnostic
            .address
            .clone()
            .or_else(|| diagnostic.x_solution.code.clone())
            .unwrap_or_else(|| "solform".to_owned()),
        message: lines.join("\n"),
    }
}

/// Returns the annotation for the risks of a change.
fn risk(change: &Change) -> Option<Annotation> {
    let kind = change.action.kind();
    let marks: Vec<&str> = [
        (
            kind == ActionKind::Delete,
            "will be destroyed, which cannot be undone",
        ),
        (
            kind == ActionKind::Replace,
            "must be replaced, which cannot be undone, and is out of service meanwhile",
        ),
        (
            change.ends_service(),
            "stops serving, and no other version of its name takes its place",
        ),
        (change.becomes_public(), "becomes PUBLIC"),
        (
            change.narrows_visibility(),
            "is lost to the users who see it only because of its present visibility",
        ),
    ]
    .into_iter()
    .filter_map(|(holds, mark)| holds.then_some(mark))
    .collect();
    (!marks.is_empty()).then(|| Annotation {
        severity: Severity::Warning,
        place: change.origin.as_ref().map(Location::of),
        title: change.address.to_string(),
        message: format!("It {}.", marks.join("; it ")),
    })
}

fn not_done(change: &ReportChange) -> Option<Annotation> {
    if change.is_done() {
        return None;
    }
    let is_consequence = [OutcomeKind::Skipped, OutcomeKind::Cancelled]
        .iter()
        .any(|word| word.as_str() == change.outcome);
    let lines = [change.detail.as_deref(), change.help.as_deref()];
    let lines: Vec<&str> = lines.into_iter().flatten().collect();
    Some(Annotation {
        severity: if is_consequence {
            Severity::Warning
        } else {
            Severity::Error
        },
        place: change.position.as_ref().map(|position| Location {
            file: position.file.clone(),
            line: position.line,
            column: position.column,
        }),
        title: format!("{}: {}", change.address, change.outcome),
        message: lines.join("\n"),
    })
}

fn place_in(report: &ReportDocument, address: &str) -> Option<Location> {
    let change = report
        .changes
        .iter()
        .find(|change| change.address == address)?;
    let position = change.position.as_ref()?;
    Some(Location {
        file: position.file.clone(),
        line: position.line,
        column: position.column,
    })
}

fn render(
    annotations: &[Annotation],
    title: &str,
    verdict: &str,
    folder: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut left = Vec::new();
    for (severity, command) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let of_kind = || annotations.iter().filter(|one| one.severity == severity);
        for annotation in of_kind().take(MOST) {
            let mut properties = Vec::new();
            if let Some(place) = &annotation.place {
                let file = from_root(folder, &place.file);
                properties.push(format!("file={}", property(&file)));
                properties.push(format!("line={}", place.line));
                properties.push(format!("col={}", place.column));
            }
            properties.push(format!("title={}", property(&annotation.title)));
            writeln!(
                out,
                "::{command} {}::{}",
                properties.join(","),
                data(&annotation.message)
            )?;
        }
        let more = of_kind().count().saturating_sub(MOST);
        if more > 0 {
            left.push(format!(
                "{} not shown",
                words::count(more, &format!("more {command}"))
            ));
        }
    }
    let left = if left.is_empty() {
        String::new()
    } else {
        format!(" ({})", left.join(", "))
    };
    let verdict = format!("{verdict}{left}");
    writeln!(
        out,
        "::notice title={}::{}",
        property(title),
        data(&verdict)
    )
}

/// A file as the root of the repository names it, which is where a runner looks for it.
fn from_root(folder: &str, file: &str) -> String {
    let file = file.strip_prefix("./").unwrap_or(file);
    if folder.is_empty() || file.starts_with('/') {
        file.to_owned()
    } else {
        format!("{}/{file}", folder.trim_end_matches('/'))
    }
}

/// A message by the runner's rules. Line breaks stay, as it can show them; everything else that
/// could move a cursor goes.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(words::escaped).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// A property by the runner's rules.
fn property(text: &str) -> String {
    words::escaped(text)
        .replace('%', "%25")
        .replace(':', "%3A")
        .replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Visibility;
    use crate::plan::testing::{Scenario, declared, live, scenario};
    use crate::plan::{Overrides, judge};

    fn annotations(scenario: &Scenario) -> String {
        let plan = scenario.plan();
        let refusals = judge(
            &plan,
            &crate::manifest::Limits::default(),
            &Overrides::default(),
        );
        let mut text = Vec::new();
        render_github_plan(&plan, &refusals, "", &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_plan_is_annotated_at_the_manifests_lines() {
        let text = annotations(
            &scenario()
                .protect("Safe@1")
                .declare([
                    declared("Upgrade@2.0").visible(Visibility::Public),
                    declared("Safe@1").absent(),
                    declared("Same@1.0"),
                ])
                .live([live("Upgrade@1.0"), live("Safe@1"), live("Same@1.0")]),
        );
        insta::assert_snapshot!(text, @r"
        ::error file=solform.yaml,line=1,col=3,title=Safe@1::`Safe@1` is protected and must not be deleted%0ARemove the pattern that covers `Safe@1` from `protect` in a change of its own, if it really is to go.
        ::warning file=solform.yaml,line=1,col=3,title=Safe@1::It will be destroyed, which cannot be undone; it stops serving, and no other version of its name takes its place.
        ::warning file=solform.yaml,line=1,col=3,title=Upgrade@2.0::It becomes PUBLIC.
        ::notice title=solform plan%3A prod::Plan: 1 to add, 1 to change, 1 to destroy. It cannot be applied.
        ");
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let names: Vec<String> = (0..25).map(|nth| format!("Gone {nth}@1")).collect();
        let text = annotations(
            &scenario()
                .declare(names.iter().map(|name| declared(name).absent()))
                .live(names.iter().map(|name| live(name))),
        );
        assert_eq!(text.matches("::warning ").count(), 10, "{text}");
        assert_eq!(text.matches("::error ").count(), 1, "{text}");
        assert!(text.ends_with("(15 more warnings not shown)\n"), "{text}");
    }

    /// Nothing from outside ends a property, a command or a line.
    #[test]
    fn hostile_names_stay_in_their_places() {
        let names = [
            "svc:::error::x@1",
            "svc:a,line=1::b%0A::error::c@2",
            "svc:##[error]d@3",
        ];
        let text = annotations(
            &scenario()
                .declare(names.map(|name| declared(name).absent()))
                .live(names.map(live)),
        );
        for line in text.lines() {
            let (head, _) = line[2..].split_once("::").unwrap();
            let (command, properties) = head.split_once(' ').unwrap();
            assert!(["warning", "notice"].contains(&command), "{line}");
            for property in properties.split(',') {
                let (key, value) = property.split_once('=').unwrap();
                assert!(["file", "line", "col", "title"].contains(&key), "{line}");
                assert!(!value.contains("::"), "{line}");
            }
        }
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(!text.contains("##["), "{text}");
    }
}
