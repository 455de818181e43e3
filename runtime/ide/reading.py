"""The files that a check reads: the open documents, and for the rest the disk, by the rules of `validate`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from flowrun.dsl import Source

from ..files.files import Files
from ..vocabulary.errors import UsageError

NO_FOLDER = "this flow has no folder yet, so other files cannot be found; save it first"


class Reading:
    """The reader of the files of one flow. ``asked`` has the real paths of all files that it looked for.

    ``opened`` has the texts of the open documents by their real paths.
    """

    def __init__(self, name: str, opened: Mapping[str, Source]) -> None:
        self.asked: set[str] = set()
        self._folder = Path(name).parent
        self._opened = opened
        self._files = Files(self._folder)
        self._known: dict[str, Source] = {}

    def __call__(self, path: str) -> Source | str:
        """Return an imported file, or that of a prompt, or the reason why it cannot be read."""
        name = (self._folder / path).as_posix()
        if name in self._known:
            return self._known[name]
        try:
            real = str(self._files.resolve(path))
            self.asked.add(real)
            found = self._opened.get(real)
            text = self._files.read_flow(path) if found is None else found.text
        except UsageError as error:
            return str(error)
        if "\0" in text:
            return not_text(path)
        self._known[name] = Source(text, name)
        return self._known[name]


class NoFolder:
    """The reader for a text without a file. It finds nothing."""

    asked: frozenset[str] = frozenset()

    def __call__(self, path: str) -> Source | str:
        return NO_FOLDER


def not_text(name: str) -> str:
    from ..vocabulary.quoting import shown

    return f"{shown(name)} is not text: it has a zero byte, as binary files do"


def concerned(asked: frozenset[str], changed: str) -> bool:
    """Tell whether a change of a file or of a folder concerns a check that looked for these files."""
    return changed in asked or any(one.startswith(changed + os.sep) for one in asked)
