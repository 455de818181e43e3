"""The rendering of templates into prompts: jinja2 in its sandbox, on plain data, with bounded output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowrun.dsl import template_pieces

from ..vocabulary.errors import FlowrunError
from .candidates import Candidates
from .rules import FileText
from .template_trees import metered, with_numbers

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MOST_CHARACTERS = 16 << 20
MOST_ROUNDS = 5_000_000
"""The most turns of all loops of one template together."""
WIDEST_INDENT = 80
MOST_PLACES = 12


LOOP_FIELDS = frozenset({"index", "index0", "first", "last", "length", "revindex"})


class PromptError(FlowrunError):
    """A template cannot be filled in with the values that it got."""


@lru_cache(maxsize=4096)
def compiled(template: str, numbered: bool = False) -> tuple[Template, tuple[str, ...]]:
    """Compile a template. Return it ready to render, with the names that it takes from the flow.

    With ``numbered``, its loops number the candidates that they go through, unless they do so themselves.
    """
    from flowrun.dsl import template_names

    # The names come first, so that a template outside of the subset is refused before jinja2 evaluates anything.
    names = template_names(template)
    environment = _environment()
    tree = environment.parse(template)
    return environment.from_string(metered(with_numbers(tree) if numbered else tree, environment)), names


_pieces = lru_cache(maxsize=4096)(template_pieces)


def _joined_pieces(pieces: tuple[str | tuple[str, ...], ...], lookup: Callable[[str], Any]) -> str | None:
    """Render a template that only names values. None if a field is missing, so that jinja2 reports it."""
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
    _Meter().grow(sum(map(len, texts)))
    return "".join(texts)


def render(template: str, lookup: Callable[[str], Any]) -> str:
    """Render a template: texts as they are, everything else as JSON.

    Raise PromptError if a value is missing, if a text grows beyond ``MOST_CHARACTERS``, or if the loops make more than
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
    output = _Meter()
    try:
        program, names = compiled(template)
        values = {name: lookup(name) for name in names}
        if any(isinstance(value, Candidates) for value in values.values()):
            program, _ = compiled(template, numbered=True)
        for piece in program.generate({**values, _METER: _Meter()}):
            output.grow(len(piece))
            pieces.append(piece)
    except (TemplateError, *_FILTER_ERRORS) as error:
        raise PromptError(f"the template cannot be filled in: {error}") from None
    return "".join(pieces)


def shown(value: Any) -> str:
    """Write a value as a prompt shows it."""
    if isinstance(value, FileText):
        value = value["text"]
    if isinstance(value, str):
        return value
    _measure(value)
    return value.block() if isinstance(value, Candidates) else json.dumps(value, ensure_ascii=False, default=_absent)


def _absent(value: Any) -> None:
    """Return None for a missing field inside of a list. Raise TypeError for anything else."""
    from jinja2 import Undefined

    if not isinstance(value, Undefined):
        raise TypeError(f"a Python {type(value).__name__} is not data")


def _measure(value: Any) -> None:
    """Raise PromptError if a value would be written out too long. Its parts may be one object many times over."""
    meter = _Meter()
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, list):
            todo.extend(part)
        elif isinstance(part, dict):
            todo.extend((*part, *part.values()))
        meter.grow(len(part) if isinstance(part, str) else 1)


_FILTER_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""The exceptions that jinja2's filters raise on values that they cannot take."""
_METER = "#meter"
"""The name under which a template finds its meter. No name of a flow looks like this."""


class _Meter:
    """The counts of one rendering: the text that it has built, and the turns of its loops."""

    def __init__(self) -> None:
        self.characters = 0
        self.rounds = 0

    def grow(self, characters: int) -> None:
        self.characters += characters
        if self.characters > MOST_CHARACTERS:
            raise PromptError(
                f"this prompt is longer than {MOST_CHARACTERS:,} characters: split its values with split()"
            )

    def count(self, values: Iterable[Any]) -> Iterator[Any]:
        if values is None or isinstance(values, (int, float)):
            raise PromptError(f"a `for` of a template needs a list, and this is {shown(values)}")
        for value in values:
            self.rounds += 1
            if self.rounds > MOST_ROUNDS:
                raise PromptError(
                    f"the loops of this template run more than {MOST_ROUNDS:,} rounds: use a shorter list"
                )
            yield value


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import StrictUndefined, Undefined, pass_context, pass_environment
    from jinja2.filters import do_round
    from jinja2.runtime import Context, LoopContext
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Absent(Undefined):
        """A missing field.

        It counts as none wherever it is looked at, and raises an error if it is placed by itself.
        """

        __slots__ = ()
        __str__ = __iter__ = __len__ = __contains__ = Undefined._fail_with_undefined_error

        def __eq__(self, other: object) -> bool:
            return other is None or isinstance(other, Undefined)

        def __ne__(self, other: object) -> bool:
            return not self == other

        def __hash__(self) -> int:
            return hash(None)

    class Prompts(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"+"})

        def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
            for kind in (str, list):
                if isinstance(left, kind) and isinstance(right, kind):
                    context.resolve(_METER).grow(len(left) + len(right))
            return super().call_binop(context, operator, left, right)

        def getattr(self, obj: Any, attribute: str) -> Any:
            # A field is data. Python's attributes are out of reach, also where a field is called `items`.
            if isinstance(obj, dict) and attribute in obj:
                return obj[attribute]
            if isinstance(obj, Undefined):
                return obj
            if isinstance(obj, LoopContext) and attribute in LOOP_FIELDS:
                return getattr(obj, attribute)
            return Absent(hint=f"this value has no field `{attribute}`")

        def getitem(self, obj: Any, argument: Any) -> Any:
            # The field that a filter goes by must be there.
            found = self.getattr(obj, str(argument))
            return self.undefined(hint=found._undefined_hint) if isinstance(found, Absent) else found

    def there(value: Any) -> Any:
        return value._fail_with_undefined_error() if isinstance(value, Undefined) else value

    def default(value: Any, other: Any = "") -> Any:
        return other if value is None or isinstance(value, Undefined) else value

    def is_none(value: Any) -> bool:
        return value is None or isinstance(value, Undefined)

    def unique(environment: Environment, values: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
        # The result of jinja2's own filter can be read only once, and it treats an optional field as an error.
        seen: dict[Any, Any] = {}
        for value in values:
            key = value
            for field in str(attribute).split(".") if attribute is not None else ():
                key = environment.getattr(key, field)
            seen.setdefault(key.lower() if isinstance(key, str) and not case_sensitive else key, value)
        return list(seen.values())

    def rounded(value: Any, precision: int = 0, method: Any = "common") -> Any:
        if not 0 <= precision <= MOST_PLACES:
            raise ValueError(f"`precision` takes a number from 0 to {MOST_PLACES}")
        return do_round(value, precision, method)

    def as_json(value: Any) -> str:
        _measure(value)
        return json.dumps(value, ensure_ascii=False, default=_absent)

    @pass_context
    def counted(context: Context, values: Iterable[Any]) -> Iterator[Any]:
        meter: Any = context.resolve(_METER)
        return iter(meter.count(values))

    @pass_context
    def join(context: Context, values: Iterable[Any], separator: str = "") -> str:
        texts = values.lines() if isinstance(values, Candidates) else [shown(there(value)) for value in values]
        context.resolve(_METER).grow(sum(map(len, texts)) + len(separator) * len(texts))
        return separator.join(texts)

    @pass_context
    def indent(context: Context, text: str, width: int = 4, first: bool = False) -> str:
        pad = " " * min(width, WIDEST_INDENT)
        lines = text.split("\n")
        context.resolve(_METER).grow(len(text) + len(pad) * len(lines))
        return "\n".join(pad + line if line and (first or number) else line for number, line in enumerate(lines))

    def place(values: Any, index: int) -> str:
        return f"{index}. " if isinstance(values, Candidates) else ""

    def told_apart(values: Any) -> Any:
        if not isinstance(values, Candidates):
            return values
        return [item if isinstance(one, str) else one for one, item in zip(values, values.texts(), strict=True)]

    environment = Prompts(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, Undefined) else shown(value),
    )
    environment.filters.update(
        default=default,
        counted=counted,
        place=place,
        told_apart=told_apart,
        join=join,
        indent=indent,
        first=lambda values: next(iter(values), None),
        last=lambda values: values[-1] if values else None,
        unique=pass_environment(unique),
        round=rounded,
        json=as_json,
    )
    # A value of none counts as missing, as in the checker.
    environment.tests.update(none=is_none, defined=lambda value: not is_none(value))
    return environment
