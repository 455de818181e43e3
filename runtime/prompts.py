"""Templates made into prompts: jinja2 in its sandbox, on values that are plain data, with bounded output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .errors import FlowrunError

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MOST_CHARACTERS = 16 << 20
WIDEST_INDENT = 80


class PromptError(FlowrunError):
    """A template met a value that it cannot place."""


@lru_cache(maxsize=4096)
def compiled(template: str) -> tuple[Template, tuple[str, ...]]:
    """A template ready to render, and the names that it takes from the flow."""
    from flowrun.dsl import template_names

    return _environment().from_string(template), template_names(template)


def render(template: str, lookup: Callable[[str], Any]) -> str:
    """The text of a template: texts as they are, everything else as JSON.

    Raises PromptError when a value is missing, or when the text grows beyond ``MOST_CHARACTERS``.
    """
    from jinja2 import TemplateError

    program, names = compiled(template)
    pieces = []
    length = 0
    try:
        for piece in program.generate({name: lookup(name) for name in names}):
            length += len(piece)
            if length > MOST_CHARACTERS:
                raise PromptError(
                    f"this prompt grows beyond {MOST_CHARACTERS:,} characters: cut its values with split()"
                )
            pieces.append(piece)
    except (TemplateError, TypeError, ValueError) as error:
        raise PromptError(f"the template cannot be filled in: {error}") from None
    return "".join(pieces)


def shown(value: Any) -> str:
    """A value as a prompt shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import StrictUndefined, Undefined
    from jinja2.runtime import LoopContext
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Prompts(ImmutableSandboxedEnvironment):
        def getattr(self, obj: Any, attribute: str) -> Any:
            # A field is data. Python's attributes are out of reach, also where a field is called `items`.
            if isinstance(obj, dict):
                return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
            if isinstance(obj, LoopContext):
                return getattr(obj, attribute)
            return self.undefined(obj=obj, name=attribute)

        def getitem(self, obj: Any, argument: Any) -> Any:
            return self.getattr(obj, str(argument))

    def default(value: Any, other: Any = "") -> Any:
        return other if value is None or isinstance(value, Undefined) else value

    def join(values: Iterable[Any], separator: str = "") -> str:
        return separator.join(shown(value) for value in values)

    def indent(text: str, width: int = 4, first: bool = False) -> str:
        pad = " " * min(width, WIDEST_INDENT)
        lines = text.split("\n")
        return "\n".join(pad + line if line and (first or number) else line for number, line in enumerate(lines))

    environment = Prompts(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, Undefined) else shown(value),
    )
    environment.filters.update(
        default=default, join=join, indent=indent, json=lambda v: json.dumps(v, ensure_ascii=False)
    )
    return environment
