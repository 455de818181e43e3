"""The reading of a run's calls from its journal. The plan is replayed for the prompts, the votes and the values."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flowrun.dsl import plan as p

from ..costs.prices import Prices, dearest_declared
from ..dispatch.cache import known_in
from ..engine.decisions import Outcome
from ..journal.answers import Paid
from ..journal.attempts import RunRow
from ..journal.index import Run
from ..journal.reading import JournalReader
from ..journal.records import Kind
from ..plans.models import declared_models
from ..providers.declared_endpoints import endpoints_of
from ..vocabulary.call_record import AnswerRecord, CallRecord, State
from ..vocabulary.errors import AnswerError
from ..vocabulary.json_value import Json
from ..vocabulary.question import UNANSWERED
from ..vocabulary.run_record import EndpointRecord
from ..vocabulary.usage import Usage
from .attempts import CallRows, answer_record, record_of_rows, state_of
from .driver import Replay, ReplayedCall, context_of
from .earlier import EarlierAnswers
from .excerpt import WHOLE, Excerpt
from .file_reads import FileReads
from .journal_source import JournalSource
from .run_beginning import Endpoints, ModelNames, RunBeginning, read_beginning
from .stretches import OF_CALLS, Stretch, past_of, stretches

_ELEMENT = re.compile(r"\[\d+\]")
_LARGE = frozenset({Kind.GIVEN, Kind.CONTENT})
"""The kinds of rows that may be large, and are read by themselves when they are needed."""
_USUAL, _LEAST = 512, 64
"""The requests in flight that an endpoint is expected to take at first, and the least number of open bodies."""


class RunReading:
    """The reading of one run, up to the row ``last`` if it is given: ``calls`` yields its calls.

    With an ``excerpt`` and its ``rows``, only that part of the run is read. It is ``unsure`` if only a reading of the
    whole run can tell which of several answers to one question a call took.

    Afterwards ``outcome`` is the outcome of the flow as far as the journal has it, ``finished`` tells whether the flow
    came to its end, and ``notes`` are remarks on the reading.
    """

    def __init__(
        self,
        reader: JournalReader,
        run: Run,
        environ: Mapping[str, str] | None = None,
        endpoints: Mapping[str, str] | None = None,
        last: int | None = None,
        excerpt: Excerpt = WHOLE,
        rows: list[RunRow] | None = None,
        given: RunBeginning | None = None,
    ) -> None:
        self.reader = reader
        self.run = run
        environ = os.environ if environ is None else environ
        self.given = given = given or read_beginning(reader, run)
        named = {address: EndpointRecord(name) for address, name in (endpoints or {}).items()}
        declared = endpoints_of(given.plan, environ, given.folder)
        self.endpoints = Endpoints({**given.models, **named}, environ, declared)
        self.notes = [*given.remarks]
        self._last: Replay | None = None
        self._excerpt = excerpt
        fresh = bool(given.settings.get("fresh"))
        names = ModelNames(self.endpoints)
        self._earlier = EarlierAnswers(reader, run, self.endpoints, excerpt, fresh=fresh, models=names)
        if rows is None:
            rows = [*reader.rows(run.number, reader.last_row(run.number) if last is None else last)]
        self._rows = rows
        self.stretches = [*stretches(self._rows, run)]
        self._at: dict[str, list[int]] = {}
        for at, row in enumerate(self._rows):
            if row.kind in _LARGE:
                row.body = ""
            if row.kind in OF_CALLS:
                self._at.setdefault(row.place, []).append(at)
        self.costs = Costs(given.plan, environ)

    @property
    def outcome(self) -> Outcome | None:
        return None if self._last is None else self._last.outcome

    @property
    def finished(self) -> bool:
        return self._last is not None and self._last.finished

    @property
    def unsure(self) -> bool:
        return self._earlier.unsure

    def calls(self) -> Iterator[CallRecord]:
        """Yield all calls: those of the last stretch as they end, then those that only earlier stretches made."""
        changed: set[str] = set()
        last = self.stretches[-1]
        for stretch in reversed(self.stretches):
            if stretch is not last and not self._at:
                break
            source, replay = self._replay(stretch)
            for call in replay:
                place = call.call.place
                if place in source.changed:
                    changed.add(place)
                elif self._excerpt.holds(place) and (stretch is last or place in self._at):
                    yield self.record(call)
            if stretch is last:
                self._last = replay
                self.notes += [f"the replay cannot read `{one}` again as it was" for one in replay.unread]
        self.notes += [
            f"the prompt of `{place}` cannot be shown: the replay makes another one than the one that was sent"
            for place in changed
            if place in self._at and self._excerpt.holds(place)
        ]
        for place in filter(self._excerpt.holds, [*self._at]):
            yield record_of_rows(place, [self._rows[at] for at in self._at.pop(place)], self.costs)

    def _replay(self, stretch: Stretch) -> tuple[JournalSource, Replay]:
        given, budget = self.given, stretch.budget or self.given.budget
        in_money = budget.money is not None or any(one.money_limit is not None for one in given.plan.flows.values())
        past = past_of(self.run, stretch.before, self.costs.prices if in_money else None)
        context = replace(
            context_of(given.plan, given.model),
            calls_limit=budget.calls,
            # Calls of several processes reserved their dollars in an order that no row tells.
            money_limit=None if stretch.spread else budget.money,
            price=self.costs.prices,
            spent_within=past.within,
        )
        window = self._window()
        reads = FileReads(self.reader, [*stretch.before, *stretch.rows], given)
        source = JournalSource(
            stretch.rows,
            self._earlier.before(stretch),
            reads.read,
            over=stretch.over,
            window=window,
            spent=stretch.spent(budget),
        )
        return source, Replay(given.plan, given.inputs, source, context, window, self._excerpt.only)

    def _window(self) -> int:
        """Work out how many bodies a block might have open at once when the run began."""
        declared = {model.address: dict(model.options) for model in declared_models(self.given.plan).values()}
        limits: dict[str, list[int]] = {}
        for address in {json.loads(row.body).get("model") for row in self._rows if row.kind == Kind.INTENT}:
            limit = declared.get(address, {}).get("concurrency", 0)
            limits.setdefault(self.endpoints.get(address, ""), []).append(int(limit))
        places = [max(some) if all(some) else _USUAL for some in limits.values()]
        return max(_LEAST, 2 * (sum(places) or _USUAL))

    # The record of a call

    def record(self, call: ReplayedCall) -> CallRecord:
        """Make the record of a replayed call."""
        place, path = call.call.place, call.call.path
        for known in call.known:
            if known.paid is not None and known.paid.run == self.run.number:
                self._move(known.paid, known.key, place)
        rows = [self._rows[at] for at in self._at.pop(place, ())]
        found = CallRows(rows, self.costs)
        if len(self.stretches) == 1:
            # Nobody reads these rows again, and a run may have a million of them.
            for row in rows:
                row.body = ""
        found.correct(call.call.model, call.corrections)
        self._give_values(call, found)
        reused = [] if found.answers else [*self._reused(call)]
        state, reason = _state_of(call, found, reused)
        return CallRecord(
            path,
            place,
            _ELEMENT.sub("", path),
            call.call.model,
            state,
            call.request,
            tuple(found.answers or reused),
            tuple(found.attempts),
            call.labels,
            call.vote,
            reason,
            found.key or call.call.known.key,
        )

    def _move(self, paid: Paid, key: bytes, place: str) -> None:
        """Move the rows of an answer to the call that took it. Calls with the same question may take one another's."""
        if paid.place == place:
            return
        there = self._at.get(paid.place, [])
        same = [at for at in there if self._rows[at].key == key and self._rows[at].number <= paid.number]
        intents = [at for at in same if self._rows[at].kind == Kind.INTENT]
        moved = {same[-1], *intents[-1:]} if same and self._rows[same[-1]].number == paid.number else set()
        self._at[paid.place] = [at for at in there if at not in moved]
        self._at[place] = sorted({*self._at.get(place, ()), *moved})
        if not self._at[paid.place]:
            del self._at[paid.place]

    def _give_values(self, call: ReplayedCall, found: CallRows) -> None:
        """Add to the answers the values that the flow made of them."""
        heard = {one.key: one.value for one in call.heard}
        for at, key in enumerate(found.keys):
            answer = found.answers[at]
            if answer.error:
                continue
            # A call that was forgotten or hedged may have several answers to one key.
            alone = key in heard and found.keys.count(key) == 1
            value = heard[key] if alone else _late(call, answer)
            if isinstance(value, AnswerError):
                found.spoil(at, str(value))
            else:
                found.answers[at] = replace(answer, value=value)

    def _reused(self, call: ReplayedCall) -> Iterator[AnswerRecord]:
        heard = {one.key: one.value for one in call.heard}
        for known in call.known:
            if known.paid is not None:
                body: Any = self.reader.body(known.paid.number)
                answer, value = answer_record(body, call.call.model, self.costs), heard.get(known.key)
                error = str(value) if isinstance(value, AnswerError) else answer.error
                yield replace(answer, value=None if error else value, error=error)


class Costs:
    """The dollars of answers whose rows do not have them. ``reckoned`` is True if there was any such answer."""

    def __init__(self, plan: p.Plan, environ: Mapping[str, str] | None) -> None:
        models = declared_models(plan).values()
        declared = dearest_declared((one.address, dict(one.options)) for one in models)
        endpoints = endpoints_of(plan, os.environ if environ is None else environ)
        self.prices = Prices(environ, declared, endpoints)
        self.reckoned = False

    def __call__(self, model: str, usage: Usage) -> float | None:
        if not usage.known:
            return None
        cost = self.prices.cost_of(model, usage)
        self.reckoned |= cost is not None
        return cost


def _late(call: ReplayedCall, answer: AnswerRecord) -> Json:
    """Read the value of an answer that came when nothing needed it any more."""
    read = known_in({"text": answer.text, "finish": answer.finish, "in": None, "out": None}, 0).answer
    assert read is not None
    try:
        return read if isinstance(read, AnswerError) else call.read(read, call.request)
    except AnswerError as error:
        return error


def _state_of(call: ReplayedCall, found: CallRows, reused: list[AnswerRecord]) -> tuple[State, str]:
    state = state_of(call.end, found.answers, reused, found.attempts)
    if state in ("answered", "reused") or call.end == "cancelled":
        return state, ""
    if call.end == "waiting" and call.call.question is not None:
        return "open", UNANSWERED
    return state, call.reason if call.end == "failed" else found.reason
