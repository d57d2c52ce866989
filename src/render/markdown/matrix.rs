//! Several environments in Markdown: the verdict of each, then the matrix. Rows without a change
//! are folded. It never exceeds the size of a comment.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::budget::{Row, Section, Tables, listed, mark, quotes, strong};
use super::escape::{NAME_LIMIT, code, comment, short_code};
use super::plan::{field_text, note_lines};
use crate::ident::Digest;
use crate::plan::{ActionKind, Plan, Summary};
use crate::render::json::{EnvironmentResult, PlanResult, in_backticks, leftovers, plans};
use crate::render::view::matrix::{Matrix, MatrixRow, MatrixVersion, NOT_READ, verdict};
use crate::render::view::plan as view;
use crate::render::words;
use crate::review::Review;

const UPLOADS: &str = "| environment | version | what is uploaded |\n|---|---|---|\n";

/// The maximum length of an error, in characters.
const ERROR_LIMIT: usize = 300;

/// Writes the plans of several environments.
pub fn render_plan_matrix_markdown(
    environments: &[EnvironmentResult<PlanResult>],
    max_bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let verdict = verdict(plans(environments));
    let names = environments.iter().map(|one| one.name.as_str());
    let head = several_head(("", "plan"), names, &verdict);
    let budget = max_bytes.saturating_sub(head.len());
    let lines: Vec<String> = environments.iter().map(line).collect();
    let lines = listed(&lines, budget / 2);
    let refusals: Vec<String> = environments.iter().flat_map(refusals).collect();
    let refusals = quotes("Cannot be applied", &refusals, budget / 8);
    let warnings: Vec<String> = environments.iter().flat_map(policy_warnings).collect();
    let refusals = refusals + &quotes(view::POLICY_WARNINGS, &warnings, budget / 8);
    let notes: Vec<String> = environments.iter().flat_map(notes).collect();
    let notes = listed(&notes, budget / 8);
    let leftovers: Vec<String> = environments.iter().flat_map(leftover_lines).collect();
    let leftovers = listed(&leftovers, budget / 8);
    let used = lines.len() + refusals.len() + notes.len() + leftovers.len();
    let tables = matrix_tables(environments, "plan", budget.saturating_sub(used));
    for part in [head, refusals, tables, lines, notes, leftovers] {
        out.write_all(part.as_bytes())?;
    }
    Ok(())
}

/// Returns the matrix of plans within a budget of bytes: the rows with a change, then the others,
/// folded; and the packages that are uploaded.
pub(super) fn matrix_tables(
    environments: &[EnvironmentResult<PlanResult>],
    document: &'static str,
    budget: usize,
) -> String {
    let names = environments.iter().map(|one| one.name.as_str());
    let uploads: Vec<Row> = environments.iter().flat_map(uploads).collect();
    let uploads = Tables {
        header: UPLOADS,
        document,
        sections: [
            Section::titled("Uploads", &uploads, "upload"),
            Section::titled("", &[], ""),
        ],
    };
    let uploads = uploads.within(budget / 3);
    let matrix = Matrix::of_plans(plans(environments));
    let tables = tables_of(
        &matrix,
        names,
        document,
        budget.saturating_sub(uploads.len()),
    );
    tables + &uploads
}

/// Returns the packages that an environment uploads, each with its fields.
fn uploads(environment: &EnvironmentResult<PlanResult>) -> Vec<Row> {
    let name = short_code(&environment.name, NAME_LIMIT);
    let plan = environment.value().map(|value| &value.plan);
    let changes = plan.into_iter().flat_map(Plan::to_do);
    let rows = changes.filter_map(|change| {
        let fields: Vec<String> = view::upload(change).map(field_text).collect();
        let begin = format!("| {name} | {} |", code(change.address.as_str()));
        (!fields.is_empty()).then(|| Row {
            whole: format!("{begin} {} |\n", fields.join("<br>")),
            brief: format!("{begin} |\n"),
            rank: 0,
        })
    });
    rows.collect()
}

/// Returns the matrix of a review within a budget of bytes.
pub(super) fn review_tables(review: &Review, budget: usize) -> String {
    let names = review.environments.iter().map(String::as_str);
    tables_of(&Matrix::of_review(review), names, "review", budget)
}

fn tables_of<'n>(
    matrix: &Matrix<'_>,
    environments: impl Iterator<Item = &'n str>,
    document: &'static str,
    budget: usize,
) -> String {
    let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
    for row in &matrix.rows {
        let rows = if row.is_changed() {
            &mut changed
        } else {
            &mut unchanged
        };
        rows.push(table_row(row));
    }
    let more = words::count(unchanged.len(), "solution");
    let tables = Tables {
        header: &header(environments),
        document,
        sections: [
            Section::titled("Changes", &changed, "solution"),
            Section::folded(&format!("{more} without changes"), &unchanged, "solution"),
        ],
    };
    let legend = matrix.legend().into_iter();
    let legend: Vec<String> = legend
        .map(|(symbol, what)| format!("`{symbol}` {what}"))
        .collect();
    let legend = if legend.is_empty() {
        String::new()
    } else {
        format!("\n<sub>Symbols: {}.</sub>\n", legend.join(", "))
    };
    tables.within(budget.saturating_sub(legend.len())) + &legend
}

/// Returns the hidden marker line, the title and the verdict of several environments. `what`
/// distinguishes several comments about them.
pub(super) fn several_head<'a>(
    (what, title): (&str, &str),
    names: impl Iterator<Item = &'a str>,
    verdict: &str,
) -> String {
    let names = names.collect::<Vec<_>>().join(",");
    let id = Digest::of(names.as_bytes());
    let shown: String = comment(&names).chars().take(NAME_LIMIT).collect();
    format!(
        "<!-- solform{what} environments={shown} id={} -->\n### solform {title}: {}\n\n{}\n",
        &id.as_str()[..12],
        short_code(&names, NAME_LIMIT),
        strong(verdict)
    )
}

/// Returns the line of an environment: its verdict, and every version that changes.
fn line(environment: &EnvironmentResult<PlanResult>) -> String {
    let name = short_code(&environment.name, NAME_LIMIT);
    let Some(PlanResult { plan, .. }) = environment.value() else {
        let (error, _) = words::clipped(&environment.error());
        return format!("{name}: **no plan**: {}", short_code(&error, ERROR_LIMIT));
    };
    let summary = Summary::of(plan);
    let (verdict, rest) = view::verdict(plan.mode, &summary);
    let risks = view::at_risk(&summary);
    let risks = if risks.is_empty() {
        String::new()
    } else {
        format!(" **Risks:** {}.", risks.join(", "))
    };
    format!(
        "{name}: **{verdict}**{rest}{risks}{}",
        changed_versions(plan)
    )
}

/// Returns the versions that change, by action.
fn changed_versions(plan: &Plan) -> String {
    let mut text = String::new();
    for kind in [
        ActionKind::Delete,
        ActionKind::Replace,
        ActionKind::Update,
        ActionKind::Create,
    ] {
        let of_kind = plan.to_do().filter(|change| change.action.kind() == kind);
        let addresses: Vec<String> = of_kind.map(|it| code(it.address.as_str())).collect();
        if !addresses.is_empty() {
            let addresses = words::joined(addresses.into_iter());
            // Writing to a String cannot fail.
            let _ = write!(text, "<br>`{}` {addresses}", kind.symbol());
        }
    }
    text
}

fn refusals(environment: &EnvironmentResult<PlanResult>) -> impl Iterator<Item = String> {
    let refusals = environment.value().map(|value| &value.refusals);
    let refusals = refusals.into_iter().flatten();
    refusals.map(|refusal| format!("{}: {refusal}", environment.name))
}

fn policy_warnings(environment: &EnvironmentResult<PlanResult>) -> Vec<String> {
    let warnings = environment
        .value()
        .map(|value| view::policy_warnings(&value.plan));
    let warnings = warnings.into_iter().flatten();
    warnings
        .map(|line| format!("{}: {line}", environment.name))
        .collect()
}

fn notes(environment: &EnvironmentResult<PlanResult>) -> Vec<String> {
    let name = short_code(&environment.name, NAME_LIMIT);
    let notes = environment.value().map(|value| note_lines(&value.plan));
    let notes = notes.into_iter().flatten();
    notes.map(|note| format!("{name}: {note}")).collect()
}

fn leftover_lines(environment: &EnvironmentResult<PlanResult>) -> Vec<String> {
    let Some(PlanResult { plan, abandon, .. }) = environment.value() else {
        return Vec::new();
    };
    let name = short_code(&environment.name, NAME_LIMIT);
    let lines = leftovers(plan, abandon, code, in_backticks).into_iter();
    lines.map(|line| format!("{name}: {line}")).collect()
}

fn header<'n>(environments: impl Iterator<Item = &'n str>) -> String {
    let mut names = String::from("| solution |");
    let mut rule = String::from("|---|");
    for environment in environments {
        let _ = write!(names, " {} |", short_code(environment, NAME_LIMIT));
        rule.push_str("---|");
    }
    format!("{names}\n{rule}\n")
}

fn table_row(row: &MatrixRow<'_>) -> Row {
    let has_owner = row.has_several_owners();
    let text = |show: &dyn Fn(&MatrixVersion<'_>) -> Option<String>| {
        let mut text = format!("| {} |", code(row.name));
        for cell in &row.cells {
            let cell = match cell {
                None => NOT_READ.to_owned(),
                Some(versions) => {
                    let versions: Vec<String> = versions.iter().filter_map(show).collect();
                    versions.join("<br>")
                }
            };
            let _ = write!(text, " {cell} |");
        }
        text + "\n"
    };
    Row {
        whole: text(&|version| Some(version_text(version, has_owner, true))),
        // A reviewer must see what changes.
        brief: text(&|version| {
            let is_changed = version.is_changed();
            is_changed.then(|| version_text(version, has_owner, false))
        }),
        rank: row.rank(),
    }
}

fn version_text(version: &MatrixVersion<'_>, has_owner: bool, is_whole: bool) -> String {
    let symbol = version.change.filter(|kind| *kind != ActionKind::NoOp);
    let symbol = symbol.map(|kind| format!("`{}`", kind.symbol()));
    let label = version.label(has_owner, str::to_owned);
    let values = |text: Option<String>| text.filter(|_| is_whole);
    let blocks = version.blocks.iter().map(|block| strong(block));
    let risks = version.risks.iter();
    let risks = risks.map(|(text, is_high)| mark(text, *is_high));
    let parts = [
        symbol,
        Some(code(&label)),
        values(version.state.text(code)),
        values(version.visibility.text(code)),
        version.verified.map(str::to_owned),
    ];
    let parts = parts.into_iter().flatten().chain(blocks).chain(risks);
    parts.collect::<Vec<_>>().join(" ")
}
