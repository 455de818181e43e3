"""The bill of a reply: it equals that of genai-prices, and the highest cost of a call is never below it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.costs.listed_prices import listed
from flowrun.runtime.vocabulary.tariff import LENGTHS, Stores, Tariff, length_class
from flowrun.runtime.vocabulary.usage import Price, TokenDetail, Usage
from support.documented_replies import CASES, Case

genai_prices = pytest.importorskip("genai_prices")


def price_of(case: Case) -> Price:
    found = listed(case.service, case.model, None)
    assert found is not None, f"genai-prices does not know {case.service} {case.model}"
    return found


def told(case: Case) -> float:
    """Return the bill of genai-prices, which reads the reply by itself."""
    context = {"processing": "batch"} if case.tier == "batch" else {"service_tier": case.tier} if case.tier else None
    found = genai_prices.extract_usage(case.reply, provider_id=case.service, api_flavor=case.flavor)
    return float(found.calc_price(price_context=context, genai_request_timestamp=datetime.now(tz=UTC)).total_price)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_bill_equals_that_of_genai_prices(case: Case) -> None:
    usage = case.read(case.reply)
    assert (usage.known, usage.tier, usage.doubt) == (True, case.tier, "")
    assert price_of(case).bill(usage) == pytest.approx(told(case), rel=1e-12)


def test_the_table_tells_prices_apart() -> None:
    """A bill at the price of plain tokens is wrong for every case with special ones."""
    plain = 0
    for case in CASES.values():
        usage, price = case.read(case.reply), price_of(case)
        assert price.usual is not None and usage.input_tokens is not None and usage.output_tokens is not None
        flat = usage.input_tokens * price.usual[0] + usage.output_tokens * price.usual[1]
        plain += flat == pytest.approx(told(case), rel=1e-9)
    assert plain <= 14 < len(CASES) / 2


def test_the_lengths_at_which_prices_change_are_those_of_genai_prices() -> None:
    starts = {
        tier.start
        for provider in genai_prices.data.providers
        for model in provider.models
        for prices in (model.prices if isinstance(model.prices, list) else [model])
        for price in vars(prices.prices).values()
        for tier in getattr(price, "tiers", ())
    }
    assert starts <= set(LENGTHS)


@pytest.mark.parametrize("length", [0, *(at + step for at in LENGTHS for step in (-1, 0, 1))])
def test_prompts_of_one_class_of_lengths_have_one_price(length: int) -> None:
    prices = [price_of(CASES[name]) for name in ("openai, above 272k", "gemini, above 200k", "xai, above 200k")]
    assert all(price.tariff("", length) == price.tariff("", length_class(length)) for price in prices)


# The highest cost of a call

TOKENS = st.integers(0, 400_000)
RATES = st.floats(0, 1e-4)
TARIFFS = st.builds(Tariff, RATES, RATES, *[st.none() | RATES] * 5)
ANY_PRICE = st.builds(
    lambda short, long, other: Price(
        max(short.read, long.read),
        max(short.written, long.written),
        tariffs=(("", (short, Tariff(**{**fields_of(long), "above": 200_000}))), ("priority", (other,))),
    ),
    TARIFFS,
    TARIFFS,
    TARIFFS,
)


def fields_of(tariff: Tariff) -> dict[str, Any]:
    return {name: getattr(tariff, name) for name in Tariff.__dataclass_fields__}


LISTED = st.sampled_from(list(CASES.values())).map(price_of)
TERMS = st.sampled_from([("", ""), ("", "short"), ("", "long"), ("priority", ""), ("batch", "long"), ("flex", "short")])


@given(price=ANY_PRICE | LISTED, terms=TERMS, counts=st.tuples(*[TOKENS] * 7), apart=st.booleans())
def test_no_usage_within_the_ceilings_costs_more_than_the_highest_cost(
    price: Price, terms: tuple[str, Stores], counts: tuple[int, ...], apart: bool
) -> None:
    tier, stores = terms
    read, written, cached, stored, reasoning, images, long_stored = counts
    if price.stores == stores == "":
        stored = long_stored = 0
    long_stored = long_stored if stores == "long" else 0
    detail = TokenDetail(cached, stored, reasoning, images, min(stored, long_stored))
    served = tier if tier == "batch" or apart else ""
    usage = Usage(read, written, detail, served)
    worst, bill = price.worst(read, written, tier=tier, stores=stores), price.bill(usage)
    assert worst is not None and bill is not None
    assert bill <= worst * (1 + 1e-9) + 1e-12


@given(price=ANY_PRICE | LISTED, counts=st.tuples(*[TOKENS] * 7), tier=st.sampled_from(["", "flex", "priority"]))
def test_a_budget_counts_the_whole_bill_also_of_a_dearer_tier_and_of_cache_writes(
    price: Price, counts: tuple[int, ...], tier: str
) -> None:
    read, written, cached, stored, reasoning, images, long_stored = counts
    usage = Usage(read, written, TokenDetail(cached, stored, reasoning, images, long_stored), tier)
    worst, bill = price.worst(read, written), price.bill(usage)
    assert worst is not None and bill is not None
    known = tier != "priority" or any(name == tier for name, _ in price.tariffs)
    assert price.charge(worst, usage, read, written) == pytest.approx(bill * (1 if known else 2.5))


def test_a_dearer_tier_without_a_known_price_is_never_under_counted() -> None:
    price = Price(1.0, 3.0)
    assert price.worst(10, 5) == 25 and price.worst(10, 5, tier="flex") == 25
    assert price.worst(10, 5, tier="priority") == 62.5
    assert price.charge(62.5, Usage(10, 5, tier="priority"), 10, 5) == 62.5


def test_a_budget_counts_no_more_tokens_than_a_call_can_have() -> None:
    price = Price(1.0, 1.0, write_cached=2.0)
    assert price.charge(15, Usage(1000, 5), 10, 5) == 15
    assert price.charge(15, Usage(1000, 5, TokenDetail(stored=1000)), 10, 5) == 25


def test_a_doubtful_usage_counts_at_the_highest_cost() -> None:
    price = Price(1.0, 1.0)
    assert price.charge(15, Usage(4, 2), 10, 5) == 6
    assert price.charge(15, Usage(4, 2, doubt="too few"), 10, 5) == 15


def test_a_batch_costs_half_where_nothing_else_is_known() -> None:
    price = Price(1.0, 3.0, read_cached=0.1)
    usage = Usage(10, 5, TokenDetail(cached=4), "batch")
    assert price.bill(usage) == pytest.approx((6 * 1.0 + 4 * 0.1 + 5 * 3.0) / 2)
    assert price.worst(10, 5, tier="batch") == pytest.approx(12.5)


@given(counts=st.tuples(*[st.integers(0, 30)] * 7), samples=st.integers(1, 9))
def test_the_samples_of_a_request_share_its_bill_to_the_token(counts: tuple[int, ...], samples: int) -> None:
    plain, written, cached, short, thought, images, long = counts
    detail = TokenDetail(cached, short + long, min(thought, written), images, long)
    whole = Usage(plain + cached + short + images + long, written, detail)
    parts = [part.amounts for part in whole.parts(samples)]
    assert tuple(map(sum, zip(*parts, strict=True))) == whole.amounts
    assert sum(whole.amounts) == (whole.input_tokens or 0) + written


def test_the_samples_of_a_long_prompt_have_the_price_of_the_long_prompt() -> None:
    price = price_of(CASES["gemini, above 200k"])
    whole = Usage(250_000, 3_000, TokenDetail(cached=100_000))
    parts = [price.bill(part) or 0.0 for part in whole.parts(5)]
    assert sum(parts) == pytest.approx(price.bill(whole))
