"""Look up calls in the journal before a run makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from flowrun.dsl import dataclass

from ..engine.decisions import Call, Known
from ..engine.keys import key_of
from ..journal.answers import Paid
from ..journal.index import Index, OpenAttempt
from ..journal.known_answers import KnownAnswers
from ..vocabulary.errors import DiskError
from ..vocabulary.json_value import Json
from .answer_rows import known_from


class Readable(Protocol):
    """The parts of a journal that can be read: the index of its rows, and the content of each row."""

    index: Index

    def body(self, number: int) -> Json: ...


@dataclass(eq=False)
class Recall:
    """The finder of answers for the run with this number.

    It gives out each answer once, so that samples stay different.

    ``endpoints`` has the endpoints of models by address, and ``models`` the names of models in keys, where these differ
    from the address. If ``fresh`` is True, answers of other runs are not used.
    ``line_of`` returns None for an attempt in doubt: see ``SubmissionBook.key_of``.
    """

    journal: Readable
    run: int
    endpoints: Mapping[str, str]
    fresh: bool = False
    models: Mapping[str, str] = field(default_factory=dict)
    line_of: Callable[[OpenAttempt], str | None] = lambda attempt: None
    _taken: set[int] = field(default_factory=set)
    _given: int = 0
    _answers: dict[bytes, KnownAnswers] = field(default_factory=dict)

    def left(self) -> int:
        """Return the most answers that it can still give."""
        return self.journal.index.paid.count - self._given

    def find(self, call: Call) -> Known:
        return self.known(key_of(call, self.endpoints.get(call.model, ""), self.models.get(call.model, "")), call)

    def known(self, key: bytes, call: Call) -> Known:
        """Find what the journal knows of a call with this key. Only the call's place and policy count."""
        index = self.journal.index
        if key not in index.paid and key not in index.open and key not in index.unanswered:
            return Known(key)
        open_: tuple[OpenAttempt, ...] = ()
        lines: tuple[OpenAttempt, ...] = ()
        if key in index.open or key in index.unanswered:
            open_, lines = self._apart(call, self._open(key, call.place))
        best = self._best(key, call.place)
        if best is None:
            self._taken.update(one.number for one in (*open_, *lines))
            return Known(key, open=open_, lines=lines)
        self._taken.add(best.number)
        self._given += 1
        return known_in(self.journal.body(best.number), best.number, key, best)

    def _open(self, key: bytes, place: str) -> tuple[OpenAttempt, ...]:
        """Find attempts at a call that may be paid: all attempts of this run at this place, or else the best match."""
        index = self.journal.index
        attempts = (*index.unanswered.get(key, {}).values(), *index.open.get(key, ()))
        found = [one for one in attempts if one.number not in self._taken]
        mine = tuple(one for one in found if one.run == self.run and one.place == place)
        if mine or self.fresh:
            return mine
        best = _best(found, place)
        return () if best is None else (best,)

    def _apart(
        self, call: Call, found: tuple[OpenAttempt, ...]
    ) -> tuple[tuple[OpenAttempt, ...], tuple[OpenAttempt, ...]]:
        """Divide attempts into those in doubt, and lines of a batch API whose end is known or can be read.

        A call to the live API does not read the answer to a line, which then stays in doubt.
        """
        lines = tuple(one for one in found if self.line_of(one) is not None) if call.policy.batch else ()
        return tuple(one for one in found if one not in lines), lines

    def _best(self, key: bytes, place: str) -> Paid | None:
        """Return the answer that a call with this key takes. None if there is none."""
        paid = self.journal.index.paid
        if paid.many(key) != 1:
            return self._known_answers(key).find(place, self._taken, fresh=self.fresh)
        only = paid.first(key)
        return None if only.number in self._taken or (self.fresh and only.run != self.run) else only

    def _known_answers(self, key: bytes) -> KnownAnswers:
        """Return the answers to a key. Answers may have come since the last call, or have been forgotten."""
        paid = self.journal.index.paid
        many = paid.many(key)
        known = self._answers.get(key)
        if known is None or known.count > many or (many and known.first != paid.first(key).number):
            known = KnownAnswers(self.run)
            if many > 1:
                self._answers[key] = known
        if known.count < many:
            known.add(paid.later(key, known.count))
        return known


def known_in(body: Json, number: int, key: bytes = b"", paid: Paid | None = None) -> Known:
    """Read an answer from the body of a row. Raises DiskError if the row has no answer."""
    try:
        return known_from(key, body, paid)
    except (KeyError, TypeError, ValueError):
        raise DiskError(f"row {number} of the journal has no answer") from None


def _best(found: Sequence[Any], place: str) -> Any:
    return next((one for one in found if one.place == place), found[0] if found else None)
