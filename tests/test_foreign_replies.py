"""Whatever a server sends, the call has an answer or a failure of its own kind; no library's error gets through."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowrun.dsl import one_line
from flowrun.runtime.providers import answer_forms, failures, open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Reply, Request
from flowrun.runtime.vocabulary.errors import (
    CallError,
    FlowrunError,
    InDoubtError,
    PermanentError,
    RefusedError,
    UsageError,
)
from support.raw_server import RawServer, raw_server

BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}
WORDS = (
    "error message code type status details violations quotaId retryDelay error_code param detail choices message "
    "content delta finish_reason index refusal reasoning tool_calls usage prompt_tokens completion_tokens text type "
    "thinking stop_reason input content_block message_start content_block_start content_block_delta message_delta "
    "message_stop tool_use candidates parts thought finishReason promptFeedback blockReason usageMetadata stop STOP "
    "end_turn"
).split()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)
# Objects that go deep enough to be read: each name of the protocol, with anything under it.
SHAPED = st.one_of(
    st.fixed_dictionaries({"error": st.dictionaries(st.sampled_from(WORDS[1:11]), JSON, max_size=6)}),
    st.fixed_dictionaries({"choices": st.lists(st.dictionaries(st.sampled_from(WORDS[11:20]), JSON), max_size=3)}),
    st.fixed_dictionaries({"content": JSON, "stop_reason": JSON, "usage": JSON}),
    st.fixed_dictionaries({"candidates": st.lists(st.dictionaries(st.sampled_from(WORDS), JSON), max_size=3)}),
    st.dictionaries(st.sampled_from(WORDS), JSON, max_size=6),
    JSON,
)
STATUSES = st.sampled_from(
    [200, 200, 200, 201, 204, 299, 300, 301, 307, 400, 401, 403, 404, 422, 429, 500, 503, 529, 599]
)
VALUES = st.sampled_from(
    [
        *(
            "",
            "nan",
            "-1",
            "1e999",
            "inf",
            "7",
            "Wed, 21 Oct 99999 07:28:30 GMT",
            "0001-01-01T00:00:00Z",
            "http://[::1",
        ),
        *("a, 0 jan -99999 99:99:99 +9999999999999", "//[", "http://x:99999999/", "9" * 400, "1d2h", '"a";r=x;t='),
        "é\udcff",
    ]
) | st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=12)
NAMES = (
    "Retry_After retry_after_ms Date Location RateLimit RateLimit_Reset RateLimit_Remaining x_should_retry "
    "x_ratelimit_remaining_requests x_ratelimit_reset_tokens anthropic_ratelimit_tokens_reset "
    "anthropic_ratelimit_tokens_remaining Content_Type Content_Encoding Set_Cookie"
).split()
HEADERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)
KINDS = st.sampled_from(
    ["application/json", "application/json", "text/event-stream", "text/html", "", "application/x+json"]
)


def request(**more: Any) -> Request:
    return Request((Message("user", "hi"),), **{"timeout": 10.0, **more})


async def outcome(server: RawServer, name: str, asked: Request, samples: int = 1) -> Reply | CallError:
    """What a call comes to. Anything but these two is raised."""
    provider = open_provider(f"{name}:m", Surroundings({BASES[name]: server.url}))
    try:
        return await provider.complete(asked, samples)
    except CallError as error:
        assert str(error) == one_line(str(error))
        assert "mistake of flowrun" not in str(error)
        return error
    finally:
        await provider.close()


def ask_all(body: bytes, status: int, headers: dict[str, str], asked: Request) -> list[Reply | CallError]:
    async def each() -> list[Reply | CallError]:
        async with raw_server() as server:
            server.reply(body, status, **headers)
            return [await outcome(server, name, asked, 2) for name in BASES]

    return asyncio.run(each())


LOOSE = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@LOOSE
@given(SHAPED, STATUSES, KINDS, st.sampled_from(["text", "choices", "schema"]))
@example({"error": {"details": [{"violations": 7}]}}, 429, "application/json", "text")
@example({"error": {"details": {"violations": [[]]}}}, 400, "application/json", "text")
@example(
    {"choices": [{"finish_reason": ["stop"], "message": {"content": {"text": []}}}]}, 200, "application/json", "text"
)
@example([{"error": 10**300}], 200, "application/json", "schema")
def test_any_json_is_an_answer_or_a_failure_of_the_call(body: Any, status: int, kind: str, form: str) -> None:
    more: dict[str, Any] = {"choices": ("a", "b")} if form == "choices" else {}
    if form == "schema":
        more = {"schema": {"type": "array", "items": {"type": "string"}}}
    raw = json.dumps(body).encode()
    for ended in ask_all(raw, status, {"Content_Type": kind}, request(**more)):
        if isinstance(ended, Reply):
            assert all(isinstance(answer.text, str) and answer.said.isprintable() for answer in ended.answers)


@LOOSE
@given(st.lists(SHAPED, max_size=4), st.binary(max_size=8), st.sampled_from([b"\n", b"\r\n", b"\r"]))
@example([{"candidates": [{"content": {"parts": [{"text": [1]}, {"text": "a"}, {"text": None}]}}]}], b"", b"\n")
def test_any_events_are_an_answer_or_a_failure_of_the_call(events: list[Any], rest: bytes, end: bytes) -> None:
    body = b"".join(b"data: " + json.dumps(event).encode() + end + end for event in events) + rest
    ask_all(body, 200, {"Content_Type": "text/event-stream"}, request(stream=True))


@LOOSE
@given(HEADERS, STATUSES, st.binary(max_size=40))
@example({"Location": "http://[::1"}, 307, b"")
@example({"Retry_After": "Wed, 21 Oct 99999 07:28:30 GMT", "Date": "Wed, 21 Oct 99999 07:28:30 GMT"}, 429, b"{}")
@example(
    {"anthropic_ratelimit_tokens_reset": "0001-01-01T00:00:00", "anthropic_ratelimit_tokens_limit": "1"}, 200, b"{}"
)
def test_any_headers_are_an_answer_or_a_failure_of_the_call(headers: dict[str, str], status: int, body: bytes) -> None:
    for ended in ask_all(body, status, headers, request()):
        if isinstance(ended, CallError) and ended.retry_after is not None:
            assert ended.retry_after >= 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, RefusedError), (503, RefusedError), (500, InDoubtError), (404, PermanentError), (200, InDoubtError)],
)
async def test_a_mistake_of_ours_fails_the_call_by_its_status_and_is_named(
    status: int, kind: type[CallError], faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*args: object) -> None:
        raise LookupError("a mistake that was planted")

    monkeypatch.setattr(failures, "_daily", stumble)
    faults.json({"error": {"message": "no"}}, status)
    provider = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": faults.url}))
    with pytest.raises(kind, match=r"LookupError: a mistake that was planted, in test_foreign_replies\.py, line \d+"):
        await provider.complete(request())
    await provider.close()


async def test_a_mistake_in_reading_an_answer_keeps_what_was_paid(faults: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*args: object) -> None:
        raise RecursionError

    faults.json({"choices": [{"message": {"content": "paid"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}})
    monkeypatch.setattr(answer_forms, "clean", stumble)
    provider = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": faults.url}))
    with pytest.raises(FlowrunError, match="RecursionError, in test_foreign_replies") as caught:
        await provider.complete(request())
    await provider.close()
    assert "paid" in caught.value.text  # type: ignore[attr-defined]
    assert caught.value.usage.input_tokens == 3  # type: ignore[attr-defined]


@LOOSE
@given(
    st.text(max_size=30)
    | st.from_regex(r"https?://[\[\]:@./a-z0-9 %é-]{1,80}(:[0-9]{1,6})?(/[a-z?#]*)?", fullmatch=True)
)
@example("http://[::1")
@example("http://" + "a" * 64 + ".example/v1")
@example("http://h:99999/v1")
@example("http://h:port/v1")
@example("http://[::1]x:80")
@example("http://a..b/v1")
@example("http://xn--a/v1")
@example("http://u:p@[::1")
def test_any_base_url_is_refused_at_the_start_or_fails_its_call(address: str) -> None:
    async def each() -> None:
        for name, variable in BASES.items():
            environ = {variable: address, "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
            environ |= {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"}
            try:
                provider = open_provider(f"{name}:m", Surroundings(environ))
            except UsageError:
                continue
            with pytest.raises(CallError) as caught:
                await provider.complete(request(timeout=2.0))
            await provider.close()
            assert "mistake of flowrun" not in str(caught.value)

    asyncio.run(each())
