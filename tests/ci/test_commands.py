"""The command lines of solform in the examples are valid, and the GitLab jobs work."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import gitlab
import pytest
import yaml
from conftest import ROOT, SECRETS, SOLFORM
from test_github import FORM

FILES = [
    *(path for path in (ROOT / "examples/ci").rglob("*") if path.is_file()),
    ROOT / ".pre-commit-hooks.yaml",
]
COMMANDS = {"validate", "review", "plan", "apply", "show", "history", "force-unlock"}
# A command line ends at the end of its line, or at the first character that is not part of it.
LINE = re.compile(r"""(?:^|[\s`"'])solform ([a-z-]+)((?:[ \t]+[^\s|;&`)<>]+)*)""", re.MULTILINE)


def command_lines():
    for path in FILES:
        text = path.read_text()
        # Joins the continuation lines of shells and of folded YAML.
        text = re.sub(r"\\\n\s*", " ", text)
        text = re.sub(r"\n\s+(--)", r" \1", text)
        for command, rest in LINE.findall(text):
            if command in COMMANDS and (rest or path.name.endswith("hooks.yaml")):
                yield f"{path.relative_to(ROOT)}", command, tuple(rest.split())


def known_options(command):
    shown = subprocess.run([SOLFORM, command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(?:^|[\s,])(--?[a-z][a-z-]*)", shown, re.MULTILINE))


def test_the_options_exist():
    lines = set(command_lines())
    assert {command for _, command, _ in lines} >= {"validate", "review", "plan", "apply"}
    known = {command: known_options(command) for command in {line[1] for line in lines}}
    used = 0
    for file, command, words in lines:
        for word in words:
            if word.startswith("-"):
                option = word.partition("=")[0].strip("\"'.,:")
                assert option in known[command], f"{file}: solform {command} {' '.join(words)}"
                used += 1
    assert used > 20


GITLAB = gitlab.pipeline(ROOT / "examples/ci/gitlab/.gitlab-ci.yml")


def run_gitlab(world, checkout, name):
    """Runs the scripts of a job in one shell, as GitLab does; returns exit code, output and missing artefacts."""
    job = gitlab.extended(GITLAB, f"solform {name} prod")
    script = "\n".join([*job.get("before_script", []), *job["script"]])
    base = subprocess.run(
        ["git", "rev-parse", "origin/main"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {
        "PATH": world.environment["PATH"], "HOME": str(world.folder), "CI": "true",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "SOLFORM_ALLOWED_HOSTS": "127.0.0.1",
        **{name: str(value) for name, value in job["variables"].items()},
        "SOLFORM_ALLOWED_PATHS": world.environment["SOLFORM_ALLOWED_PATHS"],
        "IB_PROD_PLAN_TOKEN": SECRETS["IB_PROD_PLAN_TOKEN"], "IB_PROD_TOKEN": SECRETS["IB_PROD_TOKEN"],
    }
    # The image may have no bash; the runner then uses sh.
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=checkout, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    kept = job.get("artifacts", {})
    files = [*kept.get("paths", []), *kept.get("reports", {}).values()]
    return done.returncode, done.stdout, [file for file in files if not (checkout / file).exists()]


def test_gitlab_plans_applies_and_sees_drift(start):
    world = start()
    checkout = world.checkout(FORM)
    code, output, missing = run_gitlab(world, checkout, "review")
    assert (code, missing) == (0, []), output
    assert '"create":1' in (checkout / "counts.json").read_text().replace(" ", "")
    assert not world.emulator.writes()

    code, output, missing = run_gitlab(world, checkout, "drift")
    assert (code, missing) == (2, []), output
    code, output, missing = run_gitlab(world, checkout, "plan")
    assert (code, missing) == (0, []), output
    code, output, _ = run_gitlab(world, checkout, "apply")
    assert code == 0, output
    assert "Apply complete! Resources: 1 added" in output
    code, output, missing = run_gitlab(world, checkout, "drift")
    assert (code, missing) == (0, []), output

    # The manifest has changed since the applied plan was made.
    (checkout / "solform.yaml").write_text(world.manifest)
    code, output, _ = run_gitlab(world, checkout, "apply")
    assert code == 3, output
    assert "Stale:" in output


def test_gitlab_fails_if_a_plan_fails(start):
    world = start()
    world.emulator.call("POST", "/__emulator/faults", {"operation": "list_solutions", "status": 403})
    for name in ("plan", "drift"):
        code, output, _ = run_gitlab(world, world.checkout(FORM), name)
        assert code == 1, output


def test_the_gitlab_component_has_an_input_for_each_name():
    other = {"environment": "uat", "token": "UAT_TOKEN", "plan-token": "UAT_PLAN_TOKEN", "file": "deploy/solform.yaml"}
    text = json.dumps(gitlab.pipeline(ROOT / "examples/ci/gitlab/.gitlab-ci.yml", **other))
    assert not re.search(r"prod\b|PROD", text)
    assert text.count("deploy/solform.yaml") >= 7
    with pytest.raises(AssertionError):
        gitlab.pipeline(ROOT / "examples/ci/gitlab/.gitlab-ci.yml", environment="a; touch pwned")


def hooks_of(world, checkout, *hooks):
    """Runs hooks of this repository in a checkout, as pre-commit does, but without fetching them."""
    definitions = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    taken = [{**definitions[hook], "language": "system"} for hook in hooks]
    (checkout / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [{"repo": "local", "hooks": taken}]}))
    subprocess.run(["git", "add", ".pre-commit-config.yaml"], cwd=checkout, check=True)
    done = subprocess.run(
        ["pre-commit", "run", "--all-files", "--color", "never"], cwd=checkout, text=True,
        env={**world.environment, "PRE_COMMIT_HOME": str(world.folder / "pre-commit")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    return done.returncode, done.stdout


def test_the_hooks_check_and_review(start):
    world = start()
    checkout = world.checkout(FORM)
    code, output = hooks_of(world, checkout, "solform-validate", "solform-review")
    assert code == 0, output
    assert output.count("Passed") == 2
    (checkout / "solform.yaml").write_text(world.manifest + "  Bad: { versoin: 1 }\n")
    subprocess.run(["git", "add", "solform.yaml"], cwd=checkout, check=True)
    code, output = hooks_of(world, checkout, "solform-validate")
    assert code == 1, output
    assert "versoin" in output


def test_the_example_names_existing_hooks():
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    example = yaml.safe_load((ROOT / "examples/ci/pre-commit/.pre-commit-config.yaml").read_text())
    used = {hook["id"] for repository in example["repos"] for hook in repository["hooks"]}
    assert used <= hooks


SHELLS = [
    *sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file()),
    *sorted((ROOT / "examples/ci/github/scripts").iterdir()),
    ROOT / "tests/ci/bin/cargo",
]


@pytest.mark.parametrize("path", SHELLS, ids=lambda path: path.name)
def test_scripts_are_clean(path):
    if path.read_bytes().startswith(b"#!/usr/bin/env bash"):
        assert os.access(path, os.X_OK)
        subprocess.run(["shellcheck", path], check=True)
    else:
        assert path.suffix in (".yml", ".json") or path.read_bytes().startswith(b"#!/usr/bin/env python3")


def test_all_missing_prerequisites_are_reported(tmp_path):
    # Only the tools of any machine, without a compiler or a package manager.
    for tool in ("bash", "sed", "cut", "sort", "head", "id", "mktemp", "rm", "dirname", "python3", "git"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    done = subprocess.run(
        ["bash", ROOT / ".ci/prerequisites"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    [message] = done.stderr.splitlines()
    for missing in ("a C compiler", "jq", "Node.js", "npm", "Rust 1.92 or later", "rustfmt", "clippy"):
        assert missing in message
    assert "git" not in message
    # `.ci/run` checks them first.
    steps = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith(("cargo", ".ci/", "RUST"))]
    assert steps[0] == ".ci/prerequisites"
    assert "cargo test" in steps


def blocks():
    """Yields the shell scripts inside YAML files."""
    for path in sorted((ROOT / "examples/ci/github").rglob("*.yml")):
        document = yaml.safe_load(path.read_text())
        jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
        for job in jobs:
            for step in job["steps"]:
                if "run" in step:
                    yield pytest.param("bash", step["run"], id=f"{path.name} {step['name']}")
    for name in GITLAB:
        job = gitlab.extended(GITLAB, name) if "solform" in name else {}
        if "script" in job and not name.startswith("."):
            lines = [*job.get("before_script", []), *job["script"]]
            yield pytest.param("sh", "\n".join(lines), id=f"gitlab {name}")


@pytest.mark.parametrize(("shell", "script"), list(blocks()))
def test_inline_shell_is_clean(shell, script):
    subprocess.run(["shellcheck", f"--shell={shell}", "-"], input=script, text=True, check=True)
    # Scripts in workflows have one line; longer ones are files.
    assert shell == "sh" or script.count("\n") == 0


def test_every_workflow_is_minimal():
    for path in sorted((ROOT / "examples/ci/github/workflows").glob("*.yml")):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}, path.name
        # YAML 1.1 reads the key `on` as true.
        assert "pull_request_target" not in workflow[True], path.name
        for job in workflow["jobs"].values():
            assert job["permissions"] and job["timeout-minutes"]
            for step in job["steps"]:
                assert "uses" not in step or re.match(r"(actions/[a-z-]+@v\d+|\./\.github/solform)$", step["uses"])


assert pathlib.Path(SOLFORM).exists(), "build solform first"
