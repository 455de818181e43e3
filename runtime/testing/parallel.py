"""Tests of several files at once, in processes, where there is enough to do that processes pay."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from .discovery import FileResult, Sources, run_file

ALONE = 0.5
"""The seconds for which one process works alone before others help."""


def run_files(
    names: Sequence[str],
    word: str = "",
    *,
    stop: bool = False,
    processes: int | None = None,
    covers: bool = False,
    costs: bool = True,
) -> Iterator[FileResult]:
    """Run the tests of files, and yield the results in the order of the files.

    ``processes`` is the number of processes; None for as many as there are cores, if they pay. With ``stop``, the first
    test that does not pass is the last one, and a single process runs them all. With ``covers``, the results tell what
    the tests reached. With ``costs``, the outcomes have the cost.
    """
    sources = Sources()
    began = time.monotonic()
    most = 1 if stop else _cores() if processes is None else processes
    for number, name in enumerate(names):
        left = len(names) - number
        # The files that are left should take as long as those that are done, or longer.
        pays = processes is not None or (time.monotonic() - began > ALONE and left >= number)
        if pays and min(most, left) > 1:
            yield from _apart(names[number:], word, min(most, left), covers=covers, costs=costs)
            return
        result = run_file(name, word, sources, stop=stop, covers=covers, costs=costs)
        yield result
        if stop and (result.failed or result.unread):
            return


def _cores() -> int:
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _apart(names: Sequence[str], word: str, processes: int, *, covers: bool, costs: bool) -> Iterator[FileResult]:
    from concurrent.futures import ProcessPoolExecutor
    from functools import partial
    from multiprocessing import get_all_start_methods, get_context

    # A forked process has all modules at once; where there is no fork, a fresh one loads them.
    context = get_context("fork" if "fork" in get_all_start_methods() else None)
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(partial(run_file, word=word, covers=covers, costs=costs), names)
