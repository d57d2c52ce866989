"""Runs jobs of the GitHub workflows in examples/ci on this machine: steps in a shell, local composite actions, and
GitHub's own actions for checkouts and artefacts.

It implements only a part of the real runner. It proves that workflows, action and scripts fit together: that inputs,
outputs and files have the same names on both sides.
"""

import os
import pathlib
import re
import shutil
import subprocess
from dataclasses import dataclass, field

import yaml

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
TOKENS = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<call>(?:success|failure|cancelled|always)\(\))
    |(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<operator>&&|\|\||==|!=|!|\(|\)))""",
    re.VERBOSE,
)
OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}


@dataclass
class Job:
    """The result of a job."""

    result: str
    outputs: dict = field(default_factory=dict)
    log: str = ""
    summary: str = ""

    def annotations(self):
        """Returns the workflow commands that the real runner would execute."""
        executed, closed_by = [], None
        for line in self.log.splitlines():
            line = line.strip()
            if closed_by:
                closed_by = None if line == f"::{closed_by}::" else closed_by
            elif line.startswith("::stop-commands::"):
                closed_by = line.removeprefix("::stop-commands::")
            elif line.startswith("::"):
                executed.append(line)
        return executed


class Runner:
    """A machine for jobs, with a folder for the artefacts that GitHub would store."""

    def __init__(self, work, environment, artifacts):
        self.work = pathlib.Path(work)
        self.environment = environment
        self.artifacts = pathlib.Path(artifacts)

    def job(self, checkout, file, name, contexts):
        """Runs one job of a workflow in a checkout."""
        workflow = yaml.safe_load((checkout / ".github/workflows" / file).read_text())
        job = workflow["jobs"][name]
        contexts = {"needs": {}, "inputs": {}, "steps": {}, **contexts}
        needed = [contexts["needs"].get(need, {"result": "skipped"}) for need in listed(job.get("needs"))]
        status = {
            "success": all(need["result"] == "success" for need in needed),
            "failure": any(need["result"] == "failure" for need in needed),
        }
        if not condition(job.get("if"), contexts, status):
            return Job("skipped")
        return self.steps(checkout, job["steps"], contexts, job.get("outputs", {}))

    def steps(self, checkout, steps, contexts, outputs):
        """Runs steps as a separate job."""
        run = Run(self, checkout)
        ok = run.steps(steps, contexts, {})
        outputs = {key: fill(text, contexts) for key, text in outputs.items()}
        return Job("success" if ok else "failure", outputs, run.log, run.summary)


class Run:
    """The steps of one job."""

    def __init__(self, runner, checkout):
        self.runner, self.checkout = runner, checkout
        self.log, self.summary, self.path = "", "", []
        self.count = 0

    def steps(self, steps, contexts, environment, action=None):
        ok = True
        for step in steps:
            status = {"success": ok, "failure": not ok}
            if not condition(step.get("if"), contexts, status):
                continue
            own = {key: fill(text, contexts) for key, text in step.get("env", {}).items()}
            outputs, succeeded = self.step(step, contexts, {**environment, **own}, action)
            if "id" in step:
                contexts["steps"][step["id"]] = {"outputs": outputs}
            ok = ok and succeeded
        return ok

    def step(self, step, contexts, environment, action):
        if "run" in step:
            assert "${{" not in step["run"], "a script must not contain expressions"
            return self.shell(step["run"], environment, action)
        uses = step["uses"]
        given = {key: fill(text, contexts) for key, text in step.get("with", {}).items()}
        if uses.startswith("./"):
            return self.composite(self.checkout / uses, given, contexts, environment)
        kind = uses.partition("@")[0]
        if kind == "actions/checkout":
            assert given["persist-credentials"] == "False"
            return {}, True
        if kind == "actions/cache":
            # An empty cache.
            assert given["key"] and given["path"].startswith(str(self.runner.work))
            return {}, True
        kept = self.runner.artifacts / given.get("run-id", contexts["github"]["run_id"]) / given["name"]
        if kind == "actions/upload-artifact":
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self.checkout / given["path"], kept)
            return {}, True
        assert kind == "actions/download-artifact", kind
        if not kept.exists():
            self.log += f"no artefact {kept}\n"
            return {}, False
        shutil.copytree(kept, self.checkout / given["path"], dirs_exist_ok=True)
        return {}, True

    def composite(self, folder, given, contexts, environment):
        action = yaml.safe_load((folder / "action.yml").read_text())
        assert not given.keys() - action["inputs"].keys(), "an input that the action does not have"
        inputs = {}
        for name, definition in action["inputs"].items():
            assert not definition.get("required") or given.get(name), f"{name} is required"
            inputs[name] = given.get(name, fill(definition.get("default", ""), contexts))
        runner = {"temp": str(self.runner.work), "os": "Linux", "arch": "X64"}
        inner = {"github": contexts["github"], "inputs": inputs, "runner": runner, "steps": {}}
        ok = self.steps(action["runs"]["steps"], inner, environment, folder)
        outputs = {name: fill(output["value"], inner) for name, output in action["outputs"].items()}
        return outputs, ok

    def shell(self, script, environment, action):
        self.count += 1
        folder = self.runner.work / f"step-{self.count}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        whole = {
            **self.runner.environment,
            **environment,
            **{name: str(file) for name, file in files.items()},
            "RUNNER_TEMP": str(self.runner.work),
        }
        whole["PATH"] = os.pathsep.join([*reversed(self.path), whole["PATH"]])
        if action:
            whole["GITHUB_ACTION_PATH"] = str(action)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.checkout, env=whole, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.log += done.stdout
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        self.path += files["GITHUB_PATH"].read_text().split()
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        return outputs, done.returncode == 0


def listed(value):
    return [value] if isinstance(value, str) else value or []


def condition(text, contexts, status):
    """Returns true if a job or step runs. A condition without a status function requires success."""
    text = str(text if text is not None else "success()")
    whole = EXPRESSION.fullmatch(text.strip())
    text = whole[1] if whole else text
    value = evaluate(text, contexts, status)
    has_status = any(f"{word}()" in text for word in ("success", "failure", "cancelled", "always"))
    return bool(value) and (has_status or status["success"])


def fill(text, contexts):
    """Replaces the expressions in a text by their values."""
    if isinstance(text, bool | int):
        return str(text)
    return EXPRESSION.sub(lambda found: str(evaluate(found[1], contexts, {}) or ""), text)


def evaluate(text, contexts, status):
    python, at = [], 0
    text = text.strip()
    while at < len(text):
        token = TOKENS.match(text, at)
        assert token, f"not known here: {text[at:]}"
        at = token.end()
        if token["text"]:
            python.append(repr(token["text"][1:-1].replace("''", "'")))
        elif token["call"]:
            word = token["call"][:-2]
            python.append(repr({"always": True, "cancelled": False, **status}[word]))
        elif token["name"]:
            python.append(repr(look_up(token["name"], contexts)))
        else:
            python.append(OPERATORS.get(token["operator"], token["operator"]))
    return eval("".join(python), {"__builtins__": {}})  # Only literals and operators.


def look_up(name, contexts):
    value = contexts
    for number, key in enumerate(name.split(".")):
        assert number or key in value, f"no context {key}"
        value = value.get(key, "") if isinstance(value, dict) else ""
    return value
