"""The search for the program."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import solform
from solform import _binary

NAME = "solform.exe" if _binary.WINDOWS else "solform"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without the program."""
    monkeypatch.delenv("SOLFORM_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(_binary, "_script_folders", lambda: iter([tmp_path / "scripts"]))
    return tmp_path


def program(folder: Path) -> str:
    folder.mkdir()
    (folder / NAME).write_text("")
    (folder / NAME).chmod(0o755)
    return str(folder / NAME)


def test_the_variable_comes_first(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = program(folders / "path")
    assert solform.find_binary() == on_path
    installed = program(folders / "scripts")
    assert solform.find_binary() == installed
    chosen = program(folders / "chosen")
    monkeypatch.setenv("SOLFORM_BIN", chosen)
    assert solform.find_binary() == chosen


def test_a_missing_program_is_an_error(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(solform.BinaryNotFoundError, match="set SOLFORM_BIN"):
        solform.find_binary()
    monkeypatch.setenv("SOLFORM_BIN", str(folders / "gone"))
    with pytest.raises(FileNotFoundError, match="names no file"):
        solform.find_binary()


def test_windows_has_another_name(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folders / "scripts").mkdir()
    (folders / "scripts/solform.exe").write_text("")
    monkeypatch.setattr(_binary, "WINDOWS", True)
    assert solform.find_binary() == str(folders / "scripts/solform.exe")


def test_the_environment_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(sysconfig.get_path("scripts")) in list(_binary._script_folders())


def test_the_module_is_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "solform", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"solform {solform.version()}\n"
    assert subprocess.call([sys.executable, "-m", "solform", "completions", "no-such"]) == 1
