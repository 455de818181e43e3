"""The quick test of a usage lets no count through that cannot be true."""

from __future__ import annotations

import pytest

from flowrun.runtime.engine.doubts import credible
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.usage import Usage

ASKED = Request((Message("user", "hi"),), max_tokens=5)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (Usage(3, 4), Usage(3, 4)),
        (Usage(10**6, 4), Usage(None, 4)),
        (Usage(-1, 4), Usage(None, 4)),
        (Usage(3, 6), Usage(3, None)),
        (Usage(3, -1), Usage(3, None)),
        (Usage(None, 4), Usage(None, 4)),
    ],
)
def test_counts_that_are_impossible_are_left_out(given: Usage, found: Usage) -> None:
    assert credible(given, ASKED, ["yes"], 1) == found


def test_too_few_tokens_for_a_text_are_in_doubt() -> None:
    assert not credible(Usage(3, 4), ASKED, ["x" * 64], 1).doubt
    assert credible(Usage(3, 1), ASKED, ["x" * 64], 1).doubt
