"""A store of endpoints with a clock of the test, and what a run does with it."""

from __future__ import annotations

from pathlib import Path

from flowrun.runtime.experience.store import NAME, Store
from flowrun.runtime.providers.records import Record
from flowrun.runtime.vocabulary.pace import Pace

AT = "http://127.0.0.1:9/v1"
NOW = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
LINES: list[str] = []


def begin() -> None:
    CLOCK.now = NOW
    LINES.clear()


def at(folder: Path) -> Store:
    return Store(folder / NAME, LINES.append, CLOCK)


def learn(
    folder: Path, *parts: str, pace: Pace | None = None, address: str = AT, account: str = "a", model: str = "m"
) -> Store:
    """Do what a run does with the store."""
    store = at(folder)
    record = store.record(address, account, model)
    record.refused.update(parts)
    record.shown = pace
    store.save()
    return store


def recall(folder: Path, address: str = AT, account: str = "a", model: str = "m") -> Record:
    return at(folder).record(address, account, model)
