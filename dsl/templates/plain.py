"""Templates that only write values, `{{ name }}` and `{{ name.field }}`: their tree, and their reader.

Nearly all templates are of this kind. To import and run jinja2 for them would take most of the time of a check.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..patterns import pattern
from ..records import dataclass

# The classes are not frozen and not compared, because Python would take long to make those methods at each start.


@dataclass(eq=False, repr=False, slots=True)
class Node:
    """A part of a template. ``start`` and ``end`` are the offsets of the word or sign that shows its place best."""

    start: int
    end: int

    def children(self) -> Iterator[Node]:
        for name in self.__match_args__:
            value = getattr(self, name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from value

    def extent(self) -> tuple[int, int]:
        """Return the start and the end of the whole part, without brackets around it."""
        spans = [(self.start, self.end), *(child.extent() for child in self.children())]
        return min(start for start, _ in spans), max(end for _, end in spans)

    def last_word(self) -> tuple[int, int]:
        """Return the place of the word that names the value: a field or a filter.

        For any other part, return its whole place.
        """
        return self.extent()

    def path(self) -> str:
        """Return ``a.b`` for a field, ``a`` for a name, and "" for any other expression."""
        return ""


@dataclass(eq=False, repr=False, slots=True)
class Output(Node):
    """Texts and written values, in their order."""

    nodes: tuple[Node, ...]


@dataclass(eq=False, repr=False, slots=True)
class TemplateData(Node):
    """Text that is written as it is."""

    data: str


@dataclass(eq=False, repr=False, slots=True)
class Name(Node):
    name: str

    def path(self) -> str:
        return self.name


@dataclass(eq=False, repr=False, slots=True)
class Getattr(Node):
    """``node.attr``"""

    node: Node
    attr: str

    def last_word(self) -> tuple[int, int]:
        return self.start, self.end

    def path(self) -> str:
        base = self.node.path()
        return f"{base}.{self.attr}" if base else ""


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that a template takes from the flow. ``start`` and ``end`` are offsets in the template."""

    name: str
    start: int
    end: int


_OPENED = pattern(r"\{[{%#]")
_WORD = pattern(r"[A-Za-z_][A-Za-z0-9_]*+")
_PLACED = pattern(rf"\{{\{{[ \t\n]*+{_WORD.pattern}(?:[ \t\n]*+\.[ \t\n]*+{_WORD.pattern}){{0,30}}[ \t\n]*+\}}\}}")
_NO_NAMES = frozenset("true false none True False None not and or if else in is self".split())
"""The words that jinja2 or flowrun does not read as names of values."""
MOST_PARTS = 20_000
"""The most words and signs inside the braces of one template."""


def read_plain(text: str) -> tuple[tuple[Node, ...], tuple[Mention, ...]] | None:
    """Return the tree and the mentions of a template that only writes values. None for any other template."""
    if "\r" in text:
        # jinja2 changes line ends by rules of its own.
        return None
    parts: list[Node] = []
    mentions: list[Mention] = []
    at = count = 0
    while (opened := _OPENED.search(text, at)) is not None:
        start = opened.start()
        placed = _PLACED.match(text, start)
        if placed is None:
            return None
        if start > at:
            parts.append(TemplateData(at, start, text[at:start]))
        at = placed.end()
        words = _WORD.finditer(text, start, at)
        first = next(words)
        name = first[0]
        if name in _NO_NAMES:
            return None
        mentions.append(Mention(name, *first.span()))
        node: Node = Name(*first.span(), name)
        for word in words:
            node = Getattr(*word.span(), node, word[0])
            count += 2
        parts.append(node)
        count += 3
        if count > MOST_PARTS:
            return None
    if at < len(text):
        parts.append(TemplateData(at, len(text), text[at:]))
    if not parts:
        return (), ()
    return (Output(parts[0].start, parts[0].end, tuple(parts)),), tuple(mentions)
