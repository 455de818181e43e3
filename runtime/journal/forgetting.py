"""The forgetting of answers, so that their calls are asked again. The rows stay, and a later row takes them back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from .opening import open_journal
from .records import Kind, LogRecord


def forget_calls(path: Path, run: int, keys: Mapping[bytes, str]) -> None:
    """Forget all answers to these keys. The values are the places of the calls.

    Raises: UsageError, if the run is live; DiskError.
    """
    if keys:
        asyncio.run(_written(path, run, keys))


async def _written(path: Path, run: int, keys: Mapping[bytes, str]) -> None:
    body = {"at": time.time()}
    with closing(open_journal(path)) as journal:
        journal.begin(run)
        await journal.append(LogRecord(run, Kind.FORGOTTEN, body, key, place) for key, place in keys.items())
