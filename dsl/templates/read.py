"""Templates: a subset of jinja2's that cannot run away, read for mentions.

Places in a template are offsets in it, so that every finding can point into the string that holds the template.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..diagnostics import Diagnostic
from ..source import Source
from ..syntax import String
from .plain import Mention, Node, read_plain


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
