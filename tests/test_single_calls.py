"""The advice after a run whose votes were all unanimous: what it counts, and when it is not told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.costs.prices import Prices
from flowrun.runtime.eval.unanimity import run_advice
from flowrun.runtime.vocabulary.events import VoteCounted
from flowrun.runtime.vocabulary.tally import Tally
from support.answering import answering
from support.command_line import command


def tally(votes: int = 3, of: int = 3, **given: Any) -> Tally:
    ballots = ((("a", votes), ("b", of - votes))) if votes < of else (("a", votes),)
    return Tally("a", ballots, 5, asked=of, counted=of, first="a", of=of, **given)


def voted(path: str = "v", calls: int = 3, found: Tally | None = None, **used: tuple[int, int]) -> VoteCounted:
    return VoteCounted(path, found or tally(), used, calls)


def many(number: int, calls: int = 3, found: Tally | None = None, **used: tuple[int, int]) -> dict[str, VoteCounted]:
    return {path: voted(path, calls, found, **used) for path in (f"v[{at}]" for at in range(number))}


def said(votes: dict[str, VoteCounted], calls: int, requests: int | None = None) -> str:
    return run_advice(votes, calls, Prices({}), requests)


def test_many_unanimous_votes_are_worth_a_line() -> None:
    assert said(many(40), 120) == (
        "all 40 votes were unanimous: one call each gives the same answers for 67 % fewer calls"
    )
    assert "for 50 % fewer calls" in said(many(40), 160)


@pytest.mark.parametrize("odd", [tally(2), tally(missing=1), tally(discarded=1), tally(settled=False)], ids=repr)
def test_one_vote_that_is_not_unanimous_leaves_the_line_out(odd: Tally) -> None:
    assert said({**many(40), "odd": voted("odd", 3, odd)}, 123) == ""


def test_few_votes_and_small_savings_leave_the_line_out() -> None:
    assert said(many(9), 27) == ""
    assert said(many(10), 30)
    assert said(many(10), 300) == ""
    assert said(many(40, 1, tally(1, 1)), 40) == ""


def test_a_vote_inside_a_sample_of_another_takes_one_call_too() -> None:
    outer = {f"o[{at}].v": voted(f"o[{at}].v", 9) for at in range(5)}
    inner = {f"{path}[{at}].w": voted(f"{path}[{at}].w", 3) for path in outer for at in range(3)}
    # Each of the outer votes took 9 calls, and one call is enough.
    assert "all 20 votes" in said({**outer, **inner}, 45) and "for 89 % fewer calls" in said({**outer, **inner}, 45)


def test_the_tokens_are_told_if_the_prices_are_not_known() -> None:
    # A request each: a single call reads a third of the prompts.
    assert said(many(10, 3, x=(300, 30)), 30, 30).endswith("67 % fewer calls, ≈ 2,200 fewer tokens")
    # One request for the three samples: the single call pays for the whole prompt.
    assert said(many(10, 3, x=(100, 30)), 30, 10).endswith("67 % fewer calls, ≈ 200 fewer tokens")
    assert said({**many(9, 3, x=(300, 30)), "v": VoteCounted("v", tally(), {"x": None}, 3)}, 30, 30).endswith("calls")


FLOW = """\
model m = "openai:m" with input_price: 1, output_price: 2
flow labels(mails: [text]) {
  kinds = map mail in mails { v = VOTE v } reduce collect
  return kinds
}
"""
PLAIN = 'repeat 3 { ask m "Spam? {{ mail }}" -> SPAM | NOT } reduce majority\n'
SHAPES = {
    # A vote of three ends after two equal ballots, in one request: the prompt of 20 tokens is paid once in any case.
    "a vote": (PLAIN, 24, 50, 12 * 3 * 2),
    "an adaptive vote": (PLAIN.replace("repeat 3", "repeat 2..9").replace("majority", "ahead(2)"), 24, 50, 72),
    "two asks a sample": (
        'repeat 3 { a = ask m "Think: {{ mail }}"\n ask m "Spam? {{ a }} {{ mail }}" -> SPAM | NOT } reduce majority\n',
        48,
        50,
        12 * 2 * 3 * 2,
    ),
}


@pytest.mark.parametrize(("vote", "calls", "share", "written"), SHAPES.values(), ids=SHAPES)
async def test_a_run_counts_what_single_calls_save(
    tmp_path: Path, vote: str, calls: int, share: int, written: int
) -> None:
    (tmp_path / "label.flow").write_text(FLOW.replace("VOTE ", vote), encoding="utf-8")
    mails = json.dumps([f"win {at}" for at in range(12)])
    line = f"all 12 votes were unanimous: one call each gives the same answers for {share} % fewer calls"
    with answering(lambda prompt, model, number: "SPAM") as server:
        given = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
        ran = await command("label.flow", "--mails", mails, "--json", folder=tmp_path, **given)
        again = await command("label.flow", "--mails", mails, "--json", folder=tmp_path, **given)
    report = json.loads(ran.out)
    assert (ran.code, report["calls"]) == (0, calls)
    assert report["advice"] == f"{line}, ≈ ${written / 1e6:.6f} less" and report["advice"] in ran.err
    # Nothing is known about the requests of answers in the journal, so nothing is said about their cost.
    assert json.loads(again.out)["advice"] == line and line in again.err


async def test_a_resumed_run_tells_of_its_whole_and_an_ended_one_nothing(tmp_path: Path) -> None:
    (tmp_path / "label.flow").write_text(FLOW.replace("VOTE ", PLAIN), encoding="utf-8")
    mails = json.dumps([f"win {at}" for at in range(30)])
    with answering(lambda prompt, model, number: "SPAM") as server:
        given = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
        ended = await command(
            "label.flow", "--mails", mails, "--json", "--budget", "50 calls", folder=tmp_path, **given
        )
        whole = await command("resume", "last", "--json", "--budget", "90 calls", folder=tmp_path, **given)
    assert ended.code == 4 and json.loads(ended.out)["advice"] is None and "one call each" not in ended.err
    assert whole.code == 0
    assert json.loads(whole.out)["advice"] == (
        "all 30 votes were unanimous: one call each gives the same answers for 50 % fewer calls"
    )


async def test_one_split_vote_is_enough_for_no_advice(tmp_path: Path) -> None:
    (tmp_path / "label.flow").write_text(FLOW.replace("VOTE ", PLAIN), encoding="utf-8")
    mails = json.dumps([f"win {at}" for at in range(12)])
    with answering(lambda prompt, model, number: "NOT" if "win 7" in prompt and not number else "SPAM") as server:
        given = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
        ran = await command("label.flow", "--mails", mails, "--json", folder=tmp_path, **given)
    assert ran.code == 0 and json.loads(ran.out)["advice"] is None and "one call each" not in ran.err
