"""The stream of messages, and the turns of the checks."""

from __future__ import annotations

import io

import pytest

from flowrun.runtime.ide import wire
from flowrun.runtime.ide.reading import concerned
from flowrun.runtime.ide.turns import Turns
from flowrun.runtime.ide.wire import Broken, messages

GOOD = b'Content-Length: 4\r\n\r\n"ok"'


def read(data: bytes) -> list[bytes | None]:
    return [None if isinstance(one, Broken) else one for one in messages(io.BytesIO(data))]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (GOOD, [b'"ok"']),
        (GOOD * 2, [b'"ok"', b'"ok"']),
        (b'content-length:4\r\nContent-Type: x\r\n\r\n"ok"', [b'"ok"']),
        (b'Content-Length: 4\n\n"ok"', [b'"ok"']),
        (b"", []),
        (b"\r\n\r\n" + GOOD, [b'"ok"']),
        (b"garbage\r\n\r\n" + GOOD, [None, b'"ok"']),
        (b'{"a": 1}' + GOOD, [b'"ok"']),
        (b"Content-Length: -4\r\n\r\n" + GOOD, [None, b'"ok"']),
        (b"Content-Length: 99999999999999999999999\r\n\r\n" + GOOD, [None, b'"ok"']),
        (b"Content-Length: 0\r\n\r\n" + GOOD, [b"", b'"ok"']),
        (b'Content-Length: 40\r\n\r\n"ok"', []),
        (b'Content-Length: 999999999999999\r\n\r\n"ok"', [None]),
        (b"x" * 200_000 + b"\r\n\r\n" + GOOD, [None, b'"ok"']),
        (b"\xff\xfe\0\r\n\r\n" + GOOD, [None, b'"ok"']),
    ],
)
def test_messages_are_found_again_behind_garbage(data: bytes, found: list[bytes | None]) -> None:
    assert read(data) == found


def test_a_message_that_is_too_large_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 3)
    assert read(b'Content-Length: 4\r\n\r\n"ok"Content-Length: 2\r\n\r\n{}') == [None, b"{}"]


def test_only_the_newest_text_is_checked() -> None:
    turns: Turns[str] = Turns(0.05)
    assert turns.start(0) is None and turns.next_at() is None
    turns.touch("a", 0)
    turns.touch("a", 0.04)
    assert turns.start(0.06) is None
    assert turns.next_at() == pytest.approx(0.09)
    assert turns.start(0.09) == "a"
    assert turns.waits("a") and not turns.waits("b")
    assert turns.next_at() is None
    turns.touch("a", 0.1)
    assert turns.start(1) is None, "one check at a time"
    assert not turns.end(), "the text has changed since"
    assert turns.start(0.16) == "a"
    assert turns.end()
    assert not turns.waits("a")


def test_a_closed_text_is_not_checked_and_its_check_is_not_used() -> None:
    turns: Turns[str] = Turns(0.05)
    turns.touch("a", 0, wait=False)
    turns.touch("b", 0, wait=False)
    assert turns.start(0) == "a"
    turns.forget("a")
    turns.forget("b")
    assert not turns.end()
    assert turns.start(1) is None


def test_the_text_that_waits_longest_is_first() -> None:
    turns: Turns[str] = Turns(0.05)
    turns.touch("a", 0.0)
    turns.touch("b", 0.01)
    turns.touch("c", 0.02, wait=False)
    order = []
    while (key := turns.start(1)) is not None:
        order.append(key)
        turns.end()
    assert order == ["c", "a", "b"]


def test_a_change_of_a_folder_concerns_the_files_in_it() -> None:
    asked = frozenset({"/a/lib/x.flow", "/a/y.md"})
    assert concerned(asked, "/a/lib") and concerned(asked, "/a/y.md") and concerned(asked, "/a")
    assert not concerned(asked, "/a/li") and not concerned(asked, "/a/lib/x.flow/z") and not concerned(asked, "/b")
