"""The differences of two runs as lines of text, and as JSON data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...plans.run_calls import RunCalls
from ...vocabulary.amounts import UNKNOWN, count_text, money_text, time_text
from ...vocabulary.call_record import CallRecord
from ...vocabulary.quoting import one_line
from ...vocabulary.tally import Tally
from ...vocabulary.tally_json import vote_json
from ..vote_lines import vote_text
from .changed_words import changed_words
from .differences import CallPair, Differences, answer_text, prompt_text, run_figures
from .run_json import VERSION, call_json, run_facts
from .run_page import file_of, value_text
from .screen import Screen
from .table import Column, table

_WORDS = {
    "tokens_read": "tokens read",
    "tokens_written": "tokens written",
    "ms": "time",
}
_MOST = 20
"""The most changed calls of a kind that a terminal shows."""
_ROOM = 60
"""A terminal with fewer columns has no room for two whole ids beside the names of the figures."""


def difference_lines(found: Differences, screen: Screen) -> Iterator[str]:
    """Yield the lines about two runs. A terminal gets the first changes of each kind, a pipe all of them."""
    yield from _figures_lines(found, screen)
    yield ""
    yield _summary(found)
    for part, title in (("prompt", "prompts"), ("model", "models"), ("settings", "settings"), ("answer", "answers")):
        yield from _pairs_lines(found, part, title, screen)
    for title, calls, places in (("only before", found.before, found.left), ("only after", found.after, found.right)):
        yield from _listed(title, [one_line(calls.addresses[at].text) for at in places], screen)
    yield from _listed("votes", [_vote_line(*one) for one in found.votes], screen)
    if found.value_changed:
        yield screen.paint("── value", "dim")
        old, new = (value_text(one.record.end.value) for one in (found.before, found.after))
        yield changed_words(old, new, screen)


def _figures_lines(found: Differences, screen: Screen) -> Iterator[str]:
    old, new = run_figures(found.before), run_figures(found.after)
    rows = [("file", *(one_line(file_of(one.record)) for one in (found.before, found.after)), "")]
    rows.append(("state", found.before.record.status, found.after.record.status, ""))
    for name, was in old.items():
        is_ = new[name]
        if was or is_ or name in ("calls", "cost"):
            rows.append((_WORDS.get(name, name), _amount(name, was), _amount(name, is_), _change(name, was, is_)))
    heads = (found.before.record.id, found.after.record.id)
    if screen.width is not None and screen.width < _ROOM:
        # The ends of two ids differ, even if the runs began on one day.
        heads = (_end(heads[0]), _end(heads[1]))
    columns = (Column(""), *(Column(one, least=11, right=True) for one in heads), Column("difference", 1, right=True))
    lines = table(columns, rows, screen.width)
    yield screen.paint(lines[0], "dim")
    yield from lines[1:]


def _end(name: str) -> str:
    return name if len(name) <= 11 else f"…{name[-10:]}"


def _amount(name: str, value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return money_text(value) if name == "cost" else time_text(value) if name == "ms" else f"{value:,.0f}"


def _change(name: str, was: float | None, is_: float | None) -> str:
    if was is None or is_ is None:
        return UNKNOWN
    change = is_ - was
    if abs(change) < 1e-12:
        return ""
    return ("+" if change > 0 else "−") + _amount(name, abs(change))


def _summary(found: Differences) -> str:
    if found.none:
        return "same prompts, answers, votes and value" + ("; the flow differs" if found.plan_changed else "")
    answers = found.changed("answer")
    same = sum("prompt" not in one.changed for one in answers)
    parts = (
        "the flow differs" if found.plan_changed else "",
        _number(len(found.changed("prompt")), "prompt"),
        _number(len(answers), "answer") + (f" ({same:,} to the same prompt)" if same else ""),
        _number(len(found.votes), "vote"),
        "another value" if found.value_changed else "",
        f"{count_text(len(found.left), 'call')} only before" if found.left else "",
        f"{count_text(len(found.right), 'call')} only after" if found.right else "",
    )
    return " · ".join(part for part in parts if part)


def _number(number: int, one: str) -> str:
    return f"{count_text(number, one)} changed" if number else ""


def _pairs_lines(found: Differences, part: str, title: str, screen: Screen) -> Iterator[str]:
    pairs = found.changed(part)
    if not pairs:
        return
    yield screen.paint(f"── {title}", "dim")
    kept = pairs if screen.height is None else pairs[:_MOST]
    for pair in kept:
        yield screen.paint(one_line(pair.path), "bold")
        yield f"  {_changed_part(found, pair, part, screen)}"
    yield from _more(len(pairs) - len(kept), "call")


def _changed_part(found: Differences, pair: CallPair, part: str, screen: Screen) -> str:
    old, new = found.before.record.calls[pair.before], found.after.record.calls[pair.after]
    if part == "answer":
        return changed_words(_answer(old), _answer(new), screen)
    if part == "prompt":
        return changed_words(prompt_text(old), prompt_text(new), screen)
    if part == "model":
        return changed_words(old.model, new.model, screen)
    return changed_words(_settings(old), _settings(new), screen)


def _answer(call: CallRecord) -> str:
    text = answer_text(call)
    return f"(no answer, {call.state})" if text is None else text


def _settings(call: CallRecord) -> str:
    one = call.request
    if one is None:
        return "unknown"
    facts = {"temperature": one.temperature, "max_tokens": one.max_tokens, "seed": one.seed, "schema": one.schema}
    told = [f"{name} {value}" for name, value in {**facts, **one.options}.items() if value is not None]
    return ", ".join(told + [f"choices {' | '.join(one.choices)}"] * bool(one.choices)) or "none"


def _vote_line(path: str, was: Tally | None, is_: Tally | None) -> str:
    old, new = ("no vote" if one is None else vote_text(one) for one in (was, is_))
    return f"{one_line(path)}: {old} → {new}"


def _listed(title: str, lines: Sequence[str], screen: Screen) -> Iterator[str]:
    if not lines:
        return
    yield screen.paint(f"── {title}", "dim")
    kept = lines if screen.height is None else lines[:_MOST]
    yield from kept
    yield from _more(len(lines) - len(kept), title.partition(" ")[0] if title == "votes" else "call")


def _more(number: int, what: str) -> Iterator[str]:
    if number:
        yield f"… and {number:,} more {what.removesuffix('s')}{'s' * (number > 1)}; a pipe gets all"


def difference_json(found: Differences) -> dict[str, Any]:
    """Return the output of `diff --json`. Calls that did not change are only counted."""
    old, new = run_figures(found.before), run_figures(found.after)
    changes = {name: None if was is None or (is_ := new[name]) is None else is_ - was for name, was in old.items()}
    return {
        "version": VERSION,
        "runs": [{**run_facts(one.record), "figures": run_figures(one)} for one in (found.before, found.after)],
        "difference": changes,
        "same": found.none,
        "flow_changed": found.plan_changed,
        "unchanged": sum(not one.changed for one in found.pairs),
        "changed": [_pair_json(found, one) for one in found.pairs if one.changed],
        "only_before": [call_json(found.before, at) for at in found.left],
        "only_after": [call_json(found.after, at) for at in found.right],
        "votes": [
            {"path": path, "before": was and vote_json(was), "after": is_ and vote_json(is_)}
            for path, was, is_ in found.votes
        ],
        "value": {"before": found.before.record.end.value, "after": found.after.record.end.value}
        if found.value_changed
        else None,
    }


def _pair_json(found: Differences, pair: CallPair) -> dict[str, Any]:
    sides: tuple[tuple[RunCalls, int], ...] = ((found.before, pair.before), (found.after, pair.after))
    old, new = (call_json(calls, at) for calls, at in sides)
    return {"path": pair.path, "changed": list(pair.changed), "before": old, "after": new}
