"""A map over a growing list. It takes the elements as they arrive."""

from __future__ import annotations

from collections import deque
from dataclasses import field
from functools import partial

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...values.expressions import evaluate
from ...vocabulary import events as e
from ...vocabulary.errors import FlowrunError
from ...vocabulary.json_value import Json
from ..decisions import Failure
from ..frames import Frame
from ..scopes import Scope
from ..streams import Feed, InOrder, Key, Ranks, WorkQueue, label
from .mapped import MappedRun, named


@dataclass(eq=False)
class StreamedMapRun(MappedRun):
    """A running map over a growing list of known length. The elements arrive in any order.

    ``ready`` holds the number of each element that has arrived and has no body yet, and the names for its body.
    """

    source: Feed
    ready: deque[tuple[int, dict[str, Json]]] = field(init=False, default_factory=deque)

    @property
    def available(self) -> int:
        return len(self.ready)

    @property
    def waiting(self) -> bool:
        return bool(self.ready)

    @property
    def exhausted(self) -> bool:
        return False

    def start(self) -> None:
        super().start()
        name = self.step.source
        assert name is not None
        self.machine.wait(self.frame, (name,), self._source_done)
        self.source.tell(self)

    def element(self) -> tuple[int, Json]:
        number, given = self.ready.popleft()
        return number, given[self.node.element]

    def next(self) -> Frame:
        number, given = self.ready.popleft()
        return Frame(self.step.layout, self.frame, self, number, given)

    def take(self, key: Key, value: Json) -> None:
        """Take an element by its key, which is its number."""
        self.begin(key, named(self.node, value, key))

    def begin(self, number: int, given: dict[str, Json]) -> None:
        """Queue the body of an element."""
        if not self.over:
            self.ready.append((number, given))
            self.more()

    def passed(self, before: Key) -> None:
        """Do nothing: the length is known, so the map need not know that all elements before a key have arrived."""

    def _source_done(self, failure: Failure | None) -> None:
        """Close the list when the step that makes it is finished. Fail the map if that step has failed."""
        if self.over:
            return
        if failure is not None:
            self.give_up(failure)
        elif not self.pace.whole:
            self.pace.whole = True
            self.close()

    def close(self) -> None:
        """Record that no more elements will come."""
        if self.too_many():
            return
        self.ask(self.combiner.close(self.pace.total))
        if not self.alive:
            return
        if not self.pace.total:
            self.combine()
        elif self.pace.finished == self.pace.total:
            self.conclude()


@dataclass(eq=False)
class RankedMapRun(StreamedMapRun):
    """A running map over a growing list of unknown length. An element gets its rank when all elements before it are
    known.

    ``keys`` has the key of each element by its number. Elements are numbered in the order of arrival. ``held`` has the
    results of the elements without a rank. ``unplaced`` holds the elements of a map that counts them, until their
    places are known.
    """

    ranks: Ranks = field(init=False, default_factory=Ranks)
    keys: dict[int, Key] = field(init=False, default_factory=dict)
    held: dict[int, Json] = field(init=False, default_factory=dict)
    turns: WorkQueue = field(init=False, default_factory=WorkQueue)
    unplaced: InOrder = field(init=False, default_factory=InOrder)

    @property
    def orderly(self) -> bool:
        return False

    def key_of(self, place: int) -> Key:
        return self.keys.get(place, place)

    def path_of(self, index: int) -> str:
        return f"{self.around.path}[{label(self.key_of(index))}]"

    def next(self) -> Frame:
        body = super().next()
        # The key is forgotten before the frame.
        body.prefix = f"{self.path_of(body.index)}."
        return body

    def take(self, key: Key, value: Json) -> None:
        if self.node.index is None:
            self._consider(key, {self.node.element: value})
        else:
            self.unplaced.put(key, value)

    def passed(self, before: Key | None) -> None:
        self._place(before)
        self.turns.put(partial(self._rank, before))

    def close(self) -> None:
        self._place(None)
        self.turns.put(self._end_list)

    def _place(self, before: Key | None) -> None:
        """Take the elements before this key, whose places are known. None means all elements."""
        for place, key, value in self.unplaced.passed(before):
            self._consider(key, named(self.node, value, place))

    def _consider(self, key: Key, given: dict[str, Json]) -> None:
        where = self.node.where
        self.turns.put(partial(self._enter, key, given) if where is None else partial(self._ask, where, key, given))

    def result(self, number: int, result: Json) -> None:
        """Give the result of an element with its rank, or hold it until the rank is known."""
        self.keys.pop(number, None)
        rank = self.ranks.rank(number)
        if rank is None:
            self.held[number] = result
        else:
            self.give(rank, result)

    def _ask(self, where: p.Expr, key: Key, given: dict[str, Json]) -> None:
        """Work out the map's condition for an element. Hold the later elements until it is known."""
        if not self.over:
            self.turns.hold()
            self.machine.reads.attempt(self, partial(self._decide, where, key, given))

    def _decide(self, where: p.Expr, key: Key, given: dict[str, Json]) -> None:
        try:
            wanted = bool(evaluate(where, Scope(self.machine.context, self.frame).among(given)))
        except FlowrunError as error:
            self.give_up(Failure(self.around.path, str(error), error))
            wanted = False
        if wanted:
            self._enter(key, given)
        self.turns.go_on()

    def _enter(self, key: Key, given: dict[str, Json]) -> None:
        if self.over:
            return
        number = self.ranks.enter(key)
        self.keys[number] = key
        self.pace.total += 1
        at = self.machine.context.now()
        self.machine.events.append(e.BlockGrew(self.around.path, 1, self.step.layout.once, at=at))
        self.begin(number, given)

    def _rank(self, before: Key | None) -> None:
        """Give the held results before this key to the combiner, because their ranks are known.

        None means all results.
        """
        if not self.over:
            for number in self.ranks.passed(before):
                if number in self.held:
                    self.result(number, self.held.pop(number))

    def _end_list(self) -> None:
        if not self.over and not self.too_many():
            self._rank(None)
            super().close()
