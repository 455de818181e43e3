"""The search for the part of a request that a server rejects. It leaves out one part after another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass

from ..vocabulary.errors import RefusedError
from .failures import RejectedError
from .rejections import SAMPLES, SHAPE, fewer_samples, signature, suspects

if TYPE_CHECKING:
    from asyncio import Lock


@dataclass(frozen=True, slots=True)
class Lesson:
    """The lesson of a trial: without this part the server accepted a request, or rejected something else.

    ``without`` are the parameters or modes that the part stands for. ``samples`` is the number of samples that a
    request may ask for; 0 unless the server rejected their number.
    """

    part: str
    rejected: RejectedError
    without: frozenset[str] = frozenset()
    samples: int = 0


class Trial:
    """The search for one request. It leaves out the parts in ``lacks`` and asks for ``samples`` samples.

    ``served`` is the most samples that the server has ever given. ``proven`` are the parts that it has accepted before.
    """

    def __init__(self, samples: int, lacks: Collection[str], served: int, proven: Collection[str]) -> None:
        self.samples = samples
        self.lacks = frozenset(lacks)
        self.lessons: list[Lesson] = []
        self._served = served
        self._proven = frozenset(proven)
        self._cleared: set[str] = set()
        self._part = ""
        self._before = (samples, self.lacks)
        self._refused = samples
        self._sure = False
        self._rejected: RejectedError | None = None

    def objected(self, rejected: RejectedError, present: Collection[str], mode: str | None) -> bool:
        """Leave out another part after a rejection. Return False if no suspected part is left.

        ``present`` are the parts of the rejected request. ``mode`` is the mode in which it asks for its shape; None for
        a request that asks for a shape in words or for none.
        """
        if self._part and self._rejected is not None:
            if signature(rejected) != signature(self._rejected):
                self.taken()
            elif self._leave_out(rejected, mode):
                return True
            else:
                # The server does not object to this part.
                self.samples, self.lacks = self._before
                self._cleared.add(self._part)
                self._part = ""
        doubted = [part for part in present if part not in self._cleared]
        for part in suspects(rejected, doubted, self._proven):
            self._part, self._rejected = part, rejected
            self._before = (self.samples, self.lacks)
            if self._leave_out(rejected, mode):
                return True
            self._part = ""
        return False

    def taken(self) -> None:
        """Record that the server accepts the request without the part that was left out last."""
        if not self._part or self._rejected is None:
            return
        # If the server has named no number, it may serve more samples than the trial asked for.
        samples = self.samples if self._sure else self._refused - 1
        without = self.lacks - self._before[1]
        self.lessons.append(Lesson(self._part, self._rejected, without, samples if self._part == SAMPLES else 0))
        self._part = ""

    def _leave_out(self, rejected: RejectedError, mode: str | None) -> bool:
        """Leave out the suspected part, or more of it. Return False if nothing of it is left."""
        if self._part == SAMPLES:
            if self.samples <= 1:
                return False
            self._refused = self.samples
            self.samples, self._sure = fewer_samples(rejected, self.samples, self._served)
            return True
        name = mode if self._part == SHAPE else self._part
        if name is None or name in self.lacks:
            return False
        self.lacks |= {name}
        return True


@asynccontextmanager
async def turn(trying: Lock, deadline: float, rejected: RejectedError) -> AsyncIterator[None]:
    """Wait for the turn of a request to try. Only one request at a time finds out the part that is rejected.

    Raises RefusedError if the time of the request is over before that.
    """
    from asyncio import timeout_at  # a program that sends nothing does not load it

    try:
        async with timeout_at(deadline):
            await trying.acquire()
    except TimeoutError:
        said = f"{rejected} (its time was over while another request tested the options of the server)"
        raise RefusedError(said, status=rejected.status) from None
    try:
        yield
    finally:
        trying.release()
