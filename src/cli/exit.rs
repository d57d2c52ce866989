//! The exit codes of commands (listed in the README).

use std::process::ExitCode;

/// The exit status of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExitStatus {
    /// Success; with `--detailed-exitcode` also: nothing to do.
    Success,
    /// An error, including a usage error.
    Error,
    /// Changes are present (plan) or were made (apply).
    Changes,
    /// A plan that is stale, or a change that its precondition refused.
    Stale,
    /// A limit, a protection, a package or an owner blocks the plan.
    Blocked,
    /// Some changes failed, were skipped, or did not converge.
    Partial,
    /// Jobs are still in progress.
    InFlight,
    /// Cancelled or declined.
    Cancelled,
    /// Another process holds the lock.
    Locked,
}

impl ExitStatus {
    /// Returns the exit code: only 0 or 1 without `--detailed-exitcode`.
    pub(super) fn code(self, is_detailed: bool) -> ExitCode {
        let detailed = match self {
            Self::Success => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Stale => 3,
            Self::Blocked => 4,
            Self::Partial => 5,
            Self::InFlight => 6,
            Self::Cancelled => 8,
            Self::Locked => 9,
        };
        let plain = match self {
            Self::Success | Self::Changes => 0,
            Self::Error
            | Self::Stale
            | Self::Blocked
            | Self::Partial
            | Self::InFlight
            | Self::Cancelled
            | Self::Locked => 1,
        };
        ExitCode::from(if is_detailed { detailed } else { plain })
    }
}

/// Returns the status with precedence if several apply: 8, 9, 4, 6, 5, 3, 2.
pub(super) fn with_precedence(holding: &[ExitStatus]) -> ExitStatus {
    const ORDER: [ExitStatus; 7] = [
        ExitStatus::Cancelled,
        ExitStatus::Locked,
        ExitStatus::Blocked,
        ExitStatus::InFlight,
        ExitStatus::Partial,
        ExitStatus::Stale,
        ExitStatus::Changes,
    ];
    ORDER
        .into_iter()
        .find(|status| holding.contains(status))
        .unwrap_or(ExitStatus::Success)
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
        for (holding, expected) in cases {
            assert_eq!(with_precedence(&holding), expected, "{holding:?}");
        }
    }
}
