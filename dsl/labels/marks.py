"""The lattice of the analysis: the influence of one element of a source on one value.

A source is a parameter labelled `untrusted`, a file that is read under this label, or the result of such an extern. An
element is one item of a source that is a list. A source that is no list is one element, and so is all that is cut from
it: the sections of a document have one writer.

A value without a mark for a source does not depend on it. A mark says four things.

The relation, from the least to the greatest:

- own: the value stands in a loop, and depends only on the element of the same iteration. ``axes`` names these loops.
  Behind the loop a list keeps the relation for each of its items: the items are apart. An item depends on one element.
- counted: a rule has counted one small answer for each element, as a vote does.
- joined: each element of the source can change the value.

The width: ``bits`` is the most bits that one element can write. A choice of three words takes log2(3) bits, however
much text the ask has read. ``free`` says that the value can contain words that are not written in the flow's file: a
text, a number without bounds, or JSON. A list of choices has no greatest length, so it has no greatest number of bits,
but it is not free: each of its words is in the file.

The channels: the content of the value; the control (a `when`, a `where`, a failed element that is skipped); the time of
a race; the count (a length, a tally, a vote that ends early).

The trail: the names on the way from the source, for messages.

``many`` says that one element can write several items of a list. ``several`` says that a value of one iteration joins
several elements, which were read inside it. ``steered`` says that the value was written by an ask
that has read free text of the source, whatever its type cut away. ``told`` says that an ask has joined the texts of
several elements before.

A reading of several values adds their bits. So the bits are an upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import NamedTuple

from ..records import dataclass

CONTENT, CONTROL, TIME, COUNT = 1, 2, 4, 8
CHANNELS = {CONTENT: "content", CONTROL: "control", TIME: "time", COUNT: "count"}
OWN, COUNTED, JOINED = 0, 1, 2
NUMBER_BITS = 64.0
"""The bits of a number that a rule computes, or of a number with a decimal point between two bounds."""
LENGTH_BITS = 32.0
"""The bits of a length or a share. No text and no list of a run has 2^32 parts."""


@dataclass(frozen=True, slots=True)
class Trail:
    """A name on the way from a source, and the way before it."""

    name: str
    before: Trail | None = None

    def names(self) -> tuple[str, ...]:
        """Return the names from the source on."""
        found: list[str] = []
        at: Trail | None = self
        while at is not None:
            if at.name and (not found or found[-1] != at.name):
                found.append(at.name)
            at = at.before
        return tuple(reversed(found))


class Mark(NamedTuple):
    """The influence of one element of a source on a value."""

    axes: frozenset[str] = frozenset()
    mix: int = OWN
    bits: float = 0.0
    free: bool = False
    channels: int = CONTENT
    many: bool = False
    several: bool = False
    steered: bool = False
    told: bool = False
    trail: Trail = Trail("")

    @property
    def content(self) -> tuple[object, ...]:
        """The mark without its trail. Two marks that differ in the trail alone are the same influence."""
        return self[:-1]

    @property
    def joins(self) -> bool:
        """True if the value joins the free texts of several elements."""
        return self.free and (self.mix == JOINED or self.several)

    @property
    def relation(self) -> str:
        """The relation in one word: "own", "counted" or "joined"."""
        return ("own", "counted", "joined")[self.mix]

    @property
    def named_channels(self) -> tuple[str, ...]:
        return tuple(name for bit, name in CHANNELS.items() if self.channels & bit)


Reach = Mapping[str, Mark]
"""The marks of a value, by the key of their source."""
NOTHING: Reach = {}


def added(first: Mark, second: Mark) -> Mark:
    """Return the mark of a value that is made of two values, or is one of them."""
    if first is second or first[:-1] == second[:-1]:
        return first
    better = first if (first.free, first.bits) >= (second.free, second.bits) else second
    return Mark(
        first.axes | second.axes,
        max(first.mix, second.mix),
        first.bits + second.bits,
        first.free or second.free,
        first.channels | second.channels,
        first.many or second.many,
        first.several or second.several,
        first.steered or second.steered,
        # A text that no ask has joined yet stays to be told of.
        (first.told or not first.joins) and (second.told or not second.joins) and (first.told or second.told),
        better.trail,
    )


def union(*reaches: Reach) -> Reach:
    """Return the marks of a value that is made of values with these marks."""
    found: dict[str, Mark] | None = None
    first: Reach = NOTHING
    for reach in reaches:
        if not reach or reach is first:
            continue
        if not first:
            first = reach
            continue
        if found is None:
            found = dict(first)
        for source, mark in reach.items():
            known = found.get(source)
            found[source] = mark if known is None else added(known, mark)
    return first if found is None else found


def widest(first: Reach, second: Reach) -> Reach:
    """Return the marks of a value that has these marks at one time, and those at another."""
    if not second or first is second:
        return first
    if not first:
        return second
    found = dict(first)
    for source, mark in second.items():
        known = found.get(source)
        found[source] = mark if known is None else added(known, mark)._replace(bits=max(known.bits, mark.bits))
    return found


def changed(reach: Reach, change: Callable[[Mark], Mark]) -> Reach:
    return {source: change(mark) for source, mark in reach.items()} if reach else reach


def narrowed(reach: Reach, bits: float, channels: int = CONTENT) -> Reach:
    """Return the marks of a value that takes at most so many bits from values with these marks, and no free text."""

    def narrow(mark: Mark) -> Mark:
        return mark._replace(
            bits=min(mark.bits, bits), free=False, channels=channels, steered=mark.steered or mark.free
        )

    return changed(reach, narrow)


def control(reach: Reach) -> Reach:
    """Return the marks of a decision with two outcomes, such as a `when`."""
    return narrowed(reach, 1.0, CONTROL)


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of a loop: its axis, and for each source that was read inside nested loops the axis around.

    ``mix`` is the relation that the marks of the loop's own elements get. An element that can write more than one
    result of the loop is joined in any case.
    """

    axis: str
    around: Mapping[str, str] = field(default_factory=dict)
    mix: int = JOINED

    def mark(self, source: str, mark: Mark) -> Mark:
        if self.axis not in mark.axes:
            return mark
        outer = self.around.get(source)
        if outer is not None:
            return mark._replace(axes=mark.axes - {self.axis} | {outer}, several=mark.several or self.mix == JOINED)
        alone = len(mark.axes) == 1 and mark.mix == OWN and not mark.many
        return mark._replace(axes=mark.axes - {self.axis}, mix=self.mix if alone else JOINED)

    def reach(self, reach: Reach) -> Reach:
        if not any(self.axis in mark.axes for mark in reach.values()):
            return reach
        return {source: self.mark(source, mark) for source, mark in reach.items()}
