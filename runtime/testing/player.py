"""The player of a cassette: the answers of a cassette for the calls of one test. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator

from flowrun.dsl import dataclass
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, PermanentError
from flowrun.runtime.vocabulary.quoting import shown
from flowrun.runtime.vocabulary.usage import Usage

from .answer_book import Scripted
from .cassette import Cassette, Chain, Line, key_of, plain_model
from .outcome import Problem
from .places import Spot

MOST = 5
"""The most calls that a message names."""
_TICK = 1e-6
"""The virtual seconds between two arrivals."""


WAITS = Scripted(Answer(""), None)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A call that a cassette does not have. ``edited``: the cassette has the place with another prompt."""

    path: str
    step: str
    edited: bool


class Player:
    """The player of a cassette in one test. ``name`` is the cassette's file.

    With ``waits``, a call that the cassette lacks waits for an answer, and time stops; without it, the call fails.
    ``used`` are the calls whose answers were taken, ``lacking`` those that the cassette does not have.
    """

    def __init__(self, cassette: Cassette, name: str, *, waits: bool = False) -> None:
        self.cassette = cassette
        self.name = name
        self.waits = waits
        self.used: dict[Chain, None] = {}
        self.lacking: dict[str, Lacking] = {}
        self._at: dict[tuple[str, str], Chain | None] = {}
        self._lines: dict[tuple[Chain, int], list[Line]] = {}
        self._by_key: dict[tuple[str, int], dict[Chain, None]] = {}
        for line in cassette.lines.values():
            self._lines.setdefault((line.chain, line.again), []).append(line)
            self._by_key.setdefault((line.key, line.sample), {})[line.chain] = None
        self._places = {(line.path, line.sample) for line in cassette.lines.values()}

    def __call__(self, call: Call, spot: Spot) -> Scripted | None:
        """Look up the answer to a call. None if the cassette does not have it."""
        line = self.line(call, spot)
        if line is None:
            self.lacking[spot.path] = Lacking(spot.path, spot.shape.step, self._edited(call, spot))
            return WAITS if self.waits else None
        self.used[line.chain] = None
        return self._scripted(line)

    def holds(self) -> bool:
        """True if a call waits for an answer."""
        return self.waits and bool(self.lacking)

    def line(self, call: Call, spot: Spot) -> Line | None:
        """Find the line of a call."""
        place = (spot.path, call.place)
        if place not in self._at:
            # A correction has a longer prompt than the call that it repeats.
            self._at[place] = self._chain(key_of(call.request), call.model, spot)
        chain = self._at[place]
        return None if chain is None else self._of_model(chain, call.sample.again, call.model)

    def _of_model(self, chain: Chain, again: int, model: str) -> Line | None:
        """Find the answer of a model. A call whose test leaves the model open takes that of any model."""
        wanted = plain_model(model)
        return next((one for one in self._lines.get((chain, again), ()) if not model or one.model == wanted), None)

    def _chain(self, key: str, model: str, spot: Spot) -> Chain | None:
        """Choose the call of the cassette for a call: that of its place, or else the same question elsewhere."""
        sample = sample_of(spot)
        fitting = [one for one in self._by_key.get((key, sample), ()) if self._of_model(one, 0, model) is not None]
        here = [one for one in fitting if one[0] == spot.path]
        free = [one for one in fitting if one not in self.used]
        return next(iter(here or free or fitting), None)

    def problems(self) -> Iterator[Problem]:
        """Yield what the cassette lacks: a sentence for each step."""
        for step in dict.fromkeys(one.step for one in self.lacking.values()):
            calls = [one for one in self.lacking.values() if one.step == step]
            names = ", ".join(f"`{one.path}`" for one in calls[:MOST])
            more = f" and {len(calls) - MOST:,} more" if len(calls) > MOST else ""
            edited = [one for one in calls if one.edited]
            why = "its prompt was edited" if len(calls) == 1 else f"the prompts of {len(edited):,} of them were edited"
            said = f" ({why})" if edited else ""
            what = "this call" if len(calls) == 1 else f"{len(calls):,} calls"
            yield Problem(
                None,
                f"the cassette {shown(self.name)} lacks {what}: {names}{more}{said}",
                f"`flowrun test --record missing` asks the models; or write `reply {step}: …`",
            )

    def _edited(self, call: Call, spot: Spot) -> bool:
        return (spot.path, sample_of(spot)) in self._places and not call.sample.again

    def _scripted(self, line: Line) -> Scripted:
        if line.finish == "cancelled":
            return Scripted(Answer(""), None)
        usage = None if None in line.usage else Usage(*line.usage)
        last = (line.chain, line.again + 1) not in self._lines
        what: Answer | CallError
        if line.finish == "failed":
            what = PermanentError(line.error)
        elif line.finish == "other" and line.error:
            what = AnswerError(line.error, text=line.answer or "", final=last)
        else:
            what = Answer(line.answer or "", line.finish, said=line.error)  # type: ignore[arg-type]
        return Scripted(what, usage=usage, due=line.order * _TICK)


def sample_of(spot: Spot) -> int:
    """Return the number of a call among the samples around it."""
    return spot.sample(spot.shape.nowhere)[0]
