"""The surroundings of a call in its flow: the names of the elements around it, and its vote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..engine.decisions import Call
from ..engine.frames import Enclosing, Frame
from ..vocabulary.json_value import Json

LONGEST = 60
"""A label has at most this many characters."""
_NAMES = ("id", "name", "title", "key")


def labels_of(frame: Frame) -> tuple[str, ...]:
    """Return the names of the map elements around a frame, from the outside inwards."""
    found = []
    for body, block in _bodies(frame):
        node = getattr(getattr(block.step, "node", None), "element", None)
        if node is not None and node in body.given and (label := label_of(body.given[node])):
            found.append(label)
    return tuple(reversed(found))


def vote_of(frame: Frame, call: Call) -> str:
    """Return the path of the innermost vote in which a call is a sample; "" if there is none."""
    for body, block in _bodies(frame):
        if getattr(block, "votes", False) and body.block is block:
            return block.around.path
    return ""


def label_of(row: Json) -> str:
    """Return the name of an element: its `id`, `name`, `title` or `key`, else its first short field. "" if none."""
    if isinstance(row, Mapping):
        for value in (*(row.get(name) for name in _NAMES), *row.values()):
            if label := _short(value):
                return label
        return ""
    return _short(row)


def _short(value: Json) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value).strip()
    return text if 0 < len(text) <= LONGEST and text.isprintable() else ""


def _bodies(frame: Frame) -> Iterator[tuple[Frame, Enclosing]]:
    """Yield the bodies of blocks around a frame, with their blocks, from the inside outwards."""
    at: Frame | None = frame
    while at is not None:
        if at.block is None:
            at = at.parent
            continue
        block = at.block
        yield at, block
        at = block.frame
