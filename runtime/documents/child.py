"""The child process that reads heavy documents and large files, one after another, with a limit on its memory.

A request is a pickled function. It comes from the parent process, which can be trusted. An answer is a row of messages.
Each message is a line of JSON with its ``kind`` and the ``size`` in bytes of the UTF-8 text behind it. A ``text``
message is a part of a text. An ``items`` message is a JSON list of items. A ``file`` message is a record of a file that
was read for a flow. The ``end`` message is the last. It has the ``remarks`` of the readers, an ``error`` if the work
failed, ``memory`` if the memory was too small, and ``leaves`` if the process ends after this answer. The process also
ends when stdin closes.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, BinaryIO

from ..files.children import claim_stdout
from ..files.seen_files import report_to
from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.json_value import Json
from .process import PROCESS

_USED_UP = 0.5
"""The process ends after an answer if it has used more than this share of its memory. Python may never free it."""
_TEXT = 1024 * 1024
_ITEMS = 256 * 1024
"""The characters of a message. It is small, because Python runs no other thread of the parent while it reads one."""


def main() -> int:
    most = int(sys.argv[1])
    # The reader may be in a package that only the parent's path has.
    sys.path += [place for place in json.loads(sys.argv[2]) if place not in sys.path]
    _limit(most)
    PROCESS.here = True
    # On some systems the peak includes the memory of the parent when it started this process.
    before = _peak()
    with os.fdopen(claim_stdout(), "wb") as out:
        report_to(lambda file: _send(out, "file", json.dumps(file._asdict()).encode()))
        leaves = False
        while not leaves:
            remarks: list[str] = []
            try:
                end = _answer(out, remarks)
            except EOFError:
                return 0
            leaves = "memory" in end or _peak() > max(before, most * _USED_UP)
            _send(out, "end", b"", {"listed": False, **end, "remarks": remarks, "leaves": leaves})
            out.flush()
    return 0


def _answer(out: BinaryIO, remarks: list[str]) -> dict[str, Any]:
    """Do the next requested work and send its value. Return the fields of the message ``end``."""
    try:
        # Unpickling is safe: only the parent writes requests.
        value = pickle.load(sys.stdin.buffer)(remarks.append)
        if isinstance(value, str):
            for at in range(0, len(value), _TEXT):
                _send(out, "text", value[at : at + _TEXT].encode("utf-8", "surrogatepass"))
            return {}
        _send_items(out, value)
    except UsageError as error:
        return {"error": str(error), "input": isinstance(error, InputError)}
    except MemoryError:
        return {"memory": True}
    return {"listed": True}


def _send_items(out: BinaryIO, items: Iterable[Json]) -> None:
    texts: list[str] = []
    size = 0
    for item in items:
        text = json.dumps(item, ensure_ascii=False)
        texts.append(text)
        size += len(text)
        if size > _ITEMS:
            _send(out, "items", f"[{','.join(texts)}]".encode("utf-8", "surrogatepass"))
            texts.clear()
            size = 0
    _send(out, "items", f"[{','.join(texts)}]".encode("utf-8", "surrogatepass"))


def _send(out: BinaryIO, kind: str, body: bytes, more: dict[str, Any] | None = None) -> None:
    out.write(json.dumps({"kind": kind, "size": len(body), **(more or {})}).encode() + b"\n")
    out.write(body)


def _limit(most: int) -> None:
    try:
        import resource
    except ImportError:
        # Windows has no such limits.
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with suppress(ValueError, OSError):  # macOS takes no limit below what a process has already
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _peak() -> int:
    """Return the most memory that the process has used so far, in bytes. 0 if the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    sys.exit(main())
