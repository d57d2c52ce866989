"""The examples of the pages, with the installed wheel."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import solform

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["docs/python.md", "python/README.md"])
def test_the_complete_tests_pass(page: str, pytester: pytest.Pytester) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    [complete] = [block for block in blocks if "\ndef test_" in block]
    pytester.makepyfile(complete)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_quick_start_works(tmp_path: Path) -> None:
    """Executes the commands of the page, and finds each line that it shows, in its order."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    page = (ROOT / "examples/quickstart/README.md").read_text("utf-8")
    blocks = "\n".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL))
    folder = tmp_path
    commands = re.split(r"^\$ ", blocks, flags=re.MULTILINE)[1:]
    assert len(commands) > 8
    for command, _, shown in (text.partition("\n") for text in commands):
        if command.startswith("cd "):
            folder = folder / command[3:]
            continue
        path = [str(Path(solform.find_binary()).parent), os.environ["PATH"]]
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**os.environ, "PATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        rest = done.stdout
        for line in filter(None, shown.splitlines()):
            if line != "...":
                assert f"{line}\n" in rest, f"{command} does not print {line!r} here: {rest}"
                rest = rest.split(f"{line}\n", 1)[1]
