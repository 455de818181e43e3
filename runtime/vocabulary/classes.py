"""The account of a vote that compares its answers, as JSON and as text."""

from __future__ import annotations

from .json_value import Json
from .tally import Classes, Tally

_FIGURES = ("questions", "failed", "asymmetric", "intransitive")


def classes_json(found: Classes) -> dict[str, Json]:
    """Return the account of compared answers as JSON."""
    return {"wordings": list(found.wordings), **{name: getattr(found, name) for name in _FIGURES}}


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


def class_of(tally: Tally, answer: Json) -> Json:
    """Return the first text of the class that has this text, or a field of this record. None if no class has it."""
    found = [answer, *answer.values()] if isinstance(answer, dict) else [answer]
    each = zip(tally.ballots, tally.classes.texts if tally.classes is not None else (), strict=False)
    return next((first for (first, _), texts in each if any(one in texts for one in found)), None)


def account_text(tally: Tally) -> str:
    """Tell how a search or a tournament went, or how answers were compared. "" for another vote."""
    if tally.contest is not None:
        return tally.contest.text
    return "" if tally.classes is None else classes_text(tally.classes)
