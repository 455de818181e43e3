"""Templates: jinja2's own tree, cut down to a subset that cannot run away, read for mentions.

In the trees made here ``lineno`` holds the offset in the template instead of a line, so that every
finding can point into the string that the template was written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .diagnostics import Diagnostic
from .syntax import String

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

FILTERS = frozenset(
    "capitalize default first indent join json last length lower round "
    "sort sum title trim truncate unique upper".split()
)
TESTS = frozenset({"defined", "none"})
LOOP_FIELDS = frozenset({"index", "index0", "first", "last", "length", "revindex"})
DEEPEST = 100

_REASONS = {
    "Call": "a template calls nothing: it only places values",
    "Getitem": "there is no indexing; a field is written `.name`",
    "Slice": "there is no slicing; cut the text with split()",
    "Mul": "multiplying could make a prompt of any length",
    "Pow": "a power could make a number of any length",
    "Include": "a template comes from the flow file alone",
    "Import": "a template comes from the flow file alone",
    "FromImport": "a template comes from the flow file alone",
    "Extends": "a template comes from the flow file alone",
    "Block": "a template comes from the flow file alone",
    "Macro": "a template defines nothing: make it a step or a flow",
    "CallBlock": "a template calls nothing: it only places values",
    "FilterBlock": "apply the filter to a value: `{{ value | filter }}`",
}


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that a template takes from the flow: ``start`` and ``end`` are offsets in the template."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """A template that keeps to the subset."""

    string: String
    tree: nodes.Template
    mentions: tuple[Mention, ...]


def read_template(string: String) -> Template | list[Diagnostic]:
    """The tree of a template, or what is wrong with it."""
    from jinja2 import TemplateSyntaxError

    try:
        tree = _environment().parse(string.value)
    except TemplateSyntaxError as error:
        start = min(max(error.lineno, 0), max(len(string.value) - 1, 0))
        return [
            Diagnostic(
                "F0305",
                f"this template cannot be read: {_sentence(error.message or 'it breaks off')}",
                string.place(start, _word_end(string.value, start)),
                help="a value is placed with `{{ name }}`; to write two braces as they are: `{{ '{{' }}`",
            )
        ]
    except RecursionError:
        return [Diagnostic("F0304", "this template is nested too deep", string.span, help="build parts of it in steps")]
    problems = list(_refused(string, tree))
    if problems:
        return problems
    return Template(string, tree, tuple(_mentions(string.value, tree)))


def field_span(string: String, node: nodes.Getattr) -> tuple[int, int]:
    """Where the field's name of ``base.name`` stands, as offsets in the template."""
    start = string.value.index(node.attr, node.lineno)
    return start, start + len(node.attr)


def filter_span(string: String, node: nodes.Filter) -> tuple[int, int]:
    start = string.value.find(node.name, node.lineno)
    return (start, start + len(node.name)) if start >= 0 else (node.lineno, node.lineno + 1)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, TemplateSyntaxError
    from jinja2.lexer import Lexer

    class OffsetLexer(Lexer):
        """Gives every token its offset in place of its line."""

        def tokeniter(self, source: str, *args: Any, **options: Any) -> Iterator[tuple[int, str, str]]:
            at = 0
            try:
                for _, token, value in super().tokeniter(source, *args, **options):
                    # jinja2 reads every line end as a line feed.
                    found = re.compile(re.escape(value).replace("\\\n", r"(?:\r\n|\r|\n)")).search(source, at)
                    start, end = found.span() if found else (at, at)
                    yield start, token, value
                    at = end
            except TemplateSyntaxError as error:
                error.lineno = at
                raise

    class OffsetEnvironment(Environment):
        @property
        def lexer(self) -> Lexer:
            return OffsetLexer(self)

    return OffsetEnvironment(keep_trailing_newline=True)


def _refused(string: String, tree: nodes.Template) -> Iterator[Diagnostic]:
    from jinja2 import nodes

    allowed = (
        nodes.Template,
        nodes.Output,
        nodes.TemplateData,
        nodes.For,
        nodes.If,
        nodes.Assign,
        nodes.Name,
        nodes.Getattr,
        nodes.Filter,
        nodes.Test,
        nodes.Const,
        nodes.List,
        nodes.Compare,
        nodes.Operand,
        nodes.And,
        nodes.Or,
        nodes.Not,
        nodes.Add,
        nodes.Sub,
        nodes.Neg,
        nodes.Concat,
        nodes.CondExpr,
        nodes.Keyword,
    )
    todo: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    while todo:
        node, depth, outer = todo.pop()
        if depth > DEEPEST:
            yield Diagnostic(
                "F0304", "this template is nested too deep", string.span, help="build parts of it in steps"
            )
            return
        kind = type(node).__name__
        # jinja2 gives some of its nodes no place: they stand where the node around them does.
        start = outer if node.lineno is None else node.lineno
        at = string.place(start, _word_end(string.value, start))
        if not isinstance(node, allowed):
            reason = _REASONS.get(kind, "templates place values, with `if`, `for` and `set`, and do no more")
            yield Diagnostic("F0304", f"a template may not do this: {reason}", at, help=_way_out(kind))
            continue
        if isinstance(node, nodes.For) and (node.recursive or not isinstance(node.target, nodes.Name)):
            yield Diagnostic("F0304", "a `for` in a template names one element", at, help="write `{% for x in xs %}`")
            continue
        if isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name):
            yield Diagnostic("F0304", "a `set` in a template names one value", at, help="write `{% set x = y %}`")
            continue
        if isinstance(node, nodes.Test) and node.name not in TESTS:
            yield Diagnostic(
                "F0304", f"no test is called `{node.name}`", at, help="`is defined` and `is none` are tests"
            )
            continue
        todo.extend((child, depth + 1, start) for child in node.iter_child_nodes())


def _way_out(kind: str) -> str:
    if kind in ("Call", "CallBlock"):
        return "give the call a name in the flow, `x = length(items)`, and write `{{ x }}`"
    return "work the value out in the flow, under a name, and place it here with `{{ name }}`"


def _mentions(text: str, tree: nodes.Template) -> Iterator[Mention]:
    """The free names, in the order of the text."""
    found: list[Mention] = []
    _collect(text, tree.body, set(), found)
    found.sort(key=lambda mention: mention.start)
    return iter(found)


def _collect(text: str, body: list[nodes.Node], bound: set[str], found: list[Mention]) -> None:
    from jinja2 import nodes

    for node in body:
        match node:
            case nodes.For():
                _collect(text, [node.iter], bound, found)
                inner = bound | {node.target.name, "loop"}  # type: ignore[attr-defined]
                _collect(text, [node.test] if node.test else [], inner, found)
                _collect(text, node.body, inner, found)
                _collect(text, node.else_, bound, found)
            case nodes.Assign():
                _collect(text, [node.node], bound, found)
                bound.add(node.target.name)  # type: ignore[attr-defined]
            case nodes.Name():
                if node.name not in bound:
                    start = text.index(node.name, node.lineno)
                    found.append(Mention(node.name, start, start + len(node.name)))
            case _:
                _collect(text, list(node.iter_child_nodes()), bound, found)


def _word_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return max(end, min(start + 1, len(text)))


_UNCLOSED = re.compile(r"The innermost block that needs to be closed is '(\w+)'")
_TAG = re.compile(r"Encountered unknown tag '(\w+)'")
_CHARACTER = re.compile(r"unexpected char (.+) at \d+", re.DOTALL)
_TOKENS = {
    "'end of print statement'": "`}}`",
    "'begin of print statement'": "`{{`",
    "'end of statement block'": "`%}`",
    "'begin of statement block'": "`{%`",
    "end of template": "end of the text",
    "end of comment tag": "`#}`",
}


def _sentence(message: str) -> str:
    """jinja2's message without its words for the parts of a template."""
    message = message.strip().rstrip(".")
    if found := _UNCLOSED.search(message):
        return f"`{{% {found[1]} … %}}` is never closed: write `{{% end{found[1]} %}}`"
    if found := _TAG.search(message):
        return f"`{{% {found[1]} %}}` cannot stand here"
    if found := _CHARACTER.search(message):
        return f"{found[1]} cannot stand here"
    for token, written in _TOKENS.items():
        message = message.replace(token, written)
    message = re.sub(r"'([^']*)'", r"`\1`", message.replace("expected token", "expected"))
    return message[:1].lower() + message[1:]


def template_names(template: str) -> tuple[str, ...]:
    """The names that a template takes from the flow, each once. Raises ValueError where it leaves the subset."""
    from .source import Source

    source = Source("")
    read = read_template(String(template, source.span(0, 0)))
    if isinstance(read, Template):
        return tuple(dict.fromkeys(mention.name for mention in read.mentions))
    raise ValueError(read[0].message)
