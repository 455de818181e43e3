"""Random flows: the asks that a test covers are those that the run with the same answers sent."""

from __future__ import annotations

import pytest
from test_scripted_runs import different, played

from flowrun.dsl import FlowError, PlannedMarks
from flowrun.dsl import plan as p
from flowrun.runtime.plans.step_paths import StepNode
from flowrun.runtime.vocabulary import events as e
from flowrun.testing.coverage import Reached
from flowrun.testing.places import Places
from support.oracle import Oracle
from support.random_checks import Trial
from support.random_runs import Ran, Servers
from support.random_tests import asks
from support.soak import share

CHUNK = 50


def own_path(trial: Trial, chain: tuple[StepNode, ...]) -> tuple[str, str]:
    """The flow in which an ask stands, and its path there."""
    flow, names = trial.plan.flow, list[str]()
    for node in chain:
        names.append(node.name)
        if node.step is not None and isinstance(node.step.node, p.FlowCall):
            flow, names = p.plain_name(node.step.node.flow), []
    return flow, ".".join(names)


def sent(trial: Trial, ran: Ran) -> set[tuple[str, str]]:
    """The asks of which the record of a run has a request."""
    own = {".".join(node.name for node in chain): own_path(trial, chain) for chain, _ in asks(trial.plan)}
    places = Places(trial.plan)
    started = [event for event in ran.events if isinstance(event, e.RequestStarted)]
    calls = [call for event in started for call in event.carried]
    return {own[places.spot(call.place or call.path).shape.step] for call in calls}


def covered(trial: Trial, ran: Ran) -> tuple[set[tuple[str, str]], Reached]:
    """The asks that a test with the answers of a run covers, with the listener of the test."""
    reached = Reached(PlannedMarks(trial.checked, trial.plan))
    played(trial, ran, reached)
    home = reached.planned.homes[""]
    paths = {
        home.mark(step, part): home.path(step, part) for step in home.steps for part in ("ask", "reduce", "decide")
    }
    return {(mark.flow, paths[mark]) for mark in reached.marks if mark.part in ("ask", "reduce", "decide")}, reached


def hold(seeds: range) -> None:
    tried = some = 0
    for seed in seeds:
        trial = Trial.drawn(seed)
        try:
            assert trial.checked
        except FlowError:
            continue
        if any("concurrency" in model.options for model in trial.plan.models) or "hedge" in trial.text:
            # Such a run sends other requests than a test, at other moments.
            continue
        tried += 1
        for oracle in (Oracle(seed), Oracle(seed, spoilt=0.3)):
            ran = trial.run(Servers(oracle, trial.dice, different))
            found, reached = covered(trial, ran)
            assert found == sent(trial, ran), f"seed {seed}\n{trial.text}\n{dict(trial.inputs)}"
            known = {mark for mark in reached.marks if mark in reached.planned.items}
            asked = {item.mark for item in reached.planned.items.values() if item.kind == "ask"}
            assert {mark for mark in reached.marks if mark.part in ("ask", "reduce", "decide")} <= asked & known
            lost = any(isinstance(event, e.ElementLost) for event in ran.events)
            assert lost or not any(mark.part == "errors" for mark in reached.marks)
            some += len(found) > 1
    assert tried > len(seeds) // 3 and some


@pytest.mark.parametrize("chunk", range(4))
def test_the_covered_asks_are_those_of_the_record(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(4, 4 + share(4_000) // CHUNK))
def test_many_covered_asks_are_those_of_the_record(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))
