//! The sentences, risks and counts of a plan.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::ident::Address;
use crate::plan::{
    ActionKind, Block, Change, Course, Field, FieldChange, Mode, Note, Plan, Reason, RunningRuns,
    Succession, Summary, Undo,
};
use crate::render::words::{self, count, escaped, joined};
use crate::review::Risk as ReviewRisk;

/// Returns the verdict of a plan: the main sentence, and the rest of the line.
pub(in crate::render) fn verdict(mode: Mode, summary: &Summary) -> (String, &'static str) {
    if summary.has_changes() {
        let line = format!(
            "Plan: {} to add, {} to change, {} to destroy.",
            summary.add, summary.change, summary.destroy
        );
        return (line, "");
    }
    if summary.has_leftovers() {
        let left = [
            (summary.in_flight, "write", " of earlier applies in flight"),
            (summary.orphaned, "orphaned record", ""),
            (
                summary.unknown,
                "declared version",
                " in an unknown state or visibility",
            ),
            (summary.unrestored, "version", " not restored"),
        ];
        let left = left.into_iter().filter(|(number, ..)| *number > 0);
        let left: Vec<String> = left
            .map(|(number, noun, rest)| format!("{}{rest}", count(number, noun)))
            .collect();
        let left = left.join(", ");
        return (
            format!("Nothing to change, but action is needed: {left}."),
            "",
        );
    }
    let why = match mode {
        Mode::Converge => " Your infrastructure matches the configuration.",
        Mode::Destroy => " Nothing that the manifest declares is live.",
        Mode::Rollback => " Everything is as it was before the apply.",
    };
    ("No changes.".to_owned(), why)
}

/// Returns the expected duration of a plan as a sentence, if it is known.
pub(in crate::render) fn expected_time(
    plan: &Plan,
    show: impl Fn(&Address) -> String,
) -> Option<String> {
    let expected = plan.expected.as_ref()?;
    let whole = words::duration(expected.whole);
    let path = match expected.path.as_slice() {
        [] | [_] => String::new(),
        path => {
            let time = words::duration(expected.path_time);
            let path = joined(path.iter().map(show));
            format!("; the longest chain takes {time}: {path}")
        }
    };
    let unknown = match expected.unknown {
        0 => String::new(),
        unknown => format!(
            "; the duration of {} is not known",
            count(unknown, "change")
        ),
    };
    Some(format!("Expected duration: about {whole}{path}{unknown}."))
}

/// Returns the expected duration of a change as the end of its reason.
pub(in crate::render) fn expected_end(change: &Change) -> String {
    let expected = change.expected.map(words::duration);
    expected.map_or_else(String::new, |time| format!("; takes about {time}"))
}

/// Returns the policies that only warn, as sentences.
pub(in crate::render) fn policy_warnings(plan: &Plan) -> Vec<String> {
    plan.judgement.warnings().map(ToString::to_string).collect()
}

/// The title of the policies that only warn.
pub(in crate::render) const POLICY_WARNINGS: &str = "Warnings of policies";

/// Returns the sentence above the plan of a roll-back; `show` escapes the id of the apply.
pub(in crate::render) fn rolls_back(plan: &Plan, show: impl Fn(&str) -> String) -> Option<String> {
    let rollback = plan.rollback.as_ref()?;
    Some(format!("Rolls back the apply {}.", show(&rollback.apply)))
}

/// Returns the warning above a plan that takes retained versions out of service.
pub(in crate::render) fn coexisting(number: usize) -> String {
    format!(
        "{} will be deactivated by policy.\nTo keep {}, declare `superseded: keep`.",
        count(number, "coexisting version"),
        if number == 1 { "it" } else { "them" }
    )
}

/// Returns the predicate of a version that a plan leaves as it is.
pub(in crate::render) fn as_wanted(mode: Mode) -> &'static str {
    match mode {
        Mode::Converge | Mode::Destroy => "as declared",
        Mode::Rollback => "as before",
    }
}

/// Returns the numbers of unchanged versions.
pub(in crate::render) fn unchanged(mode: Mode, summary: &Summary) -> Vec<String> {
    let as_declared = format!("{} {}", summary.no_op, as_wanted(mode));
    let others = counted([
        (summary.unknown, "unknown"),
        (summary.in_review, "waiting for review"),
        (summary.unmanaged, "unmanaged"),
        (summary.left_out, "left out by options"),
    ]);
    std::iter::once(as_declared).chain(others).collect()
}

/// Returns the numbers of versions with a risk.
pub(in crate::render) fn at_risk(summary: &Summary) -> Vec<String> {
    let risks = counted([
        (summary.in_flight, "in flight"),
        (summary.orphaned, "orphaned"),
        (summary.unrestored, "not restored"),
        (summary.blocked, "blocked"),
        (summary.ends_service, "without a successor"),
        (summary.downgraded, "going down in version"),
        (summary.widened, "becoming PUBLIC"),
        (summary.narrowed, "becoming less visible"),
        (summary.irreversible, "irreversible"),
    ]);
    risks.collect()
}

fn counted<const N: usize>(counts: [(usize, &str); N]) -> impl Iterator<Item = String> {
    let counts = counts.into_iter().filter(|(number, _)| *number > 0);
    counts.map(|(number, what)| format!("{number} {what}"))
}

/// The consequence of a change that leaves a name without a serving version.
pub(in crate::render) const NO_SUCCESSOR: &str =
    "stops serving, and no other version of this name takes its place";

/// The predicate of a change whose name looks like another name.
pub(in crate::render) const SIMILAR_NAMES: &str = "has a name that looks like another one";

/// A risk of a change.
pub(in crate::render) struct Risk {
    pub(in crate::render) is_high: bool,
    /// True if the kind of the change, or a note on it, has the same sentence.
    pub(in crate::render) is_noted: bool,
    /// The mark in a table.
    pub(in crate::render) mark: Cow<'static, str>,
    /// The predicate of a sentence about the version.
    pub(in crate::render) sentence: Cow<'static, str>,
}

/// Returns the risks of a change.
pub(in crate::render) fn risks(change: &Change, succession: Option<&Succession<'_>>) -> Vec<Risk> {
    let kind = change.action.kind();
    let mark = ReviewRisk::mark;
    let risk = |is_high, mark: &'static str, sentence: &'static str| Risk {
        is_high,
        is_noted: false,
        mark: mark.into(),
        sentence: sentence.into(),
    };
    let noted = |is_high, mark, sentence| Risk {
        is_noted: true,
        ..risk(is_high, mark, sentence)
    };
    let risks = [
        matches!(kind, ActionKind::Delete | ActionKind::Replace)
            .then(|| noted(true, mark(ReviewRisk::Deleted), kind.phrase())),
        (change.undo() == Undo::Irreversible).then(|| {
            let sentence = "cannot be undone: the record, its id and its job history are lost";
            risk(false, mark(ReviewRisk::Irreversible), sentence)
        }),
        (kind == ActionKind::Replace).then(|| {
            let sentence = "is out of service until the new deploy is done";
            noted(false, "out of service meanwhile", sentence)
        }),
        change
            .ends_service()
            .then(|| noted(false, mark(ReviewRisk::OutOfService), NO_SUCCESSOR)),
        change
            .becomes_public()
            .then(|| risk(true, mark(ReviewRisk::BecomesPublic), "becomes PUBLIC")),
        succession
            .is_some_and(is_downgrade)
            .then(|| risk(true, mark(ReviewRisk::GoesDown), "goes down in version")),
        change
            .running_runs()
            .filter(|runs| !runs.is_none())
            .map(|runs| Risk {
                is_high: false,
                is_noted: true,
                mark: number_of_runs(runs).into(),
                sentence: running_runs(runs).into(),
            }),
        change.narrows_visibility().then(|| {
            let sentence =
                "is hidden from the users who see it only because of its current visibility";
            risk(true, "becomes less visible", sentence)
        }),
        change
            .notes
            .contains(&Note::ExposedBeforeVerification)
            .then(|| {
                let sentence = "is exposed before verification; set PRIVATE in the package";
                noted(false, "exposed before verification", sentence)
            }),
        change.notes.iter().any(is_drift).then(|| {
            let sentence = "has other contents than its source";
            noted(false, "content drift", sentence)
        }),
        change
            .has_similar_names()
            .then(|| noted(true, "similar name", SIMILAR_NAMES)),
    ];
    risks.into_iter().flatten().collect()
}

/// Returns the RUNNING runs of a version as a predicate.
pub(in crate::render) fn running_runs(runs: &RunningRuns) -> String {
    let number = number_of_runs(runs);
    let spaces = match (&runs.user, runs.spaces.len()) {
        (Some(user), 0) => format!("spaces of {user}"),
        (None, 0) => "spaces of the token's user".to_owned(),
        _ => format!("in {}", joined(runs.spaces.iter().cloned())),
    };
    escaped(&format!("has {number} ({spaces})"))
}

fn number_of_runs(runs: &RunningRuns) -> String {
    let Some(number) = runs.count else {
        return "an unknown number of RUNNING runs".to_owned();
    };
    let least = if runs.is_minimum { "at least " } else { "" };
    format!("{least}{}", count(number, "RUNNING run"))
}

fn is_drift(note: &Note) -> bool {
    matches!(note, Note::ContentDrift { .. })
}

/// Returns true if a change deletes a version, or hides it from users who see it now.
pub(in crate::render) fn is_loss(change: &Change) -> bool {
    matches!(
        change.action.kind(),
        ActionKind::Delete | ActionKind::Replace
    ) || change.narrows_visibility()
}

/// Returns true if a change must not be shortened, because a reviewer must see all of it.
pub(in crate::render) fn needs_attention(
    change: &Change,
    succession: Option<&Succession<'_>>,
) -> bool {
    is_loss(change)
        || !change.blocked.is_empty()
        || change.becomes_public()
        || !change.notes.is_empty()
        || succession.is_some_and(is_downgrade)
}

/// Returns the sort key of a change: losses come first, then blocked changes.
pub(in crate::render) fn urgency(change: &Change) -> usize {
    match (is_loss(change), change.blocked.is_empty()) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    }
}

/// Changes of one kind, with the same reason in short.
pub(in crate::render) struct ChangeGroup<'a> {
    pub(in crate::render) kind: ActionKind,
    pub(in crate::render) why: &'static str,
    pub(in crate::render) changes: Vec<&'a Change>,
}

/// Returns the groups of a big plan, those with a loss first.
pub(in crate::render) fn groups<'a>(
    changes: impl Iterator<Item = &'a Change>,
) -> Vec<ChangeGroup<'a>> {
    let mut groups: BTreeMap<(bool, ActionKind, &str), Vec<&Change>> = BTreeMap::new();
    for change in changes {
        let why = short_reason(&change.reason);
        let group = (!is_loss(change), change.action.kind(), why);
        groups.entry(group).or_default().push(change);
    }
    let groups = groups.into_iter();
    groups
        .map(|((_, kind, why), changes)| ChangeGroup { kind, why, changes })
        .collect()
}

/// Returns true if a version replaces a higher one.
pub(in crate::render) fn is_downgrade(succession: &Succession<'_>) -> bool {
    succession.course == Course::Downgrade
}

/// Returns the fields about the package that a change uploads, and about its destination.
pub(in crate::render) fn upload(change: &Change) -> impl Iterator<Item = &FieldChange> {
    let after = change.action.after();
    let is_uploaded = after.is_some_and(|after| after.upload.is_some());
    let fields = change.fields.iter().filter(|field| match field.field {
        Field::Path
        | Field::Source
        | Field::Size
        | Field::Sha256
        | Field::Fingerprint
        | Field::Overwrite => true,
        Field::Owner | Field::Verify | Field::State | Field::Visibility => false,
    });
    fields.filter(move |_| is_uploaded)
}

/// Returns the mark of a block in a table.
pub(in crate::render) fn block(block: &Block) -> String {
    match block {
        Block::Protected => ReviewRisk::Blocked.mark().to_owned(),
        Block::Package { .. } => "blocked by its package".to_owned(),
        Block::Owner(_) | Block::Verification(_) => format!("blocked: {}", block.code()),
    }
}

/// Returns the reason of a change, in short.
pub(in crate::render) fn short_reason(reason: &Reason) -> &'static str {
    match reason {
        Reason::Declared => "declared",
        Reason::Superseded { .. } => "superseded",
        Reason::Undeclared => "its name is not declared, so `manage.undeclared` applies",
        Reason::Tombstone => "declared as ABSENT",
        Reason::Requested => "requested by the command",
        Reason::ContentChanged { .. } => "content changed",
        Reason::RolledBack { .. } => "rolled back",
    }
}

/// Returns the reason of a change; `show` escapes an address.
pub(in crate::render) fn reason(reason: &Reason, show: impl Fn(&Address) -> String) -> String {
    let short = short_reason(reason);
    match reason {
        Reason::Superseded { by } => format!("{short} by {}", joined(by.iter().map(show))),
        Reason::Declared
        | Reason::Undeclared
        | Reason::Tombstone
        | Reason::Requested
        | Reason::RolledBack { .. }
        | Reason::ContentChanged { .. } => short.to_owned(),
    }
}

/// Returns the versions that a version replaces, such as `upgrade from Form@1`; `show` escapes an
/// address.
pub(in crate::render) fn succession(
    succession: &Succession<'_>,
    show: impl Fn(&Address) -> String,
) -> String {
    let from = joined(succession.from.iter().map(|address| show(address)));
    format!("{} from {from}", succession.course.as_str())
}
