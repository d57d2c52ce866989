"""The emulator of the platform as a context manager."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.request
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Any, List, Mapping, Optional, Sequence, Type, Union

from ._binary import find_binary
from ._errors import SolformError
from ._process import environment

Seed = Union[str, "PathLike[str]", Mapping[str, Any]]


class Emulator:
    """A server with the platform's API on a loopback port, which ends with the `with` block.

    `seed` is the path of a seed, or a mapping with its content. `faults` are rules such as
    `"operation=deploy,nth=2,status=503"`. `docs/emulator.md` describes all of them.

        with solform.Emulator(seed={"solutions": [...]}, job_time="50ms") as emulator:
            requests.get(emulator.url + "/api/v2/solutions/deployed")
    """

    url: str
    """The address, such as `http://127.0.0.1:41234`."""

    def __init__(
        self,
        *,
        seed: Optional[Seed] = None,
        profile: Optional[str] = None,
        knobs: Optional[Mapping[str, str]] = None,
        faults: Sequence[str] = (),
        job_time: Optional[str] = None,
        data: Optional[Union[str, "PathLike[str]"]] = None,
        options: Sequence[str] = (),
        env: Optional[Mapping[str, str]] = None,
    ) -> None:
        self._seed = seed
        self._options: List[str] = []
        named = {"profile": profile, "job-time": job_time, "data": data and fspath(data)}
        self._options += [f"--{name}={value}" for name, value in named.items() if value]
        self._options += [f"--knob={name}={value}" for name, value in (knobs or {}).items()]
        self._options += [*(f"--fault={rule}" for rule in faults), *options]
        self._env = env
        self._process: Optional[subprocess.Popen[str]] = None
        self._folder: Optional[str] = None

    def start(self) -> Emulator:
        """Starts the server, and returns when it listens."""
        if self._process is not None:
            raise RuntimeError("the emulator is already started")
        self._folder = tempfile.mkdtemp(prefix="solform-emulator-")
        try:
            self.url = self._listen(Path(self._folder))
        except BaseException:
            self.stop()
            raise
        return self

    def _listen(self, folder: Path) -> str:
        command = [find_binary(), "emulator", "--listen=127.0.0.1:0", *self._options]
        if isinstance(self._seed, Mapping):
            # JSON is YAML.
            (folder / "seed.yaml").write_text(json.dumps(self._seed), encoding="utf-8")
            command.append(f"--seed={folder / 'seed.yaml'}")
        elif self._seed is not None:
            command.append(f"--seed={fspath(self._seed)}")
        with open(folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(self._env),
                encoding="utf-8",
            )
        assert self._process.stdout is not None
        url = self._process.stdout.readline().strip()
        if not url:
            code = self._process.wait()
            text = (folder / "log").read_text(encoding="utf-8", errors="replace")
            raise SolformError(command, code, text)
        return url

    def stop(self) -> None:
        """Stops the server; a stopped one can be started again, with the seed's content."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def request(self, method: str, path: str, body: Any = None, *, token: str = "any-token") -> Any:
        """Sends a request, and returns the JSON of the answer.

        It also reaches the control routes, such as `GET /__emulator/requests`.
        """
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        # The address is a loopback one: a proxy of the environment must not see the request.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            return json.loads(answer.read() or b"null")

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()
