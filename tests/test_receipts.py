"""What a provider reads from a reply besides its answers: special tokens, the model that answered, and the id."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.runtime.engine.ceilings import believable
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.embedded.stream import read_reply
from flowrun.runtime.providers.protocol import Surroundings, fault_of
from flowrun.runtime.providers.token_details import chat_detail, generate_detail, messages_detail
from flowrun.runtime.vocabulary.call import Answer, Message, Reply, Request
from flowrun.runtime.vocabulary.errors import AnswerError
from flowrun.runtime.vocabulary.receipt import LONGEST_NAME, Receipt, readable_name
from flowrun.runtime.vocabulary.usage import TokenDetail, Usage
from support.hosted import HELLO
from support.told_replies import BODIES, CHAT, CHAT_USAGE, CLAUDE_USAGE, GOOGLE, KEY, TOLD, environment, streamed

HEADER = {"openai": "x-request-id", "anthropic": "request-id", "gemini": "X-Request-Id"}


async def asked(url: str, model: str, *, stream: bool = False) -> Reply:
    provider = open_provider(model, Surroundings(environment(url, KEY)))
    try:
        return await provider.complete(Request(HELLO, stream=stream))
    finally:
        await provider.close()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", BODIES)
async def test_the_tokens_the_model_and_the_id_are_read(faults: Any, name: str, stream: bool) -> None:
    if stream:
        faults.raw(streamed(name), kind="text/event-stream")
    else:
        faults.json(BODIES[name])
    reply = await asked(faults.url, f"{name}:m", stream=stream)
    assert reply.answers == (Answer("hi"),)
    assert (reply.usage, reply.usage.detail, reply.receipt) == TOLD[name]


@pytest.mark.parametrize("name", BODIES)
async def test_the_id_of_the_headers_comes_first(faults: Any, name: str) -> None:
    faults.json(BODIES[name], **{HEADER[name].replace("-", "_"): "req_9"})
    reply = await asked(faults.url, f"{name}:m")
    assert reply.receipt is not None and reply.receipt.id == "req_9"


@pytest.mark.parametrize("name", BODIES)
async def test_the_model_that_was_asked_for_is_not_repeated(faults: Any, name: str) -> None:
    field = "modelVersion" if name == "gemini" else "model"
    faults.json({**BODIES[name], field: "m"})
    for model in (f"{name}:m", *(["gemini:models/m"] if name == "gemini" else [])):
        reply = await asked(faults.url, model)
        assert reply.receipt is not None and reply.receipt.served == ""


@pytest.mark.parametrize("name", BODIES)
async def test_a_reply_that_tells_nothing_more_has_no_receipt(faults: Any, name: str) -> None:
    bare = {
        field: BODIES[name][field]
        for field in ("choices", "content", "candidates", "stop_reason")
        if field in BODIES[name]
    }
    faults.json(bare)
    reply = await asked(faults.url, f"{name}:m")
    assert reply.answers == (Answer("hi"),)
    assert (reply.usage, reply.usage.detail, reply.receipt) == (Usage(), None, None)


NAMES = {
    "key": (f"trace {KEY}", ""),
    "split key": (KEY[:9] + "\u200b" + KEY[9:], ""),
    "key beyond the cut": ("x" * (LONGEST_NAME - 9) + KEY, ""),
    "key in hex": (KEY.encode().hex(), ""),
    "control": ("re\x1b[31mq\x00\u202e7", "re[31mq7"),
    "half a character": ("re\ud800q", "req"),
    "long": ("r" * 5000, "r" * LONGEST_NAME),
    "a number": (7, ""),
    "a list": (["req"], ""),
    "null": (None, ""),
}


@pytest.mark.parametrize(("given_name", "kept"), NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("name", BODIES)
async def test_a_foreign_name_is_bounded_and_holds_no_key(faults: Any, name: str, given_name: Any, kept: str) -> None:
    model, own = ("modelVersion", "responseId") if name == "gemini" else ("model", "id")
    faults.json({**BODIES[name], model: given_name, own: given_name})
    reply = await asked(faults.url, f"{name}:m")
    assert reply.answers == (Answer("hi"),)
    assert (reply.receipt or Receipt()) == Receipt(kept, kept)


async def test_an_id_in_the_headers_that_holds_the_key_gives_way_to_the_replys_own(faults: Any) -> None:
    faults.json(CHAT, x_request_id=f"Bearer {KEY}")
    reply = await asked(faults.url, "openai:m")
    assert reply.receipt == Receipt("m-2026-03-17", "chatcmpl-7")


SPOILT: dict[str, tuple[Any, str, int | None]] = {
    "no choices": ({**CHAT, "choices": []}, "", 40),
    "empty": ({**CHAT, "choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}, "stop", 40),
    "no JSON": (b"<html>", "", None),
    "half": (b'{"choices": [', "", None),
}


@pytest.mark.parametrize(("body", "finish", "read"), SPOILT.values(), ids=SPOILT)
async def test_a_spoilt_reply_has_its_receipt_too(faults: Any, body: Any, finish: str, read: int | None) -> None:
    faults.raw(body if isinstance(body, bytes) else json.dumps(body).encode(), x_request_id="req_9")
    with pytest.raises(AnswerError) as caught:
        await asked(faults.url, "openai:m")
    error = caught.value
    assert error.receipt is not None and error.receipt.id == "req_9"
    assert error.finish == finish
    if read is not None:
        assert error.usage == Usage(40, 20)
        assert error.usage.detail == TokenDetail(32, None, 12)


COUNTS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.text(max_size=3), st.lists(st.integers())
)
HOSTILE = st.recursive(COUNTS, lambda inner: st.dictionaries(st.sampled_from(sorted(CHAT_USAGE)), inner), max_leaves=4)


@given(
    st.dictionaries(
        st.sampled_from([*CHAT_USAGE, *CLAUDE_USAGE, *GOOGLE["usageMetadata"], "prompt_cache_hit_tokens"]),
        HOSTILE | st.dictionaries(st.sampled_from(["cached_tokens", "reasoning_tokens", "thinking_tokens"]), COUNTS),
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_malformed_counts_are_not_reported(usage: dict[str, Any]) -> None:
    request = Request((Message("user", "hello"),), max_tokens=100)
    for read in (chat_detail, messages_detail, generate_detail):
        detail = read(usage)
        kept = believable(Usage(30, 20, detail), request, 1).detail or TokenDetail()
        for count, most in ((kept.cached, 30), (kept.stored, 30), (kept.reasoning, 20)):
            assert count is None or (type(count) is int and 0 <= count <= most)


@pytest.mark.parametrize("usage", [None, [], "usage", 7, {}, {"prompt_tokens": 4, "completion_tokens": 2}])
def test_a_usage_without_special_tokens_has_no_detail(usage: Any) -> None:
    assert chat_detail(usage) is messages_detail(usage) is generate_detail(usage) is None


OTHER_FORMS = {
    "DeepSeek": ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 1}, TokenDetail(8)),
    "Moonshot": ({"prompt_tokens": 9, "cached_tokens": 8}, TokenDetail(8)),
    "LiteLLM": (
        {"prompt_tokens": 9, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2},
        TokenDetail(3, 2),
    ),
    "OpenRouter": ({"prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 5}}, TokenDetail(0, 5)),
    "null details": ({"prompt_tokens": 9, "prompt_tokens_details": None, "completion_tokens_details": None}, None),
}


@pytest.mark.parametrize(("usage", "detail"), OTHER_FORMS.values(), ids=OTHER_FORMS)
def test_other_servers_of_chat_completions(usage: dict[str, Any], detail: TokenDetail | None) -> None:
    assert chat_detail(usage) == detail


def test_special_tokens_above_their_whole_are_not_reported() -> None:
    request = Request((Message("user", "hello"),), max_tokens=100)
    said = Usage(30, 20, TokenDetail(31, 30, 21))
    assert believable(said, request, 1).detail == TokenDetail(None, 30, None)
    # An unknown whole is bounded by what is possible for the request.
    said = Usage(None, None, TokenDetail(10**30, 5, 101))
    assert believable(said, request, 1).detail == TokenDetail(None, 5, None)
    assert believable(Usage(-3, 20, TokenDetail(cached=3)), request, 1) == Usage(None, 20)


@given(st.integers(1, 12), st.tuples(*[st.none() | st.integers(0, 10**9)] * 5))
def test_every_class_of_tokens_is_divided_exactly(samples: int, counts: tuple[Any, ...]) -> None:
    read, written, *special = counts
    parts = Usage(read, written, TokenDetail(*special)).parts(samples)
    details = [part.detail or TokenDetail() for part in parts]
    rows = [
        (part.input_tokens, part.output_tokens, one.cached, one.stored, one.reasoning)
        for part, one in zip(parts, details, strict=True)
    ]
    assert len(rows) == samples
    for whole, shares in zip(counts, zip(*rows, strict=True), strict=True):
        assert shares == (None,) * samples if whole is None else sum(shares) == whole


FAULTS = {
    "detail": Reply((Answer("a"),), Usage(1, 1, {"cached": 1})),  # type: ignore[arg-type]
    "special tokens": Reply((Answer("a"),), Usage(1, 1, TokenDetail("1"))),  # type: ignore[arg-type]
    "receipt": Reply((Answer("a"),), receipt="req_7"),  # type: ignore[arg-type]
    "served": Reply((Answer("a"),), receipt=Receipt(None)),  # type: ignore[arg-type]
    "more": Reply((Answer("a", more=["x"]),)),  # type: ignore[arg-type]
    "no JSON": Reply((Answer("a", more={"x": {1, 2}}),)),
    "not a number": Reply((Answer("a", more={"x": float("nan")}),)),
}


@pytest.mark.parametrize("reply", FAULTS.values(), ids=FAULTS)
def test_a_reply_of_another_shape_is_a_fault_of_its_provider(reply: Reply) -> None:
    assert fault_of(reply)


def test_a_reply_with_all_facts_is_sound() -> None:
    facts = {"reasoning": ["because"], "n": 1}
    whole = Reply((Answer("a", more=facts),), Usage(3, 2, TokenDetail(1, 1, 1)), receipt=Receipt("other", "req_7"))
    assert fault_of(whole) == ""


async def test_the_local_model_tells_the_tokens_that_it_kept() -> None:
    async def lines() -> Any:
        for index in (0, 1):
            details = {"cached_tokens": 30 * index + 2}
            usage = {"prompt_tokens": 40, "completion_tokens": 3, "prompt_tokens_details": details}
            choice = {"index": index, "delta": {"content": "hi"}, "finish_reason": "stop"}
            yield f"data: {json.dumps({'id': 'chatcmpl-7', 'choices': [choice], 'usage': usage})}\n".encode()

    reply = await read_reply(lines(), 2)
    assert (reply.usage, reply.usage.detail) == (Usage(40, 6), TokenDetail(cached=2))
    assert reply.receipt == Receipt(id="chatcmpl-7")


@given(st.text())
def test_a_readable_name_is_printable_and_bounded(text: str) -> None:
    assert len(readable_name(text)) <= LONGEST_NAME
    assert readable_name(text).isprintable()
