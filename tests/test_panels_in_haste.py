"""Panels over models with `launch: latency`: each sample in haste takes a free place of the model that it asks."""

from __future__ import annotations

import asyncio
import math
import random
from typing import cast

import pytest

from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.haste import Haste
from flowrun.runtime.engine.pending import Outgoing
from flowrun.runtime.limits import Limiter
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.values.model_values import ModelValue
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run

MODELS = {"one": ModelValue("one", "openai:one"), "two": ModelValue("two", "openai:two")}
SEEDS = 3


class TwoShops(Run):
    """A run with two models at endpoints of their own, with so many places."""

    places: tuple[int, int] = (4, 4)

    async def _go(self, cancel_at: float | None) -> Outcome:
        shops = [Endpoint(self.provider, Limiter(places)) for places in self.places]
        addresses = [model.address for model in MODELS.values()]
        self.scheduler = Scheduler(self.state, dict(zip(addresses, shops, strict=True)), self.publish)
        outcome = await self.scheduler.run()
        self.seconds = self.loop.now
        for shop in shops:
            await shop.close()
        self.left = asyncio.all_tasks() - {asyncio.current_task()}
        return outcome


def panel(launch: str, rule: str, samples: str, around: str = "") -> str:
    vote = (
        f"repeat {samples} over m in [one, two] {{ ask m "
        f'"{{{{ q }}}}" -> a | b | c with seed: 1 }} reduce {rule} with launch: {launch}'
    )
    return (
        'model one = "openai:one"\nmodel two = "openai:two"\n'
        f"flow f(qs: [text]) {{ v = map q in qs {{ {around.format(vote) if around else vote} }} "
        "reduce collect return v }"
    )


def ran(text: str, votes: int, places: tuple[int, int], seed: int, *, slow: float = 1.0) -> TwoShops:
    def script(request: Request, number: int) -> Scripted:
        rng = random.Random(f"{seed} {request.messages[-1].text} {request.seed}")
        answer = "a" if rng.random() < 0.8 else rng.choice("bc")
        return Scripted(answer, slow * math.exp(rng.gauss(0, 1)))

    run = TwoShops(text, script, inputs={"qs": [str(one) for one in range(votes)]}, models=MODELS)
    run.places = places
    run.go()
    assert not run.left
    return run


@pytest.mark.parametrize(("rule", "samples"), [("majority(ties: first)", "9"), ("ahead(2)", "1..9")])
@pytest.mark.parametrize(
    ("votes", "places", "gain"), [(60, (8, 8), 0.95), (40, (4, 12), 0.95), (3, (16, 16), 1.1), (2, (64, 64), 1.1)]
)
def test_haste_over_models_is_never_slower_and_faster_where_places_are_free(
    rule: str, samples: str, votes: int, places: tuple[int, int], gain: float
) -> None:
    cost = [ran(panel("cost", rule, samples), votes, places, seed) for seed in range(SEEDS)]
    haste = [ran(panel("latency", rule, samples), votes, places, seed) for seed in range(SEEDS)]
    assert [one.outcome.value for one in haste] == [one.outcome.value for one in cost]
    assert sum(one.seconds for one in cost) >= gain * sum(one.seconds for one in haste)


def test_full_endpoints_get_hardly_more_calls_than_with_cost() -> None:
    cost = ran(panel("cost", "ahead(2)", "1..9"), 100, (4, 4), 1)
    haste = ran(panel("latency", "ahead(2)", "1..9"), 100, (4, 4), 1)
    assert len(haste.provider.calls) <= len(cost.provider.calls) + 30


def test_a_vote_in_haste_goes_on_until_the_next_sample_meets_a_full_endpoint() -> None:
    # A vote over 1..9 needs one sample. The second model has no place beyond its first sample.
    run = TwoShops(
        panel("latency", "ahead(1)", "1..9"),
        lambda request, number: Scripted("a", 1.0),
        inputs={"qs": ["q"]},
        models=MODELS,
    )
    run.places = (64, 1)
    run.go()
    first = [
        event for event, at in zip(run.events, run.at, strict=True) if at == 0 and isinstance(event, e.RequestStarted)
    ]
    # Samples 0, 1 and 2: sample 3 would ask the full second model.
    assert len(first) == 3


def test_the_models_that_an_outer_list_gives_are_known_too() -> None:
    inner = 'repeat 1..9 { ask m "{{ q }}" -> a | b | c with seed: 1 } reduce ahead(2) with launch: LAUNCH'
    text = (
        'model one = "openai:one"\nmodel two = "openai:two"\n'
        f"flow f(qs: [text]) {{ v = map q in qs {{ map m in [one, two] {{ {inner} }} reduce collect }} "
        "reduce collect return v }"
    )
    cost = ran(text.replace("LAUNCH", "cost"), 60, (4, 4), 1)
    haste = ran(text.replace("LAUNCH", "latency"), 60, (4, 4), 1)
    assert len(haste.provider.calls) <= len(cost.provider.calls) + 30
    assert haste.outcome.value == cost.outcome.value


class Turns:
    """A vote whose next sample asks the model that stands in ``asks``."""

    def __init__(self) -> None:
        self.asks = ("full",)
        self.opened = 0

    def open_extra(self) -> bool:
        self.opened += 1
        return True


class Places:
    """The calls under way, with a place at each model that is called ``free``."""

    def free(self, model: str) -> int:
        return int(model == "free")

    def places(self, model: str) -> int:
        return 1


def test_a_vote_that_asks_another_model_meanwhile_waits_for_a_place_of_that_one() -> None:
    haste, vote = Haste(cast(Outgoing, Places())), Turns()
    vote.asks = ("free",)
    haste.add(vote)
    vote.asks = ("full",)
    haste.add(vote)
    assert not haste.serve()
    assert vote.opened == 0
    vote.asks = ("free",)
    haste.add(vote)
    assert haste.serve()
    assert vote.opened == 1
