"""Templates: a subset of jinja2 in which no template can run forever. This module reads them and finds their mentions.

Places in a template are offsets, so that every problem points into the string that holds the template.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ..diagnostics import Diagnostic
from ..records import dataclass
from ..source import Source
from ..syntax import String
from .plain import Getattr, Mention, Name, Node, Output, TemplateData, read_plain


@dataclass(frozen=True, slots=True)
class Template:
    """A template that uses only the allowed subset of jinja2. A ``plain`` template has only texts and mentions."""

    string: String
    body: tuple[Node, ...]
    mentions: tuple[Mention, ...]
    plain: bool


def read_template(string: String) -> Template | list[Diagnostic]:
    """Read a template. Return the template, or the problems with it."""
    if found := read_plain(string.value):
        return Template(string, *found, plain=True)
    from .subset import free_names, read_any

    body = read_any(string)
    return body if isinstance(body, list) else Template(string, body, free_names(body), plain=False)


def template_names(template: str) -> tuple[str, ...]:
    """Return the names that a template takes from the flow, each once.

    Raises ValueError if the template is not in the allowed subset.
    """
    read = read_template(String(template, Source("").span(0, 0)))
    if isinstance(read, Template):
        if not read.plain:
            from .subset import strange_filter

            if strange := strange_filter(read.body):
                raise ValueError(f"no filter is called `{strange}`")
        return tuple(dict.fromkeys(mention.name for mention in read.mentions))
    raise ValueError(read[0].message)


Piece = str | tuple[str, ...]
"""A text, or a name with the fields read from it."""


@lru_cache(maxsize=4096)
def written_places(template: str) -> tuple[int, ...]:
    """Return the place of each written value of a template, in the order of the text. A place is an offset."""
    read = read_template(String(template, Source("").span(0, 0)))
    return tuple(part.start for part in written_values(read.body)) if isinstance(read, Template) else ()


def written_values(body: tuple[Node, ...]) -> Iterator[Node]:
    """Yield the expressions whose values a template writes, in the order of the text."""
    for node in body:
        if isinstance(node, Output):
            yield from (part for part in node.nodes if not isinstance(part, TemplateData))
        else:
            yield from written_values(tuple(node.children()))


def template_pieces(template: str) -> tuple[Piece, ...] | None:
    """Return the pieces of a template that only writes values, for a caller that fills it in. None for any other."""
    found = read_plain(template)
    if found is None:
        return None
    pieces: list[Piece] = []
    for output in found[0]:
        for node in output.nodes if isinstance(output, Output) else ():
            if isinstance(node, TemplateData):
                pieces.append(node.data)
                continue
            fields: list[str] = []
            while isinstance(node, Getattr):
                fields.append(node.attr)
                node = node.node  # noqa: PLW2901
            assert isinstance(node, Name)
            pieces.append((node.name, *reversed(fields)))
    return tuple(pieces)
