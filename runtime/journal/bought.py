"""The sums of the answers that the runs of a journal bought, taken while its rows are read into the index.

A run that is resumed needs its past, and a second way through a million rows would take more than a second. Most calls
have one attempt, which ended with an answer whose tokens are known. These are added up here. All other rows about
attempts stay apart, and are counted one by one when somebody asks for the past.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import field
from functools import lru_cache

from flowrun.dsl import dataclass, pattern

from ..vocabulary.tariff import LENGTHS
from ..vocabulary.usage import DETAILS
from .answers import Pair

_TOLD = rb',"finish":"\w+","in":(\d{1,9}),"out":(\d{1,9})'
_SPECIAL = b"".join(b'(?:,"%b":(\\d{1,9}))?' % name.encode() for name in DETAILS)
_THEN = rb',"(?:from|id|served|cost|more)":'
# A spoilt answer tells its tokens elsewhere in its body.
_PLAIN = pattern(_TOLD.replace(rb"\w+", b"stop") + _THEN)
_BILL = pattern(_TOLD + _SPECIAL + _THEN)
_NONE = frozenset((b"", b"0"))
_NOTHING = (0,) * len(DETAILS)
_ALONE = b',"of":1,'


@dataclass(slots=True)
class Bought:
    """The calls of a run that had one attempt, with an answer whose tokens are known.

    ``sent`` counts them by their model and by the calls of their request. ``paid`` has the answers of each model, and
    their tokens in, out and of special classes. ``apart`` has the numbers of the run's other rows about attempts.
    """

    sent: Counter[tuple[str, int]] = field(default_factory=Counter)
    paid: dict[str, list[int]] = field(default_factory=dict)
    apart: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, asked: tuple[str, int], answers: int, tokens: Iterable[int]) -> None:
        """Add answers to calls that were ``asked`` alike, and the sums of their tokens."""
        self.sent[asked] += answers
        more = (answers, *tokens)
        before = self.paid.get(asked[0], (0,) * len(more))
        self.paid[asked[0]] = [one + other for one, other in zip(before, more, strict=True)]


class Purchases:
    """The sums of all runs of a journal, by the number of the run. They count its first ``rows`` rows."""

    def __init__(self) -> None:
        self.of: dict[int, Bought] = {}
        self.rows = 0
        self._waiting: dict[int, list[Pair]] = {}
        self._latest = 0
        self._begin = b"no attempt begins like this"
        self._model = ""

    def pairs_of(self, run: int) -> list[Pair]:
        """Return the list that takes the pairs of a run, until the list of another run is asked for."""
        self._latest = run
        return self._waiting.setdefault(run, [])

    def put_apart(self, run: int, number: int) -> None:
        """Leave a row to those who count rows one by one."""
        self._of(run).apart.append(number)

    def _of(self, run: int) -> Bought:
        found = self.of.get(run)
        if found is None:
            found = self.of[run] = Bought()
        return found

    def add_up(self) -> None:
        """Add the pairs that wait."""
        for run, pairs in self._waiting.items():
            if pairs:
                self._add(self._of(run), pairs)
                pairs.clear()
        # A journal may have very many runs.
        self._waiting = {self._latest: self._waiting.get(self._latest, [])}

    def _add(self, bought: Bought, pairs: Sequence[Pair]) -> None:
        bodies = b"\n".join([b"", *[body for (_, _, _, body), _, _ in pairs]])
        if bodies.count(self._begin) == len(pairs) == bodies.count(_ALONE):
            # Nearly all pairs are single calls to the model of the last ones.
            _pay(bought, (self._model, 1), pairs)
            return
        alike: dict[tuple[str, int] | None, list[Pair]] = {}
        for pair in pairs:
            head, of = _parts(pair[0][3])
            asked = _asked(head, of)
            alike.setdefault(asked, []).append(pair)
            if asked is not None and of == b',"of":1':
                self._begin, self._model = b'\n%b,"bytes":' % head, asked[0]
        for asked, some in alike.items():
            _pay(bought, asked, some)


def _pay(bought: Bought, asked: tuple[str, int] | None, pairs: Sequence[Pair]) -> None:
    """Add pairs whose calls were ``asked`` alike. Leave those apart whose answers do not tell their tokens."""
    if asked is not None:
        ends = b"\n".join([end for _, _, end in pairs])
        for form in (_PLAIN, _BILL):
            bills = form.findall(ends)
            if len(bills) == len(pairs) and (tokens := _sums(*zip(*bills, strict=True))):
                bought.add(asked, len(bills), tokens)
                return
    columns: list[list[int]] = []
    for (first, *_), number, end in pairs:
        bill = None if asked is None else _BILL.search(end)
        counts = [] if bill is None else [int(one or 0) for one in bill.groups()]
        if counts and _fit(*counts):
            columns.append(counts)
        else:
            bought.apart.extend((first, number))
    if asked is not None and columns:
        bought.add(asked, len(columns), map(sum, zip(*columns, strict=True)))


def _sums(read: Sequence[bytes], written: Sequence[bytes], *special: Sequence[bytes]) -> list[int]:
    """Add up the tokens of answers by class. The list is empty if those of an answer do not fit."""
    prompts, answers = list(map(int, read)), list(map(int, written))
    if all(map(_NONE.issuperset, special)):
        return [] if max(prompts) > LENGTHS[0] else [sum(prompts), sum(answers), *_NOTHING]
    columns = [prompts, answers, *([int(one or 0) for one in column] for column in special)]
    return list(map(sum, columns)) if all(map(_fit, *columns)) else []


def _fit(read: int, written: int, cached: int, stored: int, reasoning: int, images: int, long_stored: int) -> bool:
    """Tell whether the tokens of an answer add up and have the price of short prompts."""
    return cached + stored + images <= read <= LENGTHS[0] and long_stored <= stored and reasoning <= written


def _parts(body: bytes) -> tuple[bytes, bytes]:
    """Return the parts of an attempt's body that tell its model and the calls of its request."""
    at = body.find(b',"of":')
    return body[: body.find(b',"bytes":')], b"" if at < 0 else body[at : body.find(b",", at + 1)]


@lru_cache(1000)
def _asked(head: bytes, of: bytes) -> tuple[str, int] | None:
    """Return the model of an attempt, and the calls of its request. None if only the whole row tells them."""
    try:
        found, calls = json.loads(head + b"}"), json.loads(b'{"of":1' + of + b"}")["of"]
    except (ValueError, RecursionError):
        return None
    fits = isinstance(found, dict) and list(found) == ["model"] and type(found["model"]) is str
    return (found["model"], calls) if fits and type(calls) is int and calls > 0 else None
