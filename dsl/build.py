"""The parser's reductions, made into the tree: one method a rule of the grammar.

lark calls these while it parses, so no tree of its own is ever built, and nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lark import Token

from . import syntax as s
from .diagnostics import Diagnostic
from .source import Source, Span
from .strings import read_string

MOST_OPERANDS = 100
"""Operators in one chain: `a + b + …` becomes a tree as deep as it is long."""


class With(tuple[s.Option, ...]):
    """The options of a `with` clause."""


class After(tuple[s.Word, ...]):
    """The names of an `after` clause."""


class TreeBuilder:
    def __init__(self) -> None:
        self.begin(Source(""))

    def begin(self, source: Source) -> None:
        """Get ready for another text."""
        self.source = source
        self.problems: list[Diagnostic] = []
        self.comments: list[s.Comment] = []

    def comment(self, token: Token) -> Token:
        start = token.start_pos or 0
        line_start = self.source.text.rfind("\n", 0, start) + 1
        own_line = not self.source.text[line_start:start].strip()
        self.comments.append(s.Comment(str(token).rstrip(), own_line, self._span([token])))
        return token

    # Places

    def _span(self, children: Sequence[Any]) -> Span:
        return Span(self.source, self._start(children[0]), self._end(children[-1]))

    def _start(self, child: Any) -> Any:
        if isinstance(child, Token):
            return child.start_pos or 0
        if isinstance(child, (list, tuple)):
            return self._start(child[0])
        return child.span.start

    def _end(self, child: Any) -> Any:
        if isinstance(child, Token):
            return child.end_pos or 0
        if isinstance(child, (list, tuple)):
            return self._end(child[-1])
        return child.span.end

    def _word(self, token: Token) -> s.Word:
        return s.Word(str(token), self._span([token]))

    def _string(self, token: Token) -> s.String:
        return read_string(self.source, token.start_pos or 0, token.end_pos or 0, self.problems)

    def _number(self, token: Token) -> s.Number:
        text = str(token)
        unit: s.Unit = ""
        if text.startswith("$"):
            unit, text = "$", text[1:]
        else:
            for known in ("%", "ms", "s", "m", "h"):
                if text.endswith(known):
                    unit, text = known, text[: -len(known)]
                    break
        if len(text) > 30:
            self._problem("F0402", "a number of more than 30 digits", self._span([token]))
            text = "0"
        return s.Number(text, unit, self._span([token]))

    def _problem(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.problems.append(Diagnostic(code, message, span, help=help))

    # Declarations

    def start(self, c: list[Any]) -> s.File:
        return s.File(tuple(c), (), Span(self.source, 0, len(self.source.text)))

    def flow(self, c: list[Any]) -> s.FlowDecl:
        params = next((child for child in c if isinstance(child, list)), [])
        budget = next((child for child in c if isinstance(child, s.Budget)), None)
        lines, returns = c[-2]
        body = s.Body(lines, Span(self.source, self._start(c[-3]), self._end(c[-1])))
        return s.FlowDecl(self._word(c[1]), tuple(params), budget, body, returns, self._span(c))

    def params(self, c: list[Any]) -> list[s.Param]:
        return [child for child in c if isinstance(child, s.Param)]

    def param(self, c: list[Any]) -> s.Param:
        default = c[4] if len(c) > 4 else None
        return s.Param(self._word(c[0]), c[2], default, self._span(c))

    def budget(self, c: list[Any]) -> s.Budget:
        limits = [child for child in c if isinstance(child, s.Number)]
        money = [limit for limit in limits if limit.unit == "$"]
        calls = [limit for limit in limits if limit.unit == ""]
        for several in (money, calls):
            for extra in several[1:]:
                self._problem("F0307", "this limit is given twice", extra.span, "keep one of the two")
        return s.Budget(money[0] if money else None, calls[0] if calls else None, self._span(c))

    def money_limit(self, c: list[Any]) -> s.Number:
        return self._number(c[0])

    def calls_limit(self, c: list[Any]) -> s.Number:
        return self._number(c[0])

    def model(self, c: list[Any]) -> s.ModelDecl:
        options = next((child for child in c if isinstance(child, With)), With())
        strings = [self._string(child) for child in c if isinstance(child, Token) and child.type == "STRING"]
        return s.ModelDecl(
            self._word(c[1]),
            strings[0],
            strings[1] if len(strings) > 1 else None,
            tuple(options),
            self._span(c),
        )

    def type_decl(self, c: list[Any]) -> s.TypeDecl:
        return s.TypeDecl(self._word(c[1]), c[3], self._span(c))

    # Lines and clauses

    def body(self, c: list[Any]) -> tuple[tuple[s.Line, ...], tuple[s.Return, ...]]:
        lines = tuple(child for child in c if isinstance(child, s.Line))
        return lines, tuple(child for child in c if isinstance(child, s.Return))

    def bound(self, c: list[Any]) -> s.Line:
        return self._line(self._word(c[0]), c[2], c)

    def unbound(self, c: list[Any]) -> s.Line:
        return self._line(None, c[0], c)

    def _line(self, name: s.Word | None, node: s.Node, c: list[Any]) -> s.Line:
        options = next((child for child in c if isinstance(child, With)), With())
        after = next((child for child in c if isinstance(child, After)), After())
        when = next((child for child in c if isinstance(child, s.When)), None)
        return s.Line(name, node, tuple(options), tuple(after), when, self._span(c))

    def returned(self, c: list[Any]) -> s.Return:
        return s.Return(c[1], self._span(c))

    def with_(self, c: list[Any]) -> With:
        return With(child for child in c if isinstance(child, s.Option))

    def option(self, c: list[Any]) -> s.Option:
        return s.Option(self._word(c[0]), c[2], self._span(c))

    def after(self, c: list[Any]) -> After:
        return After(self._word(child) for child in c if child.type == "NAME")

    def when(self, c: list[Any]) -> s.When:
        return s.When(c[1], c[3] if len(c) > 3 else None, self._span(c))

    # Nodes

    def ask(self, c: list[Any]) -> s.Ask:
        model = c[1] if isinstance(c[1], (s.Name, s.Get)) else None
        messages = next(child for child in c if isinstance(child, list))
        arrow = next((i for i, child in enumerate(c) if isinstance(child, Token) and child == "->"), None)
        return s.Ask(model, tuple(messages), c[arrow + 1] if arrow is not None else None, self._span(c))

    def model_ref(self, c: list[Any]) -> s.Expr:
        expr: s.Expr = s.Name(self._word(c[0]), self._span(c[:1]))
        for token in c[2::2]:
            word = self._word(token)
            expr = s.Get(expr, word, expr.span.to(word.span))
        return expr

    def prompt(self, c: list[Any]) -> list[s.Message]:
        return [s.Message(None, self._string(c[0]), self._span(c))]

    def dialogue(self, c: list[Any]) -> list[s.Message]:
        return c

    def message(self, c: list[Any]) -> s.Message:
        return s.Message(self._word(c[0]), self._string(c[1]), self._span(c))

    def fanout(self, c: list[Any]) -> s.Fanout:
        return s.Fanout(self._body(c[1:4]), c[4], self._span(c))

    def map_(self, c: list[Any]) -> s.Map:
        clauses: dict[str, Any] = dict(c[4:-4])
        return s.Map(
            self._word(c[1]),
            c[3],
            clauses.get("where"),
            clauses.get("at_most"),
            self._body(c[-4:-1]),
            c[-1],
            self._span(c),
        )

    def where(self, c: list[Any]) -> tuple[str, s.Expr]:
        return "where", c[1]

    def at_most(self, c: list[Any]) -> tuple[str, s.Number]:
        return "at_most", self._number(c[2])

    def repeat(self, c: list[Any]) -> s.Repeat:
        numbers = [self._number(child) for child in c if isinstance(child, Token) and child.type == "NUMBER"]
        return s.Repeat(numbers[0], numbers[-1], self._body(c[-4:-1]), c[-1], self._span(c))

    def chain(self, c: list[Any]) -> s.Chain:
        return s.Chain(self._body(c[1:4]), self._span(c))

    def _body(self, c: list[Any]) -> s.Body:
        lines, returns = c[1]
        for line in returns:
            self._problem(
                "F0401",
                "a block has no `return`",
                line.span,
                "the last line of a block is its value: write the value alone; `return` ends the whole flow",
            )
        return s.Body(lines, self._span(c))

    # Reducers

    def reduce_rule(self, c: list[Any]) -> s.Reduce:
        args = c[2][1:-1] if len(c) > 2 else ()
        return s.Reduce(self._word(c[1]), tuple(args), None, None, (), self._span(c))

    def reduce_ask(self, c: list[Any]) -> s.Reduce:
        return s.Reduce(self._keyword_of(c[1]), (), c[1], None, (), self._span(c))

    def reduce_ask_with(self, c: list[Any]) -> s.Reduce:
        return s.Reduce(self._keyword_of(c[2]), (), c[2], None, tuple(c[3]), self._span(c))

    def reduce_tree(self, c: list[Any]) -> s.Reduce:
        return s.Reduce(self._word(c[1]), (), c[3], c[2], (), self._span(c))

    def _keyword_of(self, ask: s.Ask) -> s.Word:
        return s.Word("ask", Span(self.source, ask.span.start, ask.span.start + 3))

    def arguments(self, c: list[Any]) -> list[Any]:
        """The brackets stay at both ends, for the span."""
        return [c[0], *(child for child in c if isinstance(child, s.Arg)), c[-1]]

    def named_arg(self, c: list[Any]) -> s.Arg:
        return s.Arg(self._word(c[0]), c[2], self._span(c))

    def plain_arg(self, c: list[Any]) -> s.Arg:
        return s.Arg(None, c[0], self._span(c))

    # Types

    def type_expr(self, c: list[Any]) -> s.TypeExpr:
        parts = c[::2]
        if len(parts) == 1:
            only: s.TypeExpr = parts[0]
            return only
        options: list[s.Word | s.String] = []
        for part in parts:
            if isinstance(part, s.TypeName):
                options.append(part.word)
            elif isinstance(part, s.TypeChoice):
                options.extend(part.options)
            else:
                self._problem(
                    "F0301",
                    "a choice is between words",
                    part.span,
                    "write words or quoted texts between the bars, as in `low | high`",
                )
        return s.TypeChoice(tuple(options), self._span(c))

    def type_part(self, c: list[Any]) -> s.TypeExpr:
        if len(c) == 1:
            part: s.TypeExpr = c[0]
            return part
        return s.TypeOptional(c[0], self._span(c))

    def type_name(self, c: list[Any]) -> s.TypeName:
        return s.TypeName(self._word(c[0]), self._span(c))

    def type_word(self, c: list[Any]) -> s.TypeChoice:
        return s.TypeChoice((self._string(c[0]),), self._span(c))

    def type_range(self, c: list[Any]) -> s.TypeRange:
        return s.TypeRange(c[0][0], c[2][0], Span(self.source, c[0][1].start, c[2][1].end))

    def signed(self, c: list[Any]) -> tuple[int | float, Span]:
        value = self._number(c[-1]).value
        return (-value if len(c) > 1 else value), self._span(c)

    def type_list(self, c: list[Any]) -> s.TypeList:
        return s.TypeList(c[1], self._span(c))

    def type_record(self, c: list[Any]) -> s.TypeRecord:
        return s.TypeRecord(tuple(child for child in c if isinstance(child, s.FieldDecl)), self._span(c))

    def field(self, c: list[Any]) -> s.FieldDecl:
        description = self._string(c[3]) if len(c) > 3 else None
        return s.FieldDecl(self._word(c[0]), c[2], description, self._span(c))

    # Expressions

    def chain_expr(self, c: list[Any]) -> s.Expr:
        if len(c) // 2 > MOST_OPERANDS:
            self._problem(
                "F0104",
                f"more than {MOST_OPERANDS} operators in one expression",
                self._span(c),
                "give parts of it a name of their own",
            )
            c = c[:3]
        left: s.Expr = c[0]
        for operator, right in zip(c[1::2], c[2::2], strict=True):
            left = s.Binary(str(operator), left, right, left.span.to(right.span))
        return left

    def unary(self, c: list[Any]) -> s.Unary:
        return s.Unary("not" if c[0] == "not" else "-", c[1], self._span(c))

    def name(self, c: list[Any]) -> s.Name:
        return s.Name(self._word(c[0]), self._span(c))

    def get(self, c: list[Any]) -> s.Get:
        return s.Get(c[0], self._word(c[2]), self._span(c))

    def call(self, c: list[Any]) -> s.Call:
        return s.Call(self._word(c[0]), tuple(c[1][1:-1]), self._span(c))

    def tagged(self, c: list[Any]) -> s.Template:
        return s.Template(self._word(c[0]), self._string(c[1]), self._span(c))

    def grouped(self, c: list[Any]) -> s.Expr:
        inner: s.Expr = c[1]
        return inner

    def string(self, c: list[Any]) -> s.Text:
        return s.Text(self._string(c[0]), self._span(c))

    def number(self, c: list[Any]) -> s.Number:
        return self._number(c[0])

    quantity = number

    def list_expr(self, c: list[Any]) -> s.ListExpr:
        return s.ListExpr(tuple(child for child in c if not isinstance(child, Token)), self._span(c))

    def record(self, c: list[Any]) -> s.RecordExpr:
        return s.RecordExpr(tuple(child for child in c if isinstance(child, s.Entry)), self._span(c))

    def entry_name(self, c: list[Any]) -> s.Entry:
        word = self._word(c[0])
        return s.Entry(word, s.Name(word, word.span), True, self._span(c))

    def entry_value(self, c: list[Any]) -> s.Entry:
        return s.Entry(self._word(c[0]), c[2], False, self._span(c))

    def entry_spread(self, c: list[Any]) -> s.Entry:
        return s.Entry(None, c[1], False, self._span(c))
