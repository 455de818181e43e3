"""The rendering of templates into prompts: jinja2 in its sandbox, on plain data, with bounded output."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowrun.dsl import template_pieces

from .candidates import Candidates
from .prompt_text import METER, Meter, PromptError, shown

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["compiled", "render", "shown"]

_FILTER_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""The exceptions that jinja2's filters raise on values that they cannot take."""


@lru_cache(maxsize=4096)
def compiled(template: str, numbered: bool = False) -> tuple[Template, tuple[str, ...]]:
    """Compile a template. Return it ready to render, with the names that it takes from the flow.

    With ``numbered``, loops over candidates write their numbers, unless the template does so itself.
    """
    from flowrun.dsl import template_names

    from .template_environment import ENVIRONMENT
    from .template_trees import metered, with_numbers

    # The names come first, so that a template outside of the subset is refused before jinja2 evaluates anything.
    names = template_names(template)
    tree = ENVIRONMENT.parse(template)
    return ENVIRONMENT.from_string(metered(with_numbers(tree) if numbered else tree, ENVIRONMENT)), names


_pieces = lru_cache(maxsize=4096)(template_pieces)


def _joined_pieces(pieces: tuple[str | tuple[str, ...], ...], lookup: Callable[[str], Any]) -> str | None:
    """Render a template that only writes named values. None if a field is missing, so that jinja2 reports it."""
    texts = []
    for piece in pieces:
        if isinstance(piece, str):
            texts.append(piece)
            continue
        value = lookup(piece[0])
        for field in piece[1:]:
            if not isinstance(value, dict) or field not in value:
                return None
            value = value[field]
        texts.append(value if isinstance(value, str) else shown(value))
    Meter().grow(sum(map(len, texts)))
    return "".join(texts)


def render(template: str, lookup: Callable[[str], Any]) -> str:
    """Render a template: texts as they are, everything else as JSON.

    Raises PromptError if a value is missing, if a text grows beyond ``MOST_CHARACTERS``, or if the loops make more than
    ``MOST_ROUNDS`` turns.
    """
    plain = _pieces(template)
    if plain is not None:
        try:
            text = _joined_pieces(plain, lookup)
        except _FILTER_ERRORS as error:
            raise PromptError(f"the template cannot be filled in: {error}") from None
        if text is not None:
            return text
    from jinja2 import TemplateError

    pieces = []
    output = Meter()
    try:
        program, names = compiled(template)
        values = {name: lookup(name) for name in names}
        if any(isinstance(value, Candidates) for value in values.values()):
            program, _ = compiled(template, numbered=True)
        for piece in program.generate({**values, METER: Meter()}):
            output.grow(len(piece))
            pieces.append(piece)
    except (TemplateError, *_FILTER_ERRORS) as error:
        raise PromptError(f"the template cannot be filled in: {error}") from None
    return "".join(pieces)
