"""`python -m solform`: the program, with the same arguments and exit code."""

import os
import subprocess
import sys

from ._binary import find_binary

if __name__ == "__main__":
    program = find_binary()
    arguments = [program, *sys.argv[1:]]
    if os.name == "nt":
        # `execv` on Windows returns to the shell before the program has ended.
        sys.exit(subprocess.run(arguments).returncode)
    os.execv(program, arguments)
