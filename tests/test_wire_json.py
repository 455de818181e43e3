"""JSON on the wire is the same, whether the standard library or the core of pydantic reads and writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowrun.runtime.providers import wire

FEW = 4

VALUES: list[Any] = [
    {"messages": [{"role": "user", "content": 'Ä 漢 🙂 "\\\n\x00\u2028'}], "n": 3, "temperature": 0.25, "stop": None},
    {"": [True, False, None, 0, -1, 10**30, 1.5, -0.0, 1e-300]},
    "half \ud800 a pair",
    [[[]], {}],
]
TEXTS = [
    b'{"choices": [{"message": {"content": "yes"}}], "usage": {"in": 5}}',
    b'"\\ud83d\\ude42 \\u00e9"',
    b'{"half": "\\ud800"}',
    b'{"twice": 1, "twice": 2}',
    b"[1e400, -1e400, NaN, 123456789012345678901234567890, 1.0, 0.1]",
    b"[" * 300 + b"]" * 300,
    b"",
    b"{",
    b'{"a": 1} x',
    b"\xff",
    b'"\xff"',
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
]


def result(call: Callable[[Any], Any], given: Any) -> str:
    try:
        return repr(call(given))
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}"


@pytest.fixture(params=["first", "later"])
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    later = bool(request.param == "later")
    monkeypatch.setattr(wire, "_WIRE", wire.Wire(few=0 if later else 10**9))
    return later


WRITTEN = [
    '{"messages":[{"role":"user","content":"Ä 漢 🙂 \\"\\\\\\n\\u0000\u2028"}],"n":3,"temperature":0.25,"stop":null}',
    '{"":[true,false,null,0,-1,1000000000000000000000000000000,1.5,-0.0,1e-300]}',
    '"half ? a pair"',
    "[[[]],{}]",
]


@pytest.mark.parametrize(("value", "text"), [*zip(VALUES, WRITTEN, strict=True)])
def test_a_request_is_written_alike(core: bool, value: Any, text: str) -> None:
    assert wire.encode(value) == text.encode()


READ = [
    "{'choices': [{'message': {'content': 'yes'}}], 'usage': {'in': 5}}",
    "'🙂 é'",
    r"{'half': '\ud800'}",
    "{'twice': 2}",
    "[inf, -inf, nan, 123456789012345678901234567890, 1.0, 0.1]",
    "[" * 300 + "]" * 300,
    *["JSONDecodeError"] * 3,
    *["UnicodeDecodeError"] * 2,
    "JSONDecodeError",
    "RecursionError",
]


@pytest.mark.parametrize(("raw", "value"), [*zip(TEXTS, READ, strict=True)], ids=range(len(TEXTS)))
def test_a_reply_is_read_alike(core: bool, raw: bytes, value: str) -> None:
    assert result(wire.decode, raw) == value


def test_the_core_of_pydantic_takes_over_after_the_first_messages() -> None:
    counted = wire.Wire(FEW)
    assert [counted.core() is None for _ in range(FEW + 2)] == [True] * FEW + [False] * 2
