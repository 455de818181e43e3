"""The prompt caches of servers. A server that keeps the beginnings of prompts charges less for reading one again.

So the first of several requests with the same long head is sent first, and the others follow when the server has begun
to answer it: it has then read the head. Some servers keep a head only if a request marks its end, and charge more for
the first reading. A request marks a head only if another one follows, or if the head is already kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import field, replace

from flowrun.dsl import dataclass

from ..vocabulary.call import Message, Request, schema_text
from ..vocabulary.usage import TokenDetail
from .batch import CHARACTERS, Batch, HeadEnd, Held
from .endpoint import Endpoint, asks_to_keep

PATIENCE = 10.0
"""The most seconds for which requests that mark their head wait until the server begins to answer the first of them."""
QUICK = 3.0
"""The same for a server that keeps prompts by itself: it has read the head by then, even if its answer takes longer."""
KEPT = 270.0
"""The seconds for which a server surely keeps a head after it was last read. Anthropic keeps it for five minutes."""
_REMEMBERED = 4096
"""The most heads that are remembered."""
_TRIED = 2
"""So many first requests may fail before the others wait for none any more."""


_MISSES = 8
"""So many requests in a row may pay for a head that the server should have kept, before no request marks one."""


@dataclass(eq=False, slots=True)
class _Head:
    """A head of prompts. ``lead`` is the batch that goes first, and ``followers`` wait for it.

    ``first`` is the number of the last lead.
    ``read`` is the time at which the server last read it and kept it, None if it does not keep it. ``asked`` is True if
    the lead asked the server to keep it. ``hurried`` is True if nobody waits for the lead any more.
    """

    lead: Batch | None = None
    first: int = 0
    followers: list[Batch] = field(default_factory=list)
    read: float | None = None
    asked: bool = False
    hurried: bool = False
    failed: int = 0
    timer: asyncio.TimerHandle | None = None

    def kept(self, now: float) -> bool:
        return self.read is not None and now - self.read < KEPT


class PromptCache:
    """The batches that are held back until a server has read the head of their prompts for another batch.

    ``hurry`` takes batches that have waited long enough.
    """

    def __init__(self, hurry: Callable[[list[Batch]], None]) -> None:
        self._hurry = hurry
        self._heads: dict[int, _Head] = {}
        self._missed: dict[Endpoint, int] = {}

    def holds(self, batch: Batch) -> bool:
        """Hold a batch if another batch with the same head was sent first. Return True if it must wait."""
        prompt = batch.prompt
        if prompt.marks is None:
            prompt.marks = _marks(batch)
        if not prompt.marks or not _patient(batch) or self._forgets(batch):
            return False
        now = asyncio.get_running_loop().time()
        for place, mark in enumerate(prompt.marks):
            head = self._head(mark.key)
            if head.kept(now):
                continue
            if head.lead is None:
                self._lead(batch, prompt.marks[place:], now)
                return False
            if head.hurried:
                return False
            if not head.followers:
                seconds = PATIENCE if _asks(batch) else QUICK
                head.timer = asyncio.get_running_loop().call_later(seconds, self._tired, head)
            head.followers.append(batch)
            batch.state = Held()
            return True
        return False

    def marked(self, batch: Batch) -> Request:
        """Return the request of a batch with its marks.

        It streams if others wait for the beginning of its answer, and its server surely can.
        """
        request = batch.asked[0].request
        if not batch.prompt.marks or self._forgets(batch):
            return request
        now, asks = asyncio.get_running_loop().time(), _asks(batch)
        cuts: list[tuple[int, int]] = []
        behind: list[Batch] = []
        waited = False
        for mark in batch.prompt.marks:
            head = self._head(mark.key)
            if not head.kept(now):
                if head.lead is None and batch.twin_of is None and _patient(batch):
                    self._lead(batch, (mark,), now)
                if head.lead is not batch and asks:
                    continue
                behind += head.followers if head.lead is batch else []
                follows = any(
                    other.calls and mark.key in [one.key for one in other.prompt.marks or ()] for other in behind
                )
                waited = waited or follows
                head.asked = not asks or follows or mark.expected > 1
                if not head.asked:
                    continue
            cuts.append(mark.end)
        if not cuts and not waited:
            return request
        stream = request.stream or (waited and getattr(batch.endpoint.provider, "tells_beginning", False))
        return replace(request, messages=_cut(request.messages, cuts), stream=stream)

    def release(self, batch: Batch, *, begun: bool) -> list[Batch]:
        """Release the batches that waited for this batch, which has ``begun`` to be answered, or has failed."""
        released: list[Batch] = []
        now = asyncio.get_running_loop().time() if batch.prompt.marks else 0.0
        for mark in batch.prompt.marks or ():
            head = self._heads.get(mark.key)
            if head is None:
                continue
            if head.lead is batch:
                head.lead = None
                head.hurried = False
                if begun and head.asked:
                    head.read, head.failed = now, 0
                elif not begun:
                    head.failed += 1
                    head.hurried = head.failed >= _TRIED
                if head.timer is not None:
                    head.timer.cancel()
                released += head.followers
                head.followers = []
            elif begun and head.kept(now):
                head.read = now
        return released

    def learn(self, batch: Batch, detail: TokenDetail) -> None:
        """Learn from an answer whether the server finds heads again that it should have kept."""
        if not batch.prompt.marks or not _asks(batch):
            return
        if detail.cached:
            self._missed[batch.endpoint] = 0
        elif detail.stored and all(head.first != batch.number for head in self._of(batch)):
            self._missed[batch.endpoint] = self._missed.get(batch.endpoint, 0) + 1

    def _of(self, batch: Batch) -> list[_Head]:
        return [self._heads[mark.key] for mark in batch.prompt.marks or () if mark.key in self._heads]

    def _forgets(self, batch: Batch) -> bool:
        """Tell whether a server charges for keeping heads and does not find them again."""
        return self._missed.get(batch.endpoint, 0) >= _MISSES

    def _head(self, key: int) -> _Head:
        if key not in self._heads:
            self._heads[key] = _Head()
            if len(self._heads) > _REMEMBERED:
                old = next((key for key, head in self._heads.items() if head.lead is None), key)
                del self._heads[old]
                self._heads.setdefault(key, _Head())
        return self._heads[key]

    def _lead(self, batch: Batch, marks: tuple[HeadEnd, ...], now: float) -> None:
        """Let a batch be the first with each head that no other batch has."""
        for mark in marks:
            head = self._head(mark.key)
            if head.lead is None and not head.kept(now):
                head.lead, head.first = batch, batch.number
                head.asked = not _asks(batch)

    def _tired(self, head: _Head) -> None:
        """Send the batches that have waited long enough. They do not mark the head, because it may not be kept yet."""
        head.hurried = True
        waiting, head.followers = head.followers, []
        self._hurry(waiting)


def _asks(batch: Batch) -> bool:
    """Tell whether the server keeps a head only where a request asks for it."""
    return asks_to_keep(batch.endpoint.provider)


def _patient(batch: Batch) -> bool:
    group = batch.calls[0].group if batch.calls else None
    return group is None or group.patient


def _marks(batch: Batch) -> tuple[HeadEnd, ...]:
    """Find the heads of a batch that its server keeps, the shortest first."""
    call, provider = batch.calls[0], batch.endpoint.provider
    least = getattr(provider, "keeps_from", None) or getattr(provider, "caches_from", None)
    if least is None or batch.prompt.tokens < least:
        return ()
    messages = call.request.messages
    levels = max([len(message.heads) for message in messages])
    whole = len(messages) - 1, len(messages[-1].text)
    found: list[HeadEnd] = []
    form = (call.model, call.request.choices, "" if call.request.schema is None else schema_text(call.request.schema))
    for level in range(levels):
        ends = [message.heads[level] if level < len(message.heads) else 0 for message in messages]
        last = max([number for number, end in enumerate(ends) if end], default=-1)
        if last < 0 or sum(ends) // CHARACTERS + _of_images(call.model, messages, ends) < least:
            continue
        end = last, ends[last]
        if end == whole and provider.samples > 1 and call.group is not None:
            # A request for several answers reads its prompt only once anyway.
            continue
        expected = call.policy.expected[level] if level < len(call.policy.expected) else 1
        if found and found[-1].end == end:
            expected = max(expected, found.pop().expected)
        texts = [(one.role, one.text[:length]) for one, length in zip(messages, ends, strict=True)]
        found.append(HeadEnd(hash((*form, *texts)), end, expected))
    return tuple(found)


def _of_images(model: str, messages: tuple[Message, ...], ends: list[int]) -> int:
    """Return the tokens of the images in the beginnings of messages."""
    found = [one for message, end in zip(messages, ends, strict=True) for one in message.images if one.until <= end]
    if not found:
        return 0
    from ..vocabulary.image_tokens import tokens_of  # few requests have images

    rule = tokens_of(model)
    return sum(rule(one.width, one.height) for one in found)


def _cut(messages: tuple[Message, ...], ends: list[tuple[int, int]]) -> tuple[Message, ...]:
    """Mark the ends of heads in the messages."""
    cuts: dict[int, list[int]] = {}
    for number, end in ends:
        cuts.setdefault(number, []).append(end)
    return tuple(
        [
            replace(message, cuts=tuple(cuts[number])) if number in cuts else message
            for number, message in enumerate(messages)
        ]
    )
