"""Servers that never name the reason for an answer's end.

Two complete replies without a reason prove it. One does not, because it may be a broken reply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

_PATIENCE = 0.25
"""The seconds that a held reply waits, once no other request is under way, for a request that may follow."""


class Silence:
    """A record of whether one endpoint's replies name the reason for the end of an answer.

    A complete reply without a reason is held until a second one comes. Then both count as answers, and so do all later
    ones. The wait ends early if the model names a reason in another reply, at the reply's own deadline, or if no other
    request to the endpoint is under way. A reply that is alone counts as an answer if it has no field for a reason,
    because such a server knows no reasons. If its field is null, it does not count as an answer, but the next reply
    without a reason is then the second one.
    """

    def __init__(self) -> None:
        self._learnt = False
        self._naming: set[str] = set()
        self._seen = False
        self._asked = 0
        self._held: tuple[str, asyncio.Future[bool | None]] | None = None

    def asking(self) -> Silence:
        """Count a request while it is under way, which is the body of a ``with``."""
        return self

    def __enter__(self) -> None:
        self._asked += 1

    def __exit__(self, *_: object) -> None:
        self._asked -= 1
        self._when_alone()

    def named(self, model: str) -> None:
        """Record that the model has named the reason for the end of an answer."""
        self._naming.add(model)
        self._seen = False
        if self._held is not None and self._held[0] == model:
            self._let_go(False)

    async def takes(self, model: str, deadline: float, tell: Callable[[], None], *, fieldless: bool) -> bool:
        """Tell whether a complete reply without a reason is an answer. This may wait for another reply.

        ``fieldless`` says that the reply has no field for a reason. ``tell`` is called once, when the second reply
        proves that the server names no reasons.
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
            # Other requests may follow soon: the first ones of a run wait for the journal, some longer than others.
            asyncio.get_running_loop().call_later(_PATIENCE, self._if_alone, self._held)

    def _if_alone(self, held: tuple[str, asyncio.Future[bool | None]]) -> None:
        if self._asked == 1 and self._held is held:
            self._let_go(None)

    def _let_go(self, verdict: bool | None) -> None:
        held, self._held = self._held, None
        if held is not None and not held[1].done():
            held[1].set_result(verdict)
