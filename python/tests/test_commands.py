"""The functions, against an emulator."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Callable

import pytest

import solform
from conftest import FORM, TOKEN, Project


def test_a_plan_is_saved_and_applied(project: Project) -> None:
    plan = project.plan(out="test.plan")
    [change] = plan.resource_changes
    assert (change.address, change.change.actions) == ("Form@0.0.1", ["create"])
    assert change.change.before is None
    assert change.change.after is not None and change.change.after["owner"] == "ann"
    assert plan.applyable and not plan.errored
    assert solform.show("test.plan", chdir=project.folder).resource_changes == plan.resource_changes
    with pytest.raises(solform.FormatError, match="not a PlanMatrix: it is of one environment"):
        solform.show_several("test.plan", chdir=project.folder)

    report = project.apply("test.plan")
    assert (report.result, report.outcomes["done"]) == ("complete", 1)
    assert report.totals.added == 1
    assert report.convergence.result == "converged"

    plan = project.plan()
    assert not plan.applyable and plan.complete
    assert [solution.name for solution in project_list(project)] == ["Form", "Old"]


def project_list(project: Project) -> list[solform.documents.SolutionItem]:
    return solform.list(chdir=project.folder, env=project.env).solutions


def test_a_list_is_filtered(project: Project) -> None:
    found = solform.list(chdir=project.folder, env=project.env, name="Old", state="ACTIVE")
    [old] = found.solutions
    assert (old.address, old.id, old.owner) == ("Old@1.0.0", "old", "ann")


def test_an_apply_needs_an_approval(project: Project) -> None:
    with pytest.raises(solform.SolformError, match="auto-approve"):
        solform.apply(chdir=project.folder, env=project.env)


def test_a_blocked_plan_is_in_its_exception(project: Project) -> None:
    project.declare("  Old: { version: 1.0.0, state: ABSENT }", '    protect: ["Old@*"]')
    with pytest.raises(solform.Blocked) as caught:
        project.plan(out="test.plan")
    assert caught.value.exit_code == 4
    assert caught.value.plan is not None
    [change] = caught.value.plan.resource_changes
    assert change.x_solution is not None and change.x_solution.blocked_by == ["protected"]
    assert "is protected" in caught.value.stderr
    with pytest.raises(solform.Blocked) as shown:
        solform.show("test.plan", chdir=project.folder)
    assert shown.value.plan is not None and shown.value.plan.resource_changes == [change]

    with pytest.raises(solform.Blocked) as caught:
        project.apply()
    assert caught.value.report is not None
    assert caught.value.report.result == "not-applied"


def test_a_stale_plan_is_refused(project: Project) -> None:
    project.plan(out="test.plan")
    project.declare(f"{FORM}\n  Old: {{ version: 1.0.0, state: INACTIVE }}")
    with pytest.raises(solform.Refused):
        project.apply("test.plan")


SECOND = """\
  second:
    url: {url}
    token: {{ env: IB_TOKEN }}
    user: ann
"""


def several(project: Project, solutions: str = FORM) -> None:
    """Declares two environments on the same server."""
    project.declare(solutions, "    protect: []\n" + SECOND.format(url=project.emulator.url))


def test_several_environments_are_planned_and_applied(project: Project) -> None:
    several(project)
    plans = solform.plan_several(chdir=project.folder, out="all.plan", env=project.env)
    assert [environment.name for environment in plans.environments] == ["test", "second"]
    first = plans.environments[0].document
    assert first is not None and first.resource_changes[0].address == "Form@0.0.1"
    assert [row.name for row in plans.solutions] == ["Form"]
    assert solform.show_several("all.plan", chdir=project.folder).solutions == plans.solutions
    with pytest.raises(solform.FormatError, match=r"not a Plan: .* ends with `_several`"):
        solform.show("all.plan", chdir=project.folder)

    reports = solform.apply_several(plan="all.plan", chdir=project.folder, env=project.env)
    assert reports.result == "complete"
    assert {environment.result for environment in reports.environments} == {"complete"}

    both = ["second", "test"]
    lists = solform.list_several(both, chdir=project.folder, env=project.env)
    documents = [environment.document for environment in lists.environments]
    assert all(document is not None and len(document.solutions) == 2 for document in documents)


def test_several_plans_are_in_their_exception(project: Project) -> None:
    solutions = "  Old: { version: 1.0.0, state: ABSENT }"
    project.declare(solutions, '    protect: ["Old@*"]\n' + SECOND.format(url=project.emulator.url))
    with pytest.raises(solform.Blocked) as caught:
        both = ["test", "second"]
        solform.plan_several(both, chdir=project.folder, out="all.plan", env=project.env)
    assert caught.value.plan is None and caught.value.plans is not None
    with pytest.raises(solform.Blocked) as shown:
        solform.show_several("all.plan", chdir=project.folder)
    assert shown.value.plans is not None
    assert shown.value.plans.solutions == caught.value.plans.solutions
    with pytest.raises(solform.Blocked) as caught:
        solform.apply_several(auto_approve=True, chdir=project.folder, env=project.env)
    assert caught.value.exit_code == 4


def test_several_environments_are_two_at_least(project: Project) -> None:
    for names in (["test"], ["test", "test"], []):
        with pytest.raises(ValueError, match=r"two environments or more.* use `plan` for one"):
            solform.plan_several(names, chdir=project.folder, env=project.env)
    with pytest.raises(ValueError, match="use `list` for one"):
        solform.list_several(["test"], chdir=project.folder, env=project.env)
    with pytest.raises(TypeError, match="names its environments"):
        solform.apply_several(["test", "second"], plan="all.plan", chdir=project.folder)


def test_names_of_environments_are_checked(project: Project) -> None:
    for names in (["nope"], ["nope", "test"]):
        with pytest.raises(solform.SolformError, match="unknown environment `nope`"):
            solform.plan_several(names, chdir=project.folder, env=project.env)
    with pytest.raises(TypeError, match=r"^environments must be a list"):
        solform.plan_several("test", chdir=project.folder)
    with pytest.raises(TypeError, match=r"^environments must be a list"):
        solform.review("base.yaml", environments="test", chdir=project.folder)


def test_the_limits_are_allowed_to_each_environment(project: Project) -> None:
    limits = "    limits: { max_destroy: 0, max_change: 0 }\n"
    second = SECOND.format(url=project.emulator.url) + limits
    project.declare("  Old: { version: 1.0.0, state: ABSENT }", limits + second)
    with pytest.raises(solform.Blocked):
        solform.plan_several(chdir=project.folder, env=project.env)
    plans = solform.plan_several(
        chdir=project.folder, allow_destroy=1, allow_change=1, env=project.env
    )
    documents = [environment.document for environment in plans.environments]
    assert all(document is not None and document.applyable for document in documents)
    with pytest.raises(solform.Blocked):
        solform.apply_several(auto_approve=True, chdir=project.folder, env=project.env)
    reports = solform.apply_several(
        auto_approve=True, chdir=project.folder, allow_destroy=1, allow_change=1, env=project.env
    )
    assert reports.result == "complete"


def test_a_change_of_the_manifest_is_reviewed(project: Project) -> None:
    base = project.folder / "base.yaml"
    base.write_bytes((project.folder / "solform.yaml").read_bytes())
    several(project, f"{FORM}\n  Old: {{ version: 1.0.0, state: ABSENT }}")
    review = solform.review("base.yaml", chdir=project.folder)
    assert review.has_changes and review.environments == ["test", "second"]
    assert "Old" in [row.name for row in review.solutions]
    one = solform.review(base, environments=["test"], chdir=project.folder)
    assert one.only == "test"
    assert {finding.kind for finding in one.findings} == {"retired"}
    with pytest.raises(solform.SolformError, match=r"nothing\.yaml"):
        solform.review("nothing.yaml", chdir=project.folder)


def test_a_failed_apply_has_its_report(project: Project) -> None:
    project.emulator.request(
        "POST",
        "/__emulator/faults",
        {"operation": "deploy", "job": "fail", "text": "no memory"},
        token=TOKEN,
    )
    with pytest.raises(solform.PartlyFailed) as caught:
        project.apply()
    report = caught.value.report
    assert report is not None
    [change] = report.changes
    assert (change.outcome, report.result) == ("failed", "incomplete")
    assert change.detail is not None and "no memory" in change.detail


def test_a_replaced_version_is_rolled_back(project: Project) -> None:
    project.apply()
    project.declare(FORM.replace("0.0.1", "0.0.2"))
    assert project.apply().totals.added == 1
    report = solform.rollback(auto_approve=True, chdir=project.folder, env=project.env)
    assert report.mode == "rollback" and report.rollback_of is not None
    assert project.plan().applyable


def test_destroy_deletes_what_is_declared(project: Project) -> None:
    project.apply()
    report = solform.destroy(auto_approve=True, chdir=project.folder, env=project.env)
    assert (report.mode, report.totals.destroyed) == ("destroy", 1)
    assert [solution.name for solution in project_list(project)] == ["Old"]


def test_a_target_limits_the_plan(project: Project) -> None:
    project.declare(f"{FORM}\n  Old: {{ version: 1.0.0, state: INACTIVE }}")
    plan = solform.plan(chdir=project.folder, target=["Old"], env=project.env)
    assert [change.address for change in plan.resource_changes] == ["Old@1.0.0"]
    with pytest.raises(TypeError, match="must be a list"):
        solform.plan(chdir=project.folder, target="Old")


def test_problems_of_a_manifest_are_named(project: Project) -> None:
    solform.validate(chdir=project.folder, env=project.env)
    project.declare("  Form: { versoin: 0.0.1 }")
    with pytest.raises(solform.SolformError, match="versoin") as caught:
        solform.validate(chdir=project.folder)
    assert type(caught.value) is solform.SolformError
    assert (caught.value.exit_code, caught.value.plan, caught.value.report) == (1, None, None)


def test_a_token_is_nowhere_to_be_seen(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="solform")
    project.emulator.request(
        "POST", "/__emulator/faults", {"operation": "list_solutions", "status": 401}, token=TOKEN
    )
    with pytest.raises(solform.SolformError) as caught:
        project.plan()
    assert "401" in str(caught.value)
    assert caplog.records
    assert TOKEN not in repr(caught.value) + str(caught.value) + caplog.text


def test_progress_is_logged(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="solform")
    project.apply()
    assert "Form@0.0.1: Creation complete" in caplog.text


def test_the_version_is_that_of_the_package(project: Project) -> None:
    assert solform.version().count(".") == 2


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, solform.SolformError),
        (3, solform.Refused),
        (4, solform.Blocked),
        (5, solform.PartlyFailed),
        (6, solform.InFlight),
        (7, solform.VerificationFailed),
        (8, solform.Cancelled),
        (9, solform.LockHeld),
        (143, solform.Cancelled),
    ],
)
def test_every_exit_code_has_its_exception(
    program: Callable[[str], Path], code: int, kind: type[solform.SolformError]
) -> None:
    program(f"import sys; sys.stderr.write('note\\nError: why\\n'); sys.exit({code})")
    with pytest.raises(solform.SolformError) as caught:
        solform.apply(auto_approve=True)
    assert type(caught.value) is kind
    assert (caught.value.exit_code, caught.value.report) == (code, None)
    assert str(caught.value) == f"`solform apply` returned {code}\nError: why"


def test_other_formats_are_refused(program: Callable[[str], Path]) -> None:
    program("""print('{"format_version": "2.0"}')""")
    with pytest.raises(solform.FormatError, match=r"version 2\.0.*1\.x"):
        solform.list()
    program("""print('{"format_version": "1.9"}')""")
    with pytest.raises(solform.FormatError, match="not a Solutions"):
        solform.list()
    program("print('nothing')")
    with pytest.raises(solform.FormatError):
        solform.list()


def test_unknown_keys_are_ignored(program: Callable[[str], Path]) -> None:
    program(
        """print('{"format_version": "1.9", "environment": "test", "solutions": [],'"""
        """ '"incomplete": null, "unmanageable": [], "new": 1}')"""
    )
    assert solform.list().environment == "test"


def test_arguments_are_passed_as_they_are(program: Callable[[str], Path]) -> None:
    program("import sys; print(sys.argv[1:], file=sys.stderr); sys.exit(1)")
    with pytest.raises(solform.SolformError) as caught:
        solform.apply("-x.plan", environment="-e", message="-m", allow_destroy=2, chdir=Path("d"))
    assert caught.value.stderr.strip() == str(
        [
            "apply",
            "--chdir=d",
            "--environment=-e",
            "--allow-destroy=2",
            "--message=-m",
            "--no-input",
            "--detailed-exitcode",
            "--format",
            "json",
            "--",
            "-x.plan",
        ]
    )


def test_an_interrupt_waits_for_the_program(program: Callable[[str], Path], tmp_path: Path) -> None:
    """The program gets Ctrl-C too: it ends what runs before the exception goes on."""
    program(
        f"""import os, pathlib, signal, sys
def end(*_):
    print("ending", file=sys.stderr)
    pathlib.Path({str(tmp_path / "ended")!r}).write_text("")
    sys.exit(8)
signal.signal(signal.SIGINT, end)
os.kill(os.getppid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGINT)
signal.pause()
"""
    )
    with pytest.raises(KeyboardInterrupt):
        solform.apply(auto_approve=True)
    assert (tmp_path / "ended").exists()
