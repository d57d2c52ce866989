"""A test organisation on this machine: a repository that uses the examples, a platform (the emulator), and GitHub
(a replacement for `gh`)."""

import json
import os
import pathlib
import shutil
import subprocess
import urllib.request

import pytest
from runner import Runner

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOLFORM = pathlib.Path(os.environ.get("SOLFORM", ROOT / "target/debug/solform")).resolve()
BIN = pathlib.Path(__file__).parent / "bin"

SECRETS = {
    "IB_PROD_PLAN_TOKEN": "hush-plan-8f2d",
    "IB_PROD_TOKEN": "hush-apply-77c1",
    "SOLFORM_PLAN_AWS_SECRET_ACCESS_KEY": "hush-aws-plan-0a9b",
    "AWS_SECRET_ACCESS_KEY": "hush-aws-apply-51fe",
}
GITHUB_TOKEN = "hush-github-3d3d"
# A name that shells, Markdown, HTML and the runner must not interpret.
HOSTILE = '$(touch pwned) `touch pwned`; "<img src=x> | --> ::error::forged'

SEED = f"""\
users:
  - {{ token: {SECRETS["IB_PROD_PLAN_TOKEN"]}, username: svc-release }}
  - {{ token: {SECRETS["IB_PROD_TOKEN"]}, username: svc-release }}
solutions:
  - {{ name: Invoice, version: 1.0.0, owner: svc-release, author: svc-release, id: invoice, visibility: PRIVATE }}
  - {{ name: '{HOSTILE}', version: 1.0.0, owner: svc-release, author: svc-release, id: hostile, visibility: PRIVATE }}
packages:
  - {{ path: acme/prod/fs/Drive/Form W-2-0.0.1.ibsolution, name: Form W-2, version: 0.0.1, owner: svc-release }}
"""

MANIFEST = """\
solform: 1
environments:
  prod:
    url: {url}
    token: {{ env: IB_PROD_TOKEN }}
    user: svc-release
    store: {store}
    timeouts: {{ deploy: {patience} }}
defaults: {{ owner: svc-release }}
solutions:
  Invoice: {{ version: 1.0.0 }}
  '{hostile}': {{ version: 1.0.0 }}
"""


class Emulator:
    def __init__(self, folder, job_time):
        seed = folder / "seed.yaml"
        seed.write_text(SEED)
        self.process = subprocess.Popen(
            [SOLFORM, "emulator", "--seed", seed, "--job-time", job_time],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self.url = self.process.stdout.readline().strip()

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {SECRETS['IB_PROD_TOKEN']}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"{}")

    def writes(self):
        requests = self.call("GET", "/__emulator/requests")
        requests = requests["requests"] if isinstance(requests, dict) else requests
        return [request for request in requests if request["method"] != "GET"]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class World:
    def __init__(self, folder, emulator, patience):
        self.folder, self.emulator = folder, emulator
        self.gh = folder / "gh"
        self.gh.mkdir()
        self.jobs = []
        self.manifest = MANIFEST.format(
            url=emulator.url, store=folder / "store", hostile=HOSTILE, patience=patience
        )
        tools = folder / "bin"
        tools.mkdir()
        for tool in [SOLFORM, *BIN.iterdir()]:
            (tools / tool.name).symlink_to(tool)
        self.environment = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/releases",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": "500",
            "GITHUB_SHA": "merge-commit",
            "GITHUB_REF_NAME": "main",
            "FAKE_GH": str(self.gh),
            "SOLFORM": str(SOLFORM),
            # The journal is outside of the checkouts, because several jobs use it.
            "SOLFORM_ALLOWED_PATHS": str(folder),
        }
        self.runner = Runner(folder / "runner", self.environment, folder / "artifacts")
        self.vars = {"SOLFORM_ALLOWED_HOSTS": "127.0.0.1"}

    def checkout(self, declared=""):
        """Creates a checkout: the base as `origin/main`, and a commit with more declarations."""
        self.count = getattr(self, "count", 0) + 1
        folder = self.folder / f"checkout-{self.count}"
        examples = ROOT / "examples/ci/github"
        shutil.copytree(examples, folder / ".github/solform", ignore=shutil.ignore_patterns("workflows"))
        shutil.copytree(examples / "workflows", folder / ".github/workflows")
        (folder / "solform.yaml").write_text(self.manifest)
        git(folder, "init", "--quiet", "--initial-branch", "main")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", "base")
        git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
        (folder / "solform.yaml").write_text(self.manifest + declared)
        git(folder, "commit", "--quiet", "--all", "--allow-empty", "--message", "change")
        return folder

    def job(self, checkout, file, name, **more):
        """Runs a job of a workflow."""
        job = self.runner.job(checkout, file, name, self.contexts(**more))
        self.jobs.append(job)
        return job

    def steps(self, checkout, steps):
        """Runs steps of a job for the pull request."""
        job = self.runner.steps(checkout, steps, self.contexts(), {})
        self.jobs.append(job)
        return job

    def contexts(self, *, event="pull_request", fork=False, needs=None, inputs=None):
        github = {
            "token": "reads-only" if fork else GITHUB_TOKEN,
            "event_name": event,
            "repository": "acme/releases",
            "run_id": "500",
            "base_ref": "main",
            "ref": "refs/pull/7/merge" if event == "pull_request" else "refs/heads/main",
            "event": {},
        }
        if event == "pull_request":
            head = "somebody/releases" if fork else "acme/releases"
            github["event"] = {"pull_request": {"number": 7, "head": {"repo": {"full_name": head}}}}
        return {
            "github": github,
            "vars": self.vars,
            "secrets": {} if fork else SECRETS,
            "needs": needs or {},
            "inputs": inputs or {},
            "steps": {},
        }

    def plan(self, checkout, **more):
        needs = {"check": {"result": "success"}}
        return self.job(checkout, "solform-plan.yml", "plan", needs=needs, **more)

    def merge(self, checkout):
        """Runs the jobs that start when the pull request is merged."""
        find = self.job(checkout, "solform-apply.yml", "find", event="push")
        return find, self.apply(checkout, find=find)

    def apply(self, checkout, event="push", inputs=None, **needs):
        needs = {
            name: {"result": needs[name].result, "outputs": needs[name].outputs}
            if name in needs else {"result": "skipped", "outputs": {}}
            for name in ("find", "replan")
        }
        return self.job(checkout, "solform-apply.yml", "apply", event=event, needs=needs, inputs=inputs)

    def github_knows(self, *, merged=True, head_repository="acme/releases", conclusion="success", expired=False):
        """Sets the answers of GitHub about the pull request and its run."""
        repository = "repos/acme/releases"
        here, fork = {"full_name": "acme/releases"}, {"full_name": "somebody/releases"}
        pull = {"number": 7, "merged_at": "2026-01-05T00:00:00Z" if merged else None,
                "created_at": "2026-01-02T00:00:00Z", "closed_at": "2026-01-05T00:00:00Z",
                "merge_commit_sha": "merge-commit", "base": {"ref": "main", "repo": here},
                "head": {"sha": "head-commit", "ref": "topic", "repo": here}}
        # The pull request is closed, so GitHub no longer lists it in its run.
        run = {"head_sha": "head-commit", "head_branch": "topic", "event": "pull_request", "conclusion": conclusion,
               "created_at": "2026-01-03T00:00:00Z", "pull_requests": []}
        ours = {**run, "id": 500, "run_number": 9, "head_repository": {"full_name": head_repository}}
        # A later run from a fork must never be used.
        forged = {**run, "id": 666, "run_number": 99, "head_repository": fork}
        (self.gh / "canned.json").write_text(json.dumps({
            f"{repository}/commits/merge-commit/pulls": [pull],
            f"{repository}/pulls": [pull],
            f"{repository}/actions/workflows/solform-plan.yml/runs": {"workflow_runs": [ours, forged]},
            f"{repository}/actions/runs/500/artifacts": {
                "artifacts": [{"name": "solform-plan-prod", "expired": expired}]
            },
        }))

    def kept(self, name):
        path = self.gh / name
        return json.loads(path.read_text()) if path.exists() else []

    def calls(self):
        path = self.gh / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def git(folder, *arguments):
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


@pytest.fixture
def start(tmp_path):
    """Starts a world. After the test no file may contain a secret, and no hostile name may have been executed."""
    worlds = []

    def begin(job_time="50ms"):
        # Jobs that the test finishes itself never end alone: a short time limit is enough.
        patience = "2s" if job_time == "manual" else "5m"
        world = World(tmp_path, Emulator(tmp_path, job_time), patience)
        worlds.append(world)
        return world

    yield begin
    for world in worlds:
        world.emulator.stop()
        (tmp_path / "seed.yaml").unlink()
        (tmp_path / "output.txt").write_text("".join(job.log + job.summary for job in world.jobs))
        for file in tmp_path.rglob("*"):
            assert file.name != "pwned"
            if file.is_file() and not file.is_symlink():
                assert "hush-" not in file.read_text(errors="replace"), f"a secret in {file}"
        for job in world.jobs:
            assert not [line for line in job.annotations() if line.startswith("::error::forged")]
        for call in world.calls():
            assert not any("solform plan" in argument for argument in call["arguments"]), "a text as argument"
