//! The exit status of commands, with the one table of exit codes.

use std::process::ExitCode;

/// The exit status of a command, with its detailed exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum ExitStatus {
    /// Success; with `--detailed-exitcode` also: nothing to do.
    Success = 0,
    /// An error, including a usage error.
    Error = 1,
    /// Changes are present (plan) or were made (apply).
    Changes = 2,
    /// A plan that is stale, or a change that its precondition refused.
    Stale = 3,
    /// A limit, a protection, a package or an owner blocks the plan.
    Blocked = 4,
    /// Some changes failed, were skipped, or did not converge.
    Partial = 5,
    /// Jobs are still in progress.
    InFlight = 6,
    /// A version did not pass its verification.
    NotVerified = 7,
    /// Cancelled or declined.
    Cancelled = 8,
    /// Another process holds the lock.
    Locked = 9,
}

/// Each exit status with its label, in the help texts and in the README.
const LABELS: [(ExitStatus, &str); 10] = [
    (ExitStatus::Success, "success"),
    (ExitStatus::Error, "error"),
    (ExitStatus::Changes, "changes"),
    (ExitStatus::Stale, "stale"),
    (ExitStatus::Blocked, "blocked"),
    (ExitStatus::Partial, "failed or partly failed"),
    (ExitStatus::InFlight, "in flight or not known"),
    (ExitStatus::NotVerified, "verification failed"),
    (ExitStatus::Cancelled, "cancelled"),
    (ExitStatus::Locked, "locked"),
];

/// The statuses besides success, by precedence.
const PRECEDENCE: [ExitStatus; 8] = [
    ExitStatus::Cancelled,
    ExitStatus::Locked,
    ExitStatus::Blocked,
    ExitStatus::NotVerified,
    ExitStatus::InFlight,
    ExitStatus::Partial,
    ExitStatus::Stale,
    ExitStatus::Changes,
];

impl ExitStatus {
    /// Returns its label.
    pub(in crate::cli) fn word(self) -> &'static str {
        let label = LABELS.iter().find(|(status, _)| *status == self);
        label.map_or("", |(_, label)| label)
    }

    /// Returns the exit code: only 0 or 1 without `--detailed-exitcode`.
    pub(in crate::cli) fn code(self, is_detailed: bool) -> ExitCode {
        ExitCode::from(match self {
            _ if is_detailed => self as u8,
            Self::Success | Self::Changes => 0,
            _ => 1,
        })
    }
}

/// Returns the help of `--detailed-exitcode` for a command that ends with these statuses.
pub(in crate::cli) fn detailed_help(is_included: impl Fn(ExitStatus) -> bool) -> String {
    let labels: Vec<String> = LABELS
        .iter()
        .filter(|(status, _)| is_included(*status))
        .map(|(status, label)| format!("{} {label}", *status as u8))
        .collect();
    format!("Return detailed exit codes: {}", labels.join(", "))
}

/// Returns the status with precedence among those that apply.
pub(in crate::cli) fn with_precedence(applying: &[(bool, ExitStatus)]) -> ExitStatus {
    PRECEDENCE
        .into_iter()
        .find(|status| applying.contains(&(true, *status)))
        .unwrap_or(ExitStatus::Success)
}

/// Returns the status of a command that read several environments. An error of one of them has
/// precedence, because the result is then incomplete.
pub(in crate::cli) fn status_of_all(statuses: &[ExitStatus]) -> ExitStatus {
    if statuses.contains(&ExitStatus::Error) {
        return ExitStatus::Error;
    }
    let applying: Vec<(bool, ExitStatus)> = statuses.iter().map(|one| (true, *one)).collect();
    with_precedence(&applying)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_with_precedence_wins() {
        let cases = [
            (vec![], ExitStatus::Success),
            (vec![ExitStatus::Changes], ExitStatus::Changes),
            (
                vec![ExitStatus::Changes, ExitStatus::Stale, ExitStatus::Partial],
                ExitStatus::Partial,
            ),
            (
                vec![ExitStatus::Partial, ExitStatus::InFlight],
                ExitStatus::InFlight,
            ),
            (
                vec![ExitStatus::InFlight, ExitStatus::Cancelled],
                ExitStatus::Cancelled,
            ),
        ];
        for (applying, expected) in cases {
            let applying: Vec<_> = applying.into_iter().map(|status| (true, status)).collect();
            assert_eq!(with_precedence(&applying), expected, "{applying:?}");
        }
        let none = [(false, ExitStatus::Locked)];
        assert_eq!(with_precedence(&none), ExitStatus::Success);
    }

    #[test]
    fn an_error_of_one_environment_wins() {
        use ExitStatus::{Blocked, Changes, Error, InFlight, Success};
        for (statuses, expected) in [
            (&[][..], Success),
            (&[Success, Changes][..], Changes),
            (&[Changes, Blocked, InFlight][..], Blocked),
            (&[Blocked, Error, Success][..], Error),
        ] {
            assert_eq!(status_of_all(statuses), expected, "{statuses:?}");
        }
    }

    #[test]
    fn the_readme_lists_the_exit_codes() {
        let readme = include_str!("../../../README.md");
        let (_, section) = readme.split_once("## Exit codes").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows: Vec<&str> = section
            .lines()
            .filter(|line| line.starts_with("| ") && !line.starts_with("| code"))
            .collect();
        assert_eq!(rows.len(), LABELS.len());
        for ((status, label), row) in LABELS.iter().zip(rows) {
            let expected = format!("| {} | {label}: ", *status as u8);
            assert!(row.starts_with(&expected), "{row}");
        }
        let order = PRECEDENCE
            .map(|status| (status as u8).to_string())
            .join(", ");
        assert!(section.contains(&format!("the precedence is {order}.")));
    }
}
