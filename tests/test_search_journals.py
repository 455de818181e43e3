"""Searches and tournaments with a journal: budgets that end, judges that fail, and what a resumed run pays."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from flowrun import Budget, RunError
from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.api import RunOptions, resume, run
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.harness import stage

Json = Any
JUDGE = 'first(if: ask "Right? {{ result }}" -> yes | no)'
WAYS = ("cost", "latency", "together")
BETTER = 'reduce best(judge: ask "Better? {{ results }}"'


def asked(way: str) -> str:
    return f'repeat 1..9 {{ ask "S" with seed: 1 }} reduce {JUDGE} with launch: {way}'


NODES = {
    **{way: (asked(way), "c4", 10) for way in WAYS},
    "enough": ('repeat 1..9 { ask "R" -> Plan with seed: 1 } reduce best(by: score, enough: 0.6)', "s6", 7),
    "knockout": (f'repeat 5 {{ ask "S" with seed: 1 }} {BETTER}, method: knockout)', "c4", 13),
    "pairs": (f'repeat 4 {{ ask "S" with seed: 1 }} {BETTER}, method: pairs)', "c3", 16),
}
"""The nodes, their values, and the calls of a run that asks for no sample in vain."""


def flow(node: str, head: str = "") -> str:
    return f"type Plan = {{ steps: text, score: 0.0..1.0 }}\n{head}flow f() {{ v = {node} return v }}"


def script(request: Request, number: int) -> str:
    """Answer sample n with `c<n>`, pass `c4`, and name the candidate with the higher number."""
    text = request.messages[-1].text
    place = (request.seed or 1) - 1
    if text.startswith("Right"):
        return "yes" if text.endswith(" c4") else "no"
    if text.startswith("Better"):
        left, right = (int(one) for one in re.findall(r"c(\d+)", text))
        return "1" if left > right else "2"
    return json.dumps({"steps": f"s{place}", "score": place / 10}) if text.startswith("R") else f"c{place}"


class Shop:
    """A model that keeps its requests over several runs with one journal."""

    def __init__(self, folder: Path, script: Any = script) -> None:
        self.path = folder / "journal.db"
        self.provider = ScriptedProvider(script, model="m")

    def options(self, calls: int | None, **start: Any) -> RunOptions:
        budget = None if calls is None else Budget(calls, None)
        return RunOptions(opener=lambda address, around: self.provider, budget=budget, allow_python=True, **start)

    def run(self, text: str, calls: int | None = None) -> Result:
        plan = make_plan(check_flow(Source(text, str(self.path.parent / "f.flow")), catalog()))
        try:
            return run(plan, {}, options=self.options(calls, model="m", journal=self.path))
        except RunError as error:
            return error.result

    def resume(self, calls: int | None = None) -> Result:
        try:
            return resume("last", self.path, options=self.options(calls))
        except RunError as error:
            return error.result

    @property
    def paid(self) -> list[tuple[str, int | None]]:
        return [(request.messages[-1].text, request.seed) for request in self.provider.calls]


def value_of(result: Result) -> Json:
    return result.value["steps"] if isinstance(result.value, dict) else result.value


def contest(result: Result) -> Json:
    (told,) = report(result)["votes"].values()
    return told["contest"]


@pytest.mark.parametrize("name", [*WAYS, "enough"])
def test_a_budget_that_ends_again_and_again_pays_nothing_twice(name: str, tmp_path: Path) -> None:
    node, value, needed = NODES[name]
    shop = Shop(tmp_path)
    result, runs = shop.run(flow(node), 2), 1
    while not result.ok:
        assert result.status == "budget", result
        assert len(shop.paid) <= 2 * runs
        runs += 1
        result = shop.resume(2 * runs)
        assert runs < 30
    assert runs > 2
    assert value_of(result) == value
    assert len(set(shop.paid)) == len(shop.paid)
    if name in ("cost", "enough"):
        assert len(shop.paid) == needed
    assert contest(result) == contest(Shop(tmp_path / "whole").run(flow(node)))


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("stops", range(0, 13, 2))
def test_a_server_that_stops_is_paid_for_nothing_twice(name: str, stops: int, tmp_path: Path) -> None:
    node, value, _ = NODES[name]
    good: set[tuple[str, int | None]] = set()

    def stopping(request: Request, number: int) -> Scripted | str:
        if len(shop.paid) > stops:
            return Scripted(PermanentError("gone"))
        good.add((request.messages[-1].text, request.seed))
        return script(request, number)

    shop = Shop(tmp_path, stopping)
    result = shop.run(flow(node))
    shop.provider = ScriptedProvider(script, model="m")
    if not result.ok:
        result = shop.resume()
    assert value_of(result) == value
    assert not good & set(shop.paid)
    assert len(set(shop.paid)) == len(shop.paid)


@pytest.mark.parametrize("name", NODES)
def test_a_second_run_pays_nothing(name: str, tmp_path: Path) -> None:
    node, value, _ = NODES[name]
    shop = Shop(tmp_path)
    first = shop.run(flow(node))
    paid = len(shop.paid)
    second = shop.run(flow(node))
    assert (value_of(first), value_of(second), len(shop.paid)) == (value, value, paid)
    assert contest(first) == contest(second)
    assert contest(first)["method"] == ("first" if name in WAYS else name)


# Judges that fail


def faulty(fault: Json) -> Any:
    """Fail to judge the candidates `c1` and `c2`."""

    def failing(request: Request, number: int) -> Scripted | str:
        text = request.messages[-1].text
        return Scripted(fault) if text in ("Right? c1", "Right? c2") else script(request, number)

    return failing


@pytest.mark.parametrize("way", WAYS)
def test_a_judge_whose_answer_does_not_fit_passes_nothing(way: str) -> None:
    ran = stage(flow(asked(way)), faulty("perhaps"))
    assert ran.outcome.value == "c4"
    assert [one.path for one in ran.outcome.losses] == ["v.reduce[1]", "v.reduce[2]"]
    assert ran.outcome.tallies["v"].contest.text == "passed at sample 5 of 9"  # type: ignore[union-attr]


def test_a_search_says_that_its_judge_gave_no_answer_that_fits() -> None:
    ran = stage(flow(f'repeat 1..3 {{ ask "S" with seed: 1 }} reduce {JUDGE}'), faulty("?"))
    (failure,) = ran.outcome.failures
    assert failure.reason.startswith(
        "none of the 3 samples passed: the judge gave no answer that fits; the judge says no; the last: "
    )


def test_the_judges_of_maps_and_branches_may_give_no_answer_that_fits() -> None:
    ran = stage(flow(f'map x in ["c0", "c1", "c2", "c4"] {{ x }} reduce {JUDGE}'), faulty("?"))
    assert ran.outcome.value == "c4"
    ran = stage(flow(f'fanout {{ a = text "c1" b = text "c4" }} reduce {JUDGE}'), faulty("?"))
    assert ran.outcome.value == "c4"


@pytest.mark.parametrize("way", WAYS)
def test_a_judge_that_cannot_be_reached_leaves_the_search_to_a_resumed_run(way: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path, faulty(PermanentError("the server said no")))
    result = shop.run(flow(asked(way)))
    assert (result.status, result.value) == ("failed", None)
    assert "the server said no" in result.failures[0].reason
    good = {one for one in shop.paid if one[0] not in ("Right? c1", "Right? c2")}
    shop.provider = ScriptedProvider(script, model="m")
    assert shop.resume().value == "c4"
    assert not {one for one in good if one[0] == "S"} & set(shop.paid)


# Externs

WORKS = 'extern works(plan: text) -> bool from "judging_{}:works"\n'
"""An extern of a module that is named after its test, because Python keeps modules."""


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("raises", "raise ValueError('no such plan')", "no such plan"),
        ("words", "return 'yes'", "works"),
        ("nothing", "return None", "works"),
    ],
)
def test_an_extern_that_fails_to_judge_passes_nothing_and_is_mended(
    name: str, body: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / f"judging_{name}.py").write_text(
        f"bad = True\n\n\ndef works(plan):\n    if bad and plan == 'c2':\n        {body}\n    return plan == 'c4'\n"
    )
    shop = Shop(tmp_path)
    text = flow('repeat 1..9 { ask "S" with seed: 1 } reduce first(if: works(result))', WORKS.format(name))
    result = shop.run(text)
    assert result.status == "failed"
    assert said in result.failures[0].reason
    assert [seed for _, seed in shop.paid] == [1, 2, 3]
    vars(sys.modules[f"judging_{name}"])["bad"] = False
    assert shop.resume().value == "c4"
    assert [seed for _, seed in shop.paid] == [1, 2, 3, 4, 5]


def test_one_extern_judges_several_searches_and_is_called_beside_them(tmp_path: Path) -> None:
    (tmp_path / "judging_many.py").write_text(
        "seen = []\n\n\ndef works(plan):\n    seen.append(plan)\n    return plan == 'c2'\n"
    )
    node = """map x in ["a", "b", "c"] {
      first = repeat 1..5 { ask "S {{ x }}" with seed: 1 } reduce first(if: works(result))
      alone = works(first)
      { first, alone }
    } reduce collect"""
    shop, text = Shop(tmp_path), flow(node, WORKS.format("many"))
    result = shop.run(text)
    assert result.value == [{"first": "c2", "alone": True}] * 3
    assert len(shop.paid) == 9
    assert sorted(vars(sys.modules["judging_many"])["seen"]) == sorted(["c0", "c1", "c2", "c2"] * 3)
    assert shop.run(text).value == result.value
    assert len(shop.paid) == 9
