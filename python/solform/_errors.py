"""The exceptions: one for each exit code that people handle."""

from __future__ import annotations

from typing import Dict, List, Optional, Type

from .documents import Plan, PlanMatrix, Report, ReportMatrix


class SolformError(Exception):
    """A command that failed. There is a subclass for each exit code from 3 to 9."""

    exit_code: int
    """The exit code of the program, or the negative number of the signal that ended it."""
    stderr: str
    """Everything that the program wrote to standard error."""
    command: List[str]
    """The program and its arguments."""
    plan: Optional[Plan]
    """The plan, if the command is a plan that was made; it names what blocks it."""
    report: Optional[Report]
    """The report, if the command is an apply that made one."""
    plans: Optional[PlanMatrix]
    """The plans of several environments, if the command made them."""
    reports: Optional[ReportMatrix]
    """The reports of several environments, if the command made them."""

    def __init__(self, command: List[str], exit_code: int, stderr: str) -> None:
        super().__init__(command, exit_code, stderr)
        self.command = command
        self.exit_code = exit_code
        self.stderr = stderr
        self.plan = None
        self.report = None
        self.plans = None
        self.reports = None

    def __str__(self) -> str:
        found = self.stderr.find("Error: ")
        reason = self.stderr[found:] if found >= 0 else self.stderr[-2000:]
        return f"`solform {self.command[1]}` returned {self.exit_code}\n{reason}".rstrip()


class Refused(SolformError):
    """3: the plan is stale, or the live version has changed since the plan."""


class Blocked(SolformError):
    """4: a limit, a protection, a package or an owner blocks the plan."""


class PartlyFailed(SolformError):
    """5: some changes failed, were skipped or did not converge."""


class InFlight(SolformError):
    """6: jobs or runs are in flight, or their outcome is not known."""


class VerificationFailed(SolformError):
    """7: a version did not pass its `verify`."""


class Cancelled(SolformError):
    """8, 130 or 143: the command was cancelled."""


class LockHeld(SolformError):
    """9: another process holds the lock."""


class FormatError(SolformError):
    """The program printed a document that this package cannot read."""

    def __init__(self, command: List[str], exit_code: int, stderr: str, reason: str) -> None:
        super().__init__(command, exit_code, stderr)
        self.reason = reason

    def __str__(self) -> str:
        return f"`solform {self.command[1]}`: {self.reason}"


ERRORS: Dict[int, Type[SolformError]] = {
    3: Refused,
    4: Blocked,
    5: PartlyFailed,
    6: InFlight,
    7: VerificationFailed,
    8: Cancelled,
    9: LockHeld,
    130: Cancelled,
    143: Cancelled,
}
