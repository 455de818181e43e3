"""The surroundings of a call in its flow: the names of the elements around it, and its vote."""

from __future__ import annotations

from collections.abc import Mapping

from ..engine.frames import Frame
from ..vocabulary.json_value import Json

LONGEST = 60
"""A label has at most this many characters."""
_PADDED = 1000
"""A text that is longer is no label, even with blanks around it. Nobody strips a whole document for a label."""
_NAMES = ("id", "name", "title", "key")


def surroundings_of(frame: Frame) -> tuple[tuple[str, ...], str]:
    """Return the names of the map elements around a frame, from the outside inwards, and the path of its vote.

    The vote is the innermost one in which a call of the frame is a sample; "" if there is none.
    """
    labels: tuple[str, ...] = ()
    vote = ""
    at: Frame | None = frame
    while at is not None:
        block = at.block
        if block is None:
            at = at.parent
            continue
        if not vote and getattr(block, "votes", False):
            vote = block.around.path
        element = getattr(getattr(block.step, "node", None), "element", None)
        if element is not None and element in at.given and (label := label_of(at.given[element])):
            labels = (label, *labels)
        at = block.frame
    return labels, vote


def label_of(row: Json) -> str:
    """Return the name of an element: its `id`, `name`, `title` or `key`, else its first short field. "" if none."""
    if not isinstance(row, str) and isinstance(row, Mapping):
        for value in (*(row.get(name) for name in _NAMES), *row.values()):
            if label := _short(value):
                return label
        return ""
    return _short(row)


def _short(value: Json) -> str:
    if type(value) is str:
        text = value.strip() if len(value) <= _PADDED else ""
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value).strip()
    else:
        return ""
    return text if 0 < len(text) <= LONGEST and text.isprintable() else ""
