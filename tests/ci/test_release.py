"""The scripts of a release, and the workflows of this repository."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import zipfile

import pytest
import yaml
from conftest import ROOT, SOLFORM

ARCHIVE = ROOT / ".ci/release-archive"
VERSION = subprocess.run([ROOT / ".ci/version"], capture_output=True, text=True, check=True).stdout.strip()
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)


def test_an_archive_has_everything(tmp_path):
    program = tmp_path / "solform"
    subprocess.run(["strip", "-o", program, SOLFORM], check=True)
    done = run(ARCHIVE, program, "x86_64-unknown-linux-musl", tmp_path / "dist")
    name = f"solform-{VERSION}-x86_64-unknown-linux-musl"
    archive = tmp_path / f"dist/{name}.tar.gz"
    assert (done.returncode, done.stdout) == (0, f"{archive}\n"), done.stderr
    assert sorted(path.name for path in archive.parent.iterdir()) == [archive.name, f"{archive.name}.sha256"]
    assert run("sha256sum", "--check", f"{archive.name}.sha256", cwd=archive.parent).returncode == 0
    with tarfile.open(archive) as tar:
        members = {member.name.removeprefix(f"{name}/"): member for member in tar}
        zsh = tar.extractfile(f"{name}/completions/_solform").read()
    assert members["solform"].mode == 0o755
    assert all(member.mode == 0o644 for path, member in members.items() if path != "solform")
    assert {member.uid for member in members.values()} == {0}
    expected = {"LICENSE-MIT", "README.md", "completions/solform.bash", "man/man1/solform.1", "schema/plan.schema.json"}
    assert expected <= members.keys()
    assert zsh.startswith(b"#compdef solform")
    commands = re.findall(r"^  ([a-z-]+) ", run(SOLFORM, "--help").stdout.split("Options:")[0], re.MULTILINE)
    pages = {path.removeprefix("man/man1/") for path in members if path.startswith("man/")}
    assert pages == {"solform.1", *(f"solform-{command}.1" for command in commands if command != "help")}

    assert run(ARCHIVE, "--check", archive).returncode == 0
    with archive.open("ab") as file:
        file.write(b"\0")
    changed = run(ARCHIVE, "--check", archive)
    assert changed.returncode == 1 and "does not have the digest" in changed.stderr


def test_archives_are_reproducible(tmp_path):
    """A small program in front of the real one, because packing that twice takes long."""
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nexec {SOLFORM} "$@"\n')
    program.chmod(0o755)
    digests = set()
    for folder in ("first", "second"):
        for target in ("aarch64-apple-darwin", "x86_64-pc-windows-msvc"):
            run(ARCHIVE, program, target, tmp_path / folder, check=True)
        files = sorted((tmp_path / folder).iterdir())
        assert [path.suffix for path in files] == [".gz", ".sha256", ".zip", ".sha256"]
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in files))
    assert len(digests) == 1
    with zipfile.ZipFile(files[2]) as packed:
        assert f"{files[2].stem}/solform.exe" in packed.namelist()


def test_another_version_is_not_packed(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho solform 9.9.9\n")
    program.chmod(0o755)
    done = run(ARCHIVE, program, "x86_64-unknown-linux-musl", tmp_path / "dist")
    assert done.returncode == 1 and "has version 9.9.9" in done.stderr


@pytest.fixture
def sources(tmp_path):
    for path in (
        ".ci/version", "Cargo.toml", "Cargo.lock", "README.md", "CHANGELOG.md",
        "docs/releases.md", "examples/ci/jenkins/Jenkinsfile", "examples/ci/pre-commit/.pre-commit-config.yaml",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def test_a_tag_needs_a_dated_section(sources):
    log = sources / "CHANGELOG.md"
    log.write_text(re.sub(r"\n## .*", f"\n## {VERSION} (unreleased)", log.read_text(), count=1))
    done = run(sources / ".ci/version", f"--tag=v{VERSION}")
    assert done.returncode == 1 and "has a date" in done.stderr
    log.write_text(log.read_text().replace("(unreleased)", "(2026-01-31)"))
    done = run(sources / ".ci/version", f"--tag=v{VERSION}")
    assert (done.returncode, done.stdout) == (0, f"{VERSION}\n"), done.stderr
    assert run(sources / ".ci/version", "--tag=v9.9.9").returncode == 1
    assert run(sources / ".ci/version", f"--wheel=dist/solform-{VERSION}-py3-none-any.whl").returncode == 0
    assert run(sources / ".ci/version", "--wheel=dist/solform-9.9.9-py3-none-any.whl").returncode == 1


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("Cargo.toml", f'solform-emulator = {{ path = "emulator", version = "{VERSION}"'),
        ("Cargo.lock", f'name = "solform"\nversion = "{VERSION}"'),
        ("Cargo.lock", f'name = "solform-emulator"\nversion = "{VERSION}"'),
        ("README.md", f"The version is {VERSION.rpartition('.')[0]}."),
        ("CHANGELOG.md", f"\n## {VERSION} "),
        ("README.md", f"solform-{VERSION}-x86_64"),
        ("examples/ci/jenkins/Jenkinsfile", f"solform=={VERSION}"),
        ("examples/ci/pre-commit/.pre-commit-config.yaml", f"rev: v{VERSION}"),
    ],
)
def test_every_file_names_the_version(sources, file, line):
    path = sources / file
    text = path.read_text()
    assert text.count(line) == 1
    path.write_text(text.replace(line, re.sub(r"\d+\.\d+", "9.9", line)))
    done = run(sources / ".ci/version")
    assert done.returncode == 1 and file.rpartition("/")[0] in done.stderr


def test_the_image_has_only_verified_programs(tmp_path):
    """With a replacement for docker, which no machine of the tests has."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(
        """#!/usr/bin/env bash
set -euo pipefail
echo "$*" >>"$CALLS"
[ "$1" != login ] || cat >"$CALLS.token"
[ "$1" != buildx ] || while [ $# -gt 0 ]; do
    [ "$1" != --metadata-file ] || echo '{"containerimage.digest": "sha256:abc"}' >"$2"
    last=$1
    shift
done
[ -z "${last:-}" ] || [ ! -d "$last" ] || (cd "$last" && find . -type f | sort) >"$CALLS.context"
"""
    )
    (tmp_path / "bin/docker").chmod(0o755)
    dist = tmp_path / "dist"
    dist.mkdir()
    for target in ("x86_64", "aarch64"):
        name = f"solform-{VERSION}-{target}-unknown-linux-musl"
        (tmp_path / name).mkdir()
        (tmp_path / name / "solform").write_text(target)
        run("tar", "--create", "--gzip", "--file", dist / f"{name}.tar.gz", name, cwd=tmp_path, check=True)
        digest = run("sha256sum", f"{name}.tar.gz", cwd=dist).stdout
        (dist / f"{name}.tar.gz.sha256").write_text(digest)
    calls = tmp_path / "calls"
    environment = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "CALLS": str(calls),
        "REGISTRY_USER": "ann", "REGISTRY_TOKEN": "hush-registry", "GITHUB_OUTPUT": str(tmp_path / "outputs"),
    }
    image = [ROOT / ".ci/release-image", dist, "ghcr.io/acme/solform", VERSION]
    done = run(*image, env=environment)
    assert done.returncode == 0, done.stderr
    context = (tmp_path / "calls.context").read_text().split()
    assert context == ["./Dockerfile", "./amd64/solform", "./arm64/solform", "./ca-certificates.crt"]
    assert (tmp_path / "outputs").read_text() == "name=ghcr.io/acme/solform\ndigest=sha256:abc\n"
    assert "hush" not in calls.read_text() + done.stdout + done.stderr
    # It starts before it is pushed.
    words = [line.split()[0] for line in calls.read_text().splitlines()]
    assert words == ["build", "run", "login", "buildx", "buildx"]

    with (dist / f"solform-{VERSION}-aarch64-unknown-linux-musl.tar.gz").open("ab") as file:
        file.write(b"\0")
    calls.unlink()
    assert run(*image, env=environment).returncode != 0
    assert not calls.exists()


def jobs():
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            yield path, name, job


def test_the_workflows_are_minimal():
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "release.yml"}
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text())["permissions"] == {}
        # A tag of an action can be moved; a commit id cannot.
        for line in re.findall(r"uses: .*", path.read_text()):
            assert re.fullmatch(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    for _, name, job in jobs():
        assert job["permissions"] and job["timeout-minutes"], name


def test_publishing_waits_for_everything():
    _, names, found = zip(*(job for job in jobs() if job[0].name == "release.yml"))
    release = dict(zip(names, found))
    for name, job in release.items():
        publishes = any(right == "write" for right in job["permissions"].values())
        assert publishes == (job.get("environment") == "release"), name
        if publishes:
            assert {"version", "archive", "wheel", "sdist"} <= set(job["needs"]), name


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(step["run"], id=f"{path.name} {name} {step['name']}")
        for path, name, job in jobs() for step in job["steps"] if "run" in step
    ],
)
def test_the_scripts_are_clean(script):
    assert "${{" not in script, "a script must not contain expressions"
    # Variables come from the workflow.
    subprocess.run(["shellcheck", "--shell=bash", "-"], input=script, text=True, check=True)
