"""The dollars of a plan hold for real bills: whatever the cache does, and in each service tier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_prompt_caching import HANDBOOK, MAP, ran, sections

from flowrun.dsl import Bounds
from flowrun.runtime.costs.prices import price
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.providers.option_bodies import api_of, refusals
from flowrun.runtime.vocabulary.usage import TokenDetail, Usage
from support.harness import planned
from support.keeping_server import keeping

SONNET = "anthropic:claude-sonnet-4-5"
FLASH = "gemini:gemini-2.5-flash"
CALLED = """flow one(book: text, part: text) {
  x = ask "{{ book }} Review {{ part }}" with max_tokens: 20
  return x
}
flow f(handbook: text, sections: [text]) {
  all = map section in sections { one(book: handbook, part: section) } reduce collect
  return all
}"""
PLAIN = MAP.replace("OPTIONS", "")


def bounds(flow: str, model: str = SONNET, **inputs: Any) -> Bounds:
    return estimate_plan(planned(flow), inputs, Files(Path()), model=model, environ={})


@pytest.mark.parametrize("flow", [PLAIN, CALLED], ids=["map", "called"])
@pytest.mark.parametrize("forgets", [False, True], ids=["keeps", "forgets"])
async def test_the_prompts_of_a_run_cost_what_its_plan_says(flow: str, forgets: bool, tmp_path: Path) -> None:
    inputs: dict[str, Any] = {"handbook": HANDBOOK, "sections": sections(6)}
    found = price(SONNET, {})
    assert found is not None
    with keeping(seconds=0.01) as server:
        server.forgets = forgets
        await ran(server, flow, tmp_path, **inputs)
        dollars = server.cost * found.tariff().read
        writes = any(bill.stored for bill in server.bills)
    assert writes
    cost = bounds(flow, **inputs).cost
    assert cost.least <= dollars
    assert cost.most is None or dollars <= cost.most


def model(options: str, address: str = SONNET, *, many: bool = False) -> Bounds:
    ask = f'ask m "{"word " * 3000}"'
    inner = f'map part in parts {{ {ask[:-1]} {{{{ part }}}}" }} reduce collect' if many else ask
    text = f'model m = "{address}" with max_tokens: 100, retries: 0{options}\n'
    text += f"flow f(parts: [text]) {{ a = {inner} return a }}"
    return bounds(text, parts=["a", "b"])


def test_only_a_repeated_prompt_may_cost_the_price_of_a_written_token() -> None:
    once, many, uncached = model(""), model("", many=True), model(", cache: false", many=True)
    found = price(SONNET, {})
    assert found is not None
    for one, stores, calls in ((once, "", 1), (many, "short", 2), (uncached, "", 2)):
        read, written = found.dearest(stores="short" if stores else "")
        assert one.cost.most == pytest.approx((one.tokens_in.most or 0) * read + calls * 100 * written)


@pytest.mark.parametrize("options", ["service_tier: flex", "service_tier: priority", "service_tier: default", ""])
@pytest.mark.parametrize("address", [FLASH, "openai:gpt-5-mini", "openai:gpt-4o"])
def test_the_bill_of_a_service_tier_is_within_the_plan(options: str, address: str) -> None:
    found, bounds = price(address, {}), model(f", {options}" if options else "", address)
    assert found is not None and bounds.cost.most is not None
    read, tier = int(bounds.tokens_in.least), options.partition(": ")[2]
    bills = [
        found.bill(Usage(read, written, TokenDetail(cached=cached), name))
        for written in (1, 100)
        for cached in (0, read)
        for name in {tier, "default" if tier == "flex" else tier}
    ]
    assert all(bounds.cost.least <= (one or 0) * 1.000001 <= bounds.cost.most * 1.000002 for one in bills)


def test_tiers_do_not_share_one_price() -> None:
    usual, flex, priority = (
        model(one, "openai:gpt-5-mini").cost for one in ("", ", service_tier: flex", ", service_tier: priority")
    )
    assert flex.least < usual.least and flex.most == usual.most
    assert priority.most is not None and usual.most is not None and priority.most > 1.5 * usual.most


@pytest.mark.parametrize("address", ["openai:gpt-4o-mini", SONNET, FLASH])
def test_the_bill_of_a_batch_is_within_the_plan(address: str) -> None:
    found, bounds = price(address, {}), model(", batch: true", address)
    assert found is not None and bounds.cost.most is not None
    read = int(bounds.tokens_in.least)
    for cached in (0, read):
        for written in (1, 100):
            bill = found.bill(Usage(read, written, TokenDetail(cached=cached), "batch")) or 0
            assert bounds.cost.least <= bill * 1.000001 <= bounds.cost.most * 1.000002


@pytest.mark.parametrize("address", ["openai:gpt-5-mini", "openai:o3", "gemini:gemini-2.5-pro", "openai:gpt-5.2"])
def test_a_model_that_always_reasons_takes_other_options_unasked(address: str) -> None:
    assert refusals(api_of(address.partition(":")[0], ""), address.partition(":")[2], {"max_tokens": 9}) == {}
    assert model(", service_tier: priority", address).calls.most == 1
