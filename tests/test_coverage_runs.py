"""Random flows: the asks that a test covers are those that the run with the same answers sent."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from test_scripted_runs import different, played

from flowrun.dsl import FlowError, PlannedMarks
from flowrun.dsl import plan as p
from flowrun.runtime.plans.step_paths import StepNode
from flowrun.runtime.vocabulary import events as e
from flowrun.testing.coverage import Coverage, Reached
from flowrun.testing.places import Places
from support.few_cases import some
from support.oracle import Oracle
from support.random_checks import Trial
from support.random_runs import Ran, Servers
from support.random_tests import asks
from support.soak import share

CHUNK = 25


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
            ran = trial.run(Servers(oracle, trial.dice, different, keeps=False))
            found, reached = covered(trial, ran)
            assert found == sent(trial, ran), f"seed {seed}\n{trial.text}\n{dict(trial.inputs)}"
            known = {mark for mark in reached.marks if mark in reached.planned.items}
            asked = {item.mark for item in reached.planned.items.values() if item.kind == "ask"}
            assert {mark for mark in reached.marks if mark.part in ("ask", "reduce", "decide")} <= asked & known
            lost = any(isinstance(event, e.ElementLost) for event in ran.events)
            assert lost or not any(mark.part == "errors" for mark in reached.marks)
            some += len(found) > 1
    assert tried > len(seeds) // 3 and some


@pytest.mark.parametrize("chunk", some(range(4), 4))
def test_the_covered_asks_are_those_of_the_record(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(4, 4 + share(4_000) // CHUNK))
def test_many_covered_asks_are_those_of_the_record(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))


# Branches whose conditions are known

_BODY = re.compile(r"((?:repeat|map|chain)\b[^{}]*\{|^flow [^\n]*\{$)", re.MULTILINE)


def planted(trial: Trial) -> Trial:
    """The flow with two branches at the beginning of each body: `hit…` is always taken, and `miss…` never."""
    count = 0

    def lines(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        hit = f'hit{count} = ask "hit{count}| " when 1 == 1 else "no"'
        return f'{found[0]}\n  {hit}\n  miss{count} = ask "miss{count}| " when 1 == 2 else "no"\n'

    text = re.sub(r"budget \d+ calls", "budget 4000 calls", trial.text)
    return Trial(_BODY.sub(lines, text), trial.inputs, trial.seed)


def branches(reached: Reached, *parts: str) -> set[str]:
    """The names of the planted steps with a reached mark of one of these parts."""
    home = reached.planned.homes[""]
    names = {home.mark(step, part): home.path(step, "ask") for step in home.steps for part in parts}
    found = {names[mark].rpartition(".")[2] for mark in reached.marks if mark in names}
    return {name for name in found if name.startswith(("hit", "miss"))}


def planted_names(texts: Iterable[str]) -> set[str]:
    """The names of planted steps that texts have in quotes."""
    return {found[1] for text in texts if (found := re.search(r"`(?:[^`]*\.)?((?:hit|miss)\d+)`", text))}


def hold_branches(seeds: range) -> None:
    tried = bodies = empty = 0
    for seed in seeds:
        drawn = Trial.drawn(seed)
        trial = planted(drawn)
        try:
            assert trial.checked
        except FlowError:
            continue
        if any("concurrency" in model.options for model in trial.plan.models) or "hedge" in trial.text:
            continue
        tried += 1
        ran = trial.run(Servers(Oracle(seed), trial.dice, different))
        found, reached = covered(trial, ran)
        asked = {name for _, path in found if (name := path.rpartition(".")[2]).startswith(("hit", "miss"))}
        came = branches(reached, "when")
        # A request may still wait when its vote is decided, but no request is sent without its condition.
        assert asked <= came and not any(name.startswith("miss") for name in came), f"seed {seed}\n{trial.text}"
        assert branches(reached, "skip") == {name.replace("hit", "miss") for name in came}, f"seed {seed}\n{trial.text}"
        ends = {event.path.rpartition(".")[2] for event in ran.events if isinstance(event, e.StepFinished)}
        assert {name for name in ends if name.startswith("hit")} <= came
        # All that is told as missed is missed: each branch that was not reached, and no other.
        whole = Coverage(dict(reached.planned.items), reached.marks)
        told = [item for file in whole.by_file() for item in file.missed]
        assert {item.mark for item in told} == whole.items.keys() - reached.marks
        untried = planted_names(item.missed for item in told if ": no test comes" in item.missed)
        every = set(re.findall(r"\b(?:hit|miss)\d+(?= =)", trial.text))
        assert untried == every - came - branches(reached, "skip"), f"seed {seed}\n{trial.text}"
        bodies += len(came)
        empty += len(every) // 2 - len(came)
    assert tried > len(seeds) // 4 and bodies > tried and empty


@pytest.mark.parametrize("chunk", some(range(2), 2))
def test_the_covered_branches_are_those_whose_conditions_were_met(chunk: int) -> None:
    hold_branches(range(chunk * CHUNK, (chunk + 1) * CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(2, 2 + share(4_000) // CHUNK))
def test_many_covered_branches_are_those_whose_conditions_were_met(chunk: int) -> None:
    hold_branches(range(chunk * CHUNK, (chunk + 1) * CHUNK))
