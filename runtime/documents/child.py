"""The child process that reads heavy documents, one after another, with a limit on its memory.

A request is a line of JSON with the ``suffix``, the ``name`` for messages and the ``size`` of the bytes behind it. An
answer is a line of JSON: it has the ``size`` of the text behind it in UTF-8, an ``error``, or ``memory`` if the memory
was too small. ``leaves`` says that this answer is the last. The process ends as soon as stdin closes.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ..files.children import claim_stdout
from ..vocabulary.errors import InputError
from .reading import READERS

_USED_UP = 0.5
"""The share of its memory above which the process leaves after an answer. It may never give that memory back."""


def main() -> int:
    most = int(sys.argv[1])
    # The reader may be another package's that only the parent's path leads to.
    sys.path += [place for place in json.loads(sys.argv[2]) if place not in sys.path]
    _limit(most)
    # Some systems count the memory that the parent had when it started this process.
    before = _peak()
    with os.fdopen(claim_stdout(), "wb") as out:
        leaves = False
        while not leaves and (line := sys.stdin.buffer.readline()):
            answer, text = _answer(json.loads(line))
            leaves = "memory" in answer or _peak() > max(before, most * _USED_UP)
            out.write(json.dumps({**answer, "leaves": leaves}).encode() + b"\n")
            out.write(text)
            out.flush()
    return 0


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        data = sys.stdin.buffer.read(request["size"])
        text = READERS[request["suffix"]].read(data, request["name"]).encode("utf-8", "surrogatepass")
    except InputError as error:
        return {"error": str(error)}, b""
    except MemoryError:
        return {"memory": True}, b""
    return {"size": len(text)}, text


def _limit(most: int) -> None:
    try:
        import resource
    except ImportError:
        # Windows has no such limits.
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _peak() -> int:
    """Return the peak of the process's memory, in bytes."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    sys.exit(main())
