"""The parent's side of the child process that reads heavy documents and large files.

The child does one read after another, with a limit on its memory. If a read needs more, it fails, and the run goes on.
The child works on foreign data, so its answers are never unpickled.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from flowrun.dsl import dataclass

from ..files.seen_files import FileSeen
from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.remarks import Tell, unheard

Work = Callable[[Tell], str | Iterable[Json]]
"""A function that can be pickled. It returns a text or the items of a list, or raises UsageError."""
Saw = Callable[[FileSeen], None]
MOST_MEMORY = 1024 * 1024 * 1024
"""The limit on the child's address space, in bytes. The interpreter and the libraries take about a tenth of it."""
_CHILD = "flowrun.runtime.documents.child"
_PART = 1024 * 1024
"""A long text is sent in parts of this many characters, because no other thread runs while Python copies a text."""
_MOVED = 33 * 1024 * 1024


@dataclass(eq=False, slots=True)
class PendingRead:
    """A read that the child does, or will do. Another thread can give it up."""

    given_up: bool = False


class LongText:
    """A text for the child, which is sent in parts. The child gets it as a plain text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[Callable[[list[str]], str], tuple[list[str]]]:
        return "".join, ([self.text[at : at + _PART] for at in range(0, len(self.text), _PART)],)


class _GrowingText:
    """A text made of parts, without a copy of the whole text. Python would run no other thread during such a copy.

    A C library such as glibc moves blocks of more than 32 MiB without copying them. So the first parts are joined into
    such a block, and the block then grows.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._text = ""

    def add(self, part: str) -> None:
        if self._size > _MOVED:
            # CPython extends a text in place only if a local variable alone holds it.
            text, self._text = self._text, ""
            text += part
            self._text = text
            return
        self._parts.append(part)
        self._size += sys.getsizeof(part)
        if self._size > _MOVED:
            self._text = "".join(self._parts)
            self._parts.clear()

    def whole(self) -> str:
        return self._text or "".join(self._parts)


class ReadingProcess:
    """The owner of the child process. It starts a child when there is work, and a new child if the last one has ended.

    The threads of a run take turns. ``here`` is True inside the child itself, which then does the work directly.
    """

    def __init__(self, most_memory: int = MOST_MEMORY) -> None:
        self.most_memory = most_memory
        self.here = False
        self._turn = threading.Lock()
        self._switch = threading.Lock()
        self._pending: PendingRead | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def run(
        self,
        work: Work,
        name: str,
        tell: Tell = unheard,
        pending: PendingRead | None = None,
        saw: Saw = lambda file: None,
    ) -> Json:
        """Do a piece of work in the child. Return its text or list. ``name`` is the file's name in messages.

        ``saw`` hears of each file that the child reads for a flow, in this thread.

        Raises the UsageError of the work. Raises InputError if the work takes too much memory, or if the child ends.
        """
        if self.here:
            value = work(tell)
            return value if isinstance(value, str) else list(value)
        with self._turn:
            try:
                child = self._running()
                with self._switch:
                    self._pending = pending
                    if pending is not None and pending.given_up:
                        raise InputError(f"{name} is not wanted any more")
                end, value = self._ask(child, work, name, saw)
                if end["leaves"]:
                    self._end()
            except BaseException:
                # The child is in the middle of an answer. The next work needs a new child.
                self._end()
                raise
            finally:
                with self._switch:
                    self._pending = None
        for remark in end["remarks"]:
            tell(remark)
        if "error" in end:
            raise (InputError if end["input"] else UsageError)(end["error"])
        if "memory" in end:
            raise InputError(
                f"{name} takes more than {self.most_memory // 1024**2:,} MiB of memory to read, which is the limit "
                "for a document; split it into smaller files"
            )
        return value

    def give_up(self, pending: PendingRead) -> None:
        """Give up a read, from any thread. If the child works on it, kill the child."""
        with self._switch:
            pending.given_up = True
            if self._pending is pending and self._child is not None:
                self._child.kill()

    def close(self) -> None:
        """End the child. This is safe at any time, and more than once."""
        with self._turn:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        child = self._child
        if child is not None and self._owner == os.getpid() and child.poll() is None:
            return child
        self._end()
        try:
            from ..files.children import without_keys

            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    _CHILD,
                    str(self.most_memory),
                    _path(),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=without_keys(os.environ),
                start_new_session=True,  # ^C is the parent's to handle
            )
        except OSError as error:
            raise InputError(f"the process that reads documents cannot be started: {error.strerror}") from None
        self._owner = os.getpid()
        return self._child

    def _ask(self, child: subprocess.Popen[bytes], work: Work, name: str, saw: Saw) -> tuple[dict[str, Any], Json]:
        assert child.stdin is not None
        try:
            # Few runs read a heavy document, and each loads this module.
            import pickle

            pickle.dump(work, child.stdin)
            child.stdin.flush()
        except BrokenPipeError:
            # The child has ended. Its last message or its exit code tells the reason below.
            pass
        text = _GrowingText()
        items: list[Json] = []
        while True:
            head, body = _message(child)
            match head.get("kind"):
                case "text":
                    text.add(body.decode("utf-8", "surrogatepass"))
                case "items":
                    items += json.loads(body.decode("utf-8", "surrogatepass"))
                case "file":
                    saw(FileSeen(**json.loads(body)))
                case "end":
                    return head, items if head["listed"] else text.whole()
                case _:
                    raise InputError(
                        f"{name} cannot be read: {_ended(child)}; split it into smaller files, or save it again"
                    )

    def _end(self) -> None:
        with self._switch:
            child, self._child = self._child, None
        if child is None or self._owner != os.getpid():
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    # Closing the pipe flushes the rest of a document, and the child is gone.
                    continue


def _path() -> str:
    """Return the absolute folders of this process's module path, as JSON."""
    return json.dumps([place for place in sys.path if os.path.isabs(place)])


def _message(child: subprocess.Popen[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read the next message of the child: its head and its body. Both are empty if the child has ended."""
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line.endswith(b"\n"):
        return {}, b""
    head: dict[str, Any] = json.loads(line)
    body = child.stdout.read(head["size"])
    return (head, body) if len(body) == head["size"] else ({}, b"")


def _ended(child: subprocess.Popen[bytes]) -> str:
    code = child.wait()
    if code < 0:
        return f"the process that reads it was ended by {signal.Signals(-code).name}, perhaps because memory ran out"
    return f"the process that reads it ended with code {code}"


PROCESS = ReadingProcess()
atexit.register(PROCESS.close)
