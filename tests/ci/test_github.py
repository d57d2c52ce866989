"""The workflows, the action and their scripts, run against the emulator and a replacement for `gh`."""

import hashlib
import json
import os
import re
import subprocess

import pytest
import yaml
from conftest import HOSTILE, ROOT, SOLFORM

SCRIPTS = ROOT / "examples/ci/github/scripts"
FORM = "  Form W-2: { version: 0.0.1, path: acme/prod/fs/Drive/Form W-2-0.0.1.ibsolution }\n"

def test_a_pull_request_keeps_one_comment(start):
    world = start()
    # A comment of another user with the same marker must not be edited.
    plan = world.plan(world.checkout(FORM))
    assert plan.result == "success", plan.log
    [first] = world.kept("comments.json")
    assert first["body"].startswith("<!-- solform environment=prod id=")
    assert "1 to add" in first["body"]
    copied = {"id": 1, "user": {"login": "mallory"}, "body": first["body"]}
    (world.gh / "comments.json").write_text(json.dumps([copied, first]))

    checkout = world.checkout()
    assert world.plan(checkout).result == "success"
    theirs, ours = world.kept("comments.json")
    assert theirs == copied
    assert ours["id"] == first["id"]
    assert "No changes" in ours["body"]
    assert ours["body"] == (checkout / "solform-out/plan.md").read_text()
    assert not world.emulator.writes()


def test_a_hostile_name_is_only_shown(start):
    world = start()
    world.manifest = world.manifest.replace("': { version: 1.0.0 }", "': { version: 1.0.0, state: INACTIVE }")
    plan = world.plan(world.checkout())
    assert plan.result == "success", plan.log
    [comment] = world.kept("comments.json")
    # The comment shows the name as code, which the backticks of the name do not close.
    assert f"``{HOSTILE.replace('|', chr(92) + '|')}@1.0.0``" in comment["body"]
    assert "::error::forged" in plan.log
    # The name may be in the text of an annotation, but it must not be a workflow command.
    assert all(re.match(r"::(notice|warning|error)( \w+=[^,:]*(,\w+=[^,:]*)*)?::", line) for line in plan.annotations())


def test_the_runner_ignores_commands_in_output(start):
    world = start()
    tool = world.folder / "bin/solform"
    tool.unlink()
    tool.write_text(f'#!/bin/sh\n[ "$1" = --version ] || echo "::error::forged"\nexec {SOLFORM} "$@"\n')
    tool.chmod(0o755)
    plan = world.plan(world.checkout(FORM))
    assert "\n::error::forged\n" in plan.log
    assert "::error::forged" not in plan.annotations()


def test_the_action_passes_on_options_and_the_manifest(start):
    world = start()
    # A second change, which the options exclude.
    world.manifest = world.manifest.replace("Invoice: { version: 1.0.0 }", "Invoice: { version: 1.0.0, state: INACTIVE }")
    checkout = world.checkout(FORM)
    (checkout / "deploy").mkdir()
    (checkout / "solform.yaml").rename(checkout / "deploy/solform.yaml")
    page = (ROOT / "examples/ci/README.md").read_text()
    [step] = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    step["with"]["environment"] = "prod"
    step["env"] = {"IB_PROD_TOKEN": "${{ secrets.IB_PROD_PLAN_TOKEN }}"}
    job = world.steps(checkout, [step])
    assert job.result == "success", job.log
    assert "Form W-2@0.0.1 will be created" in job.log
    assert "1 to add, 0 to change" in world.kept("comments.json")[0]["body"]


def test_a_failed_plan_replaces_the_earlier_comment(start):
    world = start()
    # Without an earlier comment a failed plan writes none.
    world.emulator.call("POST", "/__emulator/faults", {"operation": "list_solutions", "status": 403})
    failed = world.plan(world.checkout(FORM))
    assert failed.result == "failure"
    assert world.kept("comments.json") == []
    world.emulator.call("DELETE", "/__emulator/faults")
    assert world.plan(world.checkout(FORM)).result == "success"
    [before] = world.kept("comments.json")

    world.emulator.call("POST", "/__emulator/faults", {"operation": "list_solutions", "status": 403})
    failed = world.plan(world.checkout(FORM))
    assert failed.result == "failure"
    [after] = world.kept("comments.json")
    assert after["id"] == before["id"]
    assert after["body"].splitlines()[0] == before["body"].splitlines()[0]
    assert "The plan failed" in after["body"]
    assert "https://github.com/acme/releases/actions/runs/500" in after["body"]
    assert "to add" not in after["body"]

    world.emulator.call("DELETE", "/__emulator/faults")
    assert world.plan(world.checkout(FORM)).result == "success"
    assert world.kept("comments.json") == [before]


def test_an_empty_secret_is_reported(start, monkeypatch):
    world = start()
    monkeypatch.setattr("conftest.SECRETS", {})
    plan = world.plan(world.checkout(FORM))
    assert plan.result == "failure"
    assert any("IB_PROD_TOKEN is empty" in line for line in plan.annotations())


def test_a_blocked_plan_is_shown_and_not_kept(start):
    world = start()
    world.manifest = world.manifest.replace("    store:", '    protect: ["Invoice@*"]\n    store:')
    world.manifest = world.manifest.replace("Invoice: { version: 1.0.0 }", "Invoice: { version: 1.0.0, state: ABSENT }")
    plan = world.plan(world.checkout())
    assert plan.result == "failure"
    assert any("blocked" in line for line in plan.annotations())
    [comment] = world.kept("comments.json")
    assert "Cannot be applied" in comment["body"]
    assert not (world.folder / "artifacts").exists()


def test_a_fork_is_checked_and_not_planned(start):
    world = start()
    checkout = world.checkout(FORM)
    check = world.job(checkout, "solform-plan.yml", "check", fork=True)
    assert check.result == "success", check.log
    assert "Form W-2" in check.summary
    assert world.plan(checkout, fork=True).result == "skipped"
    assert world.calls() == []
    assert world.emulator.call("GET", "/__emulator/requests") in ([], {"requests": []})


def test_a_manifest_with_a_problem_fails_the_check(start):
    world = start()
    check = world.job(world.checkout("  Bad: { versoin: 1 }\n"), "solform-plan.yml", "check")
    assert check.result == "failure"
    assert "versoin" in check.log


def test_the_token_goes_to_no_other_host(start):
    world = start()
    world.manifest = world.manifest.replace("127.0.0.1", "localhost")
    plan = world.plan(world.checkout(FORM))
    assert plan.result == "failure"
    assert "SOLFORM_ALLOWED_HOSTS" in plan.log


def test_what_was_reviewed_is_applied(start):
    world = start()
    assert world.plan(world.checkout(FORM)).result == "success"
    world.github_knows()
    find, apply = world.merge(world.checkout(FORM))
    assert find.outputs == {"run-id": "500"}, find.log
    assert apply.result == "success", apply.log
    assert "Apply complete! Resources: 1 added, 0 changed, 0 destroyed." in apply.log
    assert "Form W-2@0.0.1" in apply.summary
    assert [write["operation"] for write in world.emulator.writes()][0] == "deploy"
    # The next plan has no changes.
    assert world.plan(world.checkout(FORM)).result == "success"
    assert "No changes" in world.kept("comments.json")[0]["body"]


@pytest.mark.parametrize(
    "known",
    [{"merged": False}, {"head_repository": "somebody/releases"}, {"conclusion": "failure"}, {"expired": True}],
)
def test_without_a_reviewed_plan_nothing_is_applied(start, known):
    world = start()
    assert world.plan(world.checkout(FORM)).result == "success"
    world.github_knows(**known)
    find, apply = world.merge(world.checkout(FORM))
    assert find.result == "failure"
    assert any("Run this workflow by hand" in line for line in find.annotations())
    assert apply.result == "skipped"
    assert not world.emulator.writes()


def a_pull(number=7, **changes):
    """Returns a pull request of a branch of the repository, merged into `main` by the pushed commit."""
    pull = {
        "number": number, "state": "closed", "merge_commit_sha": "merge-commit",
        "created_at": "2026-01-02T00:00:00Z", "closed_at": "2026-01-05T00:00:00Z", "merged_at": "2026-01-05T00:00:00Z",
        "head": {"sha": "head-commit", "ref": "topic", "repo": {"full_name": "acme/releases"}},
        "base": {"ref": "main", "repo": {"full_name": "acme/releases"}},
    }
    return {**pull, **changes}


def another_pull(base="release", **changes):
    """Returns pull request 8 of the same branch into another branch, merged an hour earlier."""
    changes = {"merge_commit_sha": "other-merge", "closed_at": "2026-01-04T23:00:00Z",
               "merged_at": "2026-01-04T23:00:00Z", **changes}
    return a_pull(8, base={"ref": base, "repo": {"full_name": "acme/releases"}}, **changes)


def a_run(id, *pulls, **changes):
    """Returns a run that planned the head commit. GitHub lists its pull requests while they are open."""
    run = {
        "id": id, "run_number": id, "run_attempt": 1, "head_sha": "head-commit", "head_branch": "topic",
        "event": "pull_request", "conclusion": "success", "created_at": "2026-01-03T00:00:00Z",
        "head_repository": {"full_name": "acme/releases"}, "pull_requests": [{"number": number} for number in pulls],
    }
    return {**run, **changes}


ELSEWHERE = {"sha": "head-commit", "ref": "topic", "repo": {"full_name": "somebody/releases"}}


def found_run(tmp_path, runs, *, pulls=None, others=(), variables=None, pages=1):
    """Runs `find-plan.sh`; returns the id of the run that it finds, or its error message."""
    repository = "repos/acme/releases"
    pulls = [a_pull()] if pulls is None else pulls
    listed = [{"workflow_runs": runs[number::pages]} for number in range(pages)]
    canned = {
        f"{repository}/commits/merge-commit/pulls": pulls,
        f"{repository}/actions/workflows/solform-plan.yml/runs": listed[0] if pages == 1 else {"pages": listed},
        **{
            f"{repository}/actions/runs/{run['id']}/artifacts": {
                "artifacts": [{"name": "solform-plan-prod", "expired": False}]
            }
            for run in runs
        },
    }
    if others is not None:
        canned[f"{repository}/pulls"] = [*pulls, *others]
    (tmp_path / "canned.json").write_text(json.dumps(canned))
    (tmp_path / "output").touch()
    done = subprocess.run(
        ["bash", SCRIPTS / "find-plan.sh"], capture_output=True, text=True,
        env={
            "PATH": f"{ROOT / 'tests/ci/bin'}:{os.environ['PATH']}", "FAKE_GH": str(tmp_path), "GH_TOKEN": "reads-only",
            "GITHUB_REPOSITORY": "acme/releases", "GITHUB_SHA": "merge-commit", "GITHUB_REF_NAME": "main",
            "GITHUB_OUTPUT": str(tmp_path / "output"), "WORKFLOW": "solform-plan.yml", "ARTIFACT": "solform-plan-prod",
            **(variables or {}),
        },
    )
    calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert all(call["method"] == "GET" for call in calls)
    output = (tmp_path / "output").read_text()
    if done.returncode == 0:
        assert re.fullmatch(r"run-id=\d+\n", output), done.stdout
        return int(output.removeprefix("run-id="))
    assert output == ""
    assert done.stdout.startswith("::error title=solform::"), done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("runs", "world", "expected"),
    [
        # GitHub no longer lists the pull requests of a run when they are closed.
        ([a_run(500)], {}, 500),
        ([a_run(500, pull_requests=None)], {}, 500),
        ([a_run(500, 7)], {}, 500),
        # Several runs of one pull request: the newest, on any page of the list.
        ([a_run(500), a_run(501), a_run(499)], {}, 501),
        ([a_run(500), a_run(501), a_run(502)], {"pages": 2}, 502),
        ([a_run(500, 7), a_run(501, 7)], {}, 501),
        # A second attempt keeps the id of its run.
        ([a_run(500, run_attempt=3)], {}, 500),
        # The newest belongs to another pull request that is still open.
        ([a_run(500), a_run(501, 8)], {"others": [another_pull(closed_at=None, merged_at=None, state="open")]}, 500),
        ([a_run(500, 7), a_run(501, 8)], {}, 500),
        ([a_run(500, 7), a_run(501)], {"others": [another_pull()]}, 500),
        ([a_run(500, 7, 8)], {}, 500),
        # The same commit from another branch, another repository, another event.
        ([a_run(500), a_run(501, head_branch="other")], {}, 500),
        ([a_run(500), a_run(501, head_repository={"full_name": "somebody/releases"})], {}, 500),
        ([a_run(500), a_run(501, head_repository=None)], {}, 500),
        ([a_run(500), a_run(501, event="push")], {}, 500),
        ([a_run(500), a_run(501, event="workflow_dispatch")], {}, 500),
        ([a_run(500), a_run(501, head_sha="older-commit")], {}, 500),
        ([a_run(500), a_run(501, conclusion="cancelled")], {}, 500),
        # An earlier pull request of the branch was closed before this one was opened, and its run is older.
        (
            [a_run(500), a_run(501, created_at="2026-01-01T12:00:00Z")],
            {"others": [another_pull("main", merged_at=None, created_at="2026-01-01T00:00:00Z",
                                     closed_at="2026-01-01T18:00:00Z")]},
            500,
        ),
        # Pull requests of the branch that were closed before the run or opened after it do not matter.
        ([a_run(500), a_run(501)], {"others": [another_pull(closed_at="2026-01-02T12:00:00Z")]}, 501),
        ([a_run(500), a_run(501)], {"others": [another_pull(created_at="2026-01-03T12:00:00Z")]}, 501),
        # A branch of the same name elsewhere is another branch.
        ([a_run(500), a_run(501)], {"others": [another_pull(head=ELSEWHERE)]}, 501),
        # Of several associated pull requests only one was merged by this commit.
        ([a_run(500)], {"pulls": [another_pull(head={**a_pull()["head"], "ref": "other"}), a_pull()]}, 500),
        # The list of pull requests is only needed to distinguish several runs.
        ([a_run(500)], {"others": None}, 500),
    ],
)
def test_the_run_of_the_merged_pull_request_is_found(tmp_path, runs, world, expected):
    assert found_run(tmp_path, runs, **world) == expected


TWO = "cannot be distinguished"
NONE = "there is no successful plan of pull request 7"


@pytest.mark.parametrize(
    ("runs", "world", "says"),
    [
        ([], {}, NONE),
        ([a_run(501, 8)], {}, NONE),
        ([a_run(500, conclusion="failure")], {}, NONE),
        ([a_run(500, created_at="2026-01-01T12:00:00Z")], {}, NONE),
        # Both pull requests are closed, so the pull request of each run is no longer known.
        ([a_run(500), a_run(501)], {"others": [another_pull()]}, TWO),
        ([a_run(500), a_run(501)], {"others": [another_pull(merged_at=None)]}, TWO),
        # The same with one run: the run of the merged pull request may have failed.
        ([a_run(500)], {"others": [another_pull()]}, TWO),
        # The branch of the other pull request has newer commits.
        ([a_run(500)], {"others": [another_pull(head={**a_pull()["head"], "sha": "newer"})]}, TWO),
        # If other pull requests cannot be listed, two runs cannot be distinguished.
        ([a_run(500), a_run(501)], {"others": None}, TWO),
        ([a_run(500)], {"pulls": [a_pull(), a_pull(8)]}, "several pull requests"),
        ([a_run(500)], {"pulls": []}, "not merged from a pull request"),
        ([a_run(500)], {"pulls": [a_pull(merged_at=None)]}, "not merged from a pull request"),
        # The pull request was merged into another branch, which was pushed to this one.
        ([a_run(500)], {"pulls": [a_pull(base={"ref": "release"})]}, "not merged from a pull request"),
        # For a pull request of a fork, the workflow that planned may have been written by the fork.
        ([a_run(500)], {"pulls": [a_pull(head=ELSEWHERE)]}, "comes from a fork"),
        ([a_run(500)], {"pulls": [a_pull(head={**ELSEWHERE, "repo": None})]}, "comes from a fork"),
        ([a_run(500, head_repository={"full_name": "somebody/releases"})], {}, NONE),
    ],
)
def test_an_ambiguous_run_is_refused(tmp_path, runs, world, says):
    output = found_run(tmp_path, runs, **world)
    assert isinstance(output, str), f"run {output} was accepted"
    assert says in output
    assert "Run this workflow by hand" in output


def test_a_plan_of_another_manifest_is_stale(start):
    world = start()
    assert world.plan(world.checkout(FORM)).result == "success"
    world.github_knows()
    _, apply = world.merge(world.checkout(FORM.replace("}", ", state: INACTIVE }")))
    assert apply.result == "failure"
    assert any("stale" in line for line in apply.annotations())
    assert not world.emulator.writes()

    # Started by hand, the workflow makes a new plan.
    anew = {"event": "workflow_dispatch", "inputs": {"what": "make a new plan"}}
    checkout = world.checkout(FORM)
    replan = world.job(checkout, "solform-apply.yml", "replan", **anew)
    assert replan.result == "success", replan.log
    apply = world.apply(checkout, replan=replan, **anew)
    assert apply.result == "success", apply.log
    assert "1 added" in apply.log


def test_options_are_repeated_at_the_apply(start):
    world = start()
    world.manifest = world.manifest.replace("    store:", "    limits: { max_destroy: 0 }\n    store:")
    world.manifest = world.manifest.replace("Invoice: { version: 1.0.0 }", "Invoice: { version: 1.0.0, state: ABSENT }")
    checkout = world.checkout(FORM)
    assert world.plan(checkout).result == "failure"
    inputs = {"what": "make a new plan", "options": "--allow-destroy 1"}
    anew = {"event": "workflow_dispatch", "inputs": inputs}
    replan = world.job(checkout, "solform-apply.yml", "replan", **anew)
    assert replan.result == "success", replan.log
    # The options in the plan file alone allow nothing.
    without = {"event": "workflow_dispatch", "inputs": {"what": "make a new plan", "options": ""}}
    apply = world.apply(checkout, replan=replan, **without)
    assert apply.result == "failure"
    assert "the plan was made with `--allow-destroy 1`" in apply.log
    assert not world.emulator.writes()
    apply = world.apply(checkout, replan=replan, **anew)
    assert apply.result == "success", apply.log
    assert "1 added, 0 changed, 1 destroyed" in apply.log


def test_drifted_changes_are_refused_and_others_done(start):
    world = start()
    world.manifest = world.manifest.replace("Invoice: { version: 1.0.0 }", "Invoice: { version: 1.0.0, state: ABSENT }")
    assert world.plan(world.checkout(FORM)).result == "success"
    world.emulator.call("PATCH", "/api/v2/solutions/deployed/invoice?state=INACTIVE")
    world.github_knows()
    _, apply = world.merge(world.checkout(FORM))
    assert apply.result == "failure"
    assert any("stale" in line for line in apply.annotations()), apply.log
    operations = {write["operation"] for write in world.emulator.writes()}
    assert "deploy" in operations and "delete_solution" not in operations


def test_a_second_attempt_follows_running_jobs(start):
    world = start(job_time="manual")
    assert world.plan(world.checkout(FORM)).result == "success"
    world.github_knows()
    find, apply = world.merge(world.checkout(FORM))
    assert apply.result == "failure"
    assert any("jobs are still in progress" in line for line in apply.annotations()), apply.log
    world.emulator.call("POST", "/__emulator/jobs/finish", {})
    apply = world.apply(world.checkout(FORM), find=find)
    assert apply.result == "success", apply.log
    deploys = [write for write in world.emulator.writes() if write["operation"] == "deploy"]
    assert len(deploys) == 1


def test_an_interrupted_run_is_finished_by_hand(start):
    world = start(job_time="manual")
    assert world.plan(world.checkout(FORM)).result == "success"
    world.github_knows()
    world.merge(world.checkout(FORM))
    world.emulator.call("POST", "/__emulator/jobs/finish", {})
    checkout = world.checkout(FORM)
    finish = {"event": "workflow_dispatch", "inputs": {"what": "finish the interrupted apply"}}
    assert world.job(checkout, "solform-apply.yml", "replan", **finish).result == "skipped"
    apply = world.apply(checkout, **finish)
    assert apply.result == "success", apply.log
    deploys = [write for write in world.emulator.writes() if write["operation"] == "deploy"]
    assert len(deploys) == 1


def test_drift_keeps_one_issue(start):
    world = start()

    def run_drift():
        drift = world.job(world.checkout(), "solform-drift.yml", "drift", event="schedule")
        assert drift.result == "success", drift.log
        return world.kept("issues.json")

    assert run_drift() == []
    world.emulator.call("PATCH", "/api/v2/solutions/deployed/invoice?state=INACTIVE")
    [opened] = run_drift()
    assert opened["state"] == "open"
    assert opened["title"] == "Drift: prod is not as declared"
    assert "Invoice@1.0.0" in opened["body"]
    world.emulator.call("PATCH", "/api/v2/solutions/deployed/hostile?state=INACTIVE")
    [edited] = run_drift()
    assert edited["number"] == opened["number"]
    assert "2 to change" in edited["body"]
    world.emulator.call("PATCH", "/api/v2/solutions/deployed/invoice?state=ACTIVE")
    world.emulator.call("PATCH", "/api/v2/solutions/deployed/hostile?state=ACTIVE")
    assert [issue["state"] for issue in run_drift()] == ["closed"]
    # A later drift opens a new issue.
    world.emulator.call("PATCH", "/api/v2/solutions/deployed/invoice?state=INACTIVE")
    assert [issue["state"] for issue in run_drift()] == ["closed", "open"]


@pytest.mark.parametrize("command", ["validate", "review", "plan", "apply"])
def test_exit_codes_are_passed_on(command):
    for code in range(10):
        for fails in ("false", "true"):
            done = subprocess.run(
                ["bash", SCRIPTS / "finish.sh"], capture_output=True, text=True,
                env={"PATH": os.environ["PATH"], "COMMAND": command, "EXITCODE": str(code), "FAIL_ON_CHANGES": fails},
            )
            is_fine = code == 0 or (code == 2 and not (command == "plan" and fails == "true"))
            assert done.returncode == (0 if is_fine else code)
            assert ("::error" in done.stdout) == (not is_fine)


def install(tmp_path, **more):
    for file in ("path", "cargo"):
        (tmp_path / file).touch()
    (tmp_path / "bin").mkdir(exist_ok=True)
    for tool in (ROOT / "tests/ci/bin/cargo", *more.pop("tools", [])):
        (tmp_path / "bin" / tool.name).symlink_to(tool)
    done = subprocess.run(
        ["bash", SCRIPTS / "install.sh"], capture_output=True, text=True,
        env={
            "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "RUNNER_TEMP": str(tmp_path), "FAKE_GH": str(tmp_path),
            "GITHUB_PATH": str(tmp_path / "path"), "SOLFORM": str(SOLFORM), **more,
        },
    )
    return done, (tmp_path / "cargo").read_text().strip(), (tmp_path / "path").read_text().strip()


def test_solform_is_taken_from_the_path(tmp_path):
    done, cargo, path = install(tmp_path)
    assert (done.returncode, cargo, path) == (1, "", "")
    (tmp_path / "bin/cargo").unlink()
    done, cargo, path = install(tmp_path, tools=[SOLFORM])
    assert (done.returncode, cargo, path) == (0, "", ""), done.stdout


def test_solform_is_built_from_a_folder(tmp_path):
    done, cargo, path = install(tmp_path, SOURCE=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert cargo == f"install --quiet --locked --root {tmp_path}/solform --path {ROOT}"
    assert path == f"{tmp_path}/solform/bin"


def test_solform_is_built_only_from_a_commit(tmp_path):
    source = "https://git.example.com/solform"
    done, cargo, _ = install(tmp_path, SOURCE=source, REVISION="main")
    assert (done.returncode, cargo) == (1, "")
    (tmp_path / "bin/cargo").unlink()
    done, cargo, _ = install(tmp_path, SOURCE=source, REVISION="a" * 40)
    assert done.returncode == 0
    assert cargo == f"install --quiet --locked --root {tmp_path}/solform --git {source} --rev {'a' * 40} solform"


VERSION = "9.8.7"
NAME = f"solform-{VERSION}-x86_64-unknown-linux-musl"


@pytest.fixture
def release(tmp_path):
    """A release whose program is a script that starts solform."""
    folder = tmp_path / f"releases/v{VERSION}"
    (tmp_path / NAME).mkdir()
    program = tmp_path / NAME / "solform"
    program.write_text(f'#!/bin/sh\nexec {SOLFORM} "$@"\n')
    program.chmod(0o755)
    folder.mkdir(parents=True)
    archive = folder / f"{NAME}.tar.gz"
    subprocess.run(["tar", "-czf", archive, NAME], cwd=tmp_path, check=True)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (folder / f"{NAME}.tar.gz.sha256").write_text(f"{digest}  {archive.name}\n")
    return archive


def install_release(tmp_path, **more):
    (tmp_path / "bin/cargo").unlink(missing_ok=True)
    releases, archives = (tmp_path / "releases").as_uri(), str(tmp_path / "archives")
    return install(tmp_path, **{"VERSION": VERSION, "RELEASES": releases, "ARCHIVES": archives, **more})


def test_a_release_is_installed_and_cached(tmp_path, release):
    done, cargo, path = install_release(tmp_path)
    assert (done.returncode, cargo, path) == (0, "", f"{tmp_path}/solform/bin"), done.stdout + done.stderr
    assert done.stdout.startswith("solform ")
    assert [file.name for file in (tmp_path / "archives").iterdir()] == [release.name]
    # With a digest, a cached archive needs no download.
    digest = hashlib.sha256(release.read_bytes()).hexdigest()
    release.unlink()
    release.with_name(f"{release.name}.sha256").unlink()
    assert install_release(tmp_path, SHA256=digest)[0].returncode == 0


@pytest.mark.parametrize("where", ["releases", "archives"])
def test_a_changed_archive_is_refused(tmp_path, release, where):
    assert install_release(tmp_path)[0].returncode == 0
    (tmp_path / "path").unlink()
    changed = release if where == "releases" else tmp_path / "archives" / release.name
    changed.write_bytes(changed.read_bytes() + b"\0")
    if where == "releases":
        (tmp_path / "archives" / release.name).unlink()
    done, cargo, path = install_release(tmp_path, SOURCE=str(ROOT))
    assert (done.returncode, cargo, path) == (1, "", "")
    assert "does not have the SHA-256" in done.stdout
    # It is not kept.
    assert not (tmp_path / "archives" / release.name).exists()


def test_another_digest_than_the_given_one_is_refused(tmp_path, release):
    done, cargo, _ = install_release(tmp_path, SHA256="0" * 64, SOURCE=str(ROOT))
    assert (done.returncode, cargo) == (1, "")


def test_solform_is_built_if_there_is_no_release(tmp_path):
    (tmp_path / "releases").mkdir()
    done, _, _ = install_release(tmp_path)
    assert done.returncode == 1 and "name a source" in done.stdout
    done, cargo, path = install_release(tmp_path, SOURCE=str(ROOT))
    assert (done.returncode, path) == (0, f"{tmp_path}/solform/bin"), done.stdout
    assert cargo.endswith(f"--path {ROOT}")
    assert install_release(tmp_path, VERSION="latest/../..", SOURCE=str(ROOT))[0].returncode == 1


def test_the_archive_has_the_name_of_the_release():
    """The workflow of the releases, their page, and the action use the same names."""
    workflow = (ROOT / ".github/workflows/release.yml").read_text()
    targets = re.findall(r"echo (\S+-\S+) ;;", (SCRIPTS / "install.sh").read_text())
    assert len(targets) == 4
    assert all(f"target: {target} }}" in workflow for target in targets)
