"""The hidden parts of a page, found by the attributes of its elements. Style sheets are not read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowrun.dsl import dataclass

from .markup import HtmlToken

_HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\s*(?:!important\s*)?(?:;|$)", re.I
)
_STRIKING = re.compile(r"(?:^|;)\s*text-decoration(?:-line)?\s*:[^;]*line-through", re.I)
# This form of a formula is only for display. The page also has the formula as MathML.
_DOUBLED = re.compile(r"\b(?:katex-html|MathJax_Preview|mjx-chtml)\b")
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
# The end tags of these elements are optional. The next such element, or the end of the element around, ends them.
ENDED_BY = {
    "p": None,
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "tr": frozenset({"tr", "tbody", "thead", "tfoot"}),
    "td": frozenset({"td", "th", "tr", "tbody", "thead", "tfoot"}),
    "th": frozenset({"td", "th", "tr", "tbody", "thead", "tfoot"}),
    "option": frozenset({"option", "optgroup"}),
    "tbody": frozenset({"tbody", "tfoot", "thead"}),
    "thead": frozenset({"tbody", "tfoot", "thead"}),
}


def is_struck(attributes: Mapping[str, str]) -> bool:
    return "style" in attributes and _STRIKING.search(attributes["style"]) is not None


@dataclass(slots=True)
class Hidden:
    """An open element that is not shown. ``depth`` counts the open elements of its name, including itself."""

    name: str
    depth: int = 1
    inner: int = 0

    @classmethod
    def of(cls, name: str, attributes: Mapping[str, str], always: bool) -> Hidden | None:
        """Return the element that begins here, if it is hidden. None if it is shown."""
        if name in _VOID:
            return None
        hidden = always or _is_hidden(attributes)
        return cls(name) if hidden else None

    def goes_on(self, part: HtmlToken, blocks: frozenset[str]) -> bool:
        """Tell whether the hidden element is still open with the next part. Its own end tag closes it."""
        if part.kind == "text":
            return True
        if self.name in ENDED_BY and not self.inner and part.value in blocks:
            followers = ENDED_BY[self.name]
            if part.kind == "open" and (followers is None or part.value in followers):
                return False
            if part.kind == "close" and part.value != self.name:
                return False
        if part.value == self.name:
            self.depth += 1 if part.kind == "open" else -1
            return self.depth > 0
        if part.value in blocks and part.value not in ENDED_BY:
            self.inner = max(self.inner + (1 if part.kind == "open" else -1), 0)
        return True


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    if "hidden" in attributes and attributes["hidden"].strip().lower() != "until-found":
        return True
    if "style" in attributes and _HIDING.search(attributes["style"]):
        return True
    return attributes.get("aria-hidden") == "true" and _DOUBLED.search(attributes.get("class", "")) is not None
