"""Costs: known, free, or honestly unknown."""

from __future__ import annotations

import pytest

from flowrun.runtime.events import RequestFinished
from flowrun.runtime.prices import cost
from flowrun.runtime.report.summary import Summary


def test_a_local_model_is_free_and_a_server_of_ones_own_is_unknown() -> None:
    assert cost("embedded:tiny", 1000, 1000, {}) == 0
    assert cost("openai:gpt-4o-mini", 1000, 1000, {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}) is None
    assert cost("elsewhere:x", 1, 1, {}) is None
    assert cost("openai:no-such-model", 1, 1, {}) is None


def test_the_table_gives_a_price() -> None:
    pytest.importorskip("genai_prices")
    dollars = cost("openai:gpt-4o-mini", 1_000_000, 1_000_000, {})
    assert dollars is not None
    assert 0.1 < dollars < 10


def test_a_summary_adds_up_and_one_unknown_makes_the_whole_unknown() -> None:
    summary = Summary()
    summary(RequestFinished(1, "a", "embedded:tiny", 2, 0.5, 100, 10))
    assert (summary.calls, summary.input_tokens, summary.cost) == (2, 100, 0)
    summary(RequestFinished(2, "a", "openai:no-such-model", 1, 0.5, None, None))
    assert (summary.calls, summary.uncounted, summary.cost) == (3, 1, None)
