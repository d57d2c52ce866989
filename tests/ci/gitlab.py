"""Resolves the includes of a GitLab pipeline with the inputs of its components, as GitLab does.

    python tests/ci/gitlab.py PIPELINE    prints the whole pipeline, for its schema
"""

import json
import pathlib
import re
import sys

import yaml

INPUT = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


def component(path, given):
    """Returns the jobs of a component with its inputs."""
    header, body = path.read_text().split("\n---\n")
    declared = yaml.safe_load(header)["spec"]["inputs"]
    assert not given.keys() - declared.keys(), "an input that the component does not have"
    values = {}
    for name, definition in declared.items():
        assert name in given or "default" in definition, f"{name} is required"
        values[name] = given.get(name, definition.get("default"))
        assert name not in given or re.search(definition.get("regex", ""), given[name]), name
    assert set(INPUT.findall(body)) == declared.keys(), "an input that is not used"
    return yaml.safe_load(INPUT.sub(lambda found: values[found[1]], body))


def pipeline(path, **more):
    """Returns a pipeline with the jobs of its components."""
    whole = yaml.safe_load(path.read_text())
    for included in whole.pop("include"):
        whole |= component(path.parent / included["local"], included["inputs"] | more)
    return whole


def extended(jobs, name):
    """Returns a job with everything that it extends."""
    job = jobs[name]
    if "extends" not in job:
        return job
    base = extended(jobs, job["extends"])
    merged = {key: {**base[key], **value} if isinstance(value, dict) and key in base else value for key, value in job.items()}
    return {**base, **merged}


if __name__ == "__main__":
    print(json.dumps(pipeline(pathlib.Path(sys.argv[1])), indent=2))
