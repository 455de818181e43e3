"""The combiner of a search. It judges each result when it arrives, and launches more samples until one passes.

A condition is worked out here. An ask or an extern that judges answers a question for each result. The search asks
only about results that can still be the first to pass, so it judges no result behind one that is known to pass. A
result passes only if the judge says so: with an answer that does not fit, it does not pass. If no answer comes at all,
the verdict is missing. The search waits for the verdicts before it. If none of them passes, the block fails, so that a
resumed run asks for the missing one again. So a wave has the value that samples one after another have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowrun.dsl import plan as p

from ...reducers.protocol import ReduceError
from ...reducers.search import Search, searched
from ...vocabulary.json_value import Json
from ...vocabulary.tally import Contest, Tally, plural
from ..decisions import Failure
from .combiner import NO_QUESTIONS, Asked, UnheardError

_SHOWN = 3
"""The most reasons that the message of a search tells."""


class Searching:
    """A search for the first result that passes.

    ``judge`` returns the reason why a result does not pass, "" if it passes. If it is None, an ask or an extern judges,
    and a result passes with ``yes`` or ``true``.
    """

    eager = True

    def __init__(
        self,
        search: Search,
        judge: Callable[[Json], str] | None,
        unit: str,
    ) -> None:
        self.search = search
        self.judge = judge
        self.unit = unit
        self.done = False
        self.results: dict[int, Json] = {}
        self.open: set[int] = set()
        self.failed: dict[int, str] = {}
        self.unheard: dict[int, Failure] = {}
        self.closed = False

    @property
    def decided(self) -> bool:
        return self.search.decided

    @property
    def judging(self) -> bool:
        """True while the search waits for a verdict."""
        return bool(self.open) and not self.decided

    def wanted(self, launched: int) -> int:
        return self.search.wanted(launched)

    def add(self, place: int, value: Json) -> Sequence[Asked]:
        if value is None:
            return self._verdict(place, "it is missing")
        self.results[place] = value
        if self.judge is not None:
            return self._verdict(place, self.judge(value))
        if self.search.found is not None and place > self.search.found:
            return NO_QUESTIONS
        self.open.add(place)
        return [Asked((place,), {p.RESULT: value}, verdict=self.silent)]

    def skip(self, place: int) -> Sequence[Asked]:
        return self._verdict(place, "it failed")

    def lose(self, place: int, *, sent: bool) -> Sequence[Asked]:
        return self.skip(place)

    def close(self, total: int) -> Sequence[Asked]:
        return NO_QUESTIONS

    def conclude(self) -> Sequence[Asked]:
        self.closed = True
        self._end()
        return NO_QUESTIONS

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        self.open.discard(place[0])
        passes = value is True or value == "yes"
        return self._verdict(place[0], "" if passes else "the judge says no")

    def missed(self, place: tuple[int, ...], *, sent: bool) -> Sequence[Asked]:
        self.open.discard(place[0])
        return self._verdict(place[0], "the judge gave no answer that fits")

    def silent(self, place: int, failure: Failure) -> Sequence[Asked]:
        """Take the failure of a question that got no answer. Its result stays without a verdict."""
        self.unheard[place] = failure
        self._end()
        return NO_QUESTIONS

    @property
    def _needed(self) -> Failure | None:
        """The failure of the next verdict, if no result before it passes."""
        return None if self.search.found is not None else self.unheard.get(self.search.known)

    def value(self) -> Json:
        if self.search.found is not None:
            return self.results[self.search.found]
        raise ReduceError(f"none of the {self.search.known} {plural(self.unit)} passed{self._why()}")

    def tally(self, launched: int) -> Tally | None:
        if (needed := self._needed) is not None:
            raise UnheardError(needed)
        search = self.search
        value = None if search.found is None else self.results[search.found]
        return searched(Contest("first", search.found, search.known, search.most, unit=self.unit), value, launched)

    def _verdict(self, place: int, why: str) -> Sequence[Asked]:
        if why:
            self.failed[place] = why
        self.search.tell(place, passes=not why)
        self._end()
        return NO_QUESTIONS

    def _end(self) -> None:
        """End the search if it needs a verdict that does not come, or if no verdict that can matter is open."""
        if self._needed is not None or (self.closed and (self.search.found is not None or not self.open)):
            self.done = True

    def _why(self) -> str:
        """Tell why the last results did not pass. Equal reasons are told once."""
        told = list(dict.fromkeys(self.failed[place] for place in sorted(self.failed, reverse=True)))
        return f": {'; '.join(told[:_SHOWN])}" if told else ""
