"""The completion scripts in real shells: what is typed and completed arrives at the program as one word."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest
from conftest import SOLFORM

MANIFEST = """\
solform: 1
environments: { prod: { url: 'https://instabase.invalid', token: { env: NO_TOKEN } } }
defaults: { owner: svc }
solutions:
  Form W-2: { version: 0.0.2 }
  "It's $1": { version: 1 }
"""
# It prints its words, and answers the questions of the scripts.
PROGRAM = """\
#!/bin/sh
if [ -n "$SOLFORM_COMPLETE" ]; then exec {solform} "$@"; fi
for word; do printf '<%s>' "$word"; done
echo
"""
WAIT = 60


class Shell:
    """An interactive shell in a terminal."""

    def __init__(self, folder, command):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            path = f"{folder}/bin:{os.environ['PATH']}"
            variables = {"HOME": str(folder), "PATH": path, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
            os.execvpe(command[0], command, variables)
        self.text = ""

    def type(self, text):
        os.write(self.terminal, text.encode())

    def until(self, pattern):
        """Reads until the pattern is there; everything up to it is used up."""
        end = time.monotonic() + WAIT
        while not (found := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {pattern} in {self.text!r}"
            self.text += os.read(self.terminal, 4096).decode(errors="replace")
        self.text = self.text[found.end():]
        return found

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)


def bash(folder, script):
    (folder / ".bashrc").write_text(f"source {script}\nbind 'set enable-bracketed-paste off'\n")
    return ["bash", "--noprofile", "--rcfile", str(folder / ".bashrc"), "-i"]


def fish(folder, script):
    config = folder / ".config/fish/completions"
    config.mkdir(parents=True)
    shutil.copy(script, config / "solform.fish")
    return ["fish", "--interactive", "--private"]


def zsh(folder, script):
    """The script is a function in a folder of `fpath`, as packages install it."""
    functions = folder / "functions"
    functions.mkdir()
    shutil.copy(script, functions / "_solform")
    (folder / ".zshrc").write_text("fpath=(~/functions $fpath)\nautoload -Uz compinit\ncompinit -u -D\n")
    return ["zsh", "-i"]


def elvish(folder, script):
    config = folder / ".config/elvish"
    config.mkdir(parents=True)
    shutil.copy(script, config / "rc.elv")
    return ["elvish"]


SHELLS = {start.__name__: start for start in (bash, elvish, fish, zsh)}


@pytest.fixture(params=SHELLS)
def shell(request, tmp_path):
    assert shutil.which(request.param), f"{request.param} is not installed: see .ci/prerequisites"
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/solform"
    program.write_text(PROGRAM.format(solform=SOLFORM))
    program.chmod(0o755)
    (tmp_path / "solform.yaml").write_text(MANIFEST)
    script = tmp_path / "script"
    script.write_bytes(subprocess.run([SOLFORM, "completions", request.param], stdout=subprocess.PIPE, check=True).stdout)
    shell = Shell(tmp_path, SHELLS[request.param](tmp_path, script))
    # The shell is ready when it has executed a command.
    shell.type("solform ready\r")
    shell.until("<ready>")
    yield shell
    shell.close()


@pytest.mark.parametrize(
    "typed, expected",
    [
        ("solform revoke Form", "<revoke><Form W-2@0.0.2>"),
        ("solform revoke It", "<revoke><It's $1@1>"),
        ("solform plan -e p", "<plan><-e><prod>"),
        ("solform explain bad-ur", "<explain><bad-url>"),
    ],
)
def test_a_completed_word_is_one_argument(shell, typed, expected):
    # elvish shows a list, in which the first Enter accepts the candidate. Elsewhere the second one is an empty line.
    shell.type(f"{typed}\t\r\r")
    shell.until(re.escape(expected))
