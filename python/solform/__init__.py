"""solform for Python: plan and apply Instabase solutions, and test pipelines on an emulator.

The functions run the program `solform` that the same wheel installs, and return its documents as
dataclasses. A function raises a `SolformError` for every exit code except 0 and 2:

    import solform

    plan = solform.plan(environment="prod", out="prod.plan")
    if plan.applyable:
        report = solform.apply(environment="prod", plan="prod.plan")
"""

from ._binary import BinaryNotFoundError, find_binary
from ._commands import (
    apply,
    apply_several,
    destroy,
    list_several,
    plan,
    plan_several,
    review,
    rollback,
    show,
    show_several,
    validate,
    version,
)
from ._commands import list_versions as list
from ._emulator import Emulator
from ._errors import (
    Blocked,
    Cancelled,
    FormatError,
    InFlight,
    LockHeld,
    PartlyFailed,
    Refused,
    SolformError,
    VerificationFailed,
)
from .documents import ListMatrix, Plan, PlanMatrix, Report, ReportMatrix, Review, Solutions

__all__ = [
    "BinaryNotFoundError",
    "Blocked",
    "Cancelled",
    "Emulator",
    "FormatError",
    "InFlight",
    "ListMatrix",
    "LockHeld",
    "PartlyFailed",
    "Plan",
    "PlanMatrix",
    "Refused",
    "Report",
    "ReportMatrix",
    "Review",
    "SolformError",
    "Solutions",
    "VerificationFailed",
    "apply",
    "apply_several",
    "destroy",
    "find_binary",
    "list",
    "list_several",
    "plan",
    "plan_several",
    "review",
    "rollback",
    "show",
    "show_several",
    "validate",
    "version",
]
