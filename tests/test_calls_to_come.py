"""The number of calls that are sure to come with the same beginning, also where a journal has answers of some."""

from __future__ import annotations

import pytest

from flowrun.runtime.engine.decisions import Call, Known, Launch
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.values.model_values import ModelValue
from flowrun.runtime.vocabulary.call import Answer
from support.harness import functions, planned

FLOW = """flow f(items: [text]) {
  out = map n in items { ask "begin alike {{ n }}" } reduce collect with concurrency: 3
  return out
}
"""


@pytest.mark.parametrize(
    ("left", "expected"),
    [(0, [(8,), (8,)]), (4, [(8,), (4,)]), (7, [(8,), (1,)]), (20, [(8,), (1,)]), (None, [(8,), ()])],
)
def test_answers_that_a_journal_may_have_are_not_counted(left: int | None, expected: list[tuple[int, ...]]) -> None:
    """The second call has its answer. So the journal may have those of later calls, as far as it has answers left."""

    def known(call: Call) -> Known:
        return Known(b"k", Answer("yes") if call.path.startswith("out[1]") else None)

    context = Context({}, ModelValue("m", "m"), functions, known=known, left=lambda: left)
    state = State(planned(FLOW), {"items": [str(n) for n in range(10)]}, context)
    decisions = state.begin()
    found = [one.call.policy.expected for one in decisions if isinstance(one, Launch)]
    assert found[:2] == expected
