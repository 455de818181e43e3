"""The heads of prompts: the beginnings that stay the same while a block around an ask runs its bodies.

A name stays the same if its value comes from outside of the body. The checker's reading of the template then tells how
far the text stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flowrun.dsl import dataclass, head_parts
from flowrun.dsl import plan as p

from ..plans.free_names import mentions, template
from ..values.prompt_cuts import Cuts
from ..vocabulary.call import Message
from ..vocabulary.image import Image
from .frames import NO_STEPS, Enclosing, Frame, PreparedStep

MOST_LEVELS = 3
"""The most blocks around a call whose heads are told apart. A server takes four places at which it keeps a prompt."""

Where = tuple[PreparedStep | None, ...]
"""The blocks around an ask, which tell its places in a plan apart."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of an ask at one place of the plan.

    ``levels`` are the numbers of the frames, counted outward, in which the bodies of repeating blocks have their names;
    the outermost comes first. ``cut`` has for each message the parts before which its text is cut, in order. ``ends``
    has for each message the place of its end at each level, among 0, the length of the text, and the cuts.
    """

    levels: tuple[int, ...]
    cut: tuple[tuple[int, ...], ...]
    ends: tuple[tuple[int, ...], ...]

    def cuts(self) -> list[Cuts]:
        """Make the notes for one rendering of the messages."""
        return [Cuts(parts) for parts in self.cut]

    def messages(
        self, ask: p.Ask, texts: Sequence[tuple[str, tuple[Image, ...]]], cuts: Sequence[Cuts]
    ) -> tuple[Message, ...]:
        """Make the messages with their heads. Each text comes with its images."""
        found = []
        for message, (text, images), ends, cut in zip(ask.messages, texts, self.ends, cuts, strict=True):
            places = (0, len(text), *cut.ends)
            found.append(Message(message.role, text, images, tuple([places[end] for end in ends])))
        return tuple(found)


def _heads(levels: Sequence[int], parts: Iterable[tuple[int | None, ...]]) -> Heads:
    """Make the heads of an ask. ``parts`` has for each message the parts of its head at each level.

    A part is None if the message stays the same as a whole.
    """
    cut, ends = [], []
    for one in parts:
        each = tuple(sorted({part for part in one if part}))
        place: dict[int | None, int] = {0: 0, None: 1, **{part: 2 + at for at, part in enumerate(each)}}
        cut.append(each)
        ends.append(tuple([place[part] for part in one]))
    return Heads(tuple(levels), tuple(cut), tuple(ends))


def where(frame: Frame) -> Where:
    """Return the place of a frame in the plan, the same for all bodies of a block."""
    # Each call asks for its place, and a loop takes half the time of a generator.
    steps: list[PreparedStep | None] = []
    around: Frame | None = frame
    while around is not None:
        block = around.block
        steps.append(None if block is None else block.step)
        around = around.parent if block is None else block.frame
    return tuple(steps)


def heads_of(ask: p.Ask, frame: Frame) -> Heads | None:
    """Find the heads of an ask whose names are looked up in a frame. None outside of all repeating blocks."""
    frames = list(_outward(frame))
    levels = [number for number, one in enumerate(frames) if _repeats(one)]
    if not levels:
        return None
    levels = levels[MOST_LEVELS - 1 :: -1]
    names = {name for message in ask.messages for name in template(message.template)}
    places = {
        name: _place(name, frames, 0) if name not in ask.given else _nearest(ask.given[name].value, frames, 0)
        for name in names
    }
    each = []
    for level in levels:
        varying = frozenset(name for name, place in places.items() if place <= level)
        each.append(_chained(ask.messages, [head_parts(one.template, varying) for one in ask.messages]))
    return _heads(levels, zip(*each, strict=True))


class KnownHeads:
    """The heads of one ask at the places of its plan. Each is found once."""

    __slots__ = ("_found", "_latest")

    def __init__(self) -> None:
        self._found: dict[Where, Heads | None] = {}
        self._latest: tuple[Enclosing | None, Heads | None] = None, None

    def at(self, ask: p.Ask, frame: Frame) -> Heads | None:
        """Return the heads of the ask in a frame. None outside of all repeating blocks, or if a person is asked."""
        block, (latest, heads) = frame.block, self._latest
        if block is not None and block is latest:
            # The bodies of one block have the same heads.
            return heads
        place = where(frame)
        if place not in self._found:
            self._found[place] = None if ask.person else heads_of(ask, frame)
        self._latest = block, self._found[place]
        return self._found[place]


def none_left() -> int | None:
    """Return the number of calls that a journal can answer if its answers begin with the first call."""
    return 0


def expected(heads: Heads, frame: Frame, *, sure: bool, known: int | None = 0) -> tuple[int, ...]:
    """Count the calls that are sure to come with each head, with this call among them. ``sure`` if no `when` decides.

    Only a map over a complete list knows it. All others count this call alone. The journal may answer
    ``known`` of them. If that is None, nothing is counted.
    """
    if known is None:
        return ()
    counts: list[int] = []
    more = 0
    # A reducer asks as often as the results need.
    sure = sure and not (frame.block is None and _repeats(frame))
    around: Frame | None = frame
    for number in range(heads.levels[0] + 1):
        assert around is not None
        block = around.block
        if number in heads.levels:
            if sure and block is not None:
                more += block.to_come
            counts.append(1 + max(0, more - known))
        sure = sure and (block is None or (block.step.when is None and block.step.kind in _CERTAIN))
        around = around.parent if block is None else block.frame
    counts.reverse()
    return tuple(counts)


_CERTAIN = frozenset({"map", "repeat", "chain", "fanout", "flow"})
"""The kinds of blocks whose steps all run."""


def _outward(frame: Frame) -> Iterator[Frame]:
    """Yield a frame and those around it, also those around the call of a flow."""
    around: Frame | None = frame
    while around is not None:
        yield around
        around = around.parent if around.block is None else around.block.frame


def _repeats(frame: Frame) -> bool:
    """Tell whether a frame is one of several: a body of a map, of a repeat or of rounds, or a call of a reducer."""
    block = frame.block
    if block is None:
        return frame.layout is NO_STEPS and frame.parent is not None
    return block.step.kind in ("map", "repeat", "rounds")


def _place(name: str, frames: Sequence[Frame], start: int) -> int:
    """Return the number of the innermost frame on which the value of a name depends."""
    # Called flows may be nested deeper than Python's stack.
    nearest, todo, seen = len(frames), [(name, start)], set[tuple[str, int]]()
    while todo:
        if (one := todo.pop()) in seen:
            continue
        seen.add(one)
        number, further = _looked_up(*one, frames)
        todo += further
        nearest = min(nearest, number)
    return nearest


def _looked_up(name: str, start: int, frames: Sequence[Frame]) -> tuple[int, list[tuple[str, int]]]:
    """Return the number of the frame that gives a name its value, and the names on which this value depends instead."""
    for number in range(start, len(frames)):
        frame = frames[number]
        if name in frame.given:
            if frame.parent is not None or frame.block is None:
                return number, []
            # A parameter of a called flow depends on its argument.
            node = getattr(frame.block.step, "node", None)
            value = node.args.get(name) if isinstance(node, p.FlowCall) else None
            return len(frames), [] if value is None else [(one, number + 1) for one in mentions([value])]
        if name in frame.values:
            return number, []
    return len(frames), []


def _nearest(value: p.Expr, frames: Sequence[Frame], start: int) -> int:
    return min((_place(name, frames, start) for name in mentions([value])), default=len(frames))


def _chained(messages: Sequence[p.Message], parts: Sequence[int | None]) -> list[int | None]:
    """Return the parts of each message, with none behind the first message that does not stay the same as a whole.

    A server may read the words of the system first, wherever they stand.
    """
    found: list[int | None] = []
    for number, part in enumerate(parts):
        before = [other for at, other in enumerate(parts) if at < number]
        if messages[number].role != "system":
            before += [other for at, other in enumerate(parts) if messages[at].role == "system"]
        found.append(part if all(other is None for other in before) else 0)
    return found
