"""The parent's side of the child process that reads heavy documents.

One child reads one document after another, with a limit on its memory. If a document needs more, that is an error of
this document, and the run goes on.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from ..files.children import without_keys
from ..vocabulary.errors import InputError

MOST_MEMORY = 1024 * 1024 * 1024
"""The most bytes of address space for the child. The interpreter and the libraries take about a tenth of it."""
_CHILD = "flowrun.runtime.documents.child"


class ReadingProcess:
    """The owner of the child process. It starts a child when there is something to read, and another if one has ended.

    Threads take turns.
    """

    def __init__(self, most_memory: int = MOST_MEMORY) -> None:
        self.most_memory = most_memory
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def read(self, suffix: str, data: bytes, name: str) -> str:
        """Read a document and return its text. Raise InputError if it cannot be read or takes too much memory."""
        with self._turn:
            try:
                answer, text = self._ask(self._running(), suffix, data, name)
                if answer["leaves"]:
                    self._end()
            except BaseException:
                # In the middle of an answer: the next document needs another child.
                self._end()
                raise
        if "error" in answer:
            raise InputError(answer["error"])
        if "memory" in answer:
            raise InputError(
                f"{name} takes more than {self.most_memory // 1024**2:,} MiB of memory to read, which is the limit "
                "for a document; split it into smaller files"
            )
        return text

    def close(self) -> None:
        """End the child. Closing is safe at any time, and also twice."""
        with self._turn:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        child = self._child
        if child is not None and self._owner == os.getpid() and child.poll() is None:
            return child
        self._end()
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, str(self.most_memory)],
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

    def _ask(self, child: subprocess.Popen[bytes], suffix: str, data: bytes, name: str) -> tuple[dict[str, Any], str]:
        assert child.stdin is not None
        assert child.stdout is not None
        head = {"suffix": suffix, "name": name, "size": len(data)}
        try:
            child.stdin.write(json.dumps(head).encode() + b"\n")
            child.stdin.write(data)
            child.stdin.flush()
            line = child.stdout.readline()
            answer: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
            text = child.stdout.read(answer.get("size", 0))
        except BrokenPipeError:
            answer, text = {}, b""
        if not answer or len(text) < answer.get("size", 0):
            raise InputError(f"{name} cannot be read: {_ended(child)}; split it into smaller files, or save it again")
        return answer, text.decode("utf-8", "surrogatepass")

    def _end(self) -> None:
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
                    # Closing flushes the rest of a document that nobody reads any more.
                    continue


def _ended(child: subprocess.Popen[bytes]) -> str:
    code = child.wait()
    if code < 0:
        return f"the process that reads it was ended by {signal.Signals(-code).name}, perhaps because memory ran out"
    return f"the process that reads it ended with code {code}"


PROCESS = ReadingProcess()
atexit.register(PROCESS.close)
