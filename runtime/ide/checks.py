"""The checks of the open flows. They run in a thread, one at a time; a check that its text has outrun is not used."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

from flowrun.dsl import Source, dataclass, ide

from ..catalog import catalog_for
from ..vocabulary.errors import mistake_in
from .documents import Document, Documents
from .reading import NoFolder, Reading, concerned, not_text
from .surroundings import Worlds, as_set, project_fault
from .turns import Turns

Result = TypeVar("Result")
log = logging.getLogger("flowrun.lsp")


@dataclass(frozen=True, slots=True)
class Seen:
    """A check of one document.

    ``view`` is None if the document is no text; ``reason`` then says why. ``asked`` has the real paths of the files
    that the check looked for. ``project`` is the file of the project and what is wrong with it.
    """

    document: Document
    view: ide.View | None
    reason: str = ""
    asked: frozenset[str] = frozenset()
    project: tuple[str, str] | None = None


def check(document: Document, opened: Mapping[str, Source], before: ide.View | None, *, quick: bool = False) -> Seen:
    """Check a document. ``opened`` has the texts of all open documents by their real paths.

    With ``quick`` no fix is tried: for a file whose findings nobody sees.
    """
    if "\0" in document.text:
        return Seen(document, None, not_text(document.name))
    reading = Reading(document.name, opened) if document.on_disk else NoFolder()
    view = ide.look(document.source, catalog_for(document.name, os.environ), reading, before, quick=quick)
    view.findings = as_set(view.findings, document.name)
    project = project_fault(document.name) if document.on_disk else None
    return Seen(document, view, asked=frozenset(reading.asked), project=project)


class Checks:
    """The newest checks of the open flows. All methods are called in the event loop.

    ``done`` gets each check whose text is still the newest. ``look`` makes a check, in the thread.
    """

    def __init__(
        self,
        documents: Documents,
        done: Callable[[Seen], None],
        look: Callable[[Document, Mapping[str, Source], ide.View | None], Seen] = check,
        turns: Turns[str] | None = None,
    ) -> None:
        self.documents = documents
        self.seen: dict[str, Seen] = {}
        self.worlds = Worlds()
        self._warm = False
        self._done = done
        self._look = look
        self._turns: Turns[str] = Turns() if turns is None else turns
        self._thread: _Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[str, list[asyncio.Future[Seen | None]]] = {}
        self._changed: list[str] = []

    def touch(self, document: Document, *, wait: bool = True) -> None:
        """Check a document that was opened or changed, if it is a flow, and all flows that use it."""
        if document.is_flow:
            self._turns.touch(document.uri, monotonic(), wait=wait)
        if document.real:
            self.changed(document.real, but=document.uri)
        self._go()

    def changed(self, path: str, *, but: str = "", all_flows: bool = False) -> None:
        """Check the flows that use a file or folder that changed, or all flows."""
        self._changed.append(path)
        for uri, seen in self.seen.items():
            if uri != but and (all_flows or concerned(seen.asked, path)):
                self._turns.touch(uri, monotonic())
        self._go()

    def forget(self, uri: str) -> None:
        """Drop a document that was closed."""
        self._turns.forget(uri)
        self.seen.pop(uri, None)
        self._answer(uri, None)

    async def newest(self, uri: str) -> Seen | None:
        """Return the check of the newest text of a document. None for a document that is not checked."""
        if not self._turns.waits(uri):
            return self.seen.get(uri)
        future: asyncio.Future[Seen | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(uri, []).append(future)
        return await future

    def _go(self) -> None:
        """Start the next check, or wait until it is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while (uri := self._turns.start(monotonic())) is not None:
            document = self.documents.get(uri)
            if document is not None:
                self._start(loop, document)
                return
            self._turns.end()
        due = self._turns.next_at()
        if due is not None:
            self._timer = loop.call_later(max(0.0, due - monotonic()), self._go)

    def _start(self, loop: asyncio.AbstractEventLoop, document: Document) -> None:
        self._changed.clear()
        if self._thread is None:
            self._thread = _Thread()
        before = self.seen.get(document.uri)
        view = None if before is None else before.view
        opened = self.documents.sources()

        def work() -> None:
            found: Seen | Exception
            try:
                found = self._look(document, opened, view)
            except Exception as error:  # noqa: BLE001 (the server must live, whatever the text)
                found = error
            _hand(loop, self._end, document, found)
            if isinstance(found, Seen) and found.view is not None:
                self._ready(found.view)

        self._thread.give(work)

    def _ready(self, view: ide.View) -> None:
        """Work out what the next hover or completion needs, in the thread, after the findings are shown."""
        try:
            if not self._warm:
                self._warm = True
                ide.hints(view, self.worlds.of(view))
                ide.complete(view, len(view.source.text))
                ide.hover(view, 0)
            _ = view.pieces, view.index.at(view.source.name, 0)
        except Exception as error:
            log.exception("this is a bug in flowrun: %s", mistake_in(error))

    async def work(self, function: Callable[..., Result], *given: Any) -> Result:
        """Call a function in the thread of the checks, so that it holds up no hover."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def end(result: Result | None, error: Exception | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def call() -> None:
            if future.cancelled():
                return
            try:
                result = function(*given)
            except Exception as error:  # noqa: BLE001 (told to the one who asks)
                _hand(loop, end, None, error)
            else:
                _hand(loop, end, result, None)

        if self._thread is None:
            self._thread = _Thread()
        self._thread.give(call)
        return await future

    def _end(self, document: Document, found: Seen | Exception) -> None:
        uri = document.uri
        newest = self._turns.end()
        if isinstance(found, Exception):
            log.error("this is a bug in flowrun: %s", mistake_in(found), exc_info=found)
            found = Seen(document, None, f"this is a bug in flowrun: {mistake_in(found)}. Please report it")
        if newest and any(concerned(found.asked, path) for path in self._changed):
            # A file changed while it was read.
            self._turns.touch(uri, monotonic())
            newest = False
        if self.documents.get(uri) is not None:
            self.seen[uri] = found
            if newest:
                self._done(found)
                self._answer(uri, found)
        self._go()

    def _answer(self, uri: str, seen: Seen | None) -> None:
        for future in self._waiting.pop(uri, ()):
            if not future.done():
                future.set_result(seen)


def _hand(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *given: Any) -> None:
    """Call a function in the event loop. A loop that is closed takes nothing more: the server ends."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *given)


class _Thread:
    """A thread that calls functions, one after the other. It does not keep the process from ending."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="checks", daemon=True).start()

    def give(self, work: Callable[[], Any]) -> None:
        self._work.put(work)

    def _run(self) -> None:
        while True:
            self._work.get()()
