"""The capabilities of one server, learnt from its replies and rejections in this run and in earlier ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ..vocabulary.call import Message
from .failures import RejectedError
from .records import Record, for_shape
from .rejections import SAMPLES, SHAPE, is_named, of_every_schema, signature
from .structured import Shape
from .trials import Lesson

_STRIKES = 3
"""A server must reject something this often before it is believed, if it accepted the same before."""
_SILENT = 2
"""A server must have ignored this many shapes in one mode, until that mode is given up for all shapes."""
_WITHOUT_SCHEMA = frozenset({"json_object"})
"""Modes that send no schema: a server takes them for every schema or for none."""
_SEARCHES = 16
"""After this many failed searches, a request leaves out only the parts that the server names."""
_MOST = 4096
"""The most doubted prompts, and the most fruitless searches, that are remembered."""


class Capabilities:
    """The parts of a request that one server accepts or refuses.

    ``version`` grows with each lesson. ``served`` is the most samples that the server ever gave in one reply. The
    record begins with the refusals that earlier runs met, and gets those that the server utters in this run.
    ``lacking`` are the parts that the server's documentation refuses.
    """

    def __init__(self, modes: Sequence[str], record: Record, lacking: frozenset[str] = frozenset()) -> None:
        self.version = 0
        self.served = 1
        self._modes = modes
        self._record = record
        self._refused_for = {part for part in record.refused if ":" in part}
        self._refused = frozenset(record.refused - self._refused_for) | lacking
        self._good: Counter[tuple[str, str]] = Counter()
        self._silent: Counter[tuple[str, str]] = Counter()
        self._strikes: Counter[tuple[str, str]] = Counter()
        self._doubted: dict[tuple[str, int], str] = {}
        self._fruitless: set[tuple[str, ...]] = set()
        self._in_vain = 0

    def lacks(self, shape: Shape | None, messages: tuple[Message, ...]) -> frozenset[str]:
        """Return the parts that a request must leave out: parameters, and ways to ask for the shape of the answer."""
        if shape is None or not (self._refused_for or self._doubted):
            return self._refused
        without = {mode for mode in self._modes if for_shape(mode, shape.key) in self._refused_for}
        if doubt := self._doubt(shape, messages):
            without.add(self._doubted[doubt])
        return self._refused | without

    def proven(self, shape: Shape | None, mode: str, samples: int) -> set[str]:
        """Return the parts of such a request that the server has accepted before."""
        found = {SAMPLES} if samples <= self.served else set()
        return found | {SHAPE} if shape is not None and self._good[mode, shape.key] else found

    def learn(self, lesson: Lesson, shape: Shape | None, samples: int) -> bool:
        """Remember the lesson of a trial with this many samples. Return False if it proves too little yet.

        If the server refuses one schema, this tells nothing about other schemas. It does if the server says that it
        does not know this way to ask for a shape.
        """
        if lesson.part == SAMPLES:
            if samples <= self.served and not self._struck(SAMPLES, ""):
                return False
        elif lesson.part != SHAPE or shape is None:
            self._refuse_always(lesson.without)
        else:
            believed = [self._refuse(mode, shape, lesson.rejected) for mode in lesson.without]
            if not any(believed):
                return False
        self.version += 1
        return True

    def hear(self, shape: Shape, mode: str, messages: tuple[Message, ...], *, fits: bool) -> str:
        """Learn from a reply whether the server respects the shape. Return the mode that is given up, or "".

        ``fits`` says that an answer of the reply has the shape. If no answer has it, the prompt may be the cause. So
        the next request for this prompt asks in another mode. If that helps, the server has ignored the shape.
        """
        doubt = self._doubt(shape, messages) if self._doubted else None
        if doubt is None:
            if fits:
                self._good[mode, shape.key] += 1
            elif mode != self._modes[-1]:
                if len(self._doubted) >= _MOST:
                    self._doubted.clear()
                self._doubted[shape.key, hash(messages)] = mode
            return ""
        doubted = self._doubted[doubt]
        if doubted == mode and not fits:
            # This request was sent before the doubt arose.
            return ""
        del self._doubted[doubt]
        if doubted == mode:
            self._good[mode, shape.key] += 1
        if doubted == mode or not fits:
            return ""
        self._silent[doubted, shape.key] += 1
        if self._silent[doubted, shape.key] <= self._good[doubted, shape.key] or self._is_refused(doubted, shape):
            return ""
        # Prompts may be the cause of the odd answers to one shape, so only this run believes it.
        self._refused_for.add(for_shape(doubted, shape.key))
        if not self._ever(doubted) and len({key for mode, key in self._silent if mode == doubted}) >= _SILENT:
            self._refuse_always({doubted})
        self.version += 1
        return doubted

    def fruitless(self, rejected: RejectedError, parts: Sequence[str], shape: Shape | None) -> bool:
        """Tell whether a search for the rejected part is useless.

        It is useless if a search with the same rejection, parts and shape has failed. After too many failed searches,
        it is useless for every rejection that names no part.
        """
        if _search(rejected, parts, shape) in self._fruitless:
            return True
        return self._in_vain >= _SEARCHES and not any(is_named(part, rejected) for part in parts)

    def give_up(self, rejected: RejectedError, parts: Sequence[str], shape: Shape | None, *, moved: bool) -> None:
        """Remember a search that found nothing. It has ``moved`` if the server then rejected something else."""
        self._in_vain += 1
        if not moved and len(self._fruitless) < _MOST:
            self._fruitless.add(_search(rejected, parts, shape))

    def _refuse(self, mode: str, shape: Shape, rejected: RejectedError) -> bool:
        if self._good[mode, shape.key] and not self._struck(mode, shape.key):
            return False
        if of_every_schema(rejected) and (mode in _WITHOUT_SCHEMA or not self._ever(mode)):
            self._refuse_always({mode})
        else:
            part = for_shape(mode, shape.key)
            self._refused_for.add(part)
            self._record.refused.add(part)
        return True

    def _refuse_always(self, parts: Iterable[str]) -> None:
        self._refused |= set(parts)
        self._record.refused.update(parts)

    def _is_refused(self, mode: str, shape: Shape) -> bool:
        return mode in self._refused or for_shape(mode, shape.key) in self._refused_for

    def _ever(self, mode: str) -> bool:
        """Tell whether any answer in this mode ever had the shape that was asked for."""
        return any(known == mode and good for (known, _), good in self._good.items())

    def _struck(self, what: str, key: str) -> bool:
        self._strikes[what, key] += 1
        return self._strikes[what, key] >= _STRIKES

    def _doubt(self, shape: Shape, messages: tuple[Message, ...]) -> tuple[str, int] | None:
        """Return the key of the doubt about this prompt, or about the prompt that it corrects. None without a doubt."""
        for asked in (messages, messages[:-2]):
            key = (shape.key, hash(asked))
            if key in self._doubted:
                return key
        return None


def _search(rejected: RejectedError, parts: Sequence[str], shape: Shape | None) -> tuple[str, ...]:
    return (signature(rejected), *parts, "" if shape is None else shape.key)
