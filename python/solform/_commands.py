"""The commands as functions.

All of them accept `env`, more environment variables for the program. A token is passed in the
variable that the manifest names, and never as an argument, because other users of the machine can
read arguments.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union

from ._errors import FormatError, SolformError
from ._process import run
from ._reading import read
from .documents import ListMatrix, Plan, PlanMatrix, Report, ReportMatrix, Review, Solutions

Path = Union[str, "PathLike[str]"]
Env = Optional[Mapping[str, str]]
T = TypeVar("T")

# The options of every command that makes or executes a plan.
_JSON = ["--no-input", "--detailed-exitcode", "--format", "json"]


def plan(
    *,
    environment: Optional[str] = None,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    replace: Sequence[str] = (),
    reverify: Sequence[str] = (),
    allow_destroy: Optional[int] = None,
    allow_change: Optional[int] = None,
    destroy: bool = False,
    out: Optional[Path] = None,
    store: Optional[str] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> Plan:
    """Makes a plan. Sends GETs only.

    `out` saves it for `apply`. `options` are more options of `solform plan`, such as
    `["--output", "markdown=plan.md"]`. Raises `Blocked` if it must not be applied, and `InFlight`
    or `PartlyFailed` for what earlier applies left; the exception has the plan.
    """
    arguments = _selection("plan", environment, file, chdir)
    arguments += _scope(target, exclude, reverify, allow_destroy, allow_change)
    arguments += _each("--replace", replace) + _option("--out", out) + _option("--store", store)
    arguments += ["--destroy"] if destroy else []
    arguments += [*_JSON, *options]
    document, error = _document(Plan, arguments, env)
    return _finish("plan", document, error)


def show(file: Path, *, chdir: Optional[Path] = None, env: Env = None) -> Plan:
    """Reads a saved plan. The exceptions are those of `plan`."""
    document, error = _document(Plan, _showing(file, chdir), env)
    return _finish("plan", document, error)


def apply(
    plan: Optional[Path] = None,
    *,
    auto_approve: bool = False,
    environment: Optional[str] = None,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    replace: Sequence[str] = (),
    reverify: Sequence[str] = (),
    allow_destroy: Optional[int] = None,
    allow_change: Optional[int] = None,
    resume: bool = False,
    store: Optional[str] = None,
    lock_timeout: Optional[str] = None,
    message: Optional[str] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> Report:
    """Changes the environment: as a saved plan approves, or as the manifest says.

    Without a saved plan, it needs `auto_approve=True`. Every exception that it raises has the
    report, if there is one.
    """
    arguments = _selection("apply", environment, file, chdir)
    arguments += _scope(target, exclude, reverify, allow_destroy, allow_change)
    arguments += _each("--replace", replace) + (["--resume"] if resume else [])
    return _change(arguments, auto_approve, store, lock_timeout, message, options, plan, env)


def destroy(
    plan: Optional[Path] = None,
    *,
    auto_approve: bool = False,
    environment: Optional[str] = None,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_destroy: Optional[int] = None,
    allow_change: Optional[int] = None,
    store: Optional[str] = None,
    lock_timeout: Optional[str] = None,
    message: Optional[str] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> Report:
    """Deletes the declared versions that are live. Otherwise as `apply`."""
    arguments = _selection("destroy", environment, file, chdir)
    arguments += _scope(target, exclude, (), allow_destroy, allow_change)
    return _change(arguments, auto_approve, store, lock_timeout, message, options, plan, env)


def rollback(
    apply: Optional[str] = None,
    *,
    auto_approve: bool = False,
    environment: Optional[str] = None,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    store: Optional[str] = None,
    lock_timeout: Optional[str] = None,
    message: Optional[str] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> Report:
    """Restores what an apply changed: the newest one, or the one with this id."""
    arguments = _selection("rollback", environment, file, chdir)
    return _change(arguments, auto_approve, store, lock_timeout, message, options, apply, env)


def list_versions(
    *,
    environment: Optional[str] = None,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    state: Optional[str] = None,
    name: Optional[str] = None,
    author: Optional[str] = None,
    owner: Optional[str] = None,
    visibility: Optional[str] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> Solutions:
    """Lists the live versions."""
    arguments = _selection("list", environment, file, chdir)
    arguments += _option("--state", state) + _option("--name", name) + _option("--author", author)
    arguments += _option("--owner", owner) + _option("--visibility", visibility)
    document, error = _document(Solutions, [*arguments, "--json", *options], env)
    return _finish(None, document, error)


def plan_several(
    environments: Optional[Sequence[str]] = None,
    *,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    replace: Sequence[str] = (),
    reverify: Sequence[str] = (),
    allow_destroy: Optional[int] = None,
    allow_change: Optional[int] = None,
    out: Optional[Path] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> PlanMatrix:
    """Makes the plans of several environments, or of all without `environments`.

    `out` saves all of them for `apply_several`. `allow_destroy` and `allow_change` apply to each
    environment. The exceptions are those of `plan`, and have the plans as `plans`.
    """
    arguments = _several("plan", environments, file, chdir, env)
    arguments += _scope(target, exclude, reverify, allow_destroy, allow_change)
    arguments += _each("--replace", replace) + _option("--out", out)
    arguments += [*_JSON, *options]
    document, error = _document(PlanMatrix, arguments, env)
    return _finish("plans", document, error)


def show_several(file: Path, *, chdir: Optional[Path] = None, env: Env = None) -> PlanMatrix:
    """Reads the saved plans of several environments. The exceptions are those of `plan_several`."""
    document, error = _document(PlanMatrix, _showing(file, chdir), env)
    return _finish("plans", document, error)


def apply_several(
    environments: Optional[Sequence[str]] = None,
    *,
    plan: Optional[Path] = None,
    auto_approve: bool = False,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
    replace: Sequence[str] = (),
    reverify: Sequence[str] = (),
    allow_destroy: Optional[int] = None,
    allow_change: Optional[int] = None,
    lock_timeout: Optional[str] = None,
    message: Optional[str] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> ReportMatrix:
    """Changes several environments, one after another; all without `environments`.

    `plan` is a file that `plan_several` saved, which names its environments. Otherwise as `apply`;
    the exceptions have the reports as `reports`.
    """
    if plan is None:
        arguments = _several("apply", environments, file, chdir, env)
    elif environments is None:
        arguments = _selection("apply", None, file, chdir)
    else:
        raise TypeError("a saved plan names its environments")
    arguments += _scope(target, exclude, reverify, allow_destroy, allow_change)
    arguments += _each("--replace", replace)
    arguments = _changing(arguments, auto_approve, None, lock_timeout, message, options, plan)
    document, error = _document(ReportMatrix, arguments, env)
    return _finish("reports", document, error)


def list_several(
    environments: Optional[Sequence[str]] = None,
    *,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> ListMatrix:
    """Lists the live versions of several environments; of all without `environments`."""
    arguments = [*_several("list", environments, file, chdir, env), "--json", *options]
    document, error = _document(ListMatrix, arguments, env)
    return _finish(None, document, error)


def review(
    base: Path,
    *,
    base_exact: bool = False,
    environments: Sequence[str] = (),
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    options: Sequence[str] = (),
    env: Env = None,
) -> Review:
    """Compares the manifest with another one, without network or token.

    `base` is a file, or a git revision: then its merge base with HEAD counts, or with `base_exact`
    the revision itself. Without `environments`, all are compared.
    """
    arguments = _selection("review", None, file, chdir) + _environments(environments)
    arguments += [] if environments else ["--all-environments"]
    arguments += _option("--base", base) + (["--base-exact"] if base_exact else [])
    document, error = _document(Review, [*arguments, "--format", "json", *options], env)
    return _finish(None, document, error)


def validate(
    *,
    environment: Optional[str] = None,
    file: Optional[Path] = None,
    chdir: Optional[Path] = None,
    env: Env = None,
) -> None:
    """Checks the manifest, without network or token.

    Raises a `SolformError` that names the problems.
    """
    _, error = run(_selection("validate", environment, file, chdir), env)
    if error is not None:
        raise error


def version() -> str:
    """Returns the version of the program."""
    text, error = run(["--version"], None)
    if error is not None:
        raise error
    return text.split()[-1]


def _selection(
    command: str, environment: Optional[str], file: Optional[Path], chdir: Optional[Path]
) -> List[str]:
    """Returns the command with the options that select the manifest and the environment."""
    selected = _option("--chdir", chdir) + _option("--file", file)
    return [command, *selected, *_option("--environment", environment)]


def _several(
    command: str,
    environments: Optional[Sequence[str]],
    file: Optional[Path],
    chdir: Optional[Path],
    env: Env,
) -> List[str]:
    """Returns the command with the options that select several environments."""
    arguments = _selection(command, None, file, chdir)
    if environments is None:
        return [*arguments, "--all-environments"]
    named = _environments(environments)
    if len(set(named)) < 2:
        # The program prints no table for one environment; that it is not declared is worse.
        for environment in set(environments):
            validate(environment=environment, file=file, chdir=chdir, env=env)
        raise ValueError(
            f"`{command}_several` needs two environments or more, or none for all of them;"
            f" use `{command}` for one"
        )
    return arguments + named


def _environments(environments: Sequence[str]) -> List[str]:
    return _each("--environment", environments, "environments")


def _showing(file: Path, chdir: Optional[Path]) -> List[str]:
    """Returns the command that shows a saved plan."""
    arguments = ["show", *_option("--chdir", chdir), "--detailed-exitcode", "--format", "json"]
    return [*arguments, "--", fspath(file)]


def _scope(
    target: Sequence[str],
    exclude: Sequence[str],
    reverify: Sequence[str],
    allow_destroy: Optional[int],
    allow_change: Optional[int],
) -> List[str]:
    arguments = _each("--target", target) + _each("--exclude", exclude)
    arguments += _each("--reverify", reverify) + _option("--allow-destroy", allow_destroy)
    return arguments + _option("--allow-change", allow_change)


def _change(
    arguments: List[str],
    auto_approve: bool,
    store: Optional[str],
    lock_timeout: Optional[str],
    message: Optional[str],
    options: Sequence[str],
    source: Optional[Path],
    env: Env,
) -> Report:
    """Runs a command that changes the environment."""
    arguments = _changing(arguments, auto_approve, store, lock_timeout, message, options, source)
    document, error = _document(Report, arguments, env)
    return _finish("report", document, error)


def _changing(
    arguments: List[str],
    auto_approve: bool,
    store: Optional[str],
    lock_timeout: Optional[str],
    message: Optional[str],
    options: Sequence[str],
    source: Optional[Path],
) -> List[str]:
    """Returns the command with the options of all commands that change an environment."""
    arguments += ["--auto-approve"] if auto_approve else []
    arguments += _option("--store", store) + _option("--lock-timeout", lock_timeout)
    arguments += _option("--message", message)
    arguments += [*_JSON, *options]
    return arguments if source is None else [*arguments, "--", fspath(source)]


def _document(
    kind: Type[T], arguments: List[str], env: Env
) -> Tuple[Optional[T], Optional[SolformError]]:
    text, error = run(arguments, env)
    if error is not None and not text.strip():
        return None, error
    try:
        return read(kind, text), error
    except ValueError as problem:
        # What the command did is more important than a document that cannot be read.
        if error is not None:
            return None, error
        raise FormatError(["solform", *arguments], 0, "", str(problem)) from problem


def _finish(name: Optional[str], document: Optional[T], error: Optional[SolformError]) -> T:
    if error is not None:
        if name is not None:
            setattr(error, name, document)
        raise error
    assert document is not None
    return document


def _each(name: str, values: Sequence[str], argument: Optional[str] = None) -> List[str]:
    """Returns the option once for each value; `argument` is its name in Python, if it differs."""
    if isinstance(values, str):
        raise TypeError(f"{argument or name[2:]} must be a list, not the text {values!r}")
    return [f"{name}={value}" for value in values]


def _option(name: str, value: Union[Path, int, None]) -> List[str]:
    # One argument, so that a value which begins with a dash is no option.
    text = fspath(value) if isinstance(value, PathLike) else value
    return [] if text is None else [f"{name}={text}"]
