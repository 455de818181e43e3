"""Panels in runs: which sample takes which item, who said what, and what a resume, a worker and a report know of it."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl.bounds.bounds import bounds_of
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.api import Result
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.cli.vote_lines import votes_lines
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.engine.body_json import tally_json, tally_of
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.panel import item_names, panel_lines
from support.harness import Run, planned, stage

Json = Any


def flow(samples: str, rule: str, items: str = '["p", "q", "r"]', launch: str = "cost", seen: str = "v") -> str:
    return (
        f'flow f() {{ v = repeat {samples} over w in {items} {{ ask "{{{{ w }}}}" -> a | b | c with seed: 1 }} '
        f"reduce {rule} with launch: {launch} return {seen} }}"
    )


def by_seed(ballots: str, delays: list[float] | None = None) -> Any:
    def script(request: Request, number: int) -> Scripted:
        place = (request.seed or 1) - 1
        return Scripted(ballots[place], 1.0 if delays is None else delays[place])

    return script


def asked(ran: Run) -> dict[int, str]:
    """Return the items of the samples that were asked, by their numbers."""
    return {(call.seed or 1) - 1: call.messages[-1].text for call in ran.provider.calls}


@pytest.mark.parametrize("launch", ["cost", "latency", "together"])
@pytest.mark.parametrize("samples", ["7", "2..7"])
def test_each_sample_takes_the_next_item(launch: str, samples: str) -> None:
    ran = stage(flow(samples, "majority(ties: first)", launch=launch), by_seed("abcabca"))
    found = asked(ran)
    assert found == {place: "pqr"[place % 3] for place in found}
    assert sorted(found) == list(range(len(found)))


def test_a_list_of_one_item_asks_it_each_time_and_a_long_list_leaves_items_out() -> None:
    assert set(asked(stage(flow("3", "collect", '["p"]'), by_seed("aaa"))).values()) == {"p"}
    assert asked(stage(flow("2", "collect"), by_seed("ab"))) == {0: "p", 1: "q"}


@pytest.mark.parametrize("launch", ["cost", "latency", "together"])
def test_an_exact_vote_has_the_value_of_all_samples_in_every_order(launch: str) -> None:
    for seed in range(60):
        rng = random.Random(seed)
        most, items = rng.randint(1, 9), rng.randint(1, 4)
        ballots = "".join(rng.choice("aabc") for _ in range(most))
        listed = json.dumps([f"item {place}" for place in range(items)])
        delays = [float(one) for one in rng.sample(range(1, most + 1), most)]
        rule = "majority(ties: first)"
        ran = stage(flow(str(most), rule, listed, launch), by_seed(ballots, delays))
        counts = Counter(ballots)
        assert ran.outcome.value == max(counts, key=lambda one: (counts[one], -ballots.index(one))), (seed, ballots)
        assert len(ran.provider.calls) <= most
        (tally,) = ran.outcome.tallies.values()
        assert tally.panel is not None
        said = Counter[str]()
        for place in tally.panel.said:
            said.update({answer: count for answer, _, count in place})
        assert said == dict(tally.ballots)


@pytest.mark.parametrize("rule", ["ahead(2)", "majority(confidence: 0.9)", "window(3)"])
def test_an_adaptive_vote_counts_a_prefix_whatever_arrives_first(rule: str) -> None:
    for seed in range(40):
        rng = random.Random(seed)
        ballots = "".join(rng.choice("aaabc") for _ in range(9))
        found = set()
        for _ in range(3):
            delays = [float(one) for one in rng.sample(range(1, 10), 9)]
            ran = stage(flow("2..9", rule), by_seed(ballots, delays))
            (tally,) = ran.outcome.tallies.values()
            assert tally.panel is not None
            counted = ballots[: tally.counted]
            assert tally.asked <= 9
            for place, said in enumerate(tally.panel.said):
                assert {answer: count for answer, _, count in said} == Counter(counted[place::3])
            found.add((ran.outcome.value, tally.counted, tally.panel))
        assert len(found) == 1


def test_the_calls_of_runs_keep_the_bounds_of_the_plan() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        least, most = sorted((rng.randint(1, 5), rng.randint(1, 9)))
        rule = (
            rng.choice(["ahead(2)", "majority"]) if least < most else rng.choice(["majority(ties: first)", "quorum(1)"])
        )
        samples = f"{least}..{most}" if least < most else str(most)
        text = flow(samples, rule, launch=rng.choice(["cost", "latency", "together"]))
        bounds = bounds_of(planned(text), catalog().reducers)
        ran = stage(text, by_seed("".join(rng.choice("aab") for _ in range(most))))
        assert bounds.calls.least <= len(ran.provider.calls) <= (bounds.calls.most or 0)


def test_a_panel_without_items_fails_in_one_sentence_before_a_sample() -> None:
    text = 'flow f(xs: [text]) { v = repeat 3 over w in xs { ask "{{ w }}" -> a | b } reduce majority return v }'
    ran = stage(text, by_seed("aaa"), {"xs": []})
    (failure,) = ran.outcome.failures
    assert failure.reason == "the panel has no items, so its samples have nothing to take: its list is empty"
    assert ran.provider.calls == []


def test_samples_that_are_no_ballots_are_no_part_of_what_an_item_said() -> None:
    ran = stage(flow("6", "majority(ties: first)"), by_seed("axcaxc"))
    (tally,) = ran.outcome.tallies.values()
    assert (tally.discarded, [*panel_lines(tally)]) == (2, ["p: a 2", "q: no ballot", "r: c 2"])


def test_samples_of_different_items_share_no_request() -> None:
    text = flow("6", "collect").replace(" with seed: 1", " with temperature: 1")
    ran = stage(text, lambda request, number: "a", samples=8)
    assert [call.messages[-1].text for call in ran.provider.calls] == ["p", "p", "q", "q", "r", "r"]
    # Each request brings both answers for its item.
    assert sum(isinstance(event, e.RequestStarted) for event in ran.events) == 3


def test_a_flow_reads_who_said_what() -> None:
    seen = "votes(v).panel"
    ran = stage(flow("5", "majority", seen=seen), by_seed("abaca"))
    assert ran.outcome.value == [
        {"item": "p", "counts": [{"answer": "a", "count": 1}, {"answer": "c", "count": 1}]},
        {"item": "q", "counts": [{"answer": "b", "count": 1}, {"answer": "a", "count": 1}]},
        {"item": "r", "counts": [{"answer": "a", "count": 1}]},
    ]


def test_a_panel_that_was_not_held_has_no_account() -> None:
    text = (
        'flow f(held: bool) { v = repeat 3 over w in ["p"] { ask "{{ w }}" -> a | b } reduce majority when held '
        "return votes(v).panel ?? [] }"
    )
    assert stage(text, by_seed("aaa"), {"held": False}).outcome.value == []


def test_names_of_items_are_short_differ_and_harm_no_terminal() -> None:
    hostile = "\x1b[31mred\u202e" + "long " * 100
    names = item_names(["small", "small", "", hostile, "small", "x (2)", "x", "x"])
    assert names[:3] == ("small", "small (2)", "item 3")
    assert names[4:] == ("small (3)", "x (2)", "x", "x (3)")
    assert "\x1b" not in names[3]
    assert len(names[3]) < 80
    assert len(set(names)) == len(names)


def test_records_are_known_by_their_names_and_other_values_by_their_words() -> None:
    listed = '[{ name: "Ann", role: "judge" }, { name: "Bo", role: "clerk" }]'
    ran = stage(flow("2", "majority(ties: first)", listed).replace("{{ w }}", "{{ w.role }}"), by_seed("ab"))
    (tally,) = ran.outcome.tallies.values()
    assert tally.panel is not None
    assert tally.panel.items == ("Ann", "Bo")
    ran = stage(flow("3", "majority(ties: first)", "[1, 2.5, 3]"), by_seed("aba"))
    (tally,) = ran.outcome.tallies.values()
    assert tally.panel is not None
    assert tally.panel.items == ("1", "2.5", "3")


def test_the_tally_of_a_panel_travels_between_processes() -> None:
    (tally,) = stage(flow("5", "majority"), by_seed("abaca")).outcome.tallies.values()
    assert tally_of(json.loads(json.dumps(tally_json(tally)))) == tally


def models(rule: str = "ahead(2)") -> str:
    return (
        'model small = "x:small" model other = "x:other" flow f() { v = repeat 2..9 over m in [small, other] '
        f'{{ ask m "?" -> a | b with seed: 1 }} reduce {rule} return v }}'
    )


async def test_a_resumed_panel_asks_for_the_missing_samples_alone(tmp_path: Path) -> None:
    ballots = "abaaaa"
    sent: list[tuple[str, int]] = []

    def opener(address: str, around: Any) -> ScriptedProvider:
        def script(request: Request, number: int) -> Scripted:
            sent.append((address, request.seed or 0))
            return Scripted(ballots[(request.seed or 1) - 1], 0.0)

        return ScriptedProvider(script, model=address)

    plan = make_plan(check_flow(Source(models().replace('"x:', '"openai:')), catalog()))

    async def run(calls: int) -> Result:
        options = RunOptions(opener=opener, journal=tmp_path / "journal.db", budget=Budget(calls, None))
        return await run_async(plan, {}, options=options)

    assert (await run(2)).status == "budget"
    result = await run(9)
    assert result.value == "a"
    assert sorted(seed for _, seed in sent) == [1, 2, 3, 4]
    assert all(address.endswith("small" if seed % 2 else "other") for address, seed in sent)
    (told,) = report(result)["votes"].values()
    assert told["panel"] == [
        {"item": "small", "ballots": [{"answer": "a", "count": 2}]},
        {"item": "other", "ballots": [{"answer": "b", "count": 1}, {"answer": "a", "count": 1}]},
    ]
    (line,) = votes_lines(result)
    assert line.endswith("by item (small: a 2; other: b 1, a 1)")


async def test_an_empty_list_of_the_caller_is_refused_before_any_call(tmp_path: Path) -> None:
    text = (
        'flow f(xs: [text]) { first = ask "before" v = repeat 3 over w in xs { ask "{{ w }}" -> a | b } '
        "reduce majority return { first, v } }"
    )
    provider = ScriptedProvider(lambda request, number: "a")
    options = RunOptions(opener=lambda address, around: provider, journal=None, model="x:y")
    with pytest.raises(Exception, match=r"the panel `v` has no items.*Nothing was sent"):
        await run_async(make_plan(check_flow(Source(text), catalog())), {"xs": []}, options=options)
    assert provider.calls == []
