"""The account of a vote that compares its answers, as JSON and as text."""

from __future__ import annotations

from collections.abc import Mapping

from .json_value import Json
from .tally import Classes

_CLASSES = ("questions", "failed", "asymmetric", "intransitive")


def classes_json(found: Classes) -> dict[str, Json]:
    """Return the account of compared answers as JSON."""
    return {"wordings": list(found.wordings), **{name: getattr(found, name) for name in _CLASSES}}


def classes_of(form: Mapping[str, Json]) -> Classes:
    """Return the account of compared answers that JSON has."""
    return Classes(tuple(form["wordings"]), **{name: form[name] for name in _CLASSES})


def classes_text(found: Classes) -> str:
    """Say how the answers of a vote were compared, and where its judge contradicts itself."""
    parts = [f"{found.questions:,} comparison{'' if found.questions == 1 else 's'}"]
    several = sum(number > 1 for number in found.wordings)
    if several:
        parts.append(f"{several:,} class{'' if several == 1 else 'es'} with several wordings")
    if found.failed:
        parts.append(f"{found.failed:,} without an answer")
    if found.asymmetric:
        parts.append(f"{found.asymmetric:,} not the same the other way round")
    if found.intransitive:
        parts.append(f"{found.intransitive:,} not the same as another of the class")
    return ", ".join(parts)
