"""The bounds of flows that ask batch APIs: half the price without failures, the whole price always, and the hours."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import Bounds, Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from support.command_line import command

FLOW = """
model cheap = "openai:m"{fallback} with {option}input_price: 10, output_price: 100, max_tokens: 20
flow sorts(rows: [text]) {{
  out = map row in rows {{
    a = ask cheap "Is it good? {{{{ row }}}}" -> yes | no
    b = ask cheap "Sure? {{{{ row }}}} {{{{ a }}}}" -> yes | no with retries: 0
  }} reduce collect
  return out
}}
"""


def bounds(folder: Path, option: str = "", fallback: str = "", *, batch: bool = False, rows: int = 200) -> Bounds:
    path, text = folder / "a.flow", FLOW.format(option=option, fallback=fallback)
    path.write_text(text)
    plan = make_plan(check_flow(Source(text, "a.flow"), catalog()))
    return estimate_plan(plan, {"rows": ["x"] * rows}, Files(folder), environ={}, batch=batch)


@pytest.mark.parametrize(("option", "batch"), [("batch: true, ", False), ("", True), ("batch: true, ", True)])
def test_a_batch_costs_half_without_failures_and_all_of_it_always(tmp_path: Path, option: str, batch: bool) -> None:
    live, half = bounds(tmp_path), bounds(tmp_path, option, batch=batch)
    assert half.cost.least == pytest.approx(live.cost.least / 2)
    assert half.cost.most == pytest.approx((live.cost.most or 0) / 2)
    assert half.billed.most == pytest.approx(live.billed.most)
    assert (half.calls, half.tokens_in, half.attempts) == (live.calls, live.tokens_in, live.attempts)


def test_the_flow_has_the_last_word(tmp_path: Path) -> None:
    live = bounds(tmp_path)
    assert bounds(tmp_path, "batch: false, ", batch=True).cost == live.cost


def test_the_rounds_of_a_batch_do_not_wait_for_places(tmp_path: Path) -> None:
    # Three tries of the first ask, and one of the second: 200 elements on 64 places would take more.
    assert bounds(tmp_path, "batch: true, ").rounds.most == 4
    assert (bounds(tmp_path).rounds.most or 0) > 4
    assert bounds(tmp_path, "batch: true, concurrency: 2, ").rounds.most == 4


def test_a_fallback_is_asked_at_the_full_price(tmp_path: Path) -> None:
    dear = ' else "openai:n"'
    live, half = bounds(tmp_path, fallback=dear), bounds(tmp_path, "batch: true, ", dear)
    assert half.cost.least == pytest.approx(live.cost.least / 2)
    assert half.cost.most == pytest.approx(live.cost.most)


async def test_plan_tells_the_hours(tmp_path: Path) -> None:
    bounds(tmp_path, "batch: true, ")
    ran = await command("plan", "a.flow", "--rows", '["x"]', folder=tmp_path)
    assert "batch APIs: up to 96 h (24 h for each round) for 4 rounds of calls" in ran.out
    bounds(tmp_path)
    assert "batch APIs" not in (await command("plan", "a.flow", folder=tmp_path)).out
    ran = await command("plan", "a.flow", "--batch", "--rows", '["x"]', folder=tmp_path)
    assert "batch APIs: up to 96 h" in ran.out


MIXED = """
model cheap = "openai:m"{fallback} with batch: true, max_tokens: 20
model live = "openai:n" with {more}max_tokens: 20
flow sorts(rows: [text]) {{
  out = map row in rows {{
    a = ask live "Is it good? {{{{ row }}}}" -> yes | no
    b = ask {second} "Sure? {{{{ row }}}} {{{{ a }}}}" -> yes | no with retries: 0
    c = ask live "Why? {{{{ b }}}}"
  }} reduce {reduce}
  return out
}}
"""
ASKED = 'ask {} "All: {{{{ results }}}}" with retries: 0'


@pytest.mark.parametrize(
    ("second", "reduce", "fallback", "more", "expected"),
    [
        ("cheap", "collect", "", "", 1),
        ("cheap", ASKED.format("live"), "", "concurrency: 1, ", 1),
        ("cheap", ASKED.format("cheap"), "", "", 2),
        ("cheap", "by 2 " + ASKED.format("cheap"), "", "", 1 + 4),
        # A fallback is asked live.
        ("cheap", "collect", ' else "openai:o"', "", 1),
        ("live", ASKED.format("cheap"), "", "", 1),
        ("live", "collect", "", "", 0),
    ],
)
def test_only_the_rounds_of_batch_models_take_hours(
    tmp_path: Path, second: str, reduce: str, fallback: str, more: str, expected: int
) -> None:
    text = MIXED.format(fallback=fallback, second=second, reduce=reduce, more=more)
    (tmp_path / "a.flow").write_text(text)
    plan = make_plan(check_flow(Source(text, "a.flow"), catalog()))
    inputs, files = {"rows": ["x"] * 10}, Files(tmp_path)
    assert estimate_plan(plan, inputs, files, environ={}, only_batches=True).rounds.most == expected
    assert (estimate_plan(plan, inputs, files, environ={}).rounds.most or 0) > expected


async def test_plan_tells_the_hours_of_a_mixed_flow(tmp_path: Path) -> None:
    text = MIXED.format(fallback="", second="cheap", reduce="collect", more="")
    (tmp_path / "a.flow").write_text(text)
    ran = await command("plan", "a.flow", "--rows", '["x", "y"]', folder=tmp_path)
    assert "batch APIs: up to 24 h for 1 round of calls;" in ran.out
    (tmp_path / "a.flow").write_text(text.replace("ask cheap", "ask live"))
    ran = await command("plan", "a.flow", "--rows", '["x"]', folder=tmp_path)
    assert "batch APIs: no call goes to one" in ran.out
