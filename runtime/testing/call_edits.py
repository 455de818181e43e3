"""The comparison of a call with the calls of a cassette: what was changed since the cassette was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from operator import eq
from typing import Any, Literal

from flowrun.dsl import dataclass
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.vocabulary.quoting import shown

from .cassette import Line, options_of, plain_model
from .differences import texts_differ

Edit = Literal["new", "prompt", "model", "options", "form", "correction"]
SIDES = ("in the cassette", "in the test")
_WORDS: Mapping[Edit, tuple[str, str]] = {
    "new": ("", ""),
    "prompt": ("its prompt was edited", "the prompts of {} of them were edited"),
    "model": ("its model was changed", "the models of {} of them were changed"),
    "options": ("its options were changed", "the options of {} of them were changed"),
    "form": ("the form of its answer was changed", "the form of the answers of {} of them was changed"),
    "correction": (
        "its answer does not fit, and the cassette has no answer to the correction",
        "the answers of {} of them do not fit, and the cassette has no answers to the corrections",
    ),
}
_MOST = 200
"""The most calls of one place with which a call is compared."""
_ALIKE = 0.5
"""The share of equal characters at both ends from which one of several prompts is taken for the same, edited."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A call that a cassette does not have: its path, its step, what was changed, and how the two differ."""

    path: str
    step: str
    edit: Edit = "new"
    differs: tuple[str, ...] = ()


def edit_words(calls: Sequence[Lacking]) -> Iterator[str]:
    """Say in words what was changed in the calls of one step."""
    for edit, (one, several) in _WORDS.items():
        many = sum(call.edit == edit for call in calls)
        if many and one:
            yield one if len(calls) == 1 else several.format(f"{many:,}")


def edit_of(call: Call, known: Iterable[Line]) -> tuple[Edit, tuple[str, ...]]:
    """Find what was changed in a call. ``known`` are the first answers of the cassette at its place."""
    asked = [(one.role, one.text) for one in call.request.messages]
    found = list(islice(known, _MOST))
    same = [one for one in found if [*one.messages] == asked]
    if not same:
        return _edited(asked, found)
    options = options_of(call.request)
    alike = [one for one in same if dict(one.options) == options]
    if not alike:
        return "options", (_sides("options", _options(same[0].options), _options(options)),)
    wanted = plain_model(call.model)
    if call.model and all(one.model != wanted for one in alike):
        return "model", (_sides("model", shown(alike[0].model), shown(wanted)),)
    return "form", ()


def _edited(asked: Sequence[tuple[str, str]], known: Sequence[Line]) -> tuple[Edit, tuple[str, ...]]:
    if not known:
        return "new", ()
    text = _whole(asked)
    shares = [_share(_whole(one.messages), text) for one in known]
    best = max(shares)
    if len(known) > 1 and best < _ALIKE:
        return "new", ()
    near = known[shares.index(best)].messages
    olds, news = [role for role, _ in near], [role for role, _ in asked]
    if olds != news:
        return "prompt", (_sides("messages", ", ".join(olds), ", ".join(news)),)
    lines = (
        line
        for (role, old), (_, new) in zip(near, asked, strict=True)
        if old != new
        for line in texts_differ(old, new, role if len(asked) > 1 else "", SIDES)
    )
    return "prompt", tuple(lines)


def _whole(messages: Sequence[tuple[str, str]]) -> str:
    return "\n".join(text for _, text in messages)


def _share(old: str, new: str) -> float:
    """Return the share of equal characters at both ends of two texts."""
    size = min(len(old), len(new))
    same = _begin(old, new) + _begin(old[::-1], new[::-1])
    return min(same, size) / max(len(old), len(new), 1)


def _begin(old: str, new: str) -> int:
    """Return the number of characters with which both texts begin."""
    return sum(takewhile(bool, map(eq, old, new)))


def _sides(what: str, old: str, new: str) -> str:
    return f"{what}: {old} {SIDES[0]}, {new} {SIDES[1]}"


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items()) or "none"
