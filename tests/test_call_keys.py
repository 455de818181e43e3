"""The key of an answer covers everything that the answer depends on, and the keys of existing journals stay."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.engine.decisions import Call, Sample
from flowrun.runtime.engine.keys import key_of
from flowrun.runtime.vocabulary.call import Message, Request, schema_text

PLAIN = Request((Message("user", "Say 5 of 1 s=0"),), temperature=0.5)
WIDE = Request((Message("system", "x\u00e9"), Message("user", "h\u00e9llo \ud800 \U0001f600")), choices=("a", "\u00fc"))
FIRST = Sample()
NOTE = replace(PLAIN, schema={"type": "object", "title": "Note"}, max_tokens=9, seed=3)


def call(request: Request = PLAIN, sample: Sample = FIRST, model: str = "openai:test") -> Call:
    return Call(1, "p", model, request, sample=sample)


def spelt_out(call: Call, endpoint: str) -> bytes:
    """The key by its definition: the sizes of all parts, and the parts."""
    request = call.request
    sampling = f"{request.temperature!r} {request.max_tokens} {request.seed} {len(request.choices)}"
    parts = [f"1 {call.sample.number} {call.sample.again} {sampling}", endpoint, call.model, *request.choices]
    parts.append("" if request.schema is None else schema_text(request.schema))
    for message in request.messages:
        parts += [message.role, message.text]
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    sizes = " ".join(str(len(part)) for part in encoded).encode()
    return blake2b(b"\n".join([sizes, b"".join(encoded)]), digest_size=16).digest()


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        (call(), "3b906ba242a53d10d992761ad9e6a709"),
        (call(replace(WIDE, temperature=0.5)), "aeaff9957e13d6231ddb461e7d9cef44"),
    ],
)
def test_a_key_stays_what_it_was(asked: Call, key: str) -> None:
    assert key_of(asked, "http://x/v1").hex() == key


TEXTS = st.text(st.characters(exclude_categories=()), max_size=6)
REQUESTS = st.builds(
    Request,
    st.lists(st.builds(Message, st.sampled_from(["system", "user"]), TEXTS), max_size=3).map(tuple),
    choices=st.lists(TEXTS, max_size=2).map(tuple),
    schema=st.sampled_from([None, {"type": "string"}, {"title": "\u00e9"}]),
    temperature=st.sampled_from([None, 0, 0.0, -0.0, 1, 1.0, 0.5]),
    max_tokens=st.sampled_from([None, 1, 2]),
    seed=st.sampled_from([None, 0, 1]),
)


@given(REQUESTS, st.builds(Sample, st.integers(0, 2), st.integers(0, 2)), TEXTS, TEXTS)
def test_a_key_is_that_of_all_parts(request: Request, sample: Sample, model: str, endpoint: str) -> None:
    asked = call(request, sample, model)
    assert key_of(asked, endpoint) == spelt_out(asked, endpoint)


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.0},
        {"temperature": -0.0},
        {"temperature": 0},
        {"temperature": None},
        {"max_tokens": 10},
        {"seed": 4},
        {"schema": {"type": "object", "title": "Notes"}},
        {"schema": None, "choices": ("a", "bc")},
        {"schema": None, "choices": ("ab", "c")},
        {"messages": (Message("system", "Say 5 of 1 s=0"),)},
        {"messages": (Message("user", "Say 5 of 1 s=0 "),)},
        {"messages": (Message("user", "Say"), Message("user", " 5 of 1 s=0"))},
    ],
    ids=str,
)
def test_each_part_of_a_question_changes_its_key(other: dict[str, Any]) -> None:
    changed = replace(NOTE, **other)
    keys = {key_of(call(request), "http://x") for request in (NOTE, changed)}
    assert len(keys) == 2


def test_what_is_equal_and_spelt_otherwise_has_another_key() -> None:
    keys = {key_of(call(replace(PLAIN, temperature=one)), "http://x") for one in (0, 0.0, -0.0, 1, 1.0)}
    assert len(keys) == 5
