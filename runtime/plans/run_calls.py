"""The calls of a run by their paths: the search for a path that a user wrote, and the guess if nothing has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from flowrun.dsl import did_you_mean

from ..vocabulary.call_path import CallPath, Segment, label_text, parse_path, path_text
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from ..vocabulary.run_record import RunRecord
from .step_paths import CallAddress, Naming, StepNode, call_addresses

_MOST_NAMES = 8


class RunCalls:
    """The calls of a run with their addresses. ``losses``, ``votes`` and ``externs`` are the paths of the record's,
    in its order."""

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.naming = Naming(record.plan)
        self._orders: dict[tuple[str, ...], dict[str, int]] = {}
        self.addresses: Sequence[CallAddress] = call_addresses(record.plan, record.calls)
        self._labels = {
            _names(one.segments[: at + 1]): segment.label
            for one in self.addresses
            for at, segment in enumerate(one.segments)
            if segment.label
        }
        self.losses = [self._labelled(loss.path) for loss in record.end.losses]
        self.votes = [self._labelled(path) for path in record.end.votes]
        self.externs = [self._labelled(one.path) for one in record.end.outside.externs]

    def _labelled(self, path: str) -> tuple[Segment, ...]:
        """Split a path that comes without labels. The calls of its elements have them."""
        segments = self.naming.segments(path)
        labels = (self._labels.get(_names(segments[: at + 1]), "") for at in range(len(segments)))
        return tuple(replace(one, label=label) for one, label in zip(segments, labels, strict=True))

    def in_order(self, found: Iterable[int]) -> list[int]:
        """Sort calls by their paths: steps in the order of the file, elements by their number."""
        return sorted(found, key=lambda at: self._rank(self.addresses[at]))

    def _rank(self, address: CallAddress) -> tuple[tuple[int, ...], ...]:
        ranks: list[tuple[int, ...]] = []
        steps: tuple[str, ...] = ()
        for one in address.segments:
            if one.place:
                numbers = one.name.split(",")
                ranks.append(tuple(map(int, numbers)) if all(map(str.isdecimal, numbers)) else ())
                continue
            if steps not in self._orders:
                self._orders[steps] = {node.name: at for at, node in enumerate(self.naming.inside(steps))}
            order = self._orders[steps]
            ranks.append((order.get(one.name, len(order)),))
            steps = (*steps, one.name)
        return (*ranks, (address.number,))

    def path_of(self, path: str) -> str:
        """Write a path of the journal as people see it."""
        return path_text(self.naming.segments(path))

    def find(self, text: str) -> list[int]:
        """Return the places in the record of the calls at or under a path. Empty if its steps made no call.

        Raises: UsageError, with a guess, if the run has no such path.
        """
        path = parse_path(text)
        found = self._held(path)
        if found or (path.call is None and self._known(path)):
            return found
        raise self._refusal(path, text)

    def _held(self, path: CallPath) -> list[int]:
        """Return the calls under a path. A number is the place of an element, or else its author's label."""
        for labels in (False, True):
            found = [
                at
                for at, one in enumerate(self.addresses)
                if path.call in (None, one.number) and path.holds(one.segments, labels=labels)
            ]
            if found:
                return found
        return []

    def _known(self, path: CallPath) -> bool:
        """Tell whether the plan has the steps of a path, or a loss, a vote or the call of an extern lies there."""
        if any(path.holds(one, labels=True) for one in (*self.losses, *self.votes, *self.externs)):
            return True
        # The plan knows the steps, and only the calls know the places between them.
        steps = self.node(path)
        return steps is not None and len(steps) == len(path.parts)

    def node(self, path: CallPath) -> tuple[str, ...] | None:
        """Return the names of the steps of a path without its places; None if the plan has no such steps."""
        steps: tuple[str, ...] = ()
        over: StepNode | None = None
        for part in path.parts:
            found = next((one for one in self.naming.inside(steps) if part.text in (one.name, one.alias)), None)
            if found is not None:
                steps, over = (*steps, found.name), found
            elif over is not None and over.elements:
                over = None
            else:
                return None
        return steps

    def _refusal(self, path: CallPath, text: str) -> UsageError:
        run = f"the run {self.record.id}"
        if path.call is not None and (there := self._held(CallPath(path.parts))):
            calls = "1 call" if len(there) == 1 else f"{len(there):,} calls"
            return UsageError(f"{run} has {calls} at {shown(str(CallPath(path.parts)))}, and not number {path.call}")
        above = next((one for end in range(len(path.parts) - 1, 0, -1) if self._exists(one := path.above(end))), None)
        wrong = path.parts[0 if above is None else len(above.parts)].text
        names, places = self._next(above)
        whole = f"{run} has no path {shown(text, 80)}"
        where = "" if above is None else f": {shown(str(above), 80)} exists"
        if places and (not names or wrong[:1].isdigit()):
            return UsageError(f"{whole}{where}, and has {_listed(places)}")
        guess = did_you_mean(wrong, (*names, *places))
        if guess:
            return UsageError(f"{whole}{where}{';' if where else ':'} {guess}")
        listed = ", ".join(map(shown, names[:_MOST_NAMES])) + (", …" if len(names) > _MOST_NAMES else "")
        inside = f"{where or ':'}{', with' if where else ' its steps are'} {listed}" if names else where
        return UsageError(f"{whole}{inside or '; it made no call'}")

    def _exists(self, path: CallPath) -> bool:
        return bool(self._held(path)) or self._known(path)

    def _next(self, above: CallPath | None) -> tuple[list[str], list[str]]:
        """Return the names of steps, and the places with their labels, that can follow a path."""
        steps = () if above is None else self.node(above)
        names = [one.name for one in self.naming.inside(steps)] if steps is not None else []
        places: dict[str, None] = {}
        for one in self.addresses:
            if above is None or not above.holds(one.segments):
                continue
            follows = next((at for at in range(len(one.segments)) if above.holds(one.segments[:at])), None)
            if follows is None:
                continue
            segment = one.segments[follows]
            if segment.place:
                places |= {segment.name: None}
                places |= {label_text(segment.label): None} if segment.label else {}
            elif segment.name not in names:
                names.append(segment.name)
        return names, list(places)


def _names(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(one.name for one in segments)


def _listed(places: Iterable[str]) -> str:
    """Write the places that exist: the range of the numbers, or the first labels."""
    places = list(places)
    numbers = sorted({int(one) for one in places if one.isdecimal()})
    if not numbers:
        return "the places " + ", ".join(map(shown, places[:_MOST_NAMES]))
    span = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    labels = [one for one in places if not one.isdecimal()][:2]
    named = f" (also by label, such as {' and '.join(shown(one, 40) for one in labels)})" if labels else ""
    return f"the {'place' if len(numbers) == 1 else 'places'} {span}{named}"
