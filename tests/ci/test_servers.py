"""The shell steps of the pipelines for Azure DevOps and Jenkins, with the emulator."""

import re
import subprocess
import textwrap

import pytest
import yaml
from conftest import ROOT, SECRETS, SOLFORM
from groovy_parser.parser import parse_groovy_content
from test_github import FORM

AZURE = ROOT / "examples/ci/azure"
JENKINSFILE = (ROOT / "examples/ci/jenkins/Jenkinsfile").read_text()
HAS_SARIF = "sarif" in subprocess.run([SOLFORM, "plan", "--help"], capture_output=True, text=True, check=True).stdout


def azure_steps(stage):
    """Returns the steps of the one job of a stage, with those of its templates."""
    [job] = next(found for found in yaml.safe_load((AZURE / "azure-pipelines.yml").read_text())["stages"]
                 if found["stage"] == stage)["jobs"]
    steps = job["steps"] if "job" in job else job["strategy"]["runOnce"]["deploy"]["steps"]
    for step in steps:
        yield from yaml.safe_load((AZURE / step["template"]).read_text())["steps"] if "template" in step else [step]


def azure_scripts():
    for stage in ("plan", "apply"):
        for step in azure_steps(stage):
            if "bash" in step:
                yield stage, step["displayName"], step["bash"], step.get("env", {})


def jenkins_scripts():
    """Yields the scripts between triple quotes, as Groovy reads them."""
    for index, script in enumerate(re.findall(r"'''\n(.*?)'''", JENKINSFILE, re.DOTALL)):
        yield index, textwrap.dedent(re.sub(r"\\\n\s*", "", script))


def run_shell(world, checkout, shell, script, **more):
    done = subprocess.run(
        [*shell, "-c", script], cwd=checkout, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={
            "PATH": world.environment["PATH"], "HOME": str(world.folder), "SOLFORM_ALLOWED_HOSTS": "127.0.0.1",
            "SOLFORM_ALLOWED_ENV": "IB_PROD_TOKEN",
            "SOLFORM_ALLOWED_PATHS": world.environment["SOLFORM_ALLOWED_PATHS"], **more,
        },
    )
    return done.returncode, done.stdout


def run_azure(world, checkout, name, **more):
    [(script, declared)] = [(script, env) for _, found, script, env in azure_scripts() if found == name]
    secrets = {key: re.sub(r"^\$\((\w+)\)$", lambda found: SECRETS[found[1]], text) for key, text in declared.items()}
    staging = world.folder / "workspace"
    staging.mkdir(exist_ok=True)
    # What a run publishes is what its deployment downloads.
    return run_shell(
        world, checkout, ["bash"], script, BUILD_SOURCESDIRECTORY=str(checkout), PIPELINE_WORKSPACE=str(staging),
        BUILD_ARTIFACTSTAGINGDIRECTORY=str(staging), SYSTEM_PULLREQUEST_TARGETBRANCHNAME="main",
        **{"BUILD_REASON": "PullRequest", **secrets, **more},
    )


def test_azure_plans_applies_and_sees_drift(start):
    world = start()
    checkout = world.checkout(FORM)
    code, output = run_azure(world, checkout, "Review the manifest")
    assert code == 0 and "Form W-2" in output, output
    code, output = run_azure(world, checkout, "Plan", BUILD_REASON="Schedule")
    assert code == 2 and "hasChanges" not in output, output
    code, output = run_azure(world, checkout, "Plan")
    assert code == 0, output
    assert "##vso[task.setvariable variable=hasChanges;isOutput=true]true" in output
    assert f"##vso[task.uploadsummary]{world.folder}/workspace/plan/plan.md" in output
    assert not world.emulator.writes()

    code, output = run_azure(world, checkout, "Apply")
    assert code == 0 and "Apply complete! Resources: 1 added" in output, output
    code, output = run_azure(world, checkout, "Plan", BUILD_REASON="Schedule")
    assert code == 0 and "hasChanges" not in output, output
    # The manifest has changed since the applied plan was made.
    code, output = run_azure(world, checkout, "Plan")
    (checkout / "solform.yaml").write_text(world.manifest)
    assert run_azure(world, checkout, "Apply")[0] == 3


def test_azure_fails_if_a_plan_fails(start):
    world = start()
    world.emulator.call("POST", "/__emulator/faults", {"operation": "list_solutions", "status": 403})
    code, output = run_azure(world, world.checkout(FORM), "Plan")
    assert code == 1 and "hasChanges" not in output, output


def test_azure_gives_a_token_only_to_the_steps_that_need_it():
    tokens = {name: list(env.values()) for _, name, _, env in azure_scripts()}
    assert tokens == {
        "Install solform": [], "Review the manifest": [], "Plan": ["$(IB_PROD_PLAN_TOKEN)"],
        "Apply": ["$(IB_PROD_TOKEN)"],
    }
    # Azure replaces `$(name)` in scripts before any shell reads it.
    assert not any(re.search(r"\$\([A-Za-z_.]+\)", script) for _, _, script, _ in azure_scripts())
    # It has no anchors.
    assert not re.search(r"(^|\s)[&*]\w+\s*$", (AZURE / "azure-pipelines.yml").read_text(), re.MULTILINE)


def test_the_jenkinsfile_is_groovy():
    """No server of Jenkins validates it here: this only proves its syntax."""
    parse_groovy_content(JENKINSFILE)
    with pytest.raises(Exception, match="Unexpected"):
        parse_groovy_content("pipeline { stages { stage('a' { } }")
    stages = re.findall(r"^        stage\('(.*)'\) \{", JENKINSFILE, re.MULTILINE)
    assert stages == ["Install", "Review", "Plan", "Apply"]
    # Double quotes would put a value into the script before the shell reads it.
    assert not re.search(r'sh[ (]*(script: )?"', JENKINSFILE)


@pytest.mark.skipif(not HAS_SARIF, reason="this solform has no format `sarif`")
def test_jenkins_plans_and_applies(start):
    world = start()
    checkout = world.checkout(FORM)
    scripts = dict(jenkins_scripts())
    plan, write = ({"IB_PROD_TOKEN": SECRETS[name]} for name in ("IB_PROD_PLAN_TOKEN", "IB_PROD_TOKEN"))
    shell = ["sh", "-xe"]
    code, output = run_shell(world, checkout, shell, scripts[1], CHANGE_TARGET="main")
    assert code == 0, output
    code, output = run_shell(world, checkout, shell, scripts[2], **plan)
    assert code == 2, output
    for file in ("prod.plan", "plan.html", "plan.json", "plan.sarif", "review.sarif"):
        assert (checkout / file).exists(), file
    assert not world.emulator.writes()
    code, output = run_shell(world, checkout, shell, scripts[3], **write)
    assert code == 0 and "Apply complete! Resources: 1 added" in output, output


SCRIPTS = [
    *(pytest.param("bash", script, id=f"azure {stage} {name}") for stage, name, script, _ in azure_scripts()),
    *(pytest.param("sh", script, id=f"jenkins {index}") for index, script in jenkins_scripts()),
]


@pytest.mark.parametrize(("shell", "script"), SCRIPTS)
def test_the_scripts_are_clean(shell, script):
    subprocess.run(["shellcheck", f"--shell={shell}", "-"], input=script, text=True, check=True)
