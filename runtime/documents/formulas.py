"""Formulas on one line, read from MathML in web pages and from Office's own markup (ECMA-376, part 1, section 22.1).

Both are read as a tree. A fraction is `1/2`, a power `x^2`, an index `x_1`, a root `√(x)`. A part with more than one
sign is in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from flowrun.dsl import dataclass

DEEPEST = 100
_ONE = re.compile(r"[^\W_]+(?:[.,][0-9]+)*")
_SCRIPT = re.compile(r"[-+−]?[^\W_]+(?:[.,][0-9]+)*|[^\w\s()]")
# Invisible signs that only tell how a formula is read aloud.
_UNSEEN = dict.fromkeys(map(ord, "\u2061\u2062\u2063\u200b"))
_UNSEEN[0x2064] = " "
_DROPPED = frozenset({"annotation", "annotation-xml", "mphantom", "maction"})
_ROWS = frozenset({"mtable", "m", "eqArr"})


@dataclass(slots=True)
class Element:
    """An element of a formula. ``parts`` are the texts and nodes inside, in their order."""

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    parts: list[str | Element] = field(default_factory=list)

    @property
    def nodes(self) -> list[Element]:
        return [part for part in self.parts if isinstance(part, Element)]

    def child(self, tag: str) -> Element | None:
        return next((node for node in self.nodes if node.tag == tag), None)


class Formula:
    """The builder of one formula's tree from its tags. It ignores an end tag without a start tag."""

    def __init__(self) -> None:
        self._open = [Element("row")]

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        node = Element(tag, attributes)
        self._open[-1].parts.append(node)
        if len(self._open) < DEEPEST:
            self._open.append(node)

    def end(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def text(self, text: str) -> None:
        self._open[-1].parts.append(text)

    def line(self) -> str:
        return " ".join(_line(self._open[0]).split())


def script(mark: str, text: str) -> str:
    """Write a raised or lowered text after its mark: `^6`, `_(i+1)`."""
    text = text.strip()
    return f"{mark}{text if _SCRIPT.fullmatch(text) else f'({text})'}" if text else ""


def _line(node: Element) -> str:
    if node.tag in _DROPPED or node.tag.endswith("Pr"):
        return ""
    if node.tag in _ROWS:
        return "[" + "; ".join(_cells(row) for row in node.nodes if not row.tag.endswith("Pr")) + "]"
    found = _office(node)
    if found is None:
        found = _mathml(node)
    return _row(node.parts) if found is None else found


def _mathml(node: Element) -> str | None:
    parts = [_line(one) for one in node.nodes if one.tag not in _DROPPED]
    match node.tag, parts:
        case "mfrac", [above, below]:
            return f"{_group(above)}/{_group(below)}"
        case "msup" | "mover", [base, above]:
            return _group(base) + script("^", above)
        case "msub" | "munder", [base, below]:
            return _group(base) + script("_", below)
        case "msubsup" | "munderover", [base, below, above]:
            return _group(base) + script("_", below) + script("^", above)
        case "mroot", [base, degree]:
            return f"root[{degree}]({base})"
        case "msqrt", _:
            return f"√{_bracketed(_row(node.parts))}"
        case "mfenced", _:
            opened, closed = node.attributes.get("open", "("), node.attributes.get("close", ")")
            return f"{opened}{', '.join(parts)}{closed}"
        case "semantics", [first, *_]:
            return first
        case "mspace", _:
            return " "
    return None


def _office(node: Element) -> str | None:
    def of(tag: str) -> str:
        inner = node.child(tag)
        return "" if inner is None else _line(inner)

    match node.tag:
        case "f":
            return f"{_group(of('num'))}/{_group(of('den'))}"
        case "sSup" | "sSub" | "sSubSup":
            return _group(of("e")) + script("_", of("sub")) + script("^", of("sup"))
        case "sPre":
            return script("_", of("sub")) + script("^", of("sup")) + of("e")
        case "limLow" | "limUpp":
            return of("e") + script("_" if node.tag == "limLow" else "^", of("lim"))
        case "rad":
            degree = of("deg")
            return f"root[{degree}]({of('e')})" if degree else f"√{_bracketed(of('e'))}"
        case "nary":
            return f"{_set(node, 'chr', '∫')}{script('_', of('sub'))}{script('^', of('sup'))} {of('e')}"
        case "func":
            return f"{of('fName')} {of('e')}"
        case "acc":
            return _group(of("e")) + script("^", _set(node, "chr", "^"))
        case "bar":
            return _group(of("e")) + script("^", "¯")
        case "d":
            inner = f"{_set(node, 'sepChr', '|')}".join(_line(one) for one in node.nodes if one.tag == "e")
            return f"{_set(node, 'begChr', '(')}{inner}{_set(node, 'endChr', ')')}"
    return None


def _set(node: Element, name: str, usual: str) -> str:
    """Return a property of an Office element.

    ``usual`` is its value if it is not set. A property may be set to the empty text.
    """
    properties = node.child(f"{node.tag}Pr")
    found = properties.child(name) if properties is not None else None
    return usual if found is None else found.attributes.get("val", "")


def _cells(row: Element) -> str:
    if row.tag in ("mtr", "mr", "mlabeledtr"):
        return ", ".join(_line(cell) for cell in row.nodes if not cell.tag.endswith("Pr"))
    return _line(row)


def _row(parts: list[str | Element]) -> str:
    out = ""
    before = ""
    for part in parts:
        tag = part.tag if isinstance(part, Element) else "r"
        text = _line(part) if isinstance(part, Element) else part.translate(_UNSEEN)
        # Two numbers side by side, one of them a fraction perhaps, are two: 2 1/2 is not 21/2. Runs of Office are cut
        # anywhere.
        apart = not (tag == before == "r") and out[-1:].isalnum() and text[:1].isalnum()
        if apart and not (out[-1:].isdigit() and text[:1].isalpha()):
            out += " "
        out += text
        before = tag if text else before
    return out


def _group(text: str) -> str:
    text = text.strip()
    return text if _ONE.fullmatch(text) or len(text) < 2 else _bracketed(text)


def _bracketed(text: str) -> str:
    """Put a text in brackets, unless brackets already enclose all of it."""
    if text.startswith("(") and text.endswith(")") and not re.search(r"\).*\(", text):
        return text
    return f"({text})"
