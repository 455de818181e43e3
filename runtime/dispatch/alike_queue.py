"""The queue for places at an endpoint whose server keeps the beginnings of prompts.

Lanes take turns, as in every queue. Within a lane a place goes on with a prompt that begins like the one that it has
just had, so that a server finds the beginning in its cache. After that come beginnings that no place has at the time:
so a beginning is read in few places. The policy follows the cache-aware routers of SGLang and of vLLM's production
stack, which keep a trie of the prompts that they have sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Generic

from flowrun.dsl import dataclass

from ..engine.strands import MOST_STRANDS
from .batch import Batch
from .endpoint import Endpoint, keeps_prompts
from .queues import FairQueue, T

MOST_PASSED = 64
"""An item goes next when so many more items have been taken than had come before it, and two for each that waits."""
_FIRST_LOOK = 64
"""The characters by which prompts are told apart at first. Each deeper look takes half as many more."""


@dataclass(eq=False, slots=True)
class _Node(Generic[T]):
    """A beginning of prompts. Its ``children`` are the longer ones, None if all its prompts are alike or it has one.

    ``waiting`` and ``out`` are the items here, without those of children. ``queued`` and ``sent`` count the items with
    this beginning that wait and that are being answered. ``warm``, ``cold`` and ``busy`` are the children with waiting
    items: those that no place has any more, those that none had yet, and those that a place has.
    """

    parent: _Node[T] | None
    key: str
    start: int
    until: int
    children: dict[str, _Node[T]] | None = None
    waiting: dict[T, None] = field(default_factory=dict)
    out: dict[T, None] = field(default_factory=dict)
    queued: int = 0
    sent: int = 0
    was_sent: bool = False
    warm: dict[_Node[T], None] = field(default_factory=dict)
    cold: dict[_Node[T], None] = field(default_factory=dict)
    busy: dict[_Node[T], None] = field(default_factory=dict)
    group: dict[_Node[T], None] | None = None

    def next(self) -> _Node[T]:
        """Return the child for a place that is free. No more than ``MOST_STRANDS`` have places if it can be helped."""
        if self.warm:
            return next(iter(self.warm))
        if self.cold and len(self.busy) < MOST_STRANDS:
            return next(iter(self.cold))
        return min(self.busy, key=lambda child: child.sent)

    def place(self) -> None:
        """Put this node into the group of its parent where it belongs."""
        parent = self.parent
        if parent is None:
            return
        if not self.queued:
            group = None
        elif self.sent:
            group = parent.busy
        else:
            group = parent.warm if self.was_sent else parent.cold
        if group is not self.group:
            if self.group is not None:
                del self.group[self]
            if group is not None:
                group[self] = None
            self.group = group


class _Lane(Generic[T]):
    """The waiting items of one lane, in a trie of their texts, and those that are being answered.

    A beginning is looked at only as far as two prompts share it.
    """

    def __init__(self, text_of: Callable[[T], str]) -> None:
        self._text_of = text_of
        self._root: _Node[T] = _Node(None, "", 0, 0)
        self._at: dict[T, _Node[T]] = {}
        self._first: deque[T] = deque()
        self._came: deque[tuple[int, T]] = deque()
        self._arrived = self._taken = 0
        self._chosen: T | None = None

    def __bool__(self) -> bool:
        """True if an item waits."""
        return bool(self._first) or self._root.queued > 0

    @property
    def idle(self) -> bool:
        """True if no item waits or is being answered."""
        return not self._first and not self._at

    def __iter__(self) -> Iterator[T]:
        yield from self._first
        for _, item in self._came:
            node = self._at.get(item)
            if node is not None and item in node.waiting:
                yield item

    def put(self, item: T) -> None:
        self._arrived += 1
        self._came.append((self._arrived, item))
        self._enter(item)

    def put_first(self, item: T) -> None:
        self._first.appendleft(item)

    def choose(self, after: T | None) -> T:
        """Choose the next item, for a place that has just had the item ``after``."""
        if self._first:
            self._chosen = self._first[0]
            return self._chosen
        came, at = self._came, self._at
        while came[0][1] not in at or came[0][1] not in at[came[0][1]].waiting:
            came.popleft()
        if self._taken - came[0][0] >= MOST_PASSED + 2 * self._root.queued:
            self._chosen = came[0][1]
            return self._chosen
        node = self._root if after is None else self._nearest(self._text_of(after))
        while node.children is not None:
            node = node.next()
        self._chosen = next(iter(node.waiting))
        return self._chosen

    def take(self) -> T:
        """Take out the chosen item. Until it is ``left``, it counts as being answered."""
        item = self._chosen
        assert item is not None
        self._chosen = None
        if self._first and self._first[0] is item:
            self._first.popleft()
            self._enter(item)
        else:
            self._taken += 1
        node = self._at[item]
        del node.waiting[item]
        node.out[item] = None
        self._count(node, -1, 1)
        return item

    def left(self, item: T) -> None:
        """Record that an item is not being answered any more."""
        node = self._at.get(item)
        if node is None or item not in node.out:
            return
        del node.out[item], self._at[item]
        self._count(node, 0, -1)
        while node.parent is not None and not node.queued and not node.sent:
            # Nothing has this beginning any more.
            parent = node.parent
            assert parent.children is not None
            del parent.children[node.key]
            if not parent.children:
                parent.children = None
            node = parent

    def _enter(self, item: T) -> None:
        """Enter an item into the trie, below the longest beginning that it shares with another one."""
        node = self._root
        if node.queued or node.sent:
            text = self._text_of(item)
            while node.children is not None or node.queued or node.sent:
                if node.children is None and not self._divide(node, text):
                    break
                node = self._child(node, text)
        node.waiting[item] = None
        self._at[item] = node
        self._count(node, 1, 0)

    def _divide(self, node: _Node[T], text: str) -> bool:
        """Give a node children. Return False if all its prompts end here, and the text does too."""
        one = next(iter(node.waiting or node.out))
        if len(text) <= node.until and len(self._text_of(one)) <= node.until:
            return False
        child = self._child(node, self._text_of(one))
        child.waiting, child.out, child.was_sent = node.waiting, node.out, bool(node.out)
        child.queued, child.sent = node.queued, node.sent
        node.waiting, node.out = {}, {}
        self._at.update(dict.fromkeys((*child.waiting, *child.out), child))
        child.place()
        return True

    def _child(self, node: _Node[T], text: str) -> _Node[T]:
        if node.children is None:
            node.children = {}
        until = max(_FIRST_LOOK, node.until + node.until // 2)
        key = text[node.until : until]
        child = node.children.get(key)
        if child is None:
            child = node.children[key] = _Node(node, key, node.until, until)
        return child

    def _nearest(self, text: str) -> _Node[T]:
        """Find the longest beginning of a text that waiting items have, too."""
        node = self._root
        while node.children is not None:
            child = node.children.get(text[node.until : max(_FIRST_LOOK, node.until + node.until // 2)])
            if child is None or not child.queued:
                break
            node = child
        return node

    def _count(self, node: _Node[T] | None, queued: int, sent: int) -> None:
        while node is not None:
            node.queued += queued
            node.sent += sent
            node.was_sent = node.was_sent or sent > 0
            node.place()
            node = node.parent


class AlikeQueue(FairQueue[T]):
    """A fair queue whose lanes prefer prompts that begin alike. ``text_of`` gives the text of an item."""

    def __init__(self, text_of: Callable[[T], str]) -> None:
        self._text_of = text_of
        self._tries: dict[int, _Lane[T]] = {}
        self._turns: dict[int, _Lane[T]] = {}
        self._of: dict[T, int] = {}

    def __bool__(self) -> bool:
        return bool(self._turns)

    def __iter__(self) -> Iterator[T]:
        return (item for lane in self._turns.values() for item in lane)

    def put(self, lane: int, item: T) -> None:
        self._lane(lane).put(item)

    def put_first(self, lane: int, item: T) -> None:
        self._lane(lane).put_first(item)

    def peek(self, after: T | None = None) -> T:
        return next(iter(self._turns.values())).choose(after)

    def pop(self) -> T:
        number, lane = next(iter(self._turns.items()))
        item = lane.take()
        self._of[item] = number
        del self._turns[number]
        if lane:
            self._turns[number] = lane
        return item

    def left(self, item: T) -> None:
        number = self._of.pop(item, None)
        if number is not None:
            lane = self._tries[number]
            lane.left(item)
            if lane.idle:
                del self._tries[number]

    def clear(self) -> list[T]:
        items = list(self)
        self._turns.clear()
        self._tries.clear()
        self._of.clear()
        return items

    def _lane(self, number: int) -> _Lane[T]:
        lane = self._tries.get(number)
        if lane is None:
            lane = self._tries[number] = _Lane(self._text_of)
        if number not in self._turns:
            self._turns[number] = lane
        return lane


def queue_at(endpoint: Endpoint) -> FairQueue[Batch]:
    """Make the queue for places at an endpoint."""
    return AlikeQueue(_text_of) if keeps_prompts(endpoint.provider) and endpoint.live is None else FairQueue()


def _text_of(batch: Batch) -> str:
    """Return the prompt of a batch as one text, that of the system first. Some servers read it first."""
    prompt = batch.prompt
    if prompt.text is None:
        calls = batch.calls or batch.asked
        messages = calls[0].request.messages if calls else ()
        if len(messages) == 1:
            prompt.text = messages[0].text
        else:
            system = [one.text for one in messages if one.role == "system"]
            prompt.text = "\n".join(system + [one.text for one in messages if one.role != "system"])
    return prompt.text
