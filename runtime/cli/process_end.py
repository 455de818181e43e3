"""The quick end of a command's process: the system takes back its memory, so Python need not take it apart first."""

from __future__ import annotations

import atexit
import gc
import os
import sys


class Ending:
    """The last function that Python calls before it takes its modules apart, which takes a twentieth of a command.

    Other functions of ``atexit`` run before it, and threads have ended. If some were there before the command began,
    they would not run: then Python ends as it always does. So it does if the
    command is broken off.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._alone = atexit._ncallbacks() == 0

    def __call__(self) -> None:
        # Python would look through all objects several times.
        gc.freeze()
        if self.code is None or not self._alone:
            return
        try:
            for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
                if stream is not None:
                    stream.flush()
        except (OSError, ValueError):
            return  # Python tries again, and has the words for it
        os._exit(self.code)
