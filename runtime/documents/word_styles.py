"""The marks of a text that come from the styles of a Word document and the properties of its runs."""

from __future__ import annotations

import re
from dataclasses import replace

from flowrun.dsl import dataclass

from .archives import Archive, Attributes
from .inline import Kind
from .numbering import LEVELS, whole

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_OFF = frozenset({"0", "false", "off"})
_RAISED: dict[str, Kind | None] = {"superscript": "raised", "subscript": "lowered"}
_DEEPEST = 10


@dataclass(frozen=True, slots=True)
class Look:
    """The look of a text, as far as it changes the meaning. None means that the style below it decides."""

    raised: Kind | None = None
    level: bool | None = None
    struck: bool | None = None
    hidden: bool | None = None
    font: str = ""

    def with_property(self, tag: str, attributes: Attributes) -> Look:
        value = attributes.get("val", "")
        match tag:
            case "vertAlign":
                return replace(self, raised=_RAISED.get(value), level=value not in _RAISED)
            case "strike" | "dstrike":
                return replace(self, struck=value.lower() not in _OFF or (self.struck is True and tag == "dstrike"))
            case "vanish":
                return replace(self, hidden=value.lower() not in _OFF)
            case "rFonts":
                return replace(self, font=attributes.get("ascii", "") or attributes.get("hAnsi", "") or self.font)
        return self

    def over(self, below: Look) -> Look:
        """Return this look, with the missing parts taken from the look below it."""
        return Look(
            self.raised or (None if self.level else below.raised),
            self.level if self.level is not None else below.level,
            self.struck if self.struck is not None else below.struck,
            self.hidden if self.hidden is not None else below.hidden,
            self.font or below.font,
        )


@dataclass(slots=True)
class Style:
    heading: int = 0
    number: str = ""
    depth: int = 0
    basis: str = ""
    look: Look = Look()


def read_styles(archive: Archive, part: str) -> dict[str, Style]:
    """Return the styles by their ids, each with the parts that it inherits."""
    styles: dict[str, Style] = {}
    style = Style()

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal style
        value = attributes.get("val", "")
        match tag:
            case "style":
                style = styles[attributes.get("styleId", "")] = Style()
            case "name":
                heading = _HEADING.fullmatch(value)
                style.heading = int(heading[1]) if heading else 1 if value.lower() == "title" else style.heading
            case "outlineLvl" if whole(value) < LEVELS:
                style.heading = whole(value) + 1
            case "numId":
                style.number = value
            case "ilvl":
                style.depth = min(whole(value), LEVELS - 1)
            case "basedOn":
                style.basis = value
            case _:
                style.look = style.look.with_property(tag, attributes)

    archive.parse(part, start)
    return {name: _inherited(one, styles) for name, one in styles.items()}


def _inherited(style: Style, styles: dict[str, Style]) -> Style:
    out = Style(style.heading, style.number, style.depth, look=style.look)
    above = styles.get(style.basis)
    for _ in range(_DEEPEST):
        if above is None:
            break
        out.heading = out.heading or above.heading
        if not out.number:
            out.number, out.depth = above.number, out.depth or above.depth
        out.look = out.look.over(above.look)
        above = styles.get(above.basis)
    return out
