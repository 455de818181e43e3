"""The answers that were there before a stretch of a run: those of the run itself, and those of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from ..dispatch.cache import Recall
from ..engine.decisions import Call, Known
from ..engine.keys import key_of
from ..journal.answers import Answers, Paid
from ..journal.index import Index, Run
from ..journal.reading import JournalReader
from ..journal.records import Kind
from ..vocabulary.json_value import Json
from .excerpt import WHOLE, Excerpt
from .stretches import Stretch, index_of


class EarlierAnswers:
    """The answers before each stretch of a run.

    ``unsure`` becomes True when only a replay of the whole run can tell which call took one of these answers.
    """

    def __init__(
        self,
        reader: JournalReader,
        run: Run,
        endpoints: Mapping[str, str],
        excerpt: Excerpt,
        *,
        fresh: bool,
        models: Mapping[str, str],
    ) -> None:
        self.unsure = False
        self._reader = reader
        self._run = run
        self._endpoints = endpoints
        self._models = models
        self._excerpt = excerpt
        self._fresh = fresh

    def before(self, stretch: Stretch) -> Callable[[Call], Known]:
        """Make the function that finds the answers that were there before a stretch."""
        first, fresh = stretch.rows[0].number, self._fresh
        alone = not stretch.before and (fresh or first == 1)
        own = index_of(self._run, stretch.before, Answers())
        sent = {(row.key, row.place) for row in stretch.rows if row.kind == Kind.INTENT}

        @cache
        def recall() -> Recall:
            # A journal may have very many answers, and most runs need none of them.
            own.paid = Answers() if alone else self._reader.answers_before(first)
            return Recall(_Found(self._reader, own), self._run.number, self._endpoints, fresh, self._models)

        def find(call: Call) -> Known:
            key = key_of(call, self._endpoints.get(call.model, ""), self._models.get(call.model, ""))
            if (key, call.place) not in sent:
                known = recall().find(call)
                self.unsure |= known.paid is not None and self._is_unsure(known.paid, call.place, own.paid[key])
                return known
            # A call that was sent in this stretch had no answer before it.
            if key not in own.open and key not in own.unanswered:
                return Known(key)
            return replace(recall().find(call), answer=None, paid=None)

        return find

    def _is_unsure(self, paid: Paid, place: str, alike: Sequence[Paid]) -> bool:
        """Tell whether another call of the same question, which the excerpt leaves out, may have taken this answer."""
        other = paid.place != place and (paid.run == self._run.number or len(alike) > 1)
        return self._excerpt is not WHOLE and other


class _Found:
    """The journal as the replay of one stretch sees it."""

    def __init__(self, reader: JournalReader, index: Index) -> None:
        self.index = index
        self._reader = reader

    def body(self, number: int) -> Json:
        return self._reader.body(number)
