"""Bedrock's binary event streams: frames cut anywhere, broken checksums, exceptions in the middle, and the answer."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.amazon_frames import FrameReader
from flowrun.runtime.providers.converse_stream import ConverseStream
from flowrun.runtime.providers.event_stream import BrokenStreamError
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Reply, Request
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, InDoubtError, RefusedError
from support.bedrock_server import BedrockServer, converse, event, exception, frame, streamed

SMALL = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
PIECES = ("Hel", "lo ", "wörld.")
WHOLE = streamed(PIECES)


@pytest.fixture
async def bedrock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[BedrockServer]:
    async with BedrockServer().serving() as server:
        yield server


async def ask(server: BedrockServer, *replies: Any, **parameters: Any) -> Reply:
    server.replies = list(replies)
    one = open_provider("bedrock:m", Surroundings(server.environ()))
    try:
        return await one.complete(Request((Message("user", "hello"),), stream=True, **parameters), 1)
    finally:
        await one.close()


@pytest.mark.parametrize("piece", [0, 1, 7, 100])
async def test_an_answer_that_comes_in_frames(piece: int, bedrock: BedrockServer) -> None:
    heard: list[int] = []
    bedrock.piece = piece
    reply = await ask(bedrock, WHOLE, hear=heard.append)
    assert (reply.answers[0].text, reply.answers[0].finish) == ("Hello wörld.", "stop")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (9, 3)
    assert bedrock.seen[0].path == "/model/m/converse-stream"
    assert bedrock.faults == []
    assert heard and heard[-1] == len("Hello wörld.") and heard == sorted(heard)
    assert reply.receipt is not None and reply.receipt.id == "id-1"


async def test_a_server_may_answer_whole(bedrock: BedrockServer) -> None:
    reply = await ask(bedrock, converse({"text": "Hello."}))
    assert reply.answers[0].text == "Hello."


async def test_the_usage_ends_a_stream_that_the_server_leaves_open(bedrock: BedrockServer) -> None:
    bedrock.lingers = True
    reply = await ask(bedrock, WHOLE, timeout=60.0)
    assert reply.answers[0].text == "Hello wörld."


async def test_a_tool_in_frames(bedrock: BedrockServer) -> None:
    told = "This model doesn't support the outputConfig.textFormat field."
    made = streamed(['{"a"', ": 1", "}"], reason="tool_use", tool="answer")
    reply = await ask(bedrock, (400, {"message": told}, "ValidationException"), made, schema=SMALL)
    assert (reply.answers[0].text, reply.answers[0].finish) == ('{"a": 1}', "stop")


async def test_a_tool_call_that_is_cut_off(bedrock: BedrockServer) -> None:
    told = "This model doesn't support the outputConfig.textFormat field."
    made = streamed(['{"a"', ": 1"], reason="max_tokens", tool="answer")
    reply = await ask(bedrock, (400, {"message": told}, "ValidationException"), made, schema=SMALL)
    assert reply.answers[0].finish == "length"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", RefusedError),
        ("serviceUnavailableException", RefusedError),
        ("modelStreamErrorException", InDoubtError),
        ("internalServerException", InDoubtError),
    ],
)
async def test_an_exception_in_the_middle_is_in_doubt(name: str, kind: type[CallError], bedrock: BedrockServer) -> None:
    begun = event("contentBlockDelta", contentBlockIndex=0, delta={"text": "Hel"})
    with pytest.raises(kind, match="it broke") as caught:
        await ask(bedrock, begun + exception(name, "it broke"))
    # What had begun may be billed.
    assert caught.value.doubtful


async def test_an_error_frame(bedrock: BedrockServer) -> None:
    kind = {"_message_type": "error", "_error_code": "InternalFailure", "_error_message": "it broke"}
    with pytest.raises(CallError, match="it broke"):
        await ask(bedrock, frame(b"", **kind))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("prelude", "the checksum at the beginning of an event"),
        ("payload", "the checksum of an event"),
        ("sum", "the checksum of an event"),
    ],
)
async def test_a_broken_checksum_spoils_the_answer(place: str, said: str, bedrock: BedrockServer) -> None:
    first = event("contentBlockDelta", contentBlockIndex=0, delta={"text": "Hel"})
    broken = bytearray(event("contentBlockDelta", contentBlockIndex=0, delta={"text": "lo"}))
    broken[{"prelude": 2, "payload": -8, "sum": -1}[place]] ^= 1
    with pytest.raises(AnswerError, match=said) as caught:
        await ask(bedrock, first + bytes(broken) + WHOLE)
    assert caught.value.text == "Hel"


@pytest.mark.parametrize("cut", [3, 40, len(WHOLE) - 400])
async def test_a_stream_that_ends_too_early_has_no_end(cut: int, bedrock: BedrockServer) -> None:
    try:
        reply = await ask(bedrock, WHOLE[:cut])
    except AnswerError as error:
        assert "empty" in str(error) or "no content" in str(error)
    else:
        assert reply.answers[0].finish == "unterminated"


# The reader alone


def events(raw: bytes, *cuts: int) -> list[tuple[str, Any]]:
    reader, found = FrameReader(), []
    for start, end in zip((0, *cuts), (*cuts, len(raw)), strict=True):
        found += [(kind, json.loads(text)) for kind, text in reader.feed(raw[start:end])]
    return found + list(reader.end())


def test_the_frames_are_those_that_botocore_reads() -> None:
    theirs = EventStreamBuffer()
    theirs.add_data(WHOLE)
    read = [(one.headers[":event-type"], json.loads(one.payload)) for one in theirs]
    assert [(kind, {kind: data}) for kind, data in read] == events(WHOLE)


def test_frames_may_be_cut_anywhere() -> None:
    whole, dice = events(WHOLE), random.Random(7)
    for _ in range(200):
        cuts = sorted(dice.sample(range(1, len(WHOLE)), dice.randint(1, 6)))
        assert events(WHOLE, *cuts) == whole


def test_headers_of_every_kind() -> None:
    values = {0: b"", 1: b"", 2: b"\1", 3: b"\0\1", 4: b"\0" * 4, 5: b"\0" * 8, 8: b"\0" * 8, 9: b"\0" * 16}
    headers = b"".join(bytes([1]) + b"h" + bytes([kind]) + value for kind, value in values.items())
    headers += b"\1b\6\0\2ab" + bytes([11]) + b":event-type" + b"\7\0\4ping"
    head = struct.pack(">II", 16 + len(headers) + 2, len(headers))
    whole = head + struct.pack(">I", crc32(head)) + headers + b"{}"
    assert events(whole + struct.pack(">I", crc32(whole))) == [("ping", {"ping": {}})]


@pytest.mark.parametrize("headers", [b"\5ab", b"\1a\7\0\x09x", b"\1a\x63", b"\1a\7\0", b"\2\xff\xff\7\0\0"])
def test_broken_headers(headers: bytes) -> None:
    head = struct.pack(">II", 16 + len(headers), len(headers))
    whole = head + struct.pack(">I", crc32(head)) + headers
    with pytest.raises(BrokenStreamError, match="broken header"):
        events(whole + struct.pack(">I", crc32(whole)))


@pytest.mark.parametrize(("total", "headers"), [(12, 0), (2**31, 0), (200_016, 200_000), (20, 40)])
def test_impossible_lengths_are_told_before_they_are_waited_for(total: int, headers: int) -> None:
    head = struct.pack(">II", total, headers)
    with pytest.raises(BrokenStreamError, match="impossible length"):
        events(head + struct.pack(">I", crc32(head)))


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"null",
        b'{"contentBlockIndex": "x"}',
        b'{"contentBlockIndex": 0, "delta": {"text": 7}}',
        b"\xff",
        b"{",
        b"",
    ],
)
def test_events_of_another_shape_are_passed_over_or_told(payload: bytes) -> None:
    stream = ConverseStream()
    stream.feed(frame(payload, _message_type="event", _event_type="contentBlockDelta") + WHOLE)
    assert stream.problem or stream.text() == "Hello wörld."


def test_random_bytes_are_never_an_answer() -> None:
    dice = random.Random(3)
    for _ in range(300):
        stream = ConverseStream()
        stream.feed(dice.randbytes(dice.randint(0, 60)))
        stream.end()
        assert not stream.done and stream.text() == ""
