"""The flows in the folders of the editor, open or not. A rename and a search for a name look at them, too."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from flowrun.dsl import Source, ide

from ..files.files import read_plain
from ..vocabulary.errors import UsageError
from . import forms
from .addresses import path_of, uri_of
from .checks import Seen, check
from .documents import Document

if TYPE_CHECKING:
    from .server import FlowServer

MOST_FLOWS = 500
"""The most flow files of all folders that are looked at."""
MOST_SEEN = 20_000
"""The most files and folders that are passed on the way to them."""
LARGEST = 1024 * 1024
"""The most bytes of a flow that is not open, for a search in all flows."""
MOST_SYMBOLS = 300
_PASSED = frozenset({"node_modules", "__pycache__", "venv", "build", "dist"})
Stamp = tuple[int, int]


class Neighbours:
    """The checks of flow files that are not open. Each is made again when its file, or one that it reads, changes."""

    def __init__(self, server: FlowServer) -> None:
        self._server = server
        self._known: dict[str, tuple[dict[str, Stamp], Seen]] = {}

    async def views(self, but: ide.View) -> list[ide.View]:
        """Return the views of all flows besides one: the open ones, and those in the folders of the editor."""
        server = self._server
        opened = {one.real for one in server.documents if one.real}
        for one in server.documents:
            if one.is_flow:
                await server.checks.newest(one.uri)
        closed = await self._closed(opened, importing=True)
        views = [*server.views(), *(seen.view for seen in closed if seen.view is not None)]
        return [one for one in views if one is not but]

    async def symbols(self, query: str) -> list[lsp.SymbolInformation]:
        """Return the names in all flows that have the letters of a query in this order."""
        server = self._server
        opened = {one.real for one in server.documents if one.real}
        closed = [seen.view for seen in await self._closed(opened) if seen.view is not None]
        made: list[lsp.SymbolInformation] = []
        for view in (*server.views(), *closed):
            made += forms.flat(ide.symbols(view), server.ranges, lambda name: _fits(query.lower(), name.lower()))
            if len(made) >= MOST_SYMBOLS:
                break
        return made[:MOST_SYMBOLS]

    async def _closed(self, opened: set[str], *, importing: bool = False) -> list[Seen]:
        """Return the checks of the flows that are not open. With ``importing`` only of those that import others."""
        folders = self._folders()
        sources = self._server.documents.sources()
        return await asyncio.to_thread(self._look, folders, opened, sources, importing)

    def _folders(self) -> list[str]:
        workspace = self._server.workspace
        uris = [one.uri for one in workspace.folders.values()] or [workspace.root_uri or ""]
        return [path for uri in uris if (path := path_of(uri))]

    def _look(
        self, folders: Iterable[str], opened: set[str], sources: Mapping[str, Source], importing: bool
    ) -> list[Seen]:
        found: dict[str, tuple[dict[str, Stamp], Seen]] = {}
        for path in flow_files(folders):
            real = os.path.realpath(path)
            if real in opened or real in found:
                continue
            known = self._known.get(real)
            if known is not None and all(_stamp(one) == stamp for one, stamp in known[0].items()):
                found[real] = known
                continue
            seen = _checked(path, sources, importing)
            if seen is not None:
                # A file that an open one stands for counts as changed each time.
                found[real] = ({one: (-1, -1) if one in sources else _stamp(one) for one in (real, *seen.asked)}, seen)
        self._known = {**self._known, **found} if importing else found
        return [seen for _, seen in found.values()]


def flow_files(folders: Iterable[str], most: int = MOST_FLOWS) -> list[str]:
    """Return the flow files in folders and below, as far as the limits go. Hidden folders are left out."""
    found: list[str] = []
    for path in _walked(folders):
        if len(found) >= most:
            break
        found.append(path)
    return found


def _walked(folders: Iterable[str]) -> Iterator[str]:
    passed = 0
    for folder in folders:
        for inner, below, names in os.walk(folder):
            below[:] = sorted(one for one in below if not one.startswith(".") and one not in _PASSED)
            passed += len(below) + len(names)
            if passed > MOST_SEEN:
                return
            yield from (os.path.join(inner, name) for name in sorted(names) if name.endswith(".flow"))


def _checked(path: str, sources: Mapping[str, Source], importing: bool) -> Seen | None:
    from pathlib import Path

    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return None
        text = read_plain(Path(path))
    except (OSError, UsageError):
        return None
    if importing and "import" not in text:
        return None
    return check(Document(uri_of(path), text, 0), sources, None, quick=True)


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _fits(query: str, name: str) -> bool:
    letters = iter(name)
    return all(letter in letters for letter in query)
