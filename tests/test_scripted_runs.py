"""Random flows: a test whose replies are the answers of a real run gives that run's outcome, losses and tallies."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError
from flowrun.dsl import plan as p
from flowrun.dsl import test_plan as tp
from flowrun.runtime.engine.decisions import Failure
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import CallError
from flowrun.testing.bench import Bench, Setting
from flowrun.testing.coverage import Reached
from flowrun.testing.places import Number, Places
from flowrun.testing.runner import play
from flowrun.testing.test_run import Ran as Played
from support.oracle import SPOILT, Key, Oracle
from support.random_checks import Trial
from support.random_runs import Ran, Servers
from support.soak import share

CHUNK = 50
NOWHERE = tp.Place("flow", 1, 1, 1, 2, "")


def script(trial: Trial, ran: Ran) -> tuple[tp.Reply, ...]:
    """The answers of a run as the lines of a test: one line for each place, with the numbers of elements and samples.

    The merges of a tree of asks have one line, in the order in which they were sent.
    """
    places = Places(trial.plan)
    lines: dict[tuple[tuple[str, Number], ...], dict[str, list[tp.Answer]]] = {}
    began: dict[int, float] = {}
    open_: dict[int, list[tuple[list[tp.Answer], int, Any]]] = {}
    for event in ran.events:
        if isinstance(event, e.RequestStarted):
            for call in event.carried:
                spot = places.spot(call.place or call.path)
                key = tuple(zip(spot.shape.names, spot.at, strict=True))
                found = lines.setdefault(key, {}).setdefault("" if spot.merge else call.place, [])
                # A request that is cancelled has no answer in time.
                found.append(tp.Answer("slow", None, None, NOWHERE))
                open_.setdefault(event.number, []).append((found, len(found) - 1, call))
            began[event.number] = event.at
        elif isinstance(event, e.RequestFinished | e.RequestFailed):
            came = event.came if isinstance(event, e.RequestFinished) else [event.error] * event.calls
            for (found, at, call), what in zip(open_.pop(event.number), came, strict=True):
                found[at] = answer_of(call, what, event.at - began[event.number])
    return tuple(
        tp.Reply(
            tuple(tp.PathPart(name, at if isinstance(at, int) else None) for name, at in key),
            ".".join(name for name, _ in key),
            None,
            tuple(answer for found in calls.values() for answer in found),
            NOWHERE,
        )
        for key, calls in lines.items()
    )


def answer_of(call: Any, what: Any, seconds: float) -> tp.Answer:
    """A scripted answer that takes as long as that of the run."""
    if isinstance(what, CallError):
        return tp.Answer("error", p.Constant(str(what.status)), seconds, NOWHERE)
    text = what.text
    if text.startswith(SPOILT) and not (call.request.schema is None and not call.request.choices):
        return tp.Answer("malformed", p.Constant(text), seconds, NOWHERE)
    plain = call.request.schema is None
    return tp.Answer("value", p.Constant(text if plain else json.loads(text)), seconds, NOWHERE)


def played(trial: Trial, ran: Ran, reached: Reached | None = None) -> Played:
    inputs = {name: p.Constant(value) for name, value in trial.inputs.items()}
    names = {param.name for param in trial.plan.params}
    given = {name: value for name, value in inputs.items() if name in names}
    test = tp.Test("as the run", trial.plan.flow, NOWHERE, given=tp.Givens(given), replies=script(trial, ran))
    return play(test, Setting(Bench(trial.plan, "m"), Path(), reached=reached))


def facts(failures: tuple[Failure, ...], *, reasons: bool) -> list[tuple[str, str, bool]]:
    return sorted((one.path, one.reason if reasons else "", one.ballot) for one in failures)


def different(key: Key, dice: random.Random) -> float:
    """Seconds that no other request takes: of two failures at the same moment either may be told first."""
    return 0.5 + dice.random()


def same(trial: Trial, ran: Ran, *, reasons: bool = True) -> None:
    found = played(trial, ran)
    told, wanted = found.outcome, ran.outcome
    assert not found.source.book.missing
    assert not found.source.book.script.problems
    assert (told.value, told.complete, told.status) == (wanted.value, wanted.complete, wanted.status)
    assert facts(told.failures, reasons=reasons) == facts(wanted.failures, reasons=reasons)
    assert facts(told.losses, reasons=reasons) == facts(wanted.losses, reasons=reasons)
    assert told.tallies == wanted.tallies
    if "hedge" not in trial.text:
        # A second request is sent at a moment that depends on the last bit of a time.
        sent = sum(event.calls for event in ran.events if isinstance(event, e.RequestStarted))
        assert found.source.meter.summary.account.sent == sent


def hold(seeds: range) -> None:
    tried = 0
    for seed in seeds:
        trial = Trial.drawn(seed)
        try:
            assert trial.checked
        except FlowError:
            continue
        # A model of a test takes all requests at once: more of them are sent before a quorum or a failure ends them. It
        # keeps no prompts either, so it is asked in the order of the lists.
        if any("concurrency" in model.options for model in trial.plan.models):
            continue
        tried += 1
        try:
            same(trial, trial.run(Servers(Oracle(seed), trial.dice, different, keeps=False)))
            same(trial, trial.run(Servers(Oracle(seed, spoilt=0.3), trial.dice, different, keeps=False)))
            refusing = Servers(Oracle(seed, refused=0.2), trial.dice, different, keeps=False)
            same(trial, trial.run(refusing), reasons=False)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{trial.text}\n{dict(trial.inputs)}") from error
    assert tried > len(seeds) // 2


@pytest.mark.parametrize("chunk", range(2))
def test_a_test_with_the_answers_of_a_run_is_the_run(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(2, 2 + share(8_000) // CHUNK))
def test_many_tests_with_the_answers_of_a_run_are_the_run(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))
