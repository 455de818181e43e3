"""What a model wrote, apart from what it thought: the same for replies at once and in pieces, cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.content import Content, read_message, read_parts, without_reasoning
from flowrun.runtime.providers.event_stream import EventReader
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.streams import ChatStream, GenerateStream, MessagesStream, Stream
from flowrun.runtime.vocabulary.call import Answer, Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError

# Events, by the standard

BOM = b"\xef\xbb\xbf"
STREAMS: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "a byte order mark": (BOM + b"data: a\n\n", [("", "a")]),
    "a second mark is data": (BOM + b"data: a\n\ndata: \xef\xbb\xbfb\n\n", [("", "a"), ("", "\ufeffb")]),
    "CR": (b"data: a\r\rdata: b\r\r", [("", "a"), ("", "b")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [("", "a"), ("", "b")]),
    "all line ends": (b"data: a\r\n\ndata: b\n\rdata: c\r\r\n", [("", "a"), ("", "b"), ("", "c")]),
    "no space": (b"data:a\n\ndata:  b\n\n", [("", "a"), ("", " b")]),
    "many lines": (b"data: a\ndata: b\ndata\ndata: c\n\n", [("", "a\nb\n\nc")]),
    "comments": (b": hi\n:\ndata: a\n: ping\n\n: bye\n\n", [("", "a")]),
    "a type": (b"event: x\ndata: a\n\ndata: b\n\n", [("x", "a"), ("", "b")]),
    "a type without data": (b"event: x\n\ndata: a\n\n", [("", "a")]),
    "unknown fields": (b"id: 1\nretry: 5\nDATA: no\ndatum: no\n data: no\ndata: a\n\n", [("", "a")]),
    "no data": (b"data\n\ndata:\n\n\n\n", []),
    "no last line": (b"data: a\n\ndata: b\n", [("", "a"), ("", "b")]),
    "no last line end": (b"data: a\n\ndata: b", [("", "a"), ("", "b")]),
    "a last CR": (b"data: a\r\rdata: b\r", [("", "a"), ("", "b")]),
    "bytes that are no text elsewhere": (b": \xff\nid: \xfe\nevent: \xff\ndata: a\n\n", [("\ufffd", "a")]),
    "a line of another alphabet": ("data: \u2028\x85\x0b世\n\n".encode(), [("", "\u2028\x85\x0b世")]),
}


def read(body: bytes, sizes: Sequence[int] = ()) -> list[tuple[str, str]]:
    reader = EventReader()
    events: list[tuple[str, str]] = []
    at = number = 0
    while at < len(body):
        size = sizes[number % len(sizes)] if sizes else len(body)
        events += reader.feed(body[at : at + size])
        at, number = at + size, number + 1
    return [*events, *reader.end()]


@pytest.mark.parametrize("name", STREAMS)
def test_events_are_read_by_the_standard(name: str) -> None:
    body, events = STREAMS[name]
    assert read(body) == events
    assert read(body, [1]) == events


PIECES = st.lists(
    st.sampled_from(
        [b"data: a", b"data:", b"data", b"event: x", b": c", b"\r", b"\n", b"\r\n", b"\n\n", "é世".encode()]
    ),
    max_size=30,
)
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@given(PIECES, st.booleans(), SIZES)
@example([b"data: a", b"\r\n", b"\r\n", b"data: b", b"\r", b"\n", b"\r"], True, [1])
def test_where_the_bytes_are_cut_changes_no_event(pieces: list[bytes], mark: bool, sizes: list[int]) -> None:
    body = (BOM if mark else b"") + b"".join(pieces)
    assert read(body, sizes) == read(body)


@given(st.lists(st.text(min_size=1).filter(lambda text: not set(text) & {"\r", "\n"}), max_size=5), SIZES)
def test_what_is_written_by_the_standard_is_read_again(texts: list[str], sizes: list[int]) -> None:
    body = "".join(f"data: {text}\r\n\r\n" for text in texts).encode()
    assert read(body, sizes) == [("", text) for text in texts]


# Content

THINK = [
    ("<think>hm</think>\n\nSPAM", "hm", "SPAM"),
    ("\n <think>\nhm\n</think>SPAM", "\nhm\n", "SPAM"),
    ("<think></think>SPAM", "", "SPAM"),
    ("<think>a <think> b</think>SPAM </think>", "a <think> b", "SPAM </think>"),
    ("Okay, hm.\n</think>\n\nSPAM", "Okay, hm.", "SPAM"),
    ("</think>\nSPAM", "", "SPAM"),
    ("Okay.\r\n</think>\r\n\r\nSPAM", "Okay.\r", "SPAM"),
    ("[THINK]hm[/THINK]SPAM", "hm", "SPAM"),
    ("<seed:think>hm</seed:think>SPAM", "hm", "SPAM"),
    ("\ufeff<think>hm</think>SPAM", "hm", "SPAM"),
    ("<think>never ends", "never ends", ""),
]
ANSWERS = [
    "SPAM",
    "",
    "Models write <think>hm</think> before the answer.",
    "First.\n<think>hm</think>\nSecond.",
    "Close it with </think> and go on.",
    "The tag is\n```\n</think>\n```\nand stands alone.",
    "`<think>`\n</think>\n",
    "<thinking>hm</thinking> yes",
    "<THINK>hm</THINK>",
    " padded \n",
]


@pytest.mark.parametrize(("written", "thought", "text"), THINK)
def test_reasoning_at_the_beginning_is_told_apart(written: str, thought: str, text: str) -> None:
    assert without_reasoning(written) == (thought, text)


@pytest.mark.parametrize("text", ANSWERS)
def test_tags_further_on_are_the_answers_own(text: str) -> None:
    assert without_reasoning(text) == ("", text)


CONTENTS: list[tuple[Any, Content]] = [
    ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], Content("ab")),
    (
        [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}],
        Content("a", "hm"),
    ),
    ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}, "a"], Content("a", "hm")),
    ([{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "a"}], Content("a")),
    ([{"type": "output_text", "text": "a"}, {"text": "b"}], Content("ab")),
    ([{"thought": True, "text": "hm"}, {"text": "a"}], Content("a", "hm")),
    ([{"type": "refusal", "refusal": "no"}], Content(refusal="no")),
    ({"type": "text", "text": "a"}, Content("a")),
    ([{"type": "text", "text": "<thi"}, {"type": "text", "text": "nk>hm</think>a"}], Content("a", "hm")),
    ([{"type": "image_url", "image_url": {}}, {"type": ["text"], "text": "x"}, 7, None, [["a"]]], Content()),
    (None, Content()),
    (7, Content()),
]


@pytest.mark.parametrize(("content", "wanted"), CONTENTS)
def test_parts_are_texts_and_thoughts(content: Any, wanted: Content) -> None:
    assert read_parts(content) == wanted


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_has_fields_of_its_own(field: str) -> None:
    assert read_message({"content": "a", field: "hm"}) == Content("a", "hm")
    assert read_message({"content": None, field: [{"text": "hm"}]}) == Content("", "hm")


# Plain and streamed replies

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TAGGED = st.lists(
    st.sampled_from(["<think>", "</think>", "\n", "</", "think>", "a", " ", "世", "[THINK]", "[/THINK]"]) | TEXTS,
    max_size=8,
).map("".join)


def cut(text: str, sizes: list[int]) -> list[str]:
    parts, at, number = [], 0, 0
    while at < len(text):
        size = sizes[number % len(sizes)]
        parts.append(text[at : at + size])
        at, number = at + size, number + 1
    return parts


def chat(text: str, parts: list[str], listed: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    def form(part: str) -> Any:
        return [{"type": "text", "text": part}] if listed else part

    deltas = [{"choices": [{"index": 0, "delta": {"content": form(part)}}]} for part in parts]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return {"choices": [{"message": {"content": form(text)}, "finish_reason": "stop"}]}, [*deltas, end]


def claude(text: str, parts: list[str], listed: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    plain = {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
    begin = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    deltas = [{"type": "content_block_delta", "index": 0, "delta": {"text": part}} for part in parts]
    return plain, [begin, *deltas, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}]


def google(text: str, parts: list[str], listed: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    def form(part: str, reason: str | None) -> dict[str, Any]:
        return {"candidates": [{"content": {"parts": [{"text": part}]}, "finishReason": reason}]}

    return form(text, "STOP"), [*(form(part, None) for part in parts), form("", "STOP")]


Made = Callable[[str, list[str], bool], tuple[dict[str, Any], list[dict[str, Any]]]]
MADE: dict[str, tuple[Made, type[Stream]]] = {
    "openai": (chat, ChatStream),
    "anthropic": (claude, MessagesStream),
    "gemini": (google, GenerateStream),
}


def answers(name: str, data: dict[str, Any]) -> list[Answer]:
    provider: Any = open_provider(f"{name}:m", Surroundings(dict.fromkeys(BASES.values(), "http://127.0.0.1:9")))
    call = provider._call(Request((Message("user", "hi"),)), None, 1, frozenset())
    return list(provider._answers(data, call))


BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}


@pytest.mark.parametrize("name", MADE)
@given(TAGGED, SIZES, SIZES, st.booleans())
def test_an_answer_is_the_same_at_once_and_in_pieces(
    name: str, text: str, texts: list[int], sizes: list[int], listed: bool
) -> None:
    made, kind = MADE[name]
    plain, events = made(text, cut(text, texts), listed)
    stream = kind()
    body = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events).encode()
    at = number = 0
    while at < len(body):
        size = 7 * sizes[number % len(sizes)]
        stream.feed(body[at : at + size])
        at, number = at + size, number + 1
    stream.end()
    (streamed,), (whole,) = answers(name, stream.whole()), answers(name, plain)
    assert (streamed.text, streamed.finish, streamed.said) == (whole.text, whole.finish, whole.said)
    assert stream.text() == whole.text
    if not any(tag in text for tag in ("think>", "[THINK]")):
        # Nothing else is ever taken off.
        assert whole.text == text


def test_parts_of_one_kind_grow_together_and_odd_ones_stand_alone() -> None:
    stream = GenerateStream()
    parts: list[dict[str, Any]] = [{"text": ["odd"]}, {"text": "a"}, {"text": "b"}, {"text": "hm", "thought": True}]
    parts += [{"text": "hm", "thought": True}, {"text": "c"}, {"text": "d", "thoughtSignature": "x"}, {"text": "e"}]
    for part in parts:
        stream.take({"candidates": [{"content": {"parts": [part]}}]})
    (candidate,) = stream.whole()["candidates"]
    assert [part["text"] for part in candidate["content"]["parts"]] == [["odd"], "ab", "hmhm", "c", "d", "e"]
    assert stream.text() == "abcde"


async def asked(faults: Any, body: bytes, **more: Any) -> Answer:
    faults.raw(body, kind="text/event-stream")
    served = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": faults.url}))
    try:
        return (await served.complete(Request((Message("user", "hi"),), stream=True, **more))).answers[0]
    finally:
        await served.close()


def delta(content: Any, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return json.dumps({"choices": [choice]}, ensure_ascii=False).encode()


async def test_parts_come_in_a_stream_too(faults: Any) -> None:
    thought = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]
    events = [delta(thought), delta([{"type": "text", "text": "The answer is no"}]), delta("!", "stop")]
    assert await asked(faults, b"".join(b"data: " + event + b"\n\n" for event in events)) == Answer("The answer is no!")


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"data: [DONE]"])
async def test_a_mark_all_line_ends_and_a_missing_last_line(faults: Any, end: bytes, last: bytes) -> None:
    body = BOM + b"data: " + delta("Grüß ") + end + end + b"data:" + delta("Gott", "stop") + end
    assert await asked(faults, body + (end + last if last else b"")) == Answer("Grüß Gott")


async def test_a_last_event_that_is_cut_leaves_the_answer_without_an_end(faults: Any) -> None:
    body = b"data: " + delta("half") + b"\n\ndata: " + delta("more", "stop")[:-9]
    assert await asked(faults, body) == Answer("half", "unterminated")


@pytest.mark.parametrize("cut_at", [0, 1])
async def test_bytes_that_are_no_text_are_no_answer(faults: Any, cut_at: int) -> None:
    broken = delta("Grüß").replace("ü".encode(), "ü".encode()[cut_at : cut_at + 1] + b"x")
    body = b"data: " + delta("paid ") + b"\n\ndata: " + broken + b"\n\ndata: " + delta("", "stop") + b"\n\n"
    with pytest.raises(AnswerError, match="not UTF-8") as caught:
        await asked(faults, body)
    assert caught.value.text == "paid "


@pytest.mark.parametrize("data", ['{"message": "Overloaded", "type": "overloaded_error"}', "Overloaded"])
async def test_an_event_of_the_type_error_is_one(faults: Any, data: str) -> None:
    with pytest.raises(Exception, match="Overloaded"):
        await asked(faults, b"data: " + delta("half") + b"\n\nevent: error\ndata: " + data.encode() + b"\n\n")


async def test_a_typed_answer_is_whole_at_the_same_event_wherever_bytes_are_cut(faults: Any) -> None:
    body = b"".join(b"data: " + delta(part) + b"\n\n" for part in ("<think>[]</think>", '["a"', "]", " and more"))
    for sizes in ([1], [5], [len(body)]):
        stream = ChatStream(typed=True)
        for at in range(0, len(body), sizes[0]):
            if not stream.enough:
                stream.feed(body[at : at + sizes[0]])
        assert (stream.enough, stream.text()) == (True, '["a"]')
