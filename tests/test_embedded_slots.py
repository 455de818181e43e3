"""The slots of the embedded model: which one a prompt is read in, and the heads that they keep."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from flowrun.runtime.providers.embedded import open_embedded
from flowrun.runtime.providers.embedded.grammar import messages
from flowrun.runtime.providers.embedded.slots import KEPT, Slots, head_of
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Reply, Request

HEAD, OTHER = "Name the worst problem of this section:\n", "Which team does this text belong to?\n"


def read(slots: Slots, *texts: str, head: str = "") -> list[int | None]:
    """Read prompts one after another. ``head`` is the beginning that they share."""
    chosen = []
    for text in texts:
        with slots.slot_for([("user", head + text)], len("user\0" + head) if head else 0) as slot:
            chosen.append(slot)
    return chosen


def test_prompts_with_one_head_go_to_one_slot() -> None:
    slots = Slots(12)
    assert read(slots, "a" * 900, "b" * 900, "c", head=HEAD) == [12, 12, 12]


def test_another_prompt_leaves_a_head_alone() -> None:
    slots = Slots(12)
    assert read(slots, "a", head=HEAD) == [12]
    assert read(slots, "x", head=OTHER) == [13]
    assert read(slots, "A single question", "Another one") == [14, 14]
    assert read(slots, "b", head=HEAD) + read(slots, "y", head=OTHER) == [12, 13]


def test_the_longest_common_beginning_wins() -> None:
    slots = Slots(0)
    talk = "Improve this text: it is good."
    assert read(slots, "a", head=HEAD) == [0]
    assert read(slots, talk) == read(slots, talk + " Shorter, please.") == [1]
    assert read(slots, "b", head=HEAD) == [0]
    assert read(slots, talk + " Longer, please.") == [1]


def test_the_head_of_the_longest_ago_is_given_up_first() -> None:
    slots = Slots(0)
    heads = [letter * 30 for letter in "abcdef"]
    assert [read(slots, "x", head=head) for head in heads] == [[0], [1], [2], [3], [0], [1]]
    assert read(slots, "x", head=heads[2]) == [2]


def test_a_busy_slot_takes_no_second_prompt() -> None:
    slots = Slots(0)
    prompt = [("user", "x")]
    with ExitStack() as held:
        numbers = [held.enter_context(slots.slot_for(prompt, 0)) for _ in range(KEPT + 1)]
        assert numbers[-1] is None and set(numbers[:-1]) == set(range(KEPT))
    with pytest.raises(ValueError), slots.slot_for(prompt, 0):
        raise ValueError
    assert read(slots, "x") != [None]


def _head(parts: Sequence[Message], choices: tuple[str, ...] = ()) -> str:
    said = [(one["role"], one["content"]) for one in messages(Request(tuple(parts), choices=choices))]
    return "\0".join(f"{role}\0{text}" for role, text in said)[: head_of(parts, said)]


def test_the_head_ends_where_the_elements_begin() -> None:
    system, user = Message("system", "Be brief.", heads=(9, 9)), Message("user", "Read: one", heads=(0, 6))
    assert _head([system, user]) == "system\0Be brief.\0user\0Read: "
    assert _head([Message("user", "Read: one", heads=(6,))], ("A", "B")).endswith("Labels: A, B.\0user\0Read: ")
    assert _head([Message("user", "<|x|> one", heads=(6,))]) == "user\0< |x|> "
    assert _head([Message("user", "Read: one")]) == ""
    # The samples of a vote over an element share the whole prompt, and the elements share its beginning.
    assert _head([Message("user", "Read: one", heads=(6, 9))]) == "user\0Read: "
    assert _head([Message("user", "Read: one", heads=(9,))]) == ""


def _cached(reply: Reply) -> int:
    assert reply.usage.detail is not None
    return reply.usage.detail.cached or 0


@pytest.mark.embedded
async def test_the_engine_reads_a_head_once() -> None:
    """A short head before long elements, with another map and votes in between."""
    provider = open_embedded("tiny", Surroundings(os.environ))
    await provider.start()
    try:
        replies = []
        for number in range(3):
            section = f"{number} word and another " * 10
            replies.append(await provider.complete(_ask(HEAD, section)))
            await provider.complete(_ask(OTHER, section, choices=("A", "B")), 6)
        assert _cached(replies[0]) == 0
        head_tokens = 8
        assert [_cached(reply) >= head_tokens for reply in replies[1:]] == [True, True]
        alike = await provider.complete(_ask(OTHER, "the end", choices=("A", "B")), 3)
        assert _cached(alike) > 2 * head_tokens
    finally:
        await provider.close()


def _ask(head: str, text: str, choices: tuple[str, ...] = ()) -> Request:
    return Request((Message("user", head + text, heads=(len(head),)),), choices=choices, max_tokens=2, temperature=0)
