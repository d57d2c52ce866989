"""A manifest on an emulator, for the functions of the package.

The tests use the program of the installed wheel, or the one in SOLFORM_BIN.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Callable, Dict, Optional

import pytest

import solform

pytest_plugins = ["pytester"]

TOKEN = "hush-token-5e1f"
FOLDER = "acme/prod/fs/Drive"


@pytest.fixture
def solform_seed() -> Dict[str, object]:
    packages = [
        {"path": f"{FOLDER}/Form-{version}.ibsolution", "name": "Form", "version": version}
        for version in ("0.0.1", "0.0.2")
    ]
    return {
        "users": [{"token": TOKEN, "username": "ann"}],
        "solutions": [
            {"name": "Old", "version": "1.0.0", "owner": "ann", "author": "ann", "id": "old"},
        ],
        "packages": [{**package, "owner": "ann"} for package in packages],
    }


class Project:
    """A folder with a manifest for an emulator."""

    def __init__(self, folder: Path, emulator: solform.Emulator) -> None:
        self.folder, self.emulator = folder, emulator
        self.env = {"IB_TOKEN": TOKEN}

    def declare(self, solutions: str, environment: str = "") -> None:
        (self.folder / "solform.yaml").write_text(
            f"""\
solform: 1
environments:
  test:
    url: {self.emulator.url}
    token: {{ env: IB_TOKEN }}
    user: ann
{environment}
defaults: {{ owner: ann }}
solutions:
{solutions}
""",
            encoding="utf-8",
        )

    def plan(self, out: Optional[str] = None) -> solform.Plan:
        return solform.plan(chdir=self.folder, out=out, env=self.env)

    def apply(self, plan: Optional[str] = None) -> solform.Report:
        return solform.apply(plan, auto_approve=plan is None, chdir=self.folder, env=self.env)


FORM = f"  Form: {{ version: 0.0.1, path: {FOLDER}/Form-0.0.1.ibsolution, visibility: PRIVATE }}"


@pytest.fixture
def project(tmp_path: Path, solform_emulator: solform.Emulator) -> Project:
    project = Project(tmp_path, solform_emulator)
    project.declare(FORM)
    return project


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A function that replaces the program by a script in Python."""

    def replace(text: str) -> Path:
        path = tmp_path / "program"
        path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("SOLFORM_BIN", str(path))
        return path

    return replace
