"""The player of a cassette: the answers of a cassette for the calls of one test. Nothing is sent."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from flowrun.dsl import test_plan
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, PermanentError
from flowrun.runtime.vocabulary.quoting import shown

from .answer_book import Scripted
from .call_edits import Edit, Lacking, edit_of, edit_words
from .cassette import Cassette, Chain, Line, key_of, plain_model
from .outcome import Problem
from .places import Spot

MOST = 5
"""The most calls that a message names."""
MOST_LINES = 6
"""The most lines of the difference of a prompt."""
_TICK = 1e-6
"""The virtual seconds between two arrivals."""


WAITS = Scripted(Answer(""), None)


class Player:
    """The player of a cassette in one test. ``name`` is the cassette's file, ``place`` the line that names it.

    With ``waits``, a call that the cassette lacks waits for an answer, and time stops; without it, the call fails.
    ``used`` are the calls whose answers were taken, ``lacking`` those that the cassette does not have.
    """

    def __init__(
        self, cassette: Cassette, name: str, place: test_plan.Place | None = None, *, waits: bool = False
    ) -> None:
        self.cassette = cassette
        self.name = name
        self.place = place
        self.waits = waits
        self.used: dict[Chain, None] = {}
        self.lacking: dict[str, Lacking] = {}
        self._at: dict[tuple[str, str], Chain | None] = {}

    def __call__(self, call: Call, spot: Spot) -> Scripted | None:
        """Look up the answer to a call. None if the cassette does not have it."""
        line = self.line(call, spot)
        if line is None:
            self.lacking[spot.path] = Lacking(spot.path, spot.shape.step, *self._edit(call, spot))
            return WAITS if self.waits else None
        self.used[line.chain] = None
        self.cassette.played.add(line.chain)
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
        return next((one for one in self.cassette.answers(chain, again) if not model or one.model == wanted), None)

    def _chain(self, key: str, model: str, spot: Spot) -> Chain | None:
        """Choose the call of the cassette for a call: that of its place, or else the same question elsewhere."""
        sample = sample_of(spot)
        fitting = [one for one in self.cassette.alike(key, sample) if self._of_model(one, 0, model) is not None]
        here = [one for one in fitting if one[0] == spot.path]
        free = [one for one in fitting if one not in self.used]
        return next(iter(here or free or fitting), None)

    def problems(self) -> Iterator[Problem]:
        """Yield what the cassette lacks: a sentence for each step."""
        for step in dict.fromkeys(one.step for one in self.lacking.values()):
            calls = [one for one in self.lacking.values() if one.step == step]
            names = ", ".join(f"`{one.path}`" for one in calls[:MOST])
            more = f" and {len(calls) - MOST:,} more" if len(calls) > MOST else ""
            said = "; ".join(edit_words(calls))
            what = "this call" if len(calls) == 1 else f"{len(calls):,} calls"
            example = next((one for one in calls if one.differs), None)
            lines = [] if example is None else [f"`{example.path}`: {line}" for line in example.differs]
            yield Problem(
                self.place,
                f"the cassette {shown(self.name)} lacks {what}: {names}{more}{f' ({said})' if said else ''}",
                f"{self._record()}; or write `reply {step}: …`",
                (*lines[:MOST_LINES], *("…" for _ in lines[MOST_LINES : MOST_LINES + 1])),
            )

    def _record(self) -> str:
        if self.place is None:
            return "keep the answers of a run by `--cassette`"
        file = self.place.file
        return f"`flowrun test {shlex.quote(file)} --record missing` asks the models"

    def _edit(self, call: Call, spot: Spot) -> tuple[Edit, tuple[str, ...]]:
        if call.sample.again:
            return "correction", ()
        chains = (one for one in self.cassette.at(spot.path, sample_of(spot)) if one not in self.cassette.played)
        return edit_of(call, (line for chain in chains for line in self.cassette.answers(chain, 0)))

    def _scripted(self, line: Line) -> Scripted:
        if line.finish == "cancelled":
            return Scripted(Answer(""), None)
        usage = line.usage if line.usage.known else None
        last = not self.cassette.answers(line.chain, line.again + 1)
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
