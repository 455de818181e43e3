"""Templates: a subset of jinja2's that cannot run away, read for mentions.

Places in a template are offsets in it, so that every finding can point into the string that holds the template.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..diagnostics import Diagnostic
from ..source import Source
from ..syntax import String
from .plain import Getattr, Mention, Name, Node, Output, TemplateData, read_plain


@dataclass(frozen=True, slots=True)
class Template:
    """A template that keeps to the subset. A ``plain`` one has texts and mentions in it, and nothing else."""

    string: String
    body: tuple[Node, ...]
    mentions: tuple[Mention, ...]
    plain: bool


def read_template(string: String) -> Template | list[Diagnostic]:
    """What a template holds, or what is wrong with it."""
    if found := read_plain(string.value):
        return Template(string, *found, plain=True)
    from .subset import free_names, read_any

    body = read_any(string)
    return body if isinstance(body, list) else Template(string, body, free_names(body), plain=False)


def template_names(template: str) -> tuple[str, ...]:
    """The names that a template takes from the flow, each once. Raises ValueError where it leaves the subset."""
    read = read_template(String(template, Source("").span(0, 0)))
    if isinstance(read, Template):
        if not read.plain:
            from .subset import strange_filter

            if strange := strange_filter(read.body):
                raise ValueError(f"no filter is called `{strange}`")
        return tuple(dict.fromkeys(mention.name for mention in read.mentions))
    raise ValueError(read[0].message)


Piece = str | tuple[str, ...]
"""Text as it is, or a name and the fields in it."""


def template_pieces(template: str) -> tuple[Piece, ...] | None:
    """The pieces of a template that only places values, for whoever fills it in; None for any other."""
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
