"""Plans of asks that name a service tier: their bounds hold for whatever tier the server bills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from support.bedrock_server import BedrockServer, converse

pytest.importorskip("genai_prices")


def cost(model: str, tier: str = "", params: str = "") -> tuple[float, float]:
    option = f", service_tier: {tier}" if tier else ""
    text = f"""
    model m = "{model}" with max_tokens: 100, retries: 0
    flow f({params}) {{
      a = ask m "{"word " * 50}" with temperature: 1{option}
      return a
    }}
    """
    found = estimate_plan(make_plan(check_flow(Source(text), catalog())), {}, Files(Path()), environ={}).cost
    assert found.most is not None
    return found.least, found.most


def test_a_dearer_tier_is_never_under_counted_and_a_cheaper_one_may_be_billed_as_ordinary() -> None:
    (least, most), flex, priority = (cost("openai:gpt-5-mini", tier) for tier in ("", "flex", "priority"))
    assert flex[0] < least and flex[1] == pytest.approx(most)
    assert priority[0] == pytest.approx(least) and priority[1] == pytest.approx(1.8 * most, rel=0.12)


def test_a_tier_that_only_the_run_knows_may_be_any() -> None:
    unknown = cost("openai:gpt-5-mini", "tier", "tier: auto | default | flex | priority")
    assert unknown[0] == cost("openai:gpt-5-mini", "flex")[0]
    assert unknown[1] == cost("openai:gpt-5-mini", "priority")[1]


def test_a_dearer_tier_without_a_known_price_costs_at_most_two_and_a_half_times_as_much() -> None:
    name = "bedrock:us.amazon.nova-lite-v1:0"
    assert cost(name, "priority")[1] == pytest.approx(2.5 * cost(name)[1])
    assert cost(name, "default") == cost(name)


async def test_a_budget_holds_for_a_dearer_tier_of_bedrock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call has 1,000 tokens in the answer, at $100 a million: 0.1 dollars as ordinary, and up to 0.25."""
    usage = {"inputTokens": 1, "outputTokens": 1000}
    path = tmp_path / "a.flow"
    path.write_text("""
    model m = "bedrock:amazon.nova-lite-v1:0" with output_price: 100, max_tokens: 1000, service_tier: priority
    flow f(rows: [text]) {
      out = map row in rows { ask m "Say {{ row }}" } reduce collect
      return out
    }
    """)
    status, whole = converse({"text": "x"}, usage=usage)
    async with BedrockServer(
        [(status, {**whole, "serviceTier": {"type": "priority"}})], bearer="tok"
    ).serving() as server:
        environ: Any = {
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": server.url,
            "AWS_REGION": "us-east-1",
            "AWS_BEARER_TOKEN_BEDROCK": "tok",
        }
        options = RunOptions(environ=environ, budget="$1.1", journal=None)
        result = await run_async(path, {"rows": [str(number) for number in range(20)]}, options=options)
    assert result.status != "done"
    assert len(server.seen) == 4 and {one.body["serviceTier"]["type"] for one in server.seen} == {"priority"}
