"""The search for what a server objects to in one request: one part after another is left out, until it is taken."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .failures import RejectedError
from .rejections import SAMPLES, SHAPE, fewer_samples, signature, suspects


@dataclass(frozen=True, slots=True)
class Lesson:
    """A part without which a request is taken, or gets as far as another objection.

    ``without`` are the parameters or the ways of asking for a shape that it names; ``samples`` are how many a request
    may ask for, where that is what was objected to.
    """

    part: str
    rejected: RejectedError
    without: frozenset[str] = frozenset()
    samples: int = 0


class Trial:
    """One request's search. It goes without ``lacks``, and asks for so many ``samples``.

    ``served`` is the most samples that the server has ever given, and ``proven`` are parts that it has taken before.
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
        """The server rejects the request as it stands: leave out another part. False where none is left to doubt.

        ``present`` are the parts that the request has, and ``mode`` is how its shape is asked for, if it is.
        """
        if self._part and self._rejected is not None:
            if signature(rejected) != signature(self._rejected):
                self.taken()
            elif self._leave_out(rejected, mode):
                return True
            else:
                # It is none of this part's.
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
        """The server takes the request without the part that was left out last."""
        if not self._part or self._rejected is None:
            return
        # Where it has named no number, more may be served than was tried.
        samples = self.samples if self._sure else self._refused - 1
        without = self.lacks - self._before[1]
        self.lessons.append(Lesson(self._part, self._rejected, without, samples if self._part == SAMPLES else 0))
        self._part = ""

    def _leave_out(self, rejected: RejectedError, mode: str | None) -> bool:
        """Leave out the part in question, or more of it; False where nothing of it is left."""
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
