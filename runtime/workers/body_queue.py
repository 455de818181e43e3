"""The bodies that wait for a worker, and those that each worker has. It only decides: it sends nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import field

from flowrun.dsl import dataclass

from .beginning import WaitingBodies

CHUNK = 64
"""The most bodies that go to a worker at once."""
FIRST = 16
"""The same for a worker that has none. Their requests leave while it begins the next ones."""


@dataclass(eq=False, slots=True)
class Hands:
    """The bodies that one worker has, in the order in which it got them.

    ``asked`` is the number that it is asked to give back at the moment. ``begun`` is True if it has given back fewer
    than that, and got none since: so it has begun all of them.
    """

    bodies: dict[int, None] = field(default_factory=dict)
    asked: int = 0
    begun: bool = False


class BodyQueue:
    """The queue of bodies by number. Each worker may hold ``room`` of them.

    Until a worker joins, the ``beginning`` may give bodies to the driver. When few are left, the workers share them
    evenly, so that all end together. Neighbours of one ``group`` go to one worker. A worker without a body takes some
    that another one has not begun, but none of a group. A worker gets at most one body that is suspected of killing
    workers. The bodies of the steps ``together`` cost less in one process, because their calls share requests.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.waiting: deque[int] = deque()
        self.hands: dict[int, Hands] = {}
        self._groups: dict[int, int] = {}
        self._suspects: set[int] = set()
        self._held: deque[int] = deque()
        self.beginning: WaitingBodies | None = None
        self.together: frozenset[str] = frozenset()

    def enter(self, number: int, *, suspect: bool = False, group: int | None = None) -> None:
        """Queue a body."""
        if group is not None:
            self._groups[number] = group
        if suspect:
            self._suspects.add(number)
            self._held.append(number)
        else:
            self.waiting.append(number)

    def take(self, most: int) -> list[int]:
        """Take so many bodies that wait from the queue, and the whole group of the last one. Suspects stay."""
        taken = [self.waiting.popleft() for _ in range(min(most, len(self.waiting)))]
        while taken and self._goes_with(taken[-1]):
            taken.append(self.waiting.popleft())
        for number in taken:
            self._groups.pop(number, None)
        return taken

    def join(self, worker: int) -> None:
        """Add a worker that has no body."""
        self.beginning = None
        self.hands[worker] = Hands()

    def leave(self, worker: int) -> list[int]:
        """Remove a worker. Return the bodies that it had."""
        hands = self.hands.pop(worker, None)
        return [] if hands is None else list(hands.bodies)

    def over(self, number: int) -> int | None:
        """Forget a body that has ended or is cancelled. Return its worker, None if it was still waiting."""
        self._suspects.discard(number)
        self._groups.pop(number, None)
        for worker, hands in self.hands.items():
            if number in hands.bodies:
                del hands.bodies[number]
                return worker
        for line in (self.waiting, self._held):
            if number in line:
                line.remove(number)
        return None

    def deal(self) -> list[tuple[int, list[int]]]:
        """Give out the bodies that wait. Return the chunk of each worker that gets some."""
        dealt = self._deal_suspects()
        while self.waiting:
            least = min(self.hands, key=self._count, default=None)
            if least is None or (free := self.room - self._count(least)) < 1:
                break
            share = -(-len(self.waiting) // len(self.hands))
            most = CHUNK if self.hands[least].bodies else FIRST
            chunk = [self.waiting.popleft() for _ in range(min(free, share, most, len(self.waiting)))]
            while len(chunk) < min(free, CHUNK) and self._goes_with(chunk[-1]):
                chunk.append(self.waiting.popleft())
            self.hands[least].bodies.update(dict.fromkeys(chunk))
            self.hands[least].begun = False
            dealt.append((least, chunk))
        return dealt

    def _deal_suspects(self) -> list[tuple[int, list[int]]]:
        dealt = []
        for worker, hands in self.hands.items():
            if self._held and self._suspects.isdisjoint(hands.bodies):
                hands.bodies[number := self._held.popleft()] = None
                hands.begun = False
                dealt.append((worker, [number]))
        return dealt

    def _goes_with(self, number: int) -> bool:
        """Tell whether the body that waits longest is of the same group as another one."""
        group = self._groups.get(number)
        return group is not None and bool(self.waiting) and self._groups.get(self.waiting[0]) == group

    def _count(self, worker: int) -> int:
        return len(self.hands[worker].bodies)

    @property
    def out(self) -> bool:
        """True if a worker has a body."""
        return any(one.bodies for one in self.hands.values())

    def steal(self) -> tuple[int, int] | None:
        """Find a worker that shall give bodies back, and their number. None if no worker is idle, or none has many."""
        if self.waiting or len(self.hands) < 2 or any(one.asked for one in self.hands.values()):
            return None
        counts = {worker: len(one.bodies) for worker, one in self.hands.items()}
        loose = {worker: self._loose(one) for worker, one in self.hands.items()}
        most, least = max(loose, key=loose.__getitem__), min(counts, key=counts.__getitem__)
        if 4 * counts[least] >= loose[most] or loose[most] - counts[least] < 2:
            return None
        hands = self.hands[most]
        hands.asked, hands.begun = min(CHUNK, (loose[most] - counts[least]) // 2), True
        return most, hands.asked

    def _loose(self, hands: Hands) -> int:
        """Count the bodies that a worker may not have begun."""
        if hands.begun:
            return 0
        return sum(one not in self._groups for one in hands.bodies) if self._groups else len(hands.bodies)

    def given_back(self, worker: int, numbers: Iterable[int]) -> Sequence[int]:
        """Queue the bodies that a worker gives back. Those that were cancelled in the meantime are forgotten."""
        if worker not in self.hands:
            return ()
        hands = self.hands[worker]
        given = list(numbers)
        if len(given) >= hands.asked:
            hands.begun = False
        hands.asked = 0
        back = [number for number in given if number in hands.bodies]
        for number in back:
            del hands.bodies[number]
            self.enter(number, suspect=number in self._suspects)
        return back
