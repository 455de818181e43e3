"""Templates made into prompts: jinja2 in its sandbox, on values that are plain data, with bounded output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowrun.dsl import template_pieces

from .candidates import Candidates
from .errors import FlowrunError
from .rules import FileText

if TYPE_CHECKING:
    from jinja2 import Environment, Template, nodes

MOST_CHARACTERS = 16 << 20
MOST_ROUNDS = 5_000_000
"""How many times all the loops of one template may go round."""
WIDEST_INDENT = 80
MOST_PLACES = 12


LOOP_FIELDS = frozenset({"index", "index0", "first", "last", "length", "revindex"})


class PromptError(FlowrunError):
    """A template met a value that it cannot place."""


@lru_cache(maxsize=4096)
def compiled(template: str, numbered: bool = False) -> tuple[Template, tuple[str, ...]]:
    """A template ready to render, and the names that it takes from the flow.

    ``numbered``: its loops number candidates that they go through, where they do not do so themselves.
    """
    from flowrun.dsl import template_names

    # The names first: what leaves the subset is refused before jinja2 works anything out.
    names = template_names(template)
    environment = _environment()
    tree = environment.parse(template)
    return environment.from_string(_metered(_numbered(tree) if numbered else tree)), names


_pieces = lru_cache(maxsize=4096)(template_pieces)


def _joined_pieces(pieces: tuple[str | tuple[str, ...], ...], lookup: Callable[[str], Any]) -> str | None:
    """The text of a template that only names values; None where one has no such field, for jinja2 to say so."""
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
    """The text of a template: texts as they are, everything else as JSON.

    Raises PromptError when a value is missing, when a text grows beyond ``MOST_CHARACTERS``, or when the loops go
    round more than ``MOST_ROUNDS`` times.
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
    """A value as a prompt shows it."""
    if isinstance(value, FileText):
        value = value["text"]
    if isinstance(value, str):
        return value
    _measure(value)
    return value.block() if isinstance(value, Candidates) else json.dumps(value, ensure_ascii=False)


def _measure(value: Any) -> None:
    """Raises PromptError where a value would be written out too long: its parts may be the same ones many times."""
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
"""What jinja2's filters raise on values that they cannot take."""
_METER = "#meter"
"""Where a template finds its meter: no name of a flow looks like this."""


class _Meter:
    """What one rendering has built, and how often its loops went round."""

    def __init__(self) -> None:
        self.characters = 0
        self.rounds = 0

    def grow(self, characters: int) -> None:
        self.characters += characters
        if self.characters > MOST_CHARACTERS:
            raise PromptError(f"this prompt grows beyond {MOST_CHARACTERS:,} characters: cut its values with split()")

    def count(self, values: Iterable[Any]) -> Iterator[Any]:
        if values is None or isinstance(values, (int, float)):
            raise PromptError(f"a `for` of a template goes through a list, and this is {shown(values)}")
        for value in values:
            self.rounds += 1
            if self.rounds > MOST_ROUNDS:
                raise PromptError(f"the loops of this template go round more than {MOST_ROUNDS:,} times")
            yield value


def _metered(tree: nodes.Template) -> nodes.Template:
    """The template with its loops counted and its `~` measured."""
    from jinja2 import nodes

    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None, lineno=loop.lineno)
    # The deepest first: what is replaced here may stand inside another one.
    for node in [tree, *reversed(list(tree.find_all(nodes.Node)))]:
        for name, value in node.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(node, name, _joined(value))
            elif isinstance(value, list):
                value[:] = [_joined(one) if isinstance(one, nodes.Concat) else one for one in value]
    tree.set_environment(_environment())
    return tree


def _numbered(tree: nodes.Template) -> nodes.Template:
    """The template with the place of each candidate before it, in loops that show no place of their own."""
    from jinja2 import nodes

    for loop in tree.find_all(nodes.For):
        if not isinstance(loop.iter, nodes.Name) or loop.test is not None or _counts(loop.body):
            continue
        index = nodes.Getattr(nodes.Name("loop", "load"), "index", "load")
        source = nodes.Name(loop.iter.name, "load")
        loop.body.insert(0, nodes.Output([nodes.Filter(source, "place", [index], [], None, None)]))
        loop.iter = nodes.Filter(source, "told_apart", [], [], None, None)
    return tree


def _counts(body: list[nodes.Node]) -> bool:
    """Whether the turns of a loop are counted in its body, those of loops inside aside."""
    from jinja2 import nodes

    todo = body[:]
    while todo:
        node = todo.pop()
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "loop":
            if "index" in node.attr:
                return True
        elif isinstance(node, nodes.For):
            todo.append(node.iter)
        else:
            todo.extend(node.iter_child_nodes())
    return False


def _joined(concat: nodes.Concat) -> nodes.Filter:
    from jinja2 import nodes

    parts = nodes.List(concat.nodes, lineno=concat.lineno)
    return nodes.Filter(parts, "join", [], [], None, None, lineno=concat.lineno)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import StrictUndefined, Undefined, pass_context, pass_environment
    from jinja2.filters import do_round, do_unique
    from jinja2.runtime import Context, LoopContext
    from jinja2.sandbox import ImmutableSandboxedEnvironment

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
            return self.undefined(hint=f"there is no field `{attribute}` here")

        def getitem(self, obj: Any, argument: Any) -> Any:
            return self.getattr(obj, str(argument))

    def default(value: Any, other: Any = "") -> Any:
        return other if value is None or isinstance(value, Undefined) else value

    def is_none(value: Any) -> bool:
        return value is None or isinstance(value, Undefined)

    def unique(environment: Environment, values: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
        # jinja2's own can be gone through only once.
        return list(do_unique(environment, values, case_sensitive, attribute))

    def rounded(value: Any, precision: int = 0, method: Any = "common") -> Any:
        if not 0 <= precision <= MOST_PLACES:
            raise ValueError(f"`precision` takes a number from 0 to {MOST_PLACES}")
        return do_round(value, precision, method)

    def as_json(value: Any) -> str:
        _measure(value)
        return json.dumps(value, ensure_ascii=False)

    @pass_context
    def counted(context: Context, values: Iterable[Any]) -> Iterator[Any]:
        meter: Any = context.resolve(_METER)
        return iter(meter.count(values))

    @pass_context
    def join(context: Context, values: Iterable[Any], separator: str = "") -> str:
        texts = values.lines() if isinstance(values, Candidates) else [shown(value) for value in values]
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
    # A value that is none counts as not there, as the checker has it.
    environment.tests.update(none=is_none, defined=lambda value: not is_none(value))
    return environment
