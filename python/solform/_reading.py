"""Reads documents into their dataclasses."""

from __future__ import annotations

import dataclasses
import functools
import json
import keyword
from typing import Any, Dict, Optional, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from .documents import ListMatrix, Plan, PlanMatrix, Report, ReportMatrix, Review, Solutions

T = TypeVar("T")

# The major number of the formats, as `docs/output.md` defines it, and those of other documents.
MAJOR = 1
MAJORS: Dict[Any, int] = {Review: 2}


def read(document: Type[T], text: str) -> T:
    """Reads a document. Ignores unknown keys, and raises a ValueError for another major version."""
    value = json.loads(text)
    found = str(value.get("format_version") if isinstance(value, dict) else None)
    major = MAJORS.get(document, MAJOR)
    if found.partition(".")[0] != str(major):
        raise ValueError(f"the format has version {found}, and this package reads {major}.x")
    try:
        result: T = _convert(document, value)
    except (KeyError, TypeError, AttributeError) as error:
        reason = _other_number(document, value) or repr(error)
        raise ValueError(f"the document is not a {document.__name__}: {reason}") from error
    return result


def _other_number(document: Any, value: Dict[str, Any]) -> Optional[str]:
    """Returns the reason if one environment was expected and several were found, or vice versa."""
    if "environments" in value and document in (Plan, Report, Solutions):
        return "it is of several environments; use the function whose name ends with `_several`"
    if "environments" not in value and document in (PlanMatrix, ReportMatrix, ListMatrix):
        return "it is of one environment; use the function whose name does not end with `_several`"
    return None


@functools.lru_cache(maxsize=None)
def _hints(kind: Any) -> Dict[str, Any]:
    return get_type_hints(kind)


def _convert(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin is Union:
        return None if value is None else _convert(get_args(hint)[0], value)
    if origin is list:
        return [_convert(get_args(hint)[0], entry) for entry in value]
    if origin is dict:
        return {key: _convert(get_args(hint)[1], entry) for key, entry in value.items()}
    if not isinstance(hint, type) or not dataclasses.is_dataclass(hint):
        return value
    arguments = {}
    for field in dataclasses.fields(hint):
        name = field.name[:-1] if keyword.iskeyword(field.name[:-1]) else field.name
        if name in value or field.default is dataclasses.MISSING:
            arguments[field.name] = _convert(_hints(hint)[field.name], value[name])
    return hint(**arguments)
