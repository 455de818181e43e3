"""All pages that the builder makes, by the name that ``docs/site.toml`` has for them."""

from __future__ import annotations

from collections.abc import Callable

from . import ROOT
from .navigation import Made
from .reference.api import made_api
from .reference.codes import made_codes
from .reference.commands import made_commands
from .reference.endpoints import endpoints_page
from .reference.examples import made_examples
from .reference.exits import exits_page
from .reference.grammar import FILE as GRAMMAR
from .reference.grammar import grammar_page
from .reference.registries import functions_page, options_page, readers_page, reducers_page, splitters_page
from .reference.schema import FILE as SCHEMA
from .reference.schema import schema_page
from .reference.type_forms import types_page

_REFERENCE: dict[str, tuple[str, Callable[[], str]]] = {
    "types": ("Types", types_page),
    "options": ("Options", options_page),
    "functions": ("Functions and filters", functions_page),
    "reducers": ("Reducers: forms and types", reducers_page),
    "splitters": ("Splitters", splitters_page),
    "readers": ("Readers of documents", readers_page),
    "endpoints": ("Endpoints", endpoints_page),
    "grammar": ("The grammar", grammar_page),
    "plan": ("The JSON of a plan", schema_page),
    "exits": ("Exit codes", exits_page),
}


def made_reference() -> Made:
    """Make the pages that stand alone."""
    pages = {f"reference/{name}.md": make() for name, (_, make) in _REFERENCE.items()}
    titles = {f"reference/{name}.md": title for name, (title, _) in _REFERENCE.items()}
    files = {f"files/{path}.txt": (ROOT / path).read_text(encoding="utf-8") for path in (GRAMMAR, SCHEMA)}
    return Made(pages, titles, files=files)


MAKERS: dict[str, Callable[[], Made]] = {
    "reference": made_reference,
    "commands": made_commands,
    "api": made_api,
    "codes": made_codes,
    "examples": made_examples,
}


def made_pages() -> dict[str, Made]:
    """Make all pages."""
    return {name: make() for name, make in MAKERS.items()}
