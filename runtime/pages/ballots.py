"""The votes of a run, and the ballot of each call in them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flowrun.dsl import plan as p

from ..vocabulary.call_record import CallRecord
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import RunRecord
from ..vocabulary.tally import Tally
from .places import steps_at


class Votes:
    """The tallies of a run by the path of their vote. A ballot is the number of a class in its tally."""

    def __init__(self, record: RunRecord) -> None:
        self.tallies: Mapping[str, Tally] = record.end.votes
        self._plan = record.plan
        self._classes: dict[str, dict[str, int]] = {}
        self._decided: dict[str, int] = {}
        for call in record.calls:
            ends = [one.ended for one in call.attempts if one.end == "answered" and one.ended is not None]
            if call.vote in self.tallies and ends:
                self._decided[call.vote] = max(self._decided.get(call.vote, 0), *ends)

    def decided(self, path: str) -> int | None:
        """Return the time of the last answer that a vote counted, in ms of the run."""
        return self._decided.get(path)

    def ballot_of(self, call: CallRecord) -> int:
        """Return the class of a call's ballot; -1 if the call has none, or is not the last step of its sample."""
        tally = self.tallies.get(call.vote) if call.vote else None
        answer = call.answer
        if tally is None or answer is None or answer.error or not self._gives_the_ballot(call):
            return -1
        classes = self._classes.get(call.vote)
        if classes is None:
            classes = self._classes[call.vote] = _classes(tally)
        value = answer.text if answer.value is None else answer.value
        found = next((classes[key] for key in _keys(value) if key in classes), -1)
        if found < 0 and isinstance(value, dict):
            # The vote counts one field of a record.
            found = next((classes[key] for part in value.values() for key in _keys(part) if key in classes), -1)
        return found

    def _gives_the_ballot(self, call: CallRecord) -> bool:
        steps = steps_at(self._plan, call.path)
        if len(steps) < 2 or steps[-2].block is None:
            return True
        return steps[-2].block.result == steps[-1].name or isinstance(steps[-2].node, p.Fanout | p.Match | p.Cascade)


def _classes(tally: Tally) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, (answer, _) in enumerate(tally.ballots):
        for key in _keys(answer):
            found.setdefault(key, number)
    for number, value in enumerate(tally.values):
        for key in _keys(value):
            found.setdefault(key, number)
    for number, texts in enumerate(tally.classes.texts if tally.classes is not None else ()):
        for key in (key for text in texts for key in _keys(text)):
            found.setdefault(key, number)
    return found


def _keys(value: Json) -> tuple[str, ...]:
    """Return the names of a value: as it is, and as votes compare texts, without regard to case and outer blanks."""
    exact = json.dumps(value, sort_keys=True)
    return (exact, json.dumps(value.strip().casefold())) if isinstance(value, str) else (exact,)
