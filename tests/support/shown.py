"""The commands that show runs, in this process: on records made by hand, in a pipe or on a screen of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from flowrun.runtime.cli import run_command
from flowrun.runtime.cli import run_records as reader
from flowrun.runtime.cli.views import screen as screens
from flowrun.runtime.cli.views.screen import Screen
from flowrun.runtime.vocabulary.run_record import RunRecord

from .command_line import Ran

Show = Callable[..., Ran]


def shower(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Show:
    """Return a function that runs a command on records: ``show(("show", "last"), record, screen=Screen(80, 24))``."""

    def show(words: Sequence[str], *records: RunRecord, screen: Screen | None = None) -> Ran:
        def read(names: tuple[str, ...], journal: Path, *, command: str = "") -> list[RunRecord]:
            assert len(names) == len(records)
            return list(records)

        def read_calls(name: str, path: str, journal: Path, *, whole: bool = False) -> RunRecord:
            return read((name,), journal)[0]

        monkeypatch.setattr(reader, "read_records", read)
        monkeypatch.setattr(reader, "read_calls", read_calls)
        if screen is not None:
            monkeypatch.setattr(screens.Screen, "of", classmethod(lambda cls, stream: screen))
        code = run_command(list(words))
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return show


def texts_of(data: object) -> Iterator[str]:
    """Yield every text in JSON data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from texts_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts_of(value)
