//! The matrix of several environments: a row for each solution, and in each cell the versions of
//! one environment.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::attribute::{LiveVisibilityWord, State, Visibility};
use crate::ident::{Address, Identity, SolutionId};
use crate::live::LiveState;
use crate::plan::{Action, ActionKind, Change, Plan, Successions, Summary};
use crate::render::view::plan as view;
use crate::render::words;
use crate::review::{DeclaredChange, DeclaredImage, DeclaredVersion, Review};

/// The matrix of several environments. Rows with a loss come first, then rows with a change; the
/// order within is that of the names.
pub(in crate::render) struct Matrix<'a> {
    pub(in crate::render) rows: Vec<MatrixRow<'a>>,
    /// Returns the meaning of a symbol.
    meaning: fn(ActionKind) -> &'static str,
}

/// The cell of an environment that could not be read.
pub(in crate::render) const NOT_READ: &str = "?";

/// The cell of an environment without a version.
pub(in crate::render) const NO_VERSION: &str = "(none)";

/// A solution in all environments.
pub(in crate::render) struct MatrixRow<'a> {
    pub(in crate::render) name: &'a str,
    /// The versions in each environment, in the order of the environments; `None` if the
    /// environment could not be read.
    pub(in crate::render) cells: Vec<Option<Vec<MatrixVersion<'a>>>>,
}

/// A version in one environment.
pub(in crate::render) struct MatrixVersion<'a> {
    pub(in crate::render) address: Address,
    pub(in crate::render) identity: &'a Identity,
    /// The change; `None` in a list.
    pub(in crate::render) change: Option<ActionKind>,
    pub(in crate::render) state: Values<'a>,
    pub(in crate::render) visibility: Values<'a>,
    /// The marks of the reasons why the change is blocked.
    pub(in crate::render) blocks: Vec<String>,
    /// The mark of a version that must pass its verification.
    pub(in crate::render) verified: Option<&'static str>,
    /// The marks of the risks, each with true if the risk is high.
    pub(in crate::render) risks: Vec<(Cow<'static, str>, bool)>,
    is_loss: bool,
}

/// A value before and after the change; `None` if it is unknown, or if the version is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) struct Values<'a> {
    pub(in crate::render) before: Option<&'a str>,
    pub(in crate::render) after: Option<&'a str>,
}

impl<'a> Values<'a> {
    fn unchanged(value: Option<&'a str>) -> Self {
        Self {
            before: value,
            after: value,
        }
    }

    /// Returns the value, or both values if they differ; `show` escapes a value.
    pub(in crate::render) fn text(self, show: impl Fn(&str) -> String) -> Option<String> {
        match (self.before, self.after) {
            (Some(before), Some(after)) if before != after => {
                Some(format!("{} -> {}", show(before), show(after)))
            }
            (Some(value), _) | (None, Some(value)) => Some(show(value)),
            (None, None) => None,
        }
    }
}

impl MatrixVersion<'_> {
    /// Returns true if the version changes.
    pub(in crate::render) fn is_changed(&self) -> bool {
        self.change.is_some_and(|kind| kind != ActionKind::NoOp)
    }

    /// Returns the version, with its owner if `has_owner`; `show` escapes a text.
    pub(in crate::render) fn label(
        &self,
        has_owner: bool,
        show: impl Fn(&str) -> String,
    ) -> String {
        let version = show(self.identity.version.as_str());
        if has_owner {
            format!("{}:{version}", show(self.identity.owner.as_str()))
        } else {
            version
        }
    }
}

impl<'a> MatrixRow<'a> {
    /// Returns the versions of all environments that were read.
    pub(in crate::render) fn versions(&self) -> impl Iterator<Item = &MatrixVersion<'a>> {
        self.cells.iter().flatten().flatten()
    }

    /// Returns true if a version changes in an environment.
    pub(in crate::render) fn is_changed(&self) -> bool {
        self.versions().any(MatrixVersion::is_changed)
    }

    /// Returns the rank of the row: rows with the lowest rank are cut last.
    pub(in crate::render) fn rank(&self) -> usize {
        if self.versions().any(|version| version.is_loss) {
            0
        } else if self.versions().any(|version| !version.blocks.is_empty()) {
            1
        } else {
            2 + usize::from(!self.is_changed())
        }
    }

    /// Returns true if the row has versions of several owners, so that each must be named.
    pub(in crate::render) fn has_several_owners(&self) -> bool {
        let mut owners = self.versions().map(|version| &version.identity.owner);
        let first = owners.next();
        owners.any(|owner| Some(owner) != first)
    }
}

impl<'a> Matrix<'a> {
    /// Returns the matrix of plans; `None` is an environment without a plan.
    pub(in crate::render) fn of_plans(plans: impl Iterator<Item = Option<&'a Plan>>) -> Self {
        let plans = plans.map(|plan| Some(planned(plan?)));
        Self::of(plans.collect(), ActionKind::legend)
    }

    /// Returns the matrix of lists, without the first `offset` rows and with at most `limit`;
    /// `None` is an environment that could not be read.
    pub(in crate::render) fn of_lists(
        lists: impl Iterator<Item = Option<(&'a LiveState, &'a BTreeMap<SolutionId, Address>)>>,
        (offset, limit): (usize, usize),
    ) -> Self {
        let mut matrix = Self::of(
            lists
                .map(|list| list.map(|(live, addresses)| listed(live, addresses)))
                .collect(),
            ActionKind::legend,
        );
        matrix.rows = matrix.rows.into_iter().skip(offset).take(limit).collect();
        matrix
    }

    /// Returns the matrix of a review: the solutions whose declared versions change.
    pub(in crate::render) fn of_review(review: &'a Review) -> Self {
        let rows = review.solutions.iter().map(|solution| MatrixRow {
            name: solution.name.as_str(),
            cells: solution
                .cells
                .iter()
                .map(|versions| Some(versions.iter().map(declared).collect()))
                .collect(),
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(MatrixRow::rank);
        let meaning = declared_change;
        Self { rows, meaning }
    }

    /// Returns the symbols in the cells, each with its meaning.
    pub(in crate::render) fn legend(&self) -> Vec<(&'static str, &'static str)> {
        let versions = self.rows.iter().flat_map(MatrixRow::versions);
        let kinds = versions.filter_map(|version| version.change);
        let kinds: BTreeSet<ActionKind> = kinds.filter(|kind| *kind != ActionKind::NoOp).collect();
        let kinds = kinds.into_iter();
        let kinds = kinds.map(|kind| (kind.symbol(), (self.meaning)(kind)));
        let is_unread = |row: &MatrixRow<'_>| row.cells.iter().any(Option::is_none);
        let unread = self.rows.iter().any(is_unread);
        kinds
            .chain(unread.then_some((NOT_READ, "not known")))
            .collect()
    }

    fn of(
        environments: Vec<Option<Vec<MatrixVersion<'a>>>>,
        meaning: fn(ActionKind) -> &'static str,
    ) -> Self {
        let is_read: Vec<bool> = environments.iter().map(Option::is_some).collect();
        let mut rows: BTreeMap<&str, Vec<Option<Vec<MatrixVersion<'a>>>>> = BTreeMap::new();
        for (index, versions) in environments.into_iter().enumerate() {
            for version in versions.into_iter().flatten() {
                let cells = rows.entry(version.identity.name.as_str());
                let cells = cells.or_insert_with(|| {
                    let cells = is_read.iter();
                    cells.map(|is_read| is_read.then(Vec::new)).collect()
                });
                cells[index].get_or_insert_default().push(version);
            }
        }
        let rows = rows.into_iter();
        let mut rows: Vec<_> = rows
            .map(|(name, cells)| MatrixRow { name, cells })
            .collect();
        rows.sort_by_key(MatrixRow::rank);
        Self { rows, meaning }
    }
}

/// Returns the versions of a plan. A tombstone of a version that does not exist has no cell.
fn planned(plan: &Plan) -> Vec<MatrixVersion<'_>> {
    let successions = Successions::of(plan);
    let changes = plan.changes.iter();
    changes
        .filter_map(|change| planned_version(change, &successions))
        .collect()
}

fn planned_version<'a>(
    change: &'a Change,
    successions: &Successions<'a>,
) -> Option<MatrixVersion<'a>> {
    let before = change.action.before();
    let state_before = before.map(|before| before.state.as_str());
    let seen_before = before.and_then(|before| Some(before.visibility.as_ref()?.as_str()));
    let (state, visibility) = match &change.action {
        Action::NoOp { before: None } => return None,
        Action::NoOp { before: Some(_) } => (state_before, seen_before),
        Action::Delete { .. } => (None, None),
        Action::Create { after, .. } | Action::Replace { after, .. } => (
            Some(after.state.as_str()),
            after.visibility.map(Visibility::as_str),
        ),
        Action::Update { patch, .. } => (
            patch.state().map(State::as_str).or(state_before),
            patch.visibility().map(Visibility::as_str).or(seen_before),
        ),
    };
    let risks = view::risks(change, successions.of_change(change).as_ref());
    let is_loss = matches!(
        change.action.kind(),
        ActionKind::Delete | ActionKind::Replace
    ) || change.narrows_visibility();
    Some(MatrixVersion {
        address: change.address.clone(),
        identity: &change.identity,
        change: Some(change.action.kind()),
        state: Values {
            before: state_before,
            after: state,
        },
        visibility: Values {
            before: seen_before,
            after: visibility,
        },
        blocks: change.blocked.iter().map(view::block).collect(),
        verified: change.action.is_verified().then_some("verified first"),
        risks: risks
            .into_iter()
            .map(|risk| (risk.mark, risk.is_high))
            .collect(),
        is_loss,
    })
}

/// Returns the meaning of a symbol in a review: there, it is the change of a declaration.
fn declared_change(kind: ActionKind) -> &'static str {
    let change = match kind {
        ActionKind::Create => DeclaredChange::Added,
        ActionKind::Delete => DeclaredChange::Removed,
        ActionKind::Update | ActionKind::Replace => DeclaredChange::Changed,
        ActionKind::NoOp => DeclaredChange::Same,
    };
    change.as_str()
}

/// Returns a version of a review. Its change is that of the declaration, and not of a live version.
fn declared(version: &DeclaredVersion) -> MatrixVersion<'_> {
    let (before, after) = (version.before, version.after);
    let change = match version.change() {
        DeclaredChange::Added => ActionKind::Create,
        DeclaredChange::Removed => ActionKind::Delete,
        DeclaredChange::Changed => ActionKind::Update,
        DeclaredChange::Same => ActionKind::NoOp,
    };
    let seen = |image: DeclaredImage| image.visibility.map(Visibility::as_str);
    MatrixVersion {
        address: version.identity.address(),
        identity: &version.identity,
        change: Some(change),
        state: Values {
            before: before.map(|image| image.state.as_str()),
            after: after.map(|image| image.state.as_str()),
        },
        visibility: Values {
            before: before.and_then(seen),
            after: after.and_then(seen),
        },
        blocks: Vec::new(),
        verified: None,
        risks: Vec::new(),
        is_loss: change == ActionKind::Delete,
    }
}

fn listed<'a>(
    live: &'a LiveState,
    addresses: &BTreeMap<SolutionId, Address>,
) -> Vec<MatrixVersion<'a>> {
    let versions = live.versions().iter();
    versions
        .map(|version| {
            let address = addresses.get(&version.id).cloned();
            let visibility = version.visibility.as_ref();
            MatrixVersion {
                address: address.unwrap_or_else(|| version.identity.address()),
                identity: &version.identity,
                change: None,
                state: Values::unchanged(Some(version.state.as_str())),
                visibility: Values::unchanged(visibility.map(LiveVisibilityWord::as_str)),
                blocks: Vec::new(),
                verified: None,
                risks: Vec::new(),
                is_loss: false,
            }
        })
        .collect()
}

/// Returns the sentence about all environments: `None` is an environment without a plan.
pub(in crate::render) fn verdict<'a>(plans: impl Iterator<Item = Option<&'a Plan>>) -> String {
    let (mut changed, mut unchanged, mut failed) = (0, 0, 0);
    for plan in plans {
        match plan.map(Summary::of) {
            Some(summary) if summary.has_changes() => changed += 1,
            Some(_) => unchanged += 1,
            None => failed += 1,
        }
    }
    let total = words::count(changed + unchanged + failed, "environment");
    let parts = [
        (changed, "with changes"),
        (unchanged, "without changes"),
        (failed, "without a plan"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    format!("{total}: {}.", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{Scenario, declared, live, scenario};

    fn upgrade() -> Scenario {
        scenario()
            .declare([
                declared("Form@2"),
                declared("Same@1"),
                declared("No@1").absent(),
            ])
            .live([live("Form@1"), live("Same@1")])
    }

    #[test]
    fn one_upgrade_in_several_environments_is_one_row() {
        let (dev, uat) = (upgrade().plan(), upgrade().plan());
        let gone = scenario()
            .declare([declared("Same@1").absent()])
            .live([live("Same@1")])
            .plan();
        let matrix = Matrix::of_plans([Some(&dev), None, Some(&uat), Some(&gone)].into_iter());
        let names: Vec<&str> = matrix.rows.iter().map(|row| row.name).collect();
        // The loss comes first; a tombstone without a version has no row.
        assert_eq!(names, ["Same", "Form"]);
        let form = &matrix.rows[1];
        let cell = |index: usize| {
            form.cells[index].as_ref().map(|versions| {
                let text = |version: &MatrixVersion<'_>| {
                    let state = version.state.text(str::to_owned).unwrap_or_default();
                    format!("{} {state}", version.address)
                };
                versions.iter().map(text).collect::<Vec<_>>()
            })
        };
        let upgraded = ["Form@1 ACTIVE -> INACTIVE", "Form@2 ACTIVE"].map(str::to_owned);
        assert_eq!(cell(0), Some(upgraded.to_vec()));
        assert_eq!(cell(1), None);
        assert_eq!(cell(2), cell(0));
        assert_eq!(cell(3), Some(Vec::new()));
        assert!(!form.has_several_owners());
    }

    #[test]
    fn the_verdict_counts_environments() {
        let (changed, same) = (upgrade().plan(), scenario().plan());
        let all = [Some(&changed), Some(&same), None];
        assert_eq!(
            verdict(all.into_iter()),
            "3 environments: 1 with changes, 1 without changes, 1 without a plan."
        );
        assert_eq!(
            verdict([Some(&same)].into_iter()),
            "1 environment: 1 without changes."
        );
    }
}
