"""Votes with a risk in runs: what the flow sees of them, what is told of them, and what a resume asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.api import Result
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.cli.vote_lines import vote_text, votes_lines
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.tally import Tally
from support.harness import stage

Json = Any


def flow(args: str, samples: str = "3..12", launch: str = "cost", seen: str = "decided(v)") -> str:
    return (
        f'flow f() {{ v = repeat {samples} {{ ask "?" -> a | b with seed: 1 }} reduce majority(risk: 0.05{args}) '
        f"with launch: {launch} return {{ v, seen: {seen} }} }}"
    )


def by_seed(ballots: str, unit: float = 1) -> Any:
    def script(request: Request, number: int) -> Scripted:
        seed = request.seed or 1
        # The later samples arrive first.
        return Scripted(ballots[seed - 1], (1 + len(ballots) - seed) * unit)

    return script


@pytest.mark.parametrize("launch", ["cost", "latency", "together"])
def test_a_decided_vote_stops_at_its_evidence(launch: str) -> None:
    ran = stage(flow("", launch=launch), by_seed("aaaaabbbbbbb"))
    assert ran.outcome.value == {"v": "a", "seen": True}
    assert len(ran.provider.calls) == (5 if launch == "cost" else 12)


def test_a_blank_answer_is_told_in_quotes() -> None:
    tally = Tally("a", (("a", 2), ("", 1)), 3, counted=3, asked=3, first="a", of=3)
    assert vote_text(tally) == 'a (2 of 3); "" 1; agreement 0.67, margin 1'


@pytest.mark.parametrize(("undecided", "value"), [("none", None), ("first", "a")])
@pytest.mark.parametrize("launch", ["cost", "latency", "together"])
def test_an_undecided_vote_is_told_as_such(launch: str, undecided: str, value: Json) -> None:
    ran = stage(flow(f", undecided: {undecided}", launch=launch), by_seed("ababababaaab"))
    assert ran.outcome.value == {"v": value, "seen": False}
    (tally,) = ran.outcome.tallies.values()
    assert (tally.settled, tally.asked, tally.counted) == (False, 12, 12)
    assert (tally.winner, tally.first) == (value, "a")


def test_the_line_of_a_vote_without_a_value_names_no_winner() -> None:
    ran = stage(flow(", undecided: none", seen="votes(v).winner"), by_seed("ababababaaab"))
    assert ran.outcome.value == {"v": None, "seen": None}
    (tally,) = ran.outcome.tallies.values()
    assert vote_text(tally).startswith("none; a leads (7 of 12, up to 12); b 5; ")
    assert vote_text(tally).endswith("not settled after all samples")


def test_an_undecided_vote_fails_by_default_with_its_arithmetic() -> None:
    ran = stage(flow(""), by_seed("ababababaaab"))
    (failure,) = ran.outcome.failures
    assert failure.reason == (
        "the vote is undecided after 12 samples: a 7, b 5; a risk of 0.05 needs an evidence of 20, and the leader has "
        "0.09974"
    )
    assert stage(flow("", seen="votes(v).counted"), by_seed("aaaaab")).outcome.value["seen"] == 5


def test_a_vote_that_was_not_held_is_not_decided() -> None:
    text = 'flow f(held: bool) { v = repeat 3 { ask "?" -> a | b } reduce majority when held else a return decided(v) }'
    assert stage(text, by_seed("aaa"), {"held": True}).outcome.value is True
    assert stage(text, by_seed("aaa"), {"held": False}).outcome.value is False


def test_a_risk_that_only_the_run_knows_asks_nothing_if_it_is_out_of_reach() -> None:
    text = (
        'flow f(r: number) { v = repeat 3..6 { ask "?" -> a | b } reduce majority(risk: r, undecided: first) return v }'
    )
    ran = stage(text, by_seed("aaaaaa"), {"r": 0.001})
    assert "the vote can never be decided: 6 samples that all agree" in ran.outcome.failures[0].reason
    assert ran.provider.calls == []
    assert stage(text, lambda request, number: "a", {"r": 0.05}).outcome.value == "a"
    assert "from 0.000000001 to 0.5" in stage(text, by_seed("aaaaaa"), {"r": 0.7}).outcome.failures[0].reason


async def test_a_resumed_vote_asks_for_the_missing_samples(tmp_path: Path) -> None:
    provider = ScriptedProvider(by_seed("abaaaaaaaaaa", 0.002))
    plan = make_plan(check_flow(Source(flow(", undecided: none", "3..12")), catalog()))

    async def run(calls: int) -> Result:
        options = RunOptions(
            opener=lambda address, around: provider, journal=tmp_path / "journal.db", budget=Budget(calls, None)
        )
        return await run_async(plan, {}, options=options)

    result = await run(6)
    assert (result.status, result.value) == ("budget", {"v": None, "seen": False})
    (told,) = report(result)["votes"].values()
    assert told["settled"] is False
    result = await run(12)
    assert result.value == {"v": "a", "seen": True}
    assert len(provider.calls) == 10
    (told,) = report(result)["votes"].values()
    assert (told["settled"], told["saved"]) == (True, 2)
    (line,) = votes_lines(result)
    assert "2 of 12 saved" in line
