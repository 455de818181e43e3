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


@pytest.mark.parametrize(
    ("usage", "text", "why"),
    [
        (Usage(0, 4), "yes", "no tokens for a prompt"),
        (Usage(0, 0), "", "no tokens for a prompt"),
        (Usage(3, 0), "yes", ""),
        (Usage(3, 0), "", ""),
    ],
)
def test_a_prompt_without_tokens_is_in_doubt(usage: Usage, text: str, why: str) -> None:
    """A budget would count nothing for such a call, however many there are."""
    assert credible(usage, ASKED, [text], 1).doubt == why
