"""Finds the program."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Iterator

WINDOWS = os.name == "nt"


class BinaryNotFoundError(FileNotFoundError):
    """The program solform is not installed."""


def find_binary() -> str:
    """Returns the path of the program.

    The order is: the variable `SOLFORM_BIN`; the program that the wheel installed in this
    environment; the PATH.
    """
    if chosen := os.environ.get("SOLFORM_BIN"):
        if not Path(chosen).is_file():
            raise BinaryNotFoundError(f"SOLFORM_BIN names no file: {chosen}")
        return chosen
    name = "solform.exe" if WINDOWS else "solform"
    for folder in _script_folders():
        if (folder / name).is_file():
            return str(folder / name)
    if found := shutil.which("solform"):
        return found
    raise BinaryNotFoundError(
        "the program solform is neither in this environment nor on the PATH; "
        "install the package again, or set SOLFORM_BIN"
    )


def _script_folders() -> Iterator[Path]:
    """Yields the folders into which pip installs programs."""
    yield Path(sysconfig.get_path("scripts"))
    user = "nt_user" if WINDOWS else "posix_user"
    if sys.platform == "darwin" and sys._framework:
        user = "osx_framework_user"
    yield Path(sysconfig.get_path("scripts", scheme=user))
    # `pip install --target`
    yield Path(__file__).resolve().parents[1] / ("Scripts" if WINDOWS else "bin")
