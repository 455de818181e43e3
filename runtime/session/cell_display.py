"""The progress of a run in a cell of a notebook, or as lines where there is no notebook."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, Protocol

from ..account.summary import Summary
from ..vocabulary import events as e
from ..vocabulary.partial_listener import PartialListener
from ..vocabulary.quoting import inert

EVERY = 0.25
"""The least seconds between two changes of a cell."""
_PLAIN = 5.0
"""The seconds between two lines where there is no notebook."""
_COLUMNS, _ROWS = 100, 16
_STYLE = "margin:0;line-height:1.3"


class Surface(Protocol):
    """A place that shows the latest of several texts. ``every`` is in seconds."""

    every: float

    def show(self, text: str, line: str) -> None:
        """Show a text of several lines, or where there is no room the line."""


class Cell:
    """The output of a cell. ``display`` and ``update`` are IPython's ``display`` and ``update_display``."""

    every = EVERY

    def __init__(self, display: Callable[..., Any], update: Callable[..., Any]) -> None:
        self._display = display
        self._update = update
        self._handle: Any = None

    def show(self, text: str, line: str) -> None:
        from .result_html import text_html  # only notebooks need it

        bundle = {"text/plain": inert(text), "text/html": f"<pre style='{_STYLE}'>{text_html(text)}</pre>"}
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._update(bundle, raw=True, display_id=self._handle.display_id)


class Lines:
    """The standard error."""

    every = _PLAIN

    def show(self, text: str, line: str) -> None:
        print(inert(line), file=sys.stderr, flush=True)


class CellDisplay(PartialListener):
    """A listener that shows the progress of a run on a surface, at most once in ``surface.every`` seconds.

    The event loop of the run draws, so the time of a run that only waits is shown too. If the surface fails, the
    display ends and the run goes on.
    """

    reads_prompts = False

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        self.summary = Summary()
        from ..account.blocks import Blocks

        self.blocks = Blocks()
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def hears(self, kind: type) -> bool:
        return self.summary.hears(kind) or self.blocks.hears(kind)

    def __call__(self, event: e.Event) -> None:
        self.summary(event)
        self.blocks(event)
        if isinstance(event, e.RunStarted):
            loop = asyncio.get_running_loop()
            self._began = loop.time()
            self._timer = loop.call_later(self.surface.every, self._draw, loop)
        elif isinstance(event, e.RunFinished) and self._timer is not None:
            self._timer.cancel()
            from ..account.progress import state_line

            line = f"{event.status} · {state_line(self.summary, event.seconds)}"
            self._show(line, line)

    def _draw(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for bar in self.blocks.running:
            bar.look(now)
        seconds = now - self._began
        from ..account.progress import lines, state_line

        text = "\n".join(lines(self.summary, self.blocks, seconds, _COLUMNS, _ROWS))
        if self._show(text, state_line(self.summary, seconds)):
            self._timer = loop.call_later(self.surface.every, self._draw, loop)

    def _show(self, text: str, line: str) -> bool:
        try:
            self.surface.show(text, line)
        except Exception as error:  # noqa: BLE001  a display is foreign code, and the run is paid for
            print(f"the progress cannot be shown: {inert(str(error))}", file=sys.stderr)
            return False
        return True


def cell_display(wanted: bool | None) -> CellDisplay | None:
    """Return the display of a run's progress, None for no display. If ``wanted`` is None, a notebook gets one."""
    if wanted is False:
        return None
    in_notebook = _kernel_runs()
    if not in_notebook:
        return CellDisplay(Lines()) if wanted else None
    from importlib import import_module

    # IPython is no dependency, but a notebook has it.
    ipython = import_module("IPython.display")
    return CellDisplay(Cell(ipython.display, ipython.update_display))


def _kernel_runs() -> bool:
    """Tell whether this process is the kernel of a notebook. A terminal with IPython is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
