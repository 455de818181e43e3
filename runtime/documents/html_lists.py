"""The lists of HTML, and the numbers or bullets before their items."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowrun.dsl import dataclass

from .markup import parts
from .numbering import written_number

_KINDS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,9})")


@dataclass(slots=True)
class HtmlList:
    """An open list. ``next`` is the number of its next item, or None in a list of bullets."""

    next: int | None = None
    step: int = 1
    kind: str = "decimal"

    def marker(self, attributes: Mapping[str, str]) -> str:
        """Return the number or bullet before the next item, which has these attributes, and count it."""
        if self.next is None:
            return "- "
        number = _whole(attributes.get("value", ""), self.next)
        self.next = number + self.step
        kind = _KINDS.get(attributes.get("type", "").strip(), self.kind)
        return f"{written_number(number, kind)}. "


def listing(name: str, attributes: Mapping[str, str], lengths: list[int]) -> HtmlList:
    """Begin a list. ``lengths`` are the lengths of the following lists that count down, the next one last."""
    if name != "ol":
        return HtmlList()
    kind = _KINDS.get(attributes.get("type", "").strip(), "decimal")
    if "reversed" not in attributes:
        return HtmlList(_whole(attributes.get("start", ""), 1), 1, kind)
    return HtmlList(_whole(attributes.get("start", ""), lengths.pop() if lengths else 1), -1, kind)


def reversed_lengths(html: str) -> list[int]:
    """Return the lengths of the lists that count down, from the last list of the page to the first."""
    if "reversed" not in html.lower():
        return []
    lengths: list[int] = []
    # The number of an open list among those that count down, None for others.
    inside: list[int | None] = []
    for part in parts(html):
        if part.value in ("ol", "ul", "menu") and part.kind == "open":
            counts = part.value == "ol" and "reversed" in part.attributes
            inside.append(len(lengths) if counts else None)
            lengths += [0] * counts
        elif part.value in ("ol", "ul", "menu") and part.kind == "close" and inside:
            inside.pop()
        elif part.value == "li" and part.kind == "open" and inside and (place := inside[-1]) is not None:
            lengths[place] += 1
    return lengths[::-1]


def _whole(text: str, usual: int) -> int:
    found = _NUMBER.match(text)
    return int(found[1]) if found else usual
