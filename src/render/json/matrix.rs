//! The documents of several environments: the matrix, and the document of each environment.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::plan::{PlanDocument, plan_document};
use super::v1::{FORMAT_VERSION, SolutionsDocument, solutions_document};
use crate::ident::{Address, SolutionId};
use crate::live::LiveState;
use crate::plan::{ActionKind, ApplyHistory, Plan, Refusal};
use crate::render::view::matrix::{Matrix, MatrixRow, MatrixVersion};

/// One of several environments: its plan or its list, or the errors that prevent it.
#[derive(Debug)]
pub struct EnvironmentResult<T> {
    /// The name in the manifest.
    pub name: String,
    /// The URL; `None` if the manifest has an error in this environment.
    pub url: Option<String>,
    /// The result.
    pub result: Result<T, Vec<Diagnostic>>,
}

impl<T> EnvironmentResult<T> {
    /// Returns the value of the environment, if it could be read.
    pub fn value(&self) -> Option<&T> {
        self.result.as_ref().ok()
    }

    /// Returns the first error: its causes if it has any, because its message only says which
    /// environment failed. Empty if there is no error.
    pub fn error(&self) -> String {
        let errors = self.result.as_ref().err();
        let first = errors.and_then(|errors| errors.first());
        first.map_or_else(String::new, |first| match &*first.x_solution.causes {
            [] => first.summary.clone(),
            causes => causes.join(": "),
        })
    }
}

/// The plan of one of several environments.
#[derive(Debug)]
pub struct PlanResult {
    /// The plan.
    pub plan: Plan,
    /// The reasons why it cannot be applied.
    pub refusals: Vec<Refusal>,
    /// The start of the command that clears an orphaned record.
    pub abandon: String,
}

/// The list of one of several environments.
#[derive(Debug)]
pub struct ListResult {
    /// The versions that pass the filters.
    pub live: LiveState,
    /// The addresses of the versions whose short address is not unique.
    pub addresses: BTreeMap<SolutionId, Address>,
    /// The state that earlier applies left.
    pub history: ApplyHistory,
}

/// The output of `plan --format json` and `list --json` for several environments.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MatrixDocument<D> {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// The version of solform that wrote the document.
    solform_version: &'static str,
    /// The environments, in the order of the manifest.
    environments: Vec<EnvironmentItem<D>>,
    /// The matrix: one row for each solution. Rows with a loss come first, then other rows with a
    /// change.
    solutions: Vec<RowItem>,
}

/// The matrix of plans.
pub type PlanMatrixDocument<'a> = MatrixDocument<PlanDocument<'a>>;

/// The matrix of lists.
pub type ListMatrixDocument<'a> = MatrixDocument<SolutionsDocument<'a>>;

/// An environment.
#[derive(Debug, Serialize, JsonSchema)]
struct EnvironmentItem<D> {
    /// The name in the manifest.
    name: String,
    /// The URL; null if the manifest has an error in this environment.
    url: Option<String>,
    /// The document that the command prints for this environment alone; null if there is an error.
    document: Option<D>,
    /// The errors that prevent the document.
    errors: Vec<Diagnostic>,
}

/// A solution in all environments.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RowItem {
    /// The solution's name.
    name: String,
    /// True if a version changes in an environment.
    changes: bool,
    /// The cells, in the order of the environments.
    cells: Vec<CellItem>,
}

/// A solution in one environment.
#[derive(Debug, Serialize, JsonSchema)]
struct CellItem {
    /// The environment.
    environment: String,
    /// The versions; null if the environment could not be read.
    versions: Option<Vec<VersionItem>>,
}

/// A version in one environment.
#[derive(Debug, Serialize, JsonSchema)]
struct VersionItem {
    /// `Name@version`, with the owner in front if two versions have the same name and version.
    address: String,
    /// The version.
    version: String,
    /// The owner.
    owner: String,
    /// The live state; null if the version is not live.
    state: Option<String>,
    /// The live visibility; null if the version is not live, or if it is unknown.
    visibility: Option<String>,
    /// The change: `no-op`, `create`, `update`, `replace` or `delete`; null in a list.
    change: Option<&'static str>,
    /// The state after the change; null if the version will not be live, and in a list.
    state_after: Option<String>,
    /// The visibility after the change; null if the version will not be live, if it is unknown, and
    /// in a list.
    visibility_after: Option<String>,
    /// True if the change is blocked.
    blocked: bool,
}

/// Returns the document of plans.
pub fn plan_matrix_document(
    environments: &[EnvironmentResult<PlanResult>],
) -> PlanMatrixDocument<'_> {
    let matrix = Matrix::of_plans(plans(environments));
    of(environments, &matrix, |_, value| {
        plan_document(&value.plan, &value.refusals)
    })
}

/// Returns the rows of the matrix of plans.
pub(super) fn plan_rows(environments: &[EnvironmentResult<PlanResult>]) -> Vec<RowItem> {
    row_items(&Matrix::of_plans(plans(environments)), environments)
}

/// Returns the plans of environments; `None` is an environment without a plan.
pub(in crate::render) fn plans(
    environments: &[EnvironmentResult<PlanResult>],
) -> impl Iterator<Item = Option<&Plan>> {
    let environments = environments.iter();
    environments.map(|environment| environment.value().map(|value| &value.plan))
}

/// Returns the document of lists. The matrix has no row of the first `offset`, and at most `limit`.
pub fn list_matrix_document(
    environments: &[EnvironmentResult<ListResult>],
    (offset, limit): (usize, usize),
) -> ListMatrixDocument<'_> {
    let matrix = Matrix::of_lists(lists(environments), (offset, limit));
    of(environments, &matrix, |name, value| {
        let ListResult {
            live,
            addresses,
            history,
        } = value;
        solutions_document(name, live, addresses, history)
    })
}

/// Returns the lists of environments, in the form that the matrix needs.
pub(in crate::render) fn lists(
    environments: &[EnvironmentResult<ListResult>],
) -> impl Iterator<Item = Option<(&LiveState, &BTreeMap<SolutionId, Address>)>> {
    environments.iter().map(|environment| {
        let ListResult {
            live, addresses, ..
        } = environment.value()?;
        Some((live, addresses))
    })
}

fn of<'a, T, D>(
    environments: &'a [EnvironmentResult<T>],
    matrix: &Matrix<'_>,
    document: impl Fn(&'a str, &'a T) -> D,
) -> MatrixDocument<D> {
    let item = |environment: &'a EnvironmentResult<T>| EnvironmentItem {
        name: environment.name.clone(),
        url: environment.url.clone(),
        document: environment
            .value()
            .map(|value| document(&environment.name, value)),
        errors: environment
            .result
            .as_ref()
            .err()
            .cloned()
            .unwrap_or_default(),
    };
    MatrixDocument {
        format_version: FORMAT_VERSION,
        solform_version: env!("CARGO_PKG_VERSION"),
        environments: environments.iter().map(item).collect(),
        solutions: row_items(matrix, environments),
    }
}

fn row_items<T>(matrix: &Matrix<'_>, environments: &[EnvironmentResult<T>]) -> Vec<RowItem> {
    let names: Vec<&str> = environments.iter().map(|one| one.name.as_str()).collect();
    let rows = matrix.rows.iter();
    rows.map(|row| row_item(row, &names)).collect()
}

fn row_item(row: &MatrixRow<'_>, names: &[&str]) -> RowItem {
    let cells = names.iter().zip(&row.cells);
    RowItem {
        name: row.name.to_owned(),
        changes: row.is_changed(),
        cells: cells
            .map(|(name, versions)| CellItem {
                environment: (*name).to_owned(),
                versions: versions
                    .as_ref()
                    .map(|versions| versions.iter().map(version_item).collect()),
            })
            .collect(),
    }
}

fn version_item(version: &MatrixVersion<'_>) -> VersionItem {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let after = |text: Option<&str>| version.change.and(owned(text));
    VersionItem {
        address: version.address.to_string(),
        version: version.identity.version.to_string(),
        owner: version.identity.owner.to_string(),
        state: owned(version.state.before),
        visibility: owned(version.visibility.before),
        change: version.change.map(ActionKind::as_str),
        state_after: after(version.state.after),
        visibility_after: after(version.visibility.after),
        blocked: !version.blocks.is_empty(),
    }
}
