"""The tree of a template as jinja2 parses it. Each part knows its place in the text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ..diagnostics import Diagnostic
from ..syntax import String
from . import nodes as own
from .error_messages import CALLED, called_by_name, explained
from .plain import MOST_PARTS

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

DEEPEST = 40
"""The most levels of nested expressions and statements, so that Python can compile the result."""
LONGEST_NUMBER = 100
"""The most digits of a number; Python refuses to write out far longer numbers."""


class TokenOffset(int):
    """The offset of a token in a template. It also knows where the token ends."""

    end: int


class TooManyParts(Exception):
    """The error for a template with more parts than can be read in reasonable time."""


def read_tree(string: String) -> tuple[own.Node, ...] | Diagnostic:
    """Read the statements of a template with jinja2; return a problem if that fails."""
    from jinja2 import TemplateSyntaxError

    try:
        # In jinja2's tree ``lineno`` is a Place.
        tree = _environment().parse(string.value)
    except TemplateSyntaxError as error:
        start = min(max(error.lineno, 0), max(len(string.value) - 1, 0))
        if called := called_by_name(string.value, start):
            return Diagnostic(
                "F0304", "a template cannot call functions: it only inserts values", string.place(*called), help=CALLED
            )
        message, help = explained(error.message or "it ends too early", string.value, start)
        place = string.place(start, max(_end(error.lineno, start), word_end(string.value, start)))
        return Diagnostic("F0305", f"this template cannot be read: {message}", place, help=help)
    except RecursionError:
        return Diagnostic("F0304", "this template is nested too deep", string.span, help="write parts of it as steps")
    except TooManyParts:
        return Diagnostic(
            "F0304",
            f"this template has more than {MOST_PARTS:,} parts",
            string.span,
            help="move long lists into a file, read that file, and use `{% for %}`",
        )
    return _Reader(string.value).some(tree.body, 1, (0, word_end(string.value, 0)))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, TemplateSyntaxError
    from jinja2.lexer import Lexer

    class PlacingLexer(Lexer):
        """The lexer of jinja2, changed to give the place of each token instead of its line."""

        def tokeniter(self, source: str, *args: Any, **options: Any) -> Iterator[tuple[int, str, str]]:
            # jinja2 turns every line end into a line feed, so its offsets are one too small after each two-character
            # line end.
            text = re.sub(r"\r\n?", "\n", source)
            pairs = [pair.start() - number for number, pair in enumerate(re.finditer("\r\n", source))]

            def place(start: int, end: int) -> TokenOffset:
                placed = TokenOffset(start + bisect_left(pairs, start))
                placed.end = end + bisect_left(pairs, end)
                return placed

            at = parts = 0
            try:
                for _, token, value in super().tokeniter(source, *args, **options):
                    start = max(text.find(value, at), at)
                    at = start + len(value)
                    if token not in ("data", "whitespace"):
                        parts += 1
                        if parts > MOST_PARTS:
                            raise TooManyParts
                    if token in ("integer", "float"):
                        _check_number(value, place(start, at))
                    yield place(start, at), token, value
            except TemplateSyntaxError as error:
                if not isinstance(error.lineno, TokenOffset):
                    error.lineno = place(at, at)
                raise

    def _check_number(value: str, place: TokenOffset) -> None:
        digits = value.replace("_", "")
        if len(digits) > LONGEST_NUMBER:
            raise TemplateSyntaxError(f"it has a number of more than {LONGEST_NUMBER} digits", place)
        if not digits.startswith(("0x", "0X", "0b", "0B", "0o", "0O")) and float(digits) == float("inf"):
            raise TemplateSyntaxError("it has a number that is too large", place)

    class PlacingEnvironment(Environment):
        @cached_property
        def lexer(self) -> Lexer:
            return PlacingLexer(self)

    return PlacingEnvironment(keep_trailing_newline=True)


def word_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return max(end, min(start + 1, len(text)))


_OPERATORS = {"Mul": "*", "Pow": "**", "Div": "/", "FloorDiv": "//", "Mod": "%"}
_BINARY = {"Add": own.Add, "Sub": own.Sub, "And": own.And, "Or": own.Or}
_UNARY = {"Not": own.Not, "Neg": own.Neg}


class _Reader:
    """The reader that makes flowrun's tree from jinja2's tree.

    Parts that are nested too deep or are not in the subset become ``Strange``.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def some(self, found: Iterable[nodes.Node], depth: int, outer: tuple[int, int]) -> tuple[own.Node, ...]:
        return tuple(self.one(node, depth, outer) for node in found)

    def one(self, node: nodes.Node, depth: int, outer: tuple[int, int]) -> own.Node:
        """Read one node.

        ``outer`` is the place of the node around it, because some nodes of jinja2 have no place of their own.
        """
        from jinja2 import nodes

        at = self.place(node, outer)
        if depth > DEEPEST:
            return own.Strange(*at, "TooDeep", ())
        if isinstance(node, nodes.Stmt):
            return self.statement(node, depth, at)
        inner = depth + 1
        match node:
            case nodes.TemplateData():
                return own.TemplateData(*at, node.data)
            case nodes.Name():
                return own.Name(*at, node.name)
            case nodes.Getattr():
                word = _word(self.text, node.attr, at[0])
                return own.Getattr(*word, self.one(node.node, inner, at), node.attr)
            case nodes.Const():
                return own.Const(*at, node.value)
            case nodes.Filter() if node.node is not None and not (node.dyn_args or node.dyn_kwargs):
                kwargs = tuple(
                    own.Keyword(*self.place(pair, at), str(pair.key), self.one(pair.value, inner + 1, at))
                    for pair in node.kwargs
                )
                base = self.one(node.node, inner, at)
                return own.Filter(*at, base, node.name, self.some(node.args, inner, at), kwargs)
            case nodes.Test():
                word = _word(self.text, node.name, at[0] + len("is"))
                alone = not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)
                return own.Test(*word, self.one(node.node, inner, at), node.name, alone)
            case nodes.List():
                return own.List(*at, self.some(node.items, inner, at))
            case nodes.Concat():
                return own.Concat(*at, self.some(node.nodes, inner, at))
            case nodes.CondExpr():
                other = None if node.expr2 is None else self.one(node.expr2, inner, at)
                return own.CondExpr(*at, self.one(node.test, inner, at), self.one(node.expr1, inner, at), other)
            case nodes.Compare():
                ops = tuple(own.Operand(*at, side.op, self.one(side.expr, inner + 1, at)) for side in node.ops)
                return own.Compare(*at, self.one(node.expr, inner, at), ops)
            case nodes.BinExpr() if binary := _BINARY.get(type(node).__name__):
                return binary(*at, self.one(node.left, inner, at), self.one(node.right, inner, at))
            case nodes.UnaryExpr() if unary := _UNARY.get(type(node).__name__):
                return unary(*at, self.one(node.node, inner, at))
        return self.strange(node, depth, at)

    def statement(self, node: nodes.Stmt, depth: int, at: tuple[int, int]) -> own.Node:
        from jinja2 import nodes

        inner = depth + 1
        match node:
            case nodes.Output():
                parts = self.some(node.nodes, inner, at)
                return own.Output(parts[0].start, parts[0].end, parts)
            case nodes.If():
                return self.branches(node, depth, at)
            case nodes.For(target=nodes.Name() as target) if not node.recursive:
                return own.For(
                    *at,
                    own.Name(*self.place(target, at), target.name),
                    self.one(node.iter, inner, at),
                    self.some(node.body, inner, at),
                    self.some(node.else_, inner, at),
                    None if node.test is None else self.one(node.test, inner, at),
                )
            case nodes.Assign(target=nodes.Name() as target):
                return own.Assign(*at, own.Name(*self.place(target, at), target.name), self.one(node.node, inner, at))
        return self.strange(node, depth, at)

    def branches(self, node: nodes.If, depth: int, at: tuple[int, int]) -> own.If:
        inner = depth + 1
        return own.If(
            *at,
            self.one(node.test, inner, at),
            self.some(node.body, inner, at),
            tuple(self.branches(other, inner, self.place(other, at)) for other in node.elif_),
            self.some(node.else_, inner, at),
        )

    def strange(self, node: nodes.Node, depth: int, at: tuple[int, int]) -> own.Strange:
        """Make a ``Strange`` node. Its place is the smallest place that shows the part that is not allowed."""
        from jinja2 import nodes

        kind = type(node).__name__
        found = self.some(node.iter_child_nodes(), depth + 1, at)
        start = at[0]
        if isinstance(node, nodes.BinExpr):
            start = max(self.text.find(_OPERATORS.get(kind, ""), found[0].extent()[1]), start)
        elif isinstance(node, nodes.Scope) and found:
            start = found[0].start
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            kind = "Slice"
        end = start + len(_OPERATORS[kind]) if kind in _OPERATORS else word_end(self.text, start)
        return own.Strange(start, end, kind, found)

    def place(self, node: nodes.Node, outer: tuple[int, int]) -> tuple[int, int]:
        if node.lineno is None:
            return outer
        return int(node.lineno), _end(node.lineno, word_end(self.text, node.lineno))


def _word(text: str, word: str, start: int) -> tuple[int, int]:
    found = max(text.find(word, start), start)
    return found, found + len(word)


def _end(place: int, otherwise: int) -> int:
    return place.end if isinstance(place, TokenOffset) else otherwise
