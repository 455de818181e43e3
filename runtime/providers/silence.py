"""Servers that never say why an answer ended: learnt from two whole replies, lest a broken one passes for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_PATIENCE = 0.25
"""Seconds that a reply which is alone is held for one that may follow."""


class Silence:
    """The reasons for ends that one endpoint's replies have named so far.

    A whole reply without a reason is held until another one like it has come: then both are used, and all that follow.
    It is held no longer than until its model names a reason after all, its own deadline, or the end of every other
    request to the endpoint. A reply that is alone then counts where it has no field for a reason at all: such a server
    knows none. One whose field is null is no answer, and the next null one is the second of its kind.
    """

    def __init__(self) -> None:
        self._learnt = False
        self._naming: set[str] = set()
        self._seen = False
        self._asked = 0
        self._held: tuple[str, asyncio.Future[bool | None]] | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count a request in while it is under way."""
        self._asked += 1
        try:
            yield
        finally:
            self._asked -= 1
            self._when_alone()

    def named(self, model: str) -> None:
        """The model has said why an answer of its ended."""
        self._naming.add(model)
        self._seen = False
        if self._held is not None and self._held[0] == model:
            self._let_go(False)

    async def takes(self, model: str, deadline: float, tell: Callable[[], None], *, fieldless: bool) -> bool:
        """Whether a whole reply without a reason is an answer; ``fieldless``: it has no field for one.

        ``tell`` is called once, when it is learnt that the server never names any.
        """
        if model in self._naming:
            return False
        if not self._learnt and (self._seen or self._held is not None):
            self._learnt = True
            self._let_go(True)
            tell()
        if self._learnt:
            return True
        held = self._held = model, asyncio.get_running_loop().create_future()
        self._when_alone()
        verdict: bool | None = None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    verdict = await held[1]
        finally:
            if self._held is held:
                self._held = None
        self._seen = self._seen or verdict is None
        return fieldless if verdict is None else verdict

    def _when_alone(self) -> None:
        if self._asked == 1 and self._held is not None:
            # Others may be about to leave: the first ones of a run wait for the journal, some longer than others.
            asyncio.get_running_loop().call_later(_PATIENCE, self._if_alone, self._held)

    def _if_alone(self, held: tuple[str, asyncio.Future[bool | None]]) -> None:
        if self._asked == 1 and self._held is held:
            self._let_go(None)

    def _let_go(self, verdict: bool | None) -> None:
        held, self._held = self._held, None
        if held is not None and not held[1].done():
            held[1].set_result(verdict)
