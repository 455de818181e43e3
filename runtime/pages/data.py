"""The data of the page of a run: columns of numbers, and one table of texts to which they refer.

The page reads this JSON into ``F.store`` (assets/store.js). ``F.store.apply(data)`` adds the calls of ``data`` to the
model, or replaces those with the same place. So the whole run and a later change of it have one form. A part that is
missing leaves the model as it is. Texts are references: numbers of ``strings``, of which 0 is the empty text.

- ``version``: 1. ``texts``: false if prompts, answers, labels, reasons and values are left out.
- ``strings``: all texts, each once. ``packing`` writes them shorter.
- ``run``: ``id flow source status state`` are texts, ``notes`` is a list of texts. ``began``: ms of the epoch.
  ``length``: ms.
- ``figures``: the numbers of the head, the fields of ``head.Figures``.
- ``value``: the result, as text or as JSON. ``flow``: the text of the flow file.
- ``requests``: the distinct settings of calls, ``temperature max_tokens seed choices schema
  options``, without those not set.
- ``calls``: columns. Texts: ``path place step model vote reason``, and the lists of texts ``labels before``.
  ``prompt``: role, text, role, text … ``state``: an index into STATES. ``request``: an index, or -1.
  ``cost``: billionths of a dollar, null if unknown. ``began ended``: ms of the run, or null. ``ballot``: the class of
  its ballot in ``votes``, or -1. ``before``: the paths of the steps that its prompt reads.
- ``answers``: columns. ``call``: the index of its call here. Texts: ``text finish error value served id more``,
  ``tier doubt``. ``value`` and ``more`` are JSON; 0 means that there is none, or that it equals the text. ``usable``: 0
  or 1. Tokens, or null: ``read cached stored written reasoning images long_stored``. ``cost`` as above.
- ``attempts``: columns. ``call``. Texts: ``request reason``, and ``model``, 0 for the model of the call. ``end``: an
  index into ENDS. ``began ended``: ms of the run. ``status``: of HTTP, or null. ``waited``: ms by cause, or 0.
  ``answer``: the index of its answer among those of the call, or null. ``correction``: the messages that it sent behind
  the prompt, as in ``prompt``; 0 if there are none, null if they are not known.
- ``votes``: columns. ``path``. ``classes``: [text, votes] of each class of ballots, most votes first. ``winner``: the
  index of its class, or -1. ``decided``: ms of the run, or null. ``panel``: 0, or for each item of a panel its text
  and [text, votes] of its answers. The others are those of a tally.
- ``losses``: ``count``; ``fatal``, the number of failures that ended a step; ``causes``, each with ``reason count``,
  ``first`` ([path, reason] of the first three) and ``command``, which asks them again.
- ``graph`` and ``timeline``: see the modules of these names.
- ``live``: see ``live_page``. Only a page that is shown while its run goes on has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from ..plans.step_paths import PathNames
from ..vocabulary.call import Message
from ..vocabulary.call_record import TOKEN_CLASSES, AnswerRecord, AttemptRecord, CallRecord, End, State
from ..vocabulary.classes import account_text
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import json_text
from ..vocabulary.run_record import RunRecord
from ..vocabulary.tally import Panel, Tally
from .ballots import Votes
from .fitting import fitting
from .graph import graph_data
from .head import Figures, cost_of, figures_of
from .inputs import Inputs
from .losses import losses_of
from .strings import Strings
from .timeline import as_data, timeline_of

VERSION = 1
STATES: tuple[str, ...] = get_args(State)
ENDS: tuple[str, ...] = get_args(End)
Columns = dict[str, list[Any]]


def page_data(record: RunRecord, *, texts: bool = True, journal: Path | None = None) -> dict[str, Json]:
    """Return the data of the page of a run. Without ``texts``, nothing that people or models wrote is in them.

    ``journal`` is the journal of the run, None if there is none to name.
    """
    figures = figures_of(record)
    fit = fitting(record, texts=texts)
    record = fit.record
    strings = Strings(foreign=texts, longest=fit.longest)
    votes, inputs = Votes(record), Inputs(record.plan)
    data: dict[str, Json] = {
        "version": VERSION,
        "texts": texts,
        "run": run_data(record, figures, strings, fit.told),
        "figures": asdict(figures),
        "value": strings.json(record.end.value),
        "flow": strings.foreign(record.text),
        **calls_data(record.calls, figures, votes, inputs, strings),
        "votes": votes_data(votes, votes.tallies, inputs.names, strings),
        "losses": losses_of(record, inputs.names, strings, journal),
        "graph": graph_data(record),
        "timeline": as_data(timeline_of(record)),
    }
    return data | {"strings": strings.all}


def run_data(record: RunRecord, figures: Figures, strings: Strings, told: Sequence[str] = ()) -> dict[str, Json]:
    """Return the part ``run``. ``told`` are remarks about the page itself."""
    return {
        "id": strings.add(record.id),
        "flow": strings.add(record.plan.flow),
        "source": strings.add(record.plan.source.replace("\\", "/").rpartition("/")[2]),
        "status": strings.add(record.status),
        "state": strings.add(figures.state),
        "began": round(record.began * 1000),
        "length": figures.ms,
        "notes": [*map(strings.add, told), *(one for note in record.notes if (one := strings.foreign(note)))],
    }


def calls_data(
    calls: Sequence[CallRecord], figures: Figures, votes: Votes, inputs: Inputs, strings: Strings
) -> dict[str, Json]:
    """Return the parts ``requests``, ``calls``, ``answers`` and ``attempts`` for some calls of a run."""
    requests: dict[str, int] = {}
    settings: list[dict[str, Json]] = []
    rows: Columns = {}
    answers: Columns = {}
    attempts: Columns = {}
    for number, call in enumerate(calls):
        setting = _settings(call, texts=bool(strings.foreign("user")))
        request = -1 if setting is None else requests.setdefault(json_text(setting, indent=None), len(settings))
        if setting is not None and request == len(settings):
            settings.append(setting)
        row = _call(call, inputs.names, strings) | {"request": request, "ballot": votes.ballot_of(call)}
        row["cost"] = nanodollars(cost_of(call, figures))
        _append(rows, row | {"before": [strings.add(inputs.names.of(one)) for one in inputs.of(call.path)]})
        for answer in call.answers:
            _append(answers, {"call": number, **_answer(answer, strings)})
        for attempt in call.attempts:
            _append(attempts, {"call": number, **_attempt(attempt, call, strings)})
    return {"requests": settings, "calls": rows, "answers": answers, "attempts": attempts}


def _append(columns: Columns, row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        columns.setdefault(name, []).append(value)


def _settings(call: CallRecord, *, texts: bool) -> dict[str, Json] | None:
    request = call.request
    if request is None:
        return None
    found: dict[str, Json] = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "choices": list(request.choices) or None if texts else None,
        "schema": request.schema if texts else None,
        "options": dict(request.options) or None if texts else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _call(call: CallRecord, names: PathNames, strings: Strings) -> dict[str, Json]:
    begins = [one.began for one in call.attempts if one.began is not None]
    ends = [one.ended for one in call.attempts if one.ended is not None]
    return {
        "path": strings.add(names.of_call(call)),
        "place": strings.add(call.place),
        "step": strings.add(names.of_step(call)),
        "model": strings.add(call.model),
        "vote": strings.add(names.of(call.vote)),
        "state": STATES.index(call.state),
        "reason": strings.foreign(call.reason),
        "labels": [one for label in call.labels if (one := strings.foreign(label))],
        "prompt": [] if call.request is None else _messages(call.request.messages, strings),
        "began": min(begins, default=None),
        "ended": max(ends, default=None),
    }


def _messages(messages: Sequence[Message], strings: Strings) -> list[int]:
    return [part for one in messages if (text := strings.foreign(one.text)) for part in (strings.add(one.role), text)]


def _answer(answer: AnswerRecord, strings: Strings) -> dict[str, Json]:
    tokens = answer.tokens
    return {
        "text": strings.foreign(answer.text),
        "finish": strings.add(answer.finish),
        "error": strings.foreign(answer.error),
        # Without texts, too, the page tells an answer that could be used from one that could not.
        "usable": int(not answer.error),
        "value": 0 if answer.value in (None, answer.text) else strings.whole(answer.value),
        "read": tokens.read,
        **{name: getattr(tokens, name) for name in TOKEN_CLASSES},
        "tier": strings.add(answer.tier),
        "doubt": strings.foreign(answer.doubt),
        "cost": nanodollars(answer.cost),
        "served": strings.add(answer.served),
        "id": strings.add(answer.id),
        "more": strings.whole(dict(answer.more)) if answer.more else 0,
    }


def _attempt(attempt: AttemptRecord, call: CallRecord, strings: Strings) -> dict[str, Json]:
    correction = attempt.correction if call.request is not None else None
    return {
        "request": strings.add(attempt.request),
        "end": ENDS.index(attempt.end),
        "began": attempt.began,
        "ended": attempt.ended,
        "reason": strings.foreign(attempt.reason),
        "status": attempt.status,
        "waited": dict(attempt.waited) or 0,
        "model": strings.add(attempt.model),
        "answer": attempt.answer,
        "correction": None if correction is None else _messages(correction, strings) or 0,
    }


_FIGURES = (
    *("planned", "asked", "counted", "discarded", "missing", "unsent", "adaptive", "settled", "of", "agreement"),
    *("margin", "stands", "unit", "saved", "votes"),
)
"""The figures of a vote in the data of a page."""


def votes_data(votes: Votes, paths: Iterable[str], names: PathNames, strings: Strings) -> Columns:
    """Return the part ``votes`` for some votes of a run."""
    columns: Columns = {}
    for path in paths:
        tally = votes.tallies[path]
        row: dict[str, Any] = {
            "path": strings.add(names.of(path)),
            "classes": [[strings.json(answer), count] for answer, count in tally.ballots],
            "winner": _winner(tally),
            "decided": votes.decided(path),
            "told": account_text(tally),
            "contest": tally.contest is not None,
            "panel": 0 if tally.panel is None else _panel(tally.panel, strings),
        }
        _append(columns, row | {name: getattr(tally, name) for name in _FIGURES})
    return columns


def _winner(tally: Tally) -> int:
    """Return the class that won, -1 if none did."""
    if tally.winner is None:
        return -1
    return next((n for n, (answer, _) in enumerate(tally.ballots) if answer == tally.first), -1)


def _panel(panel: Panel, strings: Strings) -> Json:
    each = zip(panel.items, panel.said, strict=True)
    return [[strings.foreign(item), [[strings.json(answer), n] for answer, _, n in said]] for item, said in each]


def nanodollars(cost: float | None) -> int | None:
    """Return a cost in billionths of a dollar, so that columns hold whole numbers."""
    return None if cost is None else round(cost * 1e9)
