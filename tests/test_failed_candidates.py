"""A search for a good enough result needs each sample, as every `best` does; `first(if:)` goes on without it."""

from __future__ import annotations

import pytest

from flowrun import Source
from flowrun.testing import malformed, run_scripted

BAD = malformed("?")


@pytest.mark.parametrize(
    ("rule", "status"), [("best(by: score, enough: 5)", "failed"), ("first(if: result.score > 4)", "partial")]
)
def test_a_sample_without_an_answer_that_fits(rule: str, status: str) -> None:
    flow = f"""flow f(q: text) {{
      x = repeat 1..4 {{ ask "{{{{ q }}}}" -> {{ score: 0..10 }} with retries: 0 }} reduce {rule}
      return x.score
    }}"""
    result = run_scripted(Source(flow), {"q": "a"}, replies={"x": [{"score": 1}, BAD, {"score": 7}]})
    assert (result.status, result.value) == (status, 7 if status == "partial" else None)
