"""The comparison of two runs: the calls whose prompts or answers changed, the votes, the value, and the costs.

Two calls belong together if their paths are equal. An element with an author's label is found by its label, so that an
inserted element does not shift all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flowrun.dsl import dataclass

from ...plans.run_calls import RunCalls
from ...vocabulary.call_path import Segment, label_text
from ...vocabulary.call_record import CallRecord
from ...vocabulary.json_value import Json
from ...vocabulary.tally import Tally


@dataclass(frozen=True, slots=True)
class CallPair:
    """The same call of two runs, as its place in each record. ``changed`` has the parts that differ."""

    path: str
    before: int
    after: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences of two runs. ``left`` and ``right`` are the calls that only one of them has."""

    before: RunCalls
    after: RunCalls
    pairs: tuple[CallPair, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    votes: tuple[tuple[str, Tally | None, Tally | None], ...]

    def changed(self, part: str) -> list[CallPair]:
        """Return the calls whose ``prompt``, ``model``, ``settings`` or ``answer`` changed."""
        return [one for one in self.pairs if part in one.changed]

    @property
    def value_changed(self) -> bool:
        return bool(self.before.record.end.value != self.after.record.end.value)

    @property
    def plan_changed(self) -> bool:
        old, new = (replace(one.record.plan, source="") for one in (self.before, self.after))
        return old != new

    @property
    def none(self) -> bool:
        """True if nothing differs but times and costs."""
        changed = any(one.changed for one in self.pairs) or bool(self.left or self.right or self.votes)
        return not (changed or self.value_changed)


def differences(before: RunCalls, after: RunCalls) -> Differences:
    """Compare two runs."""
    shared = _shared_labels(before) | _shared_labels(after)
    by_label = {key: at for at, key in enumerate(_keys(before, shared))}
    pairs: list[CallPair] = []
    right: list[int] = []
    for at, key in enumerate(_keys(after, shared)):
        found = by_label.pop(key, None)
        if found is None:
            right.append(at)
            continue
        changed = _changed(before.record.calls[found], after.record.calls[at])
        pairs.append(CallPair(after.addresses[at].text, found, at, changed))
    order = {at: place for place, at in enumerate(after.in_order(range(len(after.addresses))))}
    pairs.sort(key=lambda one: order[one.after])
    left, right = before.in_order(by_label.values()), after.in_order(right)
    return Differences(before, after, tuple(pairs), tuple(left), tuple(right), tuple(_votes(before, after)))


def _keys(calls: RunCalls, shared: set[tuple[str, ...]]) -> list[str]:
    """Return a name for each call of a run: its path with labels in the place of numbers, and unlike all others.

    ``shared`` are the labels that name no single element.
    """
    seen: Counter[str] = Counter()
    keys = []
    for address in calls.addresses:
        key = _key(address.segments, shared)
        seen[key] += 1
        keys.append(f"{key}#{seen[key]}")
    return keys


def _key(segments: tuple[Segment, ...], shared: set[tuple[str, ...]]) -> str:
    parts = []
    for at, one in enumerate(segments):
        named = one.place and one.label and (*(each.name for each in segments[:at]), one.label) not in shared
        parts.append(f"[{label_text(one.label)}]" if named else f"[{one.name}]" if one.place else f".{one.name}")
    return "".join(parts)


def _shared_labels(calls: RunCalls) -> set[tuple[str, ...]]:
    """Return the labels that several elements of one map have, each behind the path of the map."""
    places: dict[tuple[str, ...], str] = {}
    shared = set()
    for address in calls.addresses:
        for at, one in enumerate(address.segments):
            if one.place and one.label:
                key = (*(each.name for each in address.segments[:at]), one.label)
                if places.setdefault(key, one.name) != one.name:
                    shared.add(key)
    return shared


def _changed(before: CallRecord, after: CallRecord) -> tuple[str, ...]:
    parts = []
    old, new = before.request, after.request
    if (old.messages if old else None) != (new.messages if new else None):
        parts.append("prompt")
    if before.model != after.model:
        parts.append("model")
    if _settings(before) != _settings(after):
        parts.append("settings")
    if answer_text(before) != answer_text(after):
        parts.append("answer")
    return tuple(parts)


def _settings(call: CallRecord) -> tuple[Any, ...]:
    one = call.request
    return () if one is None else (one.choices, one.schema, one.temperature, one.max_tokens, one.seed, one.options)


def answer_text(call: CallRecord) -> str | None:
    """Return the usable answer of a call; None if it has none."""
    return None if call.answer is None or call.answer.error else call.answer.text


def prompt_text(call: CallRecord) -> str:
    """Return the messages of a call as one text."""
    messages = () if call.request is None else call.request.messages
    if len(messages) == 1:
        return messages[0].text
    return "\n".join(f"{one.role}: {one.text}" for one in messages)


def _votes(before: RunCalls, after: RunCalls) -> Iterable[tuple[str, Tally | None, Tally | None]]:
    """Yield the votes that differ in their winner or ballots, with the tallies of both runs."""
    old = {before.path_of(path): tally for path, tally in before.record.end.votes.items()}
    new = {after.path_of(path): tally for path, tally in after.record.end.votes.items()}
    for path in dict.fromkeys((*old, *new)):
        was, is_ = old.get(path), new.get(path)
        if was is None or is_ is None or (was.winner, _ballots(was)) != (is_.winner, _ballots(is_)):
            yield path, was, is_


def _ballots(tally: Tally) -> list[tuple[Json, float]]:
    return sorted(tally.ballots, key=lambda one: (-one[1], str(one[0])))


def run_figures(calls: RunCalls) -> dict[str, float | None]:
    """Return the figures of a run that `diff` sets side by side. The time is in milliseconds, the cost in dollars."""
    record = calls.record
    states = Counter(one.counts_as for one in record.calls)
    answers = [one for call in record.calls if not call.from_journal for one in call.answers]
    return {
        "calls": len(record.calls) - states["unsent"],
        "answered": states["answered"],
        "reused": states["reused"],
        "failed": states["failed"],
        "cancelled": states["cancelled"],
        "tokens_read": sum(one.tokens.read or 0 for one in answers),
        "tokens_written": sum(one.tokens.written or 0 for one in answers),
        "ms": None if record.ended is None else round((record.ended - record.began) * 1000),
        "cost": record.cost,
    }
