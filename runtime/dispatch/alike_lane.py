"""A lane of a queue whose items are compared by the beginnings of their texts, in a trie.

A place goes on with a prompt that begins like the one that it has just had, so that a server finds the beginning in its
cache. After that come beginnings that no place has at the time: so a beginning is read in few places. The policy
follows the cache-aware routers of SGLang and of vLLM's production stack, which keep a trie of what they have sent.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Generic

from flowrun.dsl import dataclass

from ..engine.strands import MOST_STRANDS
from .queues import T

MOST_PASSED = 64
"""An item goes next when so many more items have been taken than had come before it, and two for each that waits."""
_LOOKS = 64
"""After so many choices a lane looks whether it pays to compare prompts."""
_PAYS = 4
"""The comparison pays if so many of these choices have found a prompt that begins like the last one of the place."""
_UNSEEN = 2048
"""So many items are not compared where it did not pay."""
_FIRST_LOOK = 64
"""The characters by which prompts are told apart at first. Each deeper look takes half as many more."""


@dataclass(eq=False, slots=True)
class _Node(Generic[T]):
    """A beginning of prompts, which ends at the character ``until``.

    Its ``children`` are longer ones, None if all its prompts are alike or it has only one. Without children, it has
    the items themselves: ``waiting``, and ``out`` if they are being answered. ``queued`` and ``sent`` count these
    items, with those of children. ``group`` is the one of its parent's that it is in.
    """

    parent: _Node[T] | None = None
    key: str = ""
    until: int = 0
    queued: int = 0
    sent: int = 0
    was_sent: bool = False
    group: dict[_Node[T], None] | None = None
    waiting: dict[T, None] | None = None
    out: dict[T, None] | None = None
    children: _Children[T] | None = None

    def place(self) -> None:
        """Put this node into the group of its parent where it belongs."""
        parent = self.parent
        if parent is None or parent.children is None:
            return
        groups, group = parent.children, None
        if self.queued:
            group = groups.busy if self.sent else groups.warm if self.was_sent else groups.cold
        if group is not self.group:
            if self.group is not None:
                del self.group[self]
            if group is not None:
                group[self] = None
            self.group = group


@dataclass(eq=False, slots=True)
class _Children(Generic[T]):
    """The children of a node by their keys, which are as long as ``until`` tells.

    Those with waiting items are in groups: ``warm`` are those that no place has any more, ``cold`` those that none had
    yet, and ``busy`` those that a place has.
    """

    until: int
    all: dict[str, _Node[T]] = field(default_factory=dict)
    warm: dict[_Node[T], None] = field(default_factory=dict)
    cold: dict[_Node[T], None] = field(default_factory=dict)
    busy: dict[_Node[T], None] = field(default_factory=dict)

    def next(self) -> _Node[T]:
        """Return the child for a place that is free. No more than ``MOST_STRANDS`` have places if it can be helped."""
        if self.warm:
            return next(iter(self.warm))
        if self.cold and len(self.busy) < MOST_STRANDS:
            return next(iter(self.cold))
        return min(self.busy, key=lambda child: child.sent)


@dataclass(eq=False, slots=True)
class _Worth:
    """The count that tells whether it pays to compare prompts. ``unseen`` is the number of items to come without it."""

    unseen: int = 0
    looks: int = 0
    hits: int = 0

    def look(self, *, found: bool) -> None:
        """Note whether a choice has ``found`` a beginning that tells some of the prompts from others."""
        self.looks += 1
        self.hits += found
        if self.looks == _LOOKS:
            self.unseen = _UNSEEN if self.hits < _PAYS else 0
            self.looks = self.hits = 0


class AlikeLane(Generic[T]):
    """The waiting items of one lane, in a trie of their texts, and those that are being answered.

    A beginning is looked at only as far as two prompts share it. Where no prompts of a lane begin alike, most items are
    not compared. They stay in ``plain``, in the order in which they came.
    """

    def __init__(self, number: int, text_of: Callable[[T], str]) -> None:
        self.number = number
        self._text_of = text_of
        self._root: _Node[T] = _Node()
        self._at: dict[T, _Node[T]] = {}
        self._first: deque[T] = deque()
        self._came: OrderedDict[T, int] = OrderedDict()
        self._plain: deque[tuple[T, int]] = deque()
        self._arrived = self._taken = self._out = 0
        self._worth = _Worth()
        self._chosen: T | None = None

    def __bool__(self) -> bool:
        """True if an item waits."""
        return bool(self._plain or self._first) or self._root.queued > 0

    @property
    def idle(self) -> bool:
        """True if no item waits or is being answered."""
        return not self and not self._out

    def __iter__(self) -> Iterator[T]:
        yield from self._first
        yield from (item for item, _ in self._plain)
        yield from self._came

    def put(self, item: T) -> None:
        self._arrived += 1
        if self._worth.unseen:
            self._worth.unseen -= 1
            self._plain.append((item, self._arrived))
            return
        self._came[item] = self._arrived
        self._enter(item)

    def put_first(self, item: T) -> None:
        self._first.appendleft(item)

    def choose(self, after: T | None) -> T:
        """Choose the next item, for a place that has just had the item ``after``."""
        if self._first:
            self._chosen = self._first[0]
            return self._chosen
        if self._plain and not self._came:
            self._chosen = self._plain[0][0]
            return self._chosen
        oldest = next(iter(self._came)) if self._came else None
        if self._plain:
            first, arrived = self._plain[0]
            if oldest is None or arrived < self._came[oldest]:
                self._chosen = first
                return first
        assert oldest is not None
        if self._taken - self._came[oldest] >= MOST_PASSED + 2 * self._root.queued:
            self._chosen = oldest
            return oldest
        node = self._root if after is None else self._nearest(self._text_of(after))
        if after is not None and self._root.queued > 1:
            root = self._root
            self._worth.look(found=root.queued + root.sent > node.queued + node.sent)
        while node.children is not None:
            node = node.children.next()
        assert node.waiting is not None
        self._chosen = next(iter(node.waiting))
        return self._chosen

    def take(self) -> T:
        """Take out the chosen item. Until it has ``left``, it counts as being answered."""
        item = self._chosen
        assert item is not None
        self._chosen = None
        self._out += 1
        if self._plain and self._plain[0][0] is item:
            self._plain.popleft()
            self._taken += 1
            return item
        if self._first and self._first[0] is item:
            self._first.popleft()
            self._enter(item)
        else:
            self._taken += 1
            del self._came[item]
        node: _Node[T] | None = self._at[item]
        assert node is not None
        assert node.waiting is not None
        del node.waiting[item]
        node.out = node.out or {}
        node.out[item] = None
        while node is not None:
            node.queued -= 1
            node.sent += 1
            node.was_sent = True
            if not node.queued or node.sent == 1:
                node.place()
            node = node.parent
        return item

    def left(self, item: T) -> None:
        """Record that an item is not being answered any more."""
        self._out -= 1
        node = self._at.pop(item, None) if self._at else None
        if node is None or node.out is None:
            return
        del node.out[item]
        while node is not None:
            node.sent -= 1
            parent = node.parent
            if not node.sent:
                if node.queued:
                    node.place()
                elif parent is not None and parent.children is not None:
                    # Nothing has this beginning any more.
                    del parent.children.all[node.key]
                    if not parent.children.all:
                        parent.children = None
            node = parent

    def _enter(self, item: T) -> None:
        """Enter an item into the trie, below the longest beginning that it shares with another one."""
        node = self._root
        if node.queued or node.sent:
            text = self._text_of(item)
            while node.queued or node.sent:
                if node.children is None and not self._divide(node, len(text)):
                    break
                node = _child(node, text)
        if node.waiting is None:
            node.waiting = {}
        node.waiting[item] = None
        self._at[item] = node
        above: _Node[T] | None = node
        while above is not None:
            above.queued += 1
            if above.queued == 1:
                above.place()
            above = above.parent

    def _divide(self, node: _Node[T], length: int) -> bool:
        """Give a node children. Return False if all its prompts end here, and one of this ``length`` does, too."""
        text = self._text_of(next(iter(node.waiting or node.out or ())))
        if max(length, len(text)) <= node.until:
            return False
        node.children = _Children(max(_FIRST_LOOK, node.until + node.until // 2))
        child = _child(node, text)
        child.waiting, child.out, child.was_sent = node.waiting, node.out, node.was_sent
        child.queued, child.sent = node.queued, node.sent
        node.waiting = node.out = None
        self._at.update(dict.fromkeys((*(child.waiting or ()), *(child.out or ())), child))
        child.place()
        return True

    def _nearest(self, text: str) -> _Node[T]:
        """Find the longest beginning of a text that waiting items have, too."""
        node = self._root
        while node.children is not None:
            child = node.children.all.get(text[node.until : node.children.until])
            if child is None or not child.queued:
                break
            node = child
        return node


def _child(node: _Node[T], text: str) -> _Node[T]:
    children = node.children
    assert children is not None
    key = text[node.until : children.until]
    child = children.all.get(key)
    if child is None:
        child = children.all[key] = _Node(node, key, children.until)
    return child
