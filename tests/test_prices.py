"""Costs: known, free, or honestly unknown; and budgets in money, which are held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import looptime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.budget import Price
from flowrun.runtime.costs.prices import cost_of, must_be_priced, price
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.events import RequestFinished
from flowrun.runtime.vocabulary.tokens import ceiling
from flowrun.runtime.vocabulary.usage import Usage


def test_a_local_model_is_free_and_a_server_of_ones_own_is_unknown() -> None:
    assert cost_of("embedded:tiny", Usage(1000, 1000), {}) == 0
    assert cost_of("openai:gpt-4o-mini", Usage(1000, 1000), {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}) is None
    assert cost_of("elsewhere:x", Usage(1, 1), {}) is None
    assert cost_of("openai:no-such-model", Usage(1, 1), {}) is None


def test_the_table_gives_a_price() -> None:
    pytest.importorskip("genai_prices")
    dollars = cost_of("openai:gpt-4o-mini", Usage(1_000_000, 1_000_000), {})
    assert dollars is not None
    assert 0.1 < dollars < 10


def test_a_summary_adds_up_and_one_unknown_makes_the_whole_unknown() -> None:
    summary = Summary()
    summary(RequestFinished(1, "a", "embedded:tiny", 2, 0.5, 100, 10))
    assert (summary.calls, summary.input_tokens, summary.cost) == (2, 100, 0)
    summary(RequestFinished(2, "a", "openai:no-such-model", 1, 0.5, None, None))
    assert (summary.calls, summary.uncounted, summary.cost) == (3, 1, None)


def test_a_price_is_the_dearest_that_a_request_may_have() -> None:
    pytest.importorskip("genai_prices")
    tiered = price("gemini:gemini-2.5-pro", {})
    assert tiered is not None
    assert tiered.usual is not None
    assert tiered.usual[0] < tiered.input
    assert cost_of("gemini:gemini-2.5-pro", Usage(1000, 0), {}) == pytest.approx(1000 * tiered.usual[0])


PRICE = Price(0.001, 0.01, window=1000)


def test_the_worst_case_needs_a_greatest_length() -> None:
    assert PRICE.worst(10, 5) == pytest.approx(0.06)
    assert PRICE.worst(10, None) == pytest.approx(10.01)
    assert Price(0.001, 0.01).worst(10, None) is None
    assert Price(0.0, 0.0).worst(10, None) == 0


def test_a_bill_without_numbers_is_none_and_below_zero_is_zero() -> None:
    assert PRICE.bill(Usage(None, 3)) is PRICE.bill(Usage(3, None)) is None
    assert PRICE.bill(Usage(-5, -1)) == 0
    assert Price(0.0, 0.0).bill(Usage()) == 0


def test_a_model_without_a_price_is_refused_with_the_way_out() -> None:
    with pytest.raises(
        UsageError, match=r"`openai:gpt-4o` is unknown \(OPENAI_BASE_URL points to a server of your own"
    ):
        must_be_priced(["openai:gpt-4o"], {"OPENAI_BASE_URL": "http://127.0.0.1:1"})
    with pytest.raises(UsageError, match="the price of `elsewhere:x` is unknown: declare the model with its price"):
        must_be_priced(["embedded", "elsewhere:x"], {})
    must_be_priced(["embedded"], {})


# A budget in money, held over any bills


@dataclass
class Billing:
    """Answers whatever is asked and bills as told; ``billed`` is what the calls may have cost at most."""

    usages: list[tuple[int | None, int | None]]
    samples: int
    model: str = "m"
    endpoint: str = "m"
    concurrency: int = 100
    calls: int = 0
    billed: float = 0.0
    pace: float = 1.0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        used = self.usages[self.calls % len(self.usages)]
        self.calls += samples
        await asyncio.sleep((1 + self.calls % 3) * self.pace)
        most_in = ceiling("".join(message.text for message in request.messages))
        assert request.max_tokens is not None
        # No server bills more than there was: tokens of a prompt, and of answers of the greatest length.
        usage = Usage(
            None if used[0] is None else min(used[0], most_in),
            None if used[1] is None else min(used[1], samples * request.max_tokens),
        )
        bill = PRICE.bill(usage)
        worst = PRICE.worst(most_in, request.max_tokens)
        assert worst is not None
        self.billed += samples * worst if bill is None else bill
        text = request.choices[self.calls % len(request.choices)] if request.choices else "an answer"
        return Reply((Answer(text),) * samples, usage)


def spend(
    text: str, provider: Billing, prices: Callable[[str], Price | None] = lambda model: PRICE, **inputs: Any
) -> Outcome:
    flow = make_plan(check_flow(Source(text), catalog()))

    async def whole() -> Outcome:
        context = Context({}, ModelValue("m", "m"), lambda *_: None, flow.calls_limit, flow.money_limit, prices)
        state = State(flow, inputs, context)
        return await Scheduler(state, {"m": Endpoint(provider, Limiter(100))}, lambda event: None).run()

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(whole())


NUMBERS = st.none() | st.integers(-10, 200)
FLOW = """flow f(xs: [text]) budget $%s {
  out = map x in xs { ask "Say something of {{ x }}" with max_tokens: 20, retries: 1 } reduce collect with errors: skip
  vote = repeat 5 { ask "Yes?" -> A | B with max_tokens: 4 } reduce majority with launch: latency
  return { out, vote }
}"""


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8),
    st.integers(0, 12),
    st.sampled_from(["0.05", "0.5", "1.20", "3", "100"]),
    st.sampled_from([1, 8]),
)
@settings(max_examples=50, suppress_health_check=list(HealthCheck), database=None)
def test_a_budget_in_money_is_never_overspent(
    usages: list[tuple[int | None, int | None]], elements: int, limit: str, samples: int
) -> None:
    provider = Billing(usages, samples)
    flow = FLOW % limit
    outcome = spend(flow, provider, xs=[f"thing {n}" for n in range(elements)])
    assert provider.billed <= float(limit) + 1e-9
    if limit == "100":
        assert outcome.complete
        assert not outcome.failures and not outcome.losses


def test_calls_wait_for_others_to_be_settled_before_they_are_refused() -> None:
    """Ten calls could cost much more than they do: a budget for two of them at their worst is enough for all."""
    body = 'o = map x in xs { ask "{{ x }}" with max_tokens: 20 } reduce collect'
    flow = f"flow f(xs: [text]) budget $0.60 {{ {body} return o }}"
    provider = Billing([(1, 0)], 1)
    outcome = spend(flow, provider, xs=list("abcdefghij"))
    assert outcome.complete
    assert provider.calls == 10
    dear = Billing([(None, None)], 1)
    outcome = spend(flow, dear, xs=list("abcdefghij"))
    assert not outcome.complete
    assert dear.calls == 2
    assert "the flow's budget of $0.60 has" in outcome.failures[0].reason
    assert "a lower `max_tokens`, or a higher budget" in outcome.failures[0].reason


def test_a_call_whose_worst_case_nobody_knows_is_not_sent() -> None:
    flow = 'flow f() budget $5 { a = ask "?" return a }'
    provider = Billing([(1, 1)], 1)
    outcome = spend(flow, provider, lambda model: None)
    assert "the price of `m` is unknown" in outcome.failures[0].reason
    outcome = spend(flow, provider, lambda model: Price(0.001, 0.001))
    assert "set `max_tokens`" in outcome.failures[0].reason
    assert provider.calls == 0


def test_the_budget_of_a_called_flow_is_held_too() -> None:
    flow = """flow part(x: text) budget $0.30 {
      a = ask "{{ x }}" with max_tokens: 20
      b = ask "{{ a }}" with max_tokens: 20
      return b
    }
    flow f() budget $10 { one = part("x") return one }"""
    provider = Billing([(None, None)], 1)
    outcome = spend(flow, provider)
    assert provider.calls == 1
    assert "the budget of $0.30 of the flow `part` has" in outcome.failures[0].reason
    assert spend(flow, Billing([(1, 1)], 1)).complete


async def test_a_run_refuses_a_model_without_a_price_before_it_asks(tmp_path: Path) -> None:
    path = tmp_path / "b.flow"
    path.write_text('flow f() budget $1 { a = ask "?" return a }\n')
    provider = Billing([(1, 1)], 1)
    with pytest.raises(UsageError, match="the price of `elsewhere:x` is unknown"):
        await run_async(path, options=RunOptions(model="elsewhere:x", opener=lambda *_: provider))
    assert provider.calls == 0


async def test_a_run_holds_its_budget_by_the_table(tmp_path: Path) -> None:
    pytest.importorskip("genai_prices")
    path = tmp_path / "b.flow"
    body = 'o = map x in xs { ask "{{ x }}" with max_tokens: 1000 } reduce collect with errors: skip'
    path.write_text(f"flow f(xs: [text]) budget $0.001 {{ {body} return o }}\n")
    listed = price("openai:gpt-4o-mini", {})
    assert listed is not None
    provider = Billing([(None, None)], 1, model="openai:gpt-4o-mini")
    result = await run_async(
        path,
        {"xs": list("abcdef")},
        options=RunOptions(model="openai:gpt-4o-mini", environ={}, opener=lambda *_: provider),
    )
    assert 1 <= provider.calls == len(result.value) <= 0.001 / listed.worst(0, 1000)  # type: ignore[operator]
    assert "the flow's budget of $0.001 has" in result.outcome.losses[0].reason
