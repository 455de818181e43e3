"""A reader of server-sent events, after the WHATWG HTML standard, section "Interpreting an event stream"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from flowrun.dsl import pattern

_LINE_END = pattern(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class Reader(Protocol):
    """A reader that turns the bytes of a stream into events, each with its type and its text."""

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str]]: ...

    def end(self) -> Iterator[tuple[str, str]]: ...


class BrokenStreamError(ValueError):
    """The bytes of a stream are no events. The text is what is wrong with them."""


class EventReader:
    """A reader that turns bytes into events. The bytes may be cut anywhere.

    An event is a pair of a type ("" for none) and data, which is never empty. Raises: UnicodeDecodeError, for data that
    is not UTF-8. The standard would replace such bytes instead.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._kind = ""
        self._first = True
        self._after_return = False

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        if self._after_return and chunk:
            # The CR before it has ended the line already.
            self._after_return = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return
        self._after_return = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk)
        for end in ended:
            line = b"".join((*self._line, end)) if self._line else end
            self._line.clear()
            if event := self._take(line):
                yield event
        if rest:
            self._line.append(rest)

    def end(self) -> Iterator[tuple[str, str]]:
        """Return the last event, if the stream ended before the empty line that closes it.

        The standard drops such an event. This reader keeps it, because it is paid, and its JSON shows whether it is
        complete.
        """
        self._after_return = False
        return self.feed(b"\n\n")

    def _take(self, line: bytes) -> tuple[str, str] | None:
        if self._first:
            self._first, line = False, line.removeprefix(_BOM)
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
            elif name == b"event":
                self._kind = value.removeprefix(b" ").decode("utf-8", "replace")
            return None
        data, kind = b"\n".join(self._data), self._kind
        self._data.clear()
        self._kind = ""
        return (kind, data.decode()) if data else None
