"""Runs the program."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
from typing import IO, Dict, List, Mapping, Optional, Tuple

from ._binary import find_binary
from ._errors import ERRORS, SolformError

# What the program writes to standard error: progress, warnings and errors.
log = logging.getLogger("solform")


def environment(extra: Optional[Mapping[str, str]]) -> Dict[str, str]:
    """Returns the variables for the program: those of this process, and the extra ones."""
    return {**os.environ, **(extra or {})}


def run(
    arguments: List[str], env: Optional[Mapping[str, str]]
) -> Tuple[str, Optional[SolformError]]:
    """Runs the program until it ends, and returns its output, and an error if it failed."""
    command = [find_binary(), *arguments]
    log.debug("%s", command)
    # A file, because nothing reads standard output before the program has ended.
    with tempfile.TemporaryFile() as stdout:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(env),
            encoding="utf-8",
            errors="replace",
        )
        lines: List[str] = []
        assert process.stderr is not None
        try:
            _collect(process.stderr, lines)
            code = process.wait()
        except KeyboardInterrupt:
            # Ctrl-C also reached the program, which now finishes what runs and releases its lock.
            _collect(process.stderr, lines)
            process.wait()
            raise
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            process.stderr.close()
        stdout.seek(0)
        text = stdout.read().decode("utf-8")
    if code in (0, 2):
        return text, None
    return text, ERRORS.get(code, SolformError)(command, code, "".join(lines))


def _collect(stream: IO[str], lines: List[str]) -> None:
    for line in stream:
        lines.append(line)
        log.info("%s", line.rstrip())
