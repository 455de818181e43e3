"""The terms of a call's price: its service tier, and whether it may write to a cache. They reach the journal."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Bound, Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.prices import Prices, dearest_declared
from flowrun.runtime.engine.ceilings import ceiling_of, rough_ceiling_of
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.forecast.rates import rates_of
from flowrun.runtime.journal.history import History, read_attempts
from flowrun.runtime.journal.reading import open_to_read
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.row_usage import FIELDS, usage_fields, usage_in, usage_told
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.totals import add_up
from flowrun.runtime.vocabulary.account import Account, Ceiling, Use
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.tariff import Tariff
from flowrun.runtime.vocabulary.usage import Price, TokenDetail, Usage

SHORT = Tariff(10.0, 100.0, cached=1.0, stored=12.5, long_stored=20.0)
PRICE = Price(
    10.0, 100.0, tariffs=(("", (SHORT,)), ("priority", (Tariff(30.0, 300.0, cached=3.0, stored=40.0),))), window=1000
)


def test_calls_without_a_bill_count_by_their_terms() -> None:
    use, plain = Use(), Ceiling(10, 1)
    each = [plain, Ceiling(10, 1, "short"), Ceiling(10, 1, "long"), Ceiling(10, 1, "", "priority")]
    each += [Ceiling(10, 1, "short", "batch"), Ceiling(10, None, "short")]
    worsts = [one.cost(PRICE) for one in each]
    assert worsts == [200.0, 225.0, 300.0, 600.0, 112.5, 125.0 + 100_000.0]
    for one in each:
        use.launch(1, one)
    assert use.unbilled.cost(PRICE) == sum(one or 0.0 for one in worsts)
    whole = Account(models={"m": use}) + Account(models={"m": use})
    assert whole.unbilled(lambda model: PRICE) == 2 * sum(one or 0.0 for one in worsts)
    for one in each:
        use.refuse(1, one)
    assert use.unbilled.cost(PRICE) == 0.0 and not use.unbilled.any


def test_a_paid_call_leaves_the_calls_of_its_terms() -> None:
    use, each = Use(), Ceiling(10, 1, "short", "priority")
    use.launch(2, each)
    use.pay(Usage(10, 1, TokenDetail(stored=10), "priority"), each, PRICE)
    assert (use.charged, use.unbilled.cost(PRICE)) == (400.0 + 300.0, each.cost(PRICE))
    use.pay(Usage(10, 1, doubt="too few"), each, PRICE)
    assert (use.charged, use.unbilled.cost(PRICE), use.doubtful) == (700.0, each.cost(PRICE), 1)
    assert use.cost(PRICE) == 700.0 + 200.0


def test_the_request_tells_the_terms() -> None:
    plain, headed = Message("user", "hello", heads=(5,)), Message("user", "hello " * 30, heads=(128,))
    for of in (ceiling_of, rough_ceiling_of):
        assert [of(Request((one,))).stores for one in (plain, headed)] == ["", "short"]
        assert (of(Request((plain,))).tier, of(Request((plain,), options={"service_tier": "priority"})).tier) == (
            "",
            "priority",
        )


def rows() -> list[LogRecord]:
    found = [LogRecord(0, Kind.RUN, {"id": "r", "flow": "f", "source": "f.flow", "began": 1.0})]
    for number in range(40):
        call = bytes([number]), f"out[{number}].answer"
        terms: dict[str, Any] = {} if number % 3 else {"tier": "priority", "stores": "short"}
        intent = {"model": "m", "bytes": 9, "max": 1, "of": 1, "most": 20, **terms}
        found.append(LogRecord(1, Kind.INTENT, intent, *call))
        if number % 5 == 4:
            continue
        usage = Usage(20, 1, TokenDetail(cached=number % 7, stored=number % 4), "" if number % 3 else "priority")
        found.append(LogRecord(1, Kind.ANSWER, {"text": "x", "in": 20, "out": 1, **usage_fields(usage)}, *call))
    return found


def test_the_journal_gives_the_figures_of_the_run(tmp_path: Path) -> None:
    path, live = tmp_path / "journal.db", Account(price=lambda model: PRICE)
    written = rows()

    async def write() -> None:
        with closing(Journal.open(path)) as journal:
            for row in written:
                journal.note([row])

    asyncio.run(write())
    each = Ceiling(0)
    for row in written[1:]:
        body: Any = row.body
        if row.kind == Kind.INTENT:
            each = Ceiling(20, 1, body.get("stores", ""), body.get("tier", ""))
            live.use("m").launch(1, each)
        else:
            live.pay("m", [usage_in(body)], each)
            live.use("m").answered += 1
    with closing(open_to_read(path)) as connection:
        past = History(lambda model: PRICE)
        for found in read_attempts(connection, (1,)):
            past.take(found)
        total = add_up(connection, (1,))[1].account
    prices = Prices({}, {"m": PRICE})
    assert past.account.models == live.models
    assert past.account.charged(prices) == live.charged(prices) == pytest.approx(past.within("")[1])
    assert prices.of(total) == pytest.approx(prices.of(live))
    assert total.unbilled(prices) == live.unbilled(prices)
    assert prices.cache_saving(total) == pytest.approx(prices.cache_saving(live))


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(3, 4),
        Usage(3, None, TokenDetail(1, 2, 3, 4, 5), "flex", "too few", 90_000),
        Usage(40_000, 1).parts(3)[0],
    ],
)
def test_a_row_brings_back_the_whole_usage(usage: Usage) -> None:
    body = {"in": usage.input_tokens, "out": usage.output_tokens, **usage_fields(usage)}
    for back in (usage_in(body), usage_told([body.get(name) for name in FIELDS])):
        assert (back, back.detail, back.tier, back.doubt) == (usage, usage.detail, usage.tier, usage.doubt)
        assert back.prompt == usage.prompt


def test_a_row_of_an_older_journal_has_no_classes() -> None:
    assert usage_in({"in": 7, "out": 3}) == Usage(7, 3)
    assert usage_in({"in": 7, "out": 3}).detail is None


def test_declared_prices_have_classes_and_the_dearest_counts() -> None:
    one = {"input_price": 2, "cached_price": 0.2, "stored_price": 3}
    found = dearest_declared([("openai:m", one)])["openai:m"]
    assert [found.read_cached, found.write_cached] == pytest.approx([2e-7, 3e-6]) and found.stores == "short"
    assert found.bill(Usage(10, 5, TokenDetail(cached=6, stored=3))) == pytest.approx(1 * 2e-6 + 6 * 2e-7 + 3 * 3e-6)
    assert found.worst(10, 5) == pytest.approx(30e-6)
    both = dearest_declared([("openai:m", one), ("openai:m", {"input_price": 1, "output_price": 4})])["openai:m"]
    assert [both.input, both.output, both.read_cached] == pytest.approx([2e-6, 4e-6, 1e-6])
    assert both.worst(10, 5) == pytest.approx(30e-6 + 20e-6)


def test_the_rates_of_bounds() -> None:
    assert rates_of(PRICE).least == (10.0, 100.0) and rates_of(PRICE).most == (10.0, 100.0)
    assert rates_of(PRICE, stores="short").most == (12.5, 100.0)
    assert rates_of(PRICE, tier="batch").least == rates_of(PRICE, tier="batch").most == (5.0, 50.0)
    assert rates_of(PRICE, tier="priority").most == (30.0, 300.0)
    for keeps, kept_from in ((2048, 1024), (512, 512), (None, 0)):
        assert rates_of(PRICE, keeps=keeps).kept_from == kept_from
    rates = rates_of(PRICE, keeps=1024)
    short, long, either = Bound(1023, 1023), Bound(1024, None), Bound(200, 2000)
    assert [rates.least_read(one) for one in (short, long, either)] == [10_230.0, 1024.0, 1024.0]
    assert rates.tier("batch").least == (5.0, 50.0) and rates.tier("auto") is rates
    assert (rates | rates.tier("batch")).least == (5.0, 50.0) and (rates | rates.tier("priority")).most[0] == 30.0
    assert rates.stored == 12.5
    mean = PRICE.expected(1000, 10, cached=0.9, stored=0.05)
    assert mean == pytest.approx(50 * 10 + 900 * 1 + 50 * 12.5 + 1000)
    assert PRICE.expected(1000, 10, cached=0.9, stored=0.05, tier="batch") == pytest.approx(mean / 2)


@pytest.mark.parametrize("words", [100, 1200])
def test_the_least_of_a_plan_reads_a_prompt_from_a_cache(words: int) -> None:
    def bounds(prices: str) -> tuple[float, float]:
        model = f'model m = "openai:m" with input_price: 1000, {prices}retries: 0\n'
        text = f'{model}flow f() {{ a = ask m "{"word " * words}" return a }}'
        plan = make_plan(check_flow(Source(text), catalog()))
        cost = estimate_plan(plan, {}, Files(Path()), environ={}).cost
        assert cost.most is not None
        return cost.least, cost.most

    plain, kept, put = bounds(""), bounds("cached_price: 100, "), bounds("stored_price: 1250, ")
    # A server of one's own may keep short prompts, too.
    assert kept == pytest.approx((plain[0] * 0.1, plain[1]))
    assert put == pytest.approx((plain[0], plain[1] * 1.25))


@pytest.mark.parametrize("batch", [False, True])
def test_a_call_without_a_budget_tells_the_price_of_its_batch(batch: bool) -> None:
    from flowrun.runtime.engine.ceilings import told_ceiling
    from flowrun.runtime.engine.decisions import Call, Policy

    call = Call(1, "a", "openai:m", Request((Message("user", "hello"),)), policy=Policy(batch=batch))
    assert told_ceiling(call).tier == ("batch" if batch else "")
