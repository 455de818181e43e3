"""Templates as bounds read them: their names, and the text of those that only write known values."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ..source import Source
from ..syntax import String
from ..templates import nodes
from ..templates.read import Template, read_template
from .sizes import text_of


def names_of(template: str) -> tuple[str, ...]:
    """Return the names that a template takes from the flow, each once."""
    found = read(template)
    return () if found is None else tuple(dict.fromkeys(mention.name for mention in found.mentions))


def plain_text(template: str, lookup: Callable[[str], object]) -> str | None:
    """Return the text of a template that only writes named values; None for any other template."""
    found = read(template)
    if found is None or not found.plain:
        return None
    parts = [part for output in found.body if isinstance(output, nodes.Output) for part in output.nodes]
    if any(isinstance(part, nodes.Getattr) for part in parts):
        return None
    return "".join(
        part.data if isinstance(part, nodes.TemplateData) else text_of(lookup(part.path())) for part in parts
    )


@lru_cache(maxsize=4096)
def read(template: str) -> Template | None:
    """Return a template. None if it is not in the subset of jinja2 that flows may use."""
    found = read_template(String(template, Source("").span(0, 0)))
    return found if isinstance(found, Template) else None
