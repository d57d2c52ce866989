//! The messages about a plan, a report, a review, a promotion or errors, each at its line of the
//! manifest. The formats that CI systems show beside the lines lay them out.

use std::borrow::Cow;

use super::format::{Content, Document};
use crate::ident::Identity;
use crate::manifest::Severity;
use crate::outcome::OutcomeKind;
use crate::plan::{Change, Origin, Plan, Refusal, Successions, Summary};
use crate::promotion::Promotion;
use crate::render::json::{
    Diagnostic, EnvironmentResult, InFlightItem, OrphanedItem, PlanResult, PositionItem, Remark,
    ReportChange, ReportDocument, ReportsView, UnrestoredItem, in_backticks, note_word,
};
use crate::render::view::notes;
use crate::render::view::plan as view;
use crate::render::view::promotion as promotion_words;
use crate::render::view::report::ResultWord;
use crate::render::view::review as review_words;
use crate::render::words;
use crate::review::{Finding, Review, ReviewSummary, Side};

/// The level of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    /// A fact that needs no attention.
    Note,
}

impl Level {
    /// Returns the word of SARIF.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
        }
    }
}

/// A message at a line of the manifest, or without a line.
pub(super) struct Annotation {
    pub(super) level: Level,
    /// The stable code.
    pub(super) code: Cow<'static, str>,
    pub(super) location: Option<PositionItem>,
    /// The column behind the part of the line that it is about, if that is known.
    pub(super) end_column: Option<usize>,
    pub(super) title: String,
    pub(super) message: String,
}

/// Annotations, and the title and text of the notice after them.
pub(super) struct Annotated {
    pub(super) annotations: Vec<Annotation>,
    pub(super) title: String,
    pub(super) verdict: String,
    /// The file that messages without a line are about, if it is known.
    pub(super) file: Option<String>,
}

/// The code of a message without a code of its own.
pub(super) const NO_CODE: &str = "failed";
/// The code of the risks of a change.
const RISK: &str = "risk";
/// The code of a change of a report that was not done.
const NOT_DONE: &str = "not-done";

/// Returns the annotations of the content; `None` if it has none.
pub(super) fn annotations(document: &Document<'_>) -> Option<Annotated> {
    Some(match document.content {
        Content::Plan(plan, refusals) => of_plan(plan, refusals, document.abandon),
        Content::Plans(plans) => of_plans(plans),
        Content::Report(report, _) => of_report(report),
        Content::Reports(reports) => of_reports(reports),
        Content::Review(review) => of_review(review),
        Content::Problems(problems) => of_problems(problems),
        Content::Errors(errors) => Annotated {
            annotations: errors.iter().map(annotation_of).collect(),
            title: "solform".to_owned(),
            verdict: "There is no plan.".to_owned(),
            file: None,
        },
        Content::Promotion(promotion) => of_promotion(promotion),
        Content::History(..) | Content::PastApply(..) => return None,
    })
}

/// Returns the problems of a manifest.
fn of_problems(problems: &[Diagnostic]) -> Annotated {
    let is_error = |problem: &&Diagnostic| problem.severity == Severity::Error;
    let verdict = match problems.iter().filter(is_error).count() {
        0 => "The manifest is valid.".to_owned(),
        errors => format!("The manifest has {}.", words::count(errors, "error")),
    };
    Annotated {
        annotations: problems.iter().map(annotation_of).collect(),
        title: "solform validate".to_owned(),
        verdict,
        file: None,
    }
}

/// Returns the refusals of a plan as errors; risks, writes in flight, orphaned records and what a
/// roll-back does not restore as warnings. `abandon` is the start of the command that clears an
/// orphaned record.
pub(super) fn of_plan(plan: &Plan, refusals: &[Refusal], abandon: &str) -> Annotated {
    let refused = refusals.iter().map(|refusal| Annotation {
        code: Cow::Borrowed(refusal.code()),
        ..annotation_of(&Diagnostic::of_refusal(refusal, plan))
    });
    let warnings = plan.judgement.warnings();
    let warnings = warnings.map(|violation| annotation_of(&Diagnostic::of_warning(violation)));
    let successions = Successions::of(plan);
    let risks = plan.changes.iter();
    let risks = risks.filter_map(|change| risk(change, &successions));
    let noted = plan.changes.iter().flat_map(notes_of);
    let leftover = |identity: &Identity, code, title: &str, text: String| Annotation {
        level: Level::Warning,
        code: Cow::Borrowed(code),
        end_column: None,
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
            "not-restored",
            "is not restored",
            item.sentence(str::to_owned),
        )
    });
    let in_flight = InFlightItem::all(plan, &plan.in_flight);
    let in_flight = plan.in_flight.iter().zip(in_flight);
    let in_flight = in_flight.map(|(write, item)| {
        leftover(
            &write.identity,
            "in-flight",
            "is in flight",
            item.sentence(str::to_owned),
        )
    });
    let orphaned = plan.orphaned.iter().zip(OrphanedItem::all(plan));
    let orphaned = orphaned.map(|(record, item)| {
        leftover(
            &record.identity,
            "orphaned",
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
            .chain(noted)
            .collect(),
        title: format!("solform plan: {}", plan.subject.environment),
        verdict,
        file: None,
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
        file: None,
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
        file: None,
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
        file: None,
    }
}

/// Returns each finding of a review at its line of the head manifest: one with a risk is a warning.
fn of_review(review: &Review) -> Annotated {
    let mut annotations: Vec<Annotation> = Vec::new();
    for group in &review.groups {
        let names = review_words::environments(group);
        let findings = group.findings.iter();
        annotations.extend(findings.map(|finding| review_annotation(finding, &names)));
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
        file: Some(review.head.clone()),
    }
}

/// Returns the warnings of a promotion, at the lines of the declarations before it.
fn of_promotion(promotion: &Promotion) -> Annotated {
    let warnings = promotion_words::promotion_warnings(promotion).into_iter();
    let annotations = warnings.map(|(row, warning)| Annotation {
        level: Level::Warning,
        code: Cow::Borrowed(NO_CODE),
        end_column: None,
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
        file: None,
    }
}

fn review_annotation(finding: &Finding, environments: &str) -> Annotation {
    let risks: Vec<&str> = finding.risks.iter().map(|risk| risk.mark()).collect();
    let effect = finding.effect.as_ref().map_or_else(String::new, |effect| {
        format!("; {}", review_words::effect(effect, str::to_owned))
    });
    let is_head = finding.place.side == Side::Head;
    let (level, risks) = if risks.is_empty() {
        (Level::Note, String::new())
    } else {
        (Level::Warning, format!(": {}", risks.join(", ")))
    };
    Annotation {
        level,
        code: Cow::Borrowed(finding.kind.as_str()),
        end_column: None,
        // A line of the base is not in the file that GitHub shows.
        location: is_head.then(|| PositionItem::of(&Origin::of(&finding.place.position))),
        title: format!(
            "{} in {environments}",
            review_words::subject(finding, environments)
        ),
        message: format!("{}{risks}{effect}", finding.kind.phrase()),
    }
}

fn annotation_of(diagnostic: &Diagnostic) -> Annotation {
    let lines = [diagnostic.summary.as_str(), diagnostic.detail.as_str()];
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    let range = diagnostic.range.as_ref();
    Annotation {
        level: diagnostic.severity.into(),
        code: match &diagnostic.x_solution.code {
            Some(code) => Cow::Owned(code.clone()),
            None => Cow::Borrowed(NO_CODE),
        },
        end_column: range
            .map(|range| range.end.column)
            .filter(|end| range.is_some_and(|range| *end > range.start.column)),
        location: range.map(|range| PositionItem {
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
        level: Level::Warning,
        code: Cow::Borrowed(RISK),
        end_column: None,
        location: change.origin.as_ref().map(PositionItem::of),
        title: change.address.to_string(),
        message: format!("It {}.", sentences.join("; it ")),
    })
}

/// Returns the notes of a change.
fn notes_of(change: &Change) -> impl Iterator<Item = Annotation> {
    change.notes.iter().map(|note| Annotation {
        level: Level::Note,
        code: Cow::Borrowed(note_word(note)),
        location: change.origin.as_ref().map(PositionItem::of),
        end_column: None,
        title: change.address.to_string(),
        message: format!("{}: {}.", change.address, notes::text(note, change)),
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
        level: remark.severity.into(),
        code: Cow::Borrowed(NO_CODE),
        end_column: None,
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
        level: if is_consequence {
            Level::Warning
        } else {
            Level::Error
        },
        code: Cow::Borrowed(NOT_DONE),
        end_column: None,
        location: change.position.clone(),
        title: format!("{}: {}", change.address, change.outcome),
        message: lines.join("\n"),
    })
}

/// Returns the path of a file from the root of the repository, as a runner needs it.
pub(super) fn from_root(folder: &str, file: &str) -> String {
    let file = file.strip_prefix("./").unwrap_or(file);
    if folder.is_empty() || file.starts_with('/') {
        file.to_owned()
    } else {
        format!("{}/{file}", folder.trim_end_matches('/'))
    }
}
