//! A plan, a report, a review, a promotion or errors as GitHub workflow commands: GitHub shows them
//! at the lines of the manifest.
//!
//! A runner reads every line that begins with `::` as a command. Text from outside is therefore
//! escaped by the runner's rules here, and `cli::io` prevents it from beginning a line elsewhere.

use std::io::{self, Write};

use super::format::{Channel, Content, Document, Format, Subject};
use crate::ident::Identity;
use crate::manifest::Severity;
use crate::outcome::OutcomeKind;
use crate::plan::{Change, Origin, Plan, Refusal, Successions, Summary};
use crate::promotion::Promotion;
use crate::render::json::{
    Diagnostic, EnvironmentResult, InFlightItem, OrphanedItem, PlanResult, PositionItem, Remark,
    ReportChange, ReportDocument, ReportsView, UnrestoredItem, in_backticks,
};
use crate::render::view::plan as view;
use crate::render::view::promotion as promotion_words;
use crate::render::view::report::ResultWord;
use crate::render::view::review as review_words;
use crate::render::words;
use crate::review::{Finding, Review, ReviewSummary, Side};

/// The maximum number of annotations of one severity in a step; a runner drops the rest.
const MAX_ANNOTATIONS: usize = 10;

/// A message that GitHub shows at a line of the manifest, or without a line.
struct Annotation {
    severity: Severity,
    location: Option<PositionItem>,
    title: String,
    message: String,
}

/// Annotations, and the title and text of the notice after them.
struct Annotated {
    annotations: Vec<Annotation>,
    title: String,
    verdict: String,
}

/// Annotations for GitHub.
pub const GITHUB: Format = Format {
    name: "github",
    help: "Annotations at the manifest's lines, and the step summary",
    channel: Channel::Commands,
    subjects: &[
        Subject::Plan,
        Subject::Report,
        Subject::Review,
        Subject::Promotion,
        Subject::Errors,
    ],
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let annotated = match document.content {
        Content::Plan(plan, refusals) => of_plan(plan, refusals, document.abandon),
        Content::Plans(plans) => of_plans(plans),
        Content::Report(report, _) => of_report(report),
        Content::Reports(reports) => of_reports(reports),
        Content::Review(review) => of_review(review),
        Content::Errors(errors) => Annotated {
            annotations: errors.iter().map(annotation_of).collect(),
            title: "solform".to_owned(),
            verdict: "There is no plan.".to_owned(),
        },
        Content::Promotion(promotion) => of_promotion(promotion),
        Content::History(..) | Content::PastApply(..) => return Ok(()),
    };
    render(&annotated, document.folder, out)
}

/// Returns the refusals of a plan as errors; risks, writes in flight, orphaned records and what a
/// roll-back does not restore as warnings. `abandon` is the start of the command that clears an
/// orphaned record.
fn of_plan(plan: &Plan, refusals: &[Refusal], abandon: &str) -> Annotated {
    let refused = refusals
        .iter()
        .map(|refusal| annotation_of(&Diagnostic::of_refusal(refusal, plan)));
    let warnings = plan.judgement.warnings();
    let warnings = warnings.map(|violation| annotation_of(&Diagnostic::of_warning(violation)));
    let successions = Successions::of(plan);
    let risks = plan.changes.iter();
    let risks = risks.filter_map(|change| risk(change, &successions));
    let leftover = |identity: &Identity, title: &str, text: String| Annotation {
        severity: Severity::Warning,
        location: plan
            .changes
            .iter()
            .find(|change| change.identity == *identity)
            .and_then(|change| change.origin.as_ref().map(PositionItem::of)),
        title: format!("{} {title}", plan.address_of(identity)),
        message: format!("{text}."),
    };
    let rollback = plan.rollback.iter();
    let unrestored = rollback.flat_map(|rollback| &rollback.unrestored);
    let unrestored = unrestored.zip(UnrestoredItem::all(plan));
    let unrestored = unrestored.map(|(found, item)| {
        leftover(
            &found.identity,
            "is not restored",
            item.sentence(str::to_owned),
        )
    });
    let in_flight = InFlightItem::all(plan, &plan.in_flight);
    let in_flight = plan.in_flight.iter().zip(in_flight);
    let in_flight = in_flight.map(|(write, item)| {
        leftover(
            &write.identity,
            "is in flight",
            item.sentence(str::to_owned),
        )
    });
    let orphaned = plan.orphaned.iter().zip(OrphanedItem::all(plan));
    let orphaned = orphaned.map(|(record, item)| {
        leftover(
            &record.identity,
            "is orphaned",
            item.sentence(abandon, str::to_owned, in_backticks),
        )
    });
    let leftovers = in_flight.chain(orphaned);
    let (mut verdict, _) = view::verdict(plan.mode, &Summary::of(plan));
    if !refusals.is_empty() {
        verdict.push_str(" It cannot be applied.");
    }
    Annotated {
        annotations: unrestored
            .chain(refused)
            .chain(warnings)
            .chain(leftovers)
            .chain(risks)
            .collect(),
        title: format!("solform plan: {}", plan.subject.environment),
        verdict,
    }
}

/// Returns the annotations of several environments; each title names the environment.
fn of_plans(environments: &[EnvironmentResult<PlanResult>]) -> Annotated {
    let mut annotations = Vec::new();
    let mut verdicts = Vec::new();
    for environment in environments {
        let name = &environment.name;
        let (found, verdict) = match &environment.result {
            Ok(result) => {
                let of_one = of_plan(&result.plan, &result.refusals, &result.abandon);
                (of_one.annotations, of_one.verdict)
            }
            Err(errors) => {
                let errors = errors.iter().map(annotation_of);
                (errors.collect(), "There is no plan.".to_owned())
            }
        };
        annotations.extend(in_environment(found, name));
        verdicts.push(format!("{name}: {verdict}"));
    }
    let names: Vec<&str> = environments.iter().map(|one| one.name.as_str()).collect();
    Annotated {
        annotations,
        title: format!("solform plan: {}", names.join(", ")),
        verdict: verdicts.join(" "),
    }
}

/// Returns the annotations with the environment in their titles.
fn in_environment(annotations: Vec<Annotation>, name: &str) -> impl Iterator<Item = Annotation> {
    let annotations = annotations.into_iter();
    annotations.map(move |annotation| Annotation {
        title: format!("{name}: {}", annotation.title),
        ..annotation
    })
}

/// Returns the annotations of an apply of several environments; each title names the environment.
fn of_reports(reports: &ReportsView<'_>) -> Annotated {
    let mut annotations: Vec<Annotation> = reports.errors.iter().map(annotation_of).collect();
    for environment in reports.environments {
        let found = match environment.document() {
            Some(document) => of_report(document).annotations,
            None => environment.errors().iter().map(annotation_of).collect(),
        };
        annotations.extend(in_environment(found, &environment.name));
    }
    let all = reports.verdict();
    let each = all.environments.iter();
    let each = each.map(|one| format!("{}: {}", one.name, one.sentence));
    let verdict = each.chain([all.sentence()]);
    let verdict: Vec<String> = verdict.chain(all.next_line(str::to_owned)).collect();
    let names = reports.environments.iter().map(|one| one.name.as_str());
    Annotated {
        annotations,
        title: format!("solform apply: {}", names.collect::<Vec<_>>().join(", ")),
        verdict: verdict.join(" "),
    }
}

/// Returns the changes of a report that failed as errors, and changes that need a check as
/// warnings.
fn of_report(report: &ReportDocument) -> Annotated {
    let errors = report.errors.iter().map(annotation_of);
    let changes = report.changes.iter().filter_map(not_done);
    let remarks = report.remarks().into_iter();
    let remarks = remarks.map(|remark| remark_annotation(remark, report));
    let environment = report.environment.as_deref().unwrap_or("?");
    let mut verdict = report.verdict();
    if let (ResultWord::Incomplete, Some(command)) = (report.result, &report.resume_command) {
        verdict.push_str(" To go on, run: ");
        verdict.push_str(command);
    }
    Annotated {
        annotations: errors.chain(changes).chain(remarks).collect(),
        title: format!("solform {}: {environment}", report.operation()),
        verdict,
    }
}

/// Returns each finding of a review that has a risk, as a warning at its line of the head manifest.
fn of_review(review: &Review) -> Annotated {
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
    Annotated {
        annotations,
        title: format!("solform review since {}{commit}", review.base.name),
        verdict,
    }
}

/// Returns the warnings of a promotion, at the lines of the declarations before it.
fn of_promotion(promotion: &Promotion) -> Annotated {
    let warnings = promotion_words::promotion_warnings(promotion).into_iter();
    let annotations = warnings.map(|(row, warning)| Annotation {
        severity: Severity::Warning,
        location: row
            .position
            .as_ref()
            .map(|at| PositionItem::of(&Origin::of(at))),
        title: row.name.to_string(),
        message: format!("{warning}."),
    });
    let (from, to) = (&promotion.from, &promotion.to);
    Annotated {
        annotations: annotations.collect(),
        title: format!("solform promotion: {from} to {to}"),
        verdict: promotion_words::verdict(promotion),
    }
}

fn review_annotation(finding: &Finding, environments: &str) -> Annotation {
    let risks: Vec<&str> = finding.risks.iter().map(|risk| risk.mark()).collect();
    let effect = finding.effect.as_ref().map_or_else(String::new, |effect| {
        format!("; {}", review_words::effect(effect, str::to_owned))
    });
    let is_head = finding.place.side == Side::Head;
    Annotation {
        severity: Severity::Warning,
        // A line of the base is not in the file that GitHub shows.
        location: is_head.then(|| PositionItem::of(&Origin::of(&finding.place.position))),
        title: format!(
            "{} in {environments}",
            review_words::subject(finding, environments)
        ),
        message: format!("{}: {}{effect}", finding.kind.phrase(), risks.join(", ")),
    }
}

fn annotation_of(diagnostic: &Diagnostic) -> Annotation {
    let lines = [diagnostic.summary.as_str(), diagnostic.detail.as_str()];
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    Annotation {
        severity: diagnostic.severity,
        location: diagnostic.range.as_ref().map(|range| PositionItem {
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

/// Returns one annotation for all risks of a change; `None` without a risk.
fn risk(change: &Change, successions: &Successions<'_>) -> Option<Annotation> {
    let risks = view::risks(change, successions.of_change(change).as_ref()).into_iter();
    let sentences: Vec<String> = risks.map(|risk| risk.sentence.into_owned()).collect();
    (!sentences.is_empty()).then(|| Annotation {
        severity: Severity::Warning,
        location: change.origin.as_ref().map(PositionItem::of),
        title: change.address.to_string(),
        message: format!("It {}.", sentences.join("; it ")),
    })
}

fn remark_annotation(remark: Remark, report: &ReportDocument) -> Annotation {
    let (label, text) = (remark.label, remark.text);
    let (title, message) = match &remark.address {
        Some(address) => (format!("{label}: {address}"), format!("{address} {text}")),
        None => (label.to_owned(), text),
    };
    let address = remark.address.as_deref();
    Annotation {
        severity: remark.severity,
        location: address.and_then(|address| report.position_of(address).cloned()),
        title,
        message,
    }
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
        location: change.position.clone(),
        title: format!("{}: {}", change.address, change.outcome),
        message: lines.join("\n"),
    })
}

/// Writes annotations. `folder` is the folder, from the root of the repository, that file names are
/// relative to.
fn render(annotated: &Annotated, folder: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut left = Vec::new();
    for (severity, command) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let all = annotated.annotations.iter();
        let of_kind: Vec<&Annotation> = all.filter(|found| found.severity == severity).collect();
        for annotation in of_kind.iter().take(MAX_ANNOTATIONS) {
            let mut properties = Vec::new();
            if let Some(location) = &annotation.location {
                let file = from_root(folder, &location.file);
                properties.push(format!("file={}", property(&file)));
                properties.push(format!("line={}", location.line));
                properties.push(format!("col={}", location.column));
            }
            properties.push(format!("title={}", property(&annotation.title)));
            writeln!(
                out,
                "::{command} {}::{}",
                properties.join(","),
                data(&annotation.message)
            )?;
        }
        let more = of_kind.len().saturating_sub(MAX_ANNOTATIONS);
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
    let (title, verdict) = (property(&annotated.title), data(&annotated.verdict));
    writeln!(out, "::notice title={title}::{verdict}{left}")
}

/// Returns the path of a file from the root of the repository, as a runner needs it.
fn from_root(folder: &str, file: &str) -> String {
    let file = file.strip_prefix("./").unwrap_or(file);
    if folder.is_empty() || file.starts_with('/') {
        file.to_owned()
    } else {
        format!("{}/{file}", folder.trim_end_matches('/'))
    }
}

/// Escapes a message by the runner's rules. Line breaks stay, because GitHub shows them; all other
/// control characters are escaped.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(words::escaped).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// Escapes the value of a property by the runner's rules.
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
    use crate::render::ABANDON;

    fn annotations(scenario: &Scenario) -> String {
        let plan = scenario.plan();
        let refusals = judge(
            &plan,
            &crate::manifest::Limits::default(),
            &Overrides::default(),
        );
        let mut text = Vec::new();
        render(&of_plan(&plan, &refusals, ABANDON), "", &mut text).unwrap();
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
        ::warning file=solform.yaml,line=1,col=3,title=Safe@1::It will be destroyed; it cannot be undone: the record, its id and its job history are lost; it stops serving, and no other version of this name takes its place.
        ::warning file=solform.yaml,line=1,col=3,title=Upgrade@2.0::It becomes PUBLIC.
        ::notice title=solform plan%3A prod::Plan: 1 to add, 1 to change, 1 to destroy. It cannot be applied.
        ");
    }

    #[test]
    fn annotations_beyond_the_maximum_are_counted() {
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

    /// Text from outside never ends a property, a command or a line.
    #[test]
    fn hostile_names_stay_in_their_properties() {
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
