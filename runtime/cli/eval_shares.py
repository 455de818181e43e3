"""The accuracies that --min asks for."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import did_you_mean

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown


def wanted_shares(given: Sequence[str], answers: Sequence[str]) -> dict[str, float]:
    """Read --min: a share for all answers, and ANSWER=SHARE for one of them, which wins. Raises UsageError."""
    general: list[str] = []
    named: dict[str, float] = {}
    for text in given:
        name, equals, share = text.rpartition("=")
        if not equals:
            general.append(share)
            continue
        label = _label(text, name.strip(), answers)
        if label in named:
            raise UsageError(f"--min gives {shown(label)} two shares: give only one of them")
        named[label] = _share(share)
    if len(general) > 1:
        raise UsageError(f"--min {general[0]} and --min {general[1]} exclude each other: give only one of them")
    return {**{label: _share(text) for text in general for label in answers}, **named}


def _label(text: str, name: str, answers: Sequence[str]) -> str:
    if name in answers:
        return name
    same = [one for one in answers if one.partition("=")[0] == name]
    if len(same) == 1:
        return same[0]
    listed = ", ".join(map(shown, same or answers))
    if same:
        raise UsageError(f"--min {shown(text)}: {shown(name)} is the column of several answers; name one: {listed}")
    raise UsageError(
        f"--min {shown(text)}: there is no --answer {shown(name)}; "
        f"{did_you_mean(name, answers) or f'the answers are {listed}'}"
    )


def _share(text: str) -> float:
    """Read a share: a number from 0 to 1, or a percentage. Raises UsageError."""
    plain = text.strip()
    number = plain.removesuffix("%").rstrip()
    try:
        share = float(number) / (100 if plain.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        hint = f"; for {number} % write {float(number) / 100:g}" if number.isdecimal() and int(number) <= 100 else ""
        raise UsageError(
            f"--min {shown(text)} is not a share of the rows: write a number from 0 to 1{hint or ', such as 0.9'}"
        )
    return share
