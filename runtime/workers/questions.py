"""Questions that a worker waits for with its whole event loop: calls that the journal knows, and the bodies of rows.

They are rare, and go over a stream of their own, so that no other message comes between a question and its answer.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from ..journal.wire import Frames, framed
from ..vocabulary.json_value import Json

LOST = 3
"""The exit code of a worker whose driver is gone."""
_PART = 1 << 16


class Questions:
    """The worker's end of the stream of questions."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(True)
        self._end = end
        self._frames = Frames()

    def ask(self, question: dict[str, Json]) -> Any:
        """Put a question to the driver, and wait for the answer. If the driver is gone, this process ends at once."""
        try:
            self._end.sendall(framed(question))
            while data := self._end.recv(_PART):
                for answer in self._frames.feed(data):
                    return answer
        except OSError:
            pass
        os._exit(LOST)
