//! The phrases of a promotion, shared by text, Markdown and JSON.

use crate::attribute::State;
use crate::ident::Version;
use crate::promotion::{Decision, Direction, LeftOut, Promotion, PromotionRow};
use crate::render::words;

/// Returns the versions in service, with commas; `None` if there is none.
pub(in crate::render) fn versions(versions: &[Version]) -> Option<String> {
    joined(versions.iter().map(ToString::to_string))
}

/// Returns the versions in service in the target.
pub(in crate::render) fn target_versions(row: &PromotionRow) -> Option<String> {
    match &row.to {
        Some(live) => versions(live),
        None => Some("unknown".to_owned()),
    }
}

/// Returns the declared versions, with each state that is not ACTIVE.
pub(in crate::render) fn declared(row: &PromotionRow) -> Option<String> {
    joined(row.declared.iter().map(|(version, state)| match state {
        State::Active => version.to_string(),
        State::Inactive | State::Absent => format!("{version} {state}"),
    }))
}

fn joined(texts: impl Iterator<Item = String>) -> Option<String> {
    let texts: Vec<String> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// Returns the version that the target gets.
pub(in crate::render) fn new_version(row: &PromotionRow) -> Option<&Version> {
    match &row.decision {
        Decision::Promote(version, _) => Some(version),
        Decision::Current | Decision::LeaveOut(_) => None,
    }
}

/// Returns the decision about a solution as a phrase.
pub(in crate::render) fn result(row: &PromotionRow) -> String {
    let result = match &row.decision {
        Decision::Promote(_, direction) => direction.as_str(),
        Decision::Current => "already declared",
        Decision::LeaveOut(reason) => reason.phrase(),
    };
    let package = if row.copies_package {
        ", package copied"
    } else {
        ""
    };
    format!("{result}{package}")
}

/// Returns the warnings about solutions, each without a full stop.
pub fn promotion_warnings(promotion: &Promotion) -> Vec<(&PromotionRow, String)> {
    let (from, to) = (&promotion.from, &promotion.to);
    let mut warnings = Vec::new();
    for row in &promotion.rows {
        let name = &row.name;
        let warning = match &row.decision {
            Decision::LeaveOut(LeftOut::SeveralLive) => {
                format!("`{name}` is left out: `{from}` has several versions in service")
            }
            Decision::LeaveOut(LeftOut::NotVerified) => {
                format!(
                    "`{name}` is left out: its version in service has not passed its verification \
                     in `{from}`"
                )
            }
            Decision::LeaveOut(LeftOut::SeveralDeclared) => {
                format!("`{name}` is left out: the manifest declares it for `{to}` with `versions`")
            }
            Decision::Promote(version, Direction::Downgrade) => format!(
                "`{name}` goes down to `{version}`, which is lower than the version that the \
                 manifest declares for `{to}`"
            ),
            Decision::Promote(..) | Decision::Current | Decision::LeaveOut(_) => continue,
        };
        warnings.push((row, warning));
    }
    let inactive = promotion.rows.iter().filter(|row| row.stays_inactive());
    warnings.extend(inactive.map(|row| {
        let warning = format!(
            "`{}` is declared INACTIVE for `{to}`, so it will not be in service there",
            row.name
        );
        (row, warning)
    }));
    let pinned = promotion.rows.iter().filter(|row| row.needs_digest());
    warnings.extend(pinned.map(|row| {
        let warning = format!(
            "`{}` is declared with the `sha256` of the old package for `{to}`, and without one for \
             `{}`: declare that of the promoted package, or remove it",
            row.name, promotion.from
        );
        (row, warning)
    }));
    warnings
}

/// Returns the verdict, without the environments.
pub(in crate::render) fn verdict(promotion: &Promotion) -> String {
    let (current, left_out) = (promotion.current(), promotion.left_out());
    let packages = match promotion.copied() {
        0 => String::new(),
        count => format!(" {} to copy.", words::count(count, "package")),
    };
    match promotion.promoted() {
        0 => format!(
            "Nothing to promote: {current} already declared, {left_out} left out.{packages}"
        ),
        promoted => format!(
            "Promotion: {promoted} to promote, {current} already declared, {left_out} left \
             out.{packages}"
        ),
    }
}
