"""Maps of cascades whose budget ends or whose server stops, again and again: nothing is paid twice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun import Budget
from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, resume_async, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import EndpointError, InDoubtError
from support.few_cases import some
from support.journaled_runs import in_virtual_time, steady

Json = Any
FLOW = """
flow label(items: [text]) {
  kinds = map item in items {
    said = ask "Say {{ item }}"
    kind = cascade {
      quick = repeat 2 over way in ["now", "slow"] { ask "{{ way }}: {{ said }}" -> A | B } reduce majority(ties: first)
      else ask "Not {{ last | default('X') }}? {{ said }}" -> A | B | C when agreement < 1
      else chain { why = ask "Why {{ said }}?" ask "As {{ why }}" -> A | B | C } when last == C
    }
    kind
  } reduce collect
  sure = map kind, place in kinds {
    cascade {
      ask "Is it {{ kind }} at {{ place }}?" -> yes | no with retries: 0
      else ask "Sure that {{ place }} is {{ kind }}?" -> yes | no when last == no
    }
  } reduce collect
  return { kinds, sure }
}
"""
"""The second map takes each element as soon as the first has made it. A part of its first answers does not fit."""
ITEMS = [f"thing {number}" for number in range(12)]


def script(request: Request, number: int) -> str:
    """Answer by lot, which the prompt alone decides."""
    text = request.messages[-1].text
    dice = random.Random(text)
    if text.startswith(("now", "slow")):
        return dice.choice("AB")
    if text.startswith(("Not", "As")):
        return dice.choice("ABCC")
    if text.startswith("Is it"):
        return dice.choice(["yes", "no", "perhaps"])
    return dice.choice(["yes", "no"]) if text.startswith("Sure") else f"w{dice.randrange(10**6)}"


class Shop:
    """A model that keeps its requests over several runs with one journal. ``good`` has those that it answered."""

    def __init__(self, folder: Path, answer: Any = script) -> None:
        self.path = folder / "journal.db"
        self.answer = answer
        self.good: Counter[str] = Counter()
        self.provider = ScriptedProvider(self._answer, model="m")

    def _answer(self, request: Request, number: int) -> Scripted | str:
        said = self.answer(request, number)
        if isinstance(said, str):
            self.good[request.messages[-1].text] += 1
        return said  # type: ignore[no-any-return]

    def options(self, calls: int | None, **start: Any) -> RunOptions:
        budget = None if calls is None else Budget(calls, None)
        return RunOptions(opener=lambda address, around: self.provider, budget=budget, **start)

    def run(self, calls: int | None = None) -> Result:
        plan = make_plan(check_flow(Source(FLOW, str(self.path.parent / "f.flow")), catalog()))
        options = self.options(calls, model="m", journal=self.path)
        return in_virtual_time(run_async(plan, {"items": ITEMS}, options=options))

    def resume(self, calls: int | None = None) -> Result:
        return in_virtual_time(resume_async("last", self.path, options=self.options(calls)))


@pytest.fixture(scope="module", autouse=True)
def whole_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", steady(Journal.append))
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, int]:
    shop = Shop(tmp_path_factory.mktemp("whole"))
    result = shop.run()
    return result, len(shop.provider.calls)


def told(result: Result) -> Json:
    return report(result)["cascades"]


def same(shop: Shop, result: Result, whole: tuple[Result, int]) -> None:
    expected, _ = whole
    assert (result.status, result.value) == (expected.status, expected.value)
    assert told(result) == told(expected)
    assert set(shop.good.values()) == {1}


def test_the_cascades_of_the_flow_end_in_all_ways(whole: tuple[Result, int]) -> None:
    result, calls = whole
    assert result.status == "done"
    assert calls > 60
    kind, sure = told(result).values()
    for one in (*kind["stages"], *sure["stages"]):
        assert one["values"]
    assert sure["stages"][0]["failed"]


@pytest.mark.parametrize("seed", some(range(12), 4))
def test_a_budget_that_ends_again_and_again(seed: int, tmp_path: Path, whole: tuple[Result, int]) -> None:
    dice = random.Random(seed)
    shop, limit = Shop(tmp_path), 0
    limit = dice.randint(1, 20)
    result = shop.run(limit)
    while not result.ok:
        assert result.status == "budget", result
        assert len(shop.provider.calls) <= limit
        limit += dice.randint(1, 20)
        assert limit < 400
        result = shop.resume(limit)
    same(shop, result, whole)
    assert len(shop.provider.calls) == whole[1]


@pytest.mark.parametrize("seed", some(range(6), 3))
def test_a_server_that_stops_again_and_again(seed: int, tmp_path: Path, whole: tuple[Result, int]) -> None:
    dice = random.Random(seed)
    left = dice.randint(0, 30)

    def stopping(request: Request, number: int) -> Scripted | str:
        nonlocal left
        left -= 1
        return Scripted(EndpointError("gone")) if left < 0 else script(request, number)

    shop = Shop(tmp_path, stopping)
    result = shop.run()
    for _ in range(100):
        if result.ok:
            break
        assert result.status == "failed", result
        left = dice.randint(1, 30)
        result = shop.resume()
    same(shop, result, whole)


@pytest.mark.parametrize("seed", some(range(6), 3))
def test_a_server_without_an_answer_to_some_prompts(seed: int, tmp_path: Path, whole: tuple[Result, int]) -> None:
    """The other stages of a cascade could answer. But its answer must not depend on the faults of a server."""
    stretch = 0

    def faulty(request: Request, number: int) -> Scripted | str:
        share = 0.3 / (1 + stretch)
        down = random.Random(f"{seed} {stretch} {request.messages[-1].text}").random() < share
        return Scripted(InDoubtError("gone")) if down else script(request, number)

    shop = Shop(tmp_path, faulty)
    result = shop.run()
    while not result.ok and stretch < 100:
        stretch += 1
        assert result.status == "failed", result
        result = shop.resume()
    same(shop, result, whole)
