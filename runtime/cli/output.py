"""`--output FILE`: the answer in a file, in place of standard output."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from ..api import Result
from ..errors import DiskError
from ..files import shown
from .show import json_text

_LINES = (".jsonl", ".ndjson")


class Output:
    """Written beside its place, and put there when the flow has its answer: no half answer is taken for a whole one.

    What was left beside its place without a line in it is taken away again.
    A ``.jsonl`` file gets the items of a list, each on a line, as soon as those before it are there.
    """

    def __init__(self, path: Path) -> None:
        """Raises DiskError where there is no place for it: better before anything is paid."""
        self.path = path
        self.rows = 0
        if path.is_dir():
            raise DiskError(f"{shown(str(path))} is a folder, and --output wants a file")
        self.part = path.with_name(f"{path.name}.part")
        try:
            self._file: TextIO = open(self.part, "w", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise self._trouble(error) from None

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._file.close()
        if not self.rows:
            self.part.unlink(missing_ok=True)

    @property
    def by_line(self) -> bool:
        return self.path.suffix.lower() in _LINES

    def row(self, value: Any) -> None:
        self._write(json.dumps(value, ensure_ascii=False) + "\n")
        self.rows += 1

    def finish(self, result: Result) -> str:
        """Put the answer in its place; what to tell of that. Raises DiskError."""
        if not result.outcome.complete:
            return self._left()
        if not result.handed:
            if self.by_line:
                for value in result.value if isinstance(result.value, list) else [result.value]:
                    self.row(value)
            else:
                self._write((result.value if isinstance(result.value, str) else json_text(result.value)) + "\n")
        try:
            self._file.close()
            self.part.replace(self.path)
        except OSError as error:
            raise self._trouble(error) from None
        what = ("1 line is" if self.rows == 1 else f"{self.rows:,} lines are") if self.by_line else "the answer is"
        return f"{what} in {shown(str(self.path))}"

    def _left(self) -> str:
        """A flow without an answer has written what it had in order, or nothing."""
        return f"the first {self.rows:,} lines are in {shown(str(self.part))}" if self.rows else ""

    def _write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            raise self._trouble(error) from None

    def _trouble(self, error: OSError) -> DiskError:
        return DiskError(f"{shown(str(self.path))} cannot be written: {error.strerror}")
