"""The parser's reductions for declarations, lines and blocks. There is one method for each rule of the grammar.

The parser calls them while it reads the text. So there is no parse tree in between, and nothing here recurses.
"""

from __future__ import annotations

from typing import Any

from .. import syntax as s
from ..source import Span
from .build_rounds import round_end
from .build_tests import TestReductions
from .build_values import Labelled
from .token import Token


class With(tuple[s.Option, ...]):
    """The options of a `with` clause."""


class After(tuple[s.Word, ...]):
    """The names of an `after` clause."""


class TreeBuilder(TestReductions):
    """The methods that build the tree of declarations, lines and blocks, one for each rule of the grammar."""

    # Declarations

    def start(self, c: list[Any]) -> s.File:
        return s.File(tuple(c), (), Span(self.source, 0, len(self.source.text)))

    def flow(self, c: list[Any]) -> s.FlowDecl:
        params = next((child for child in c if isinstance(child, list)), [])
        budget = next((child for child in c if isinstance(child, s.Budget)), None)
        lines, returns = c[-2]
        body = s.Body(lines, Span(self.source, self._start(c[-3]), self._end(c[-1])))
        return s.FlowDecl(self._word(c[1]), tuple(params), budget, body, returns, self._span(c), number=self._next())

    def params(self, c: list[Any]) -> list[s.Param]:
        return [child for child in c if isinstance(child, s.Param)]

    def param(self, c: list[Any]) -> s.Param:
        default = c[4] if len(c) > 4 else None
        label, type_ = c[2] if isinstance(c[2], Labelled) else (None, c[2])
        return s.Param(self._word(c[0]), type_, default, self._span(c), label, number=self._next())

    def budget(self, c: list[Any]) -> s.Budget:
        limits = [child for child in c if isinstance(child, s.Number)]
        money = [limit for limit in limits if limit.unit == "$"]
        calls = [limit for limit in limits if limit.unit == ""]
        for several in (money, calls):
            for extra in several[1:]:
                self._problem("F0307", "this limit is given twice", extra.span, "keep only one of the two")
        return s.Budget(money[0] if money else None, calls[0] if calls else None, self._span(c))

    def money_limit(self, c: list[Any]) -> s.Number:
        return self._number(c[0])

    def calls_limit(self, c: list[Any]) -> s.Number:
        number = self._number(c[0])
        if "." in number.digits:
            self._problem("F0402", "the number of calls is a whole number", number.span, "write `400 calls`")
        return number

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
        return s.TypeDecl(self._word(c[1]), self._plain(c[3], "a declared type"), self._span(c))

    def import_(self, c: list[Any]) -> s.ImportDecl:
        return s.ImportDecl(self._string(c[1]), self._word(c[3]) if len(c) > 3 else None, self._span(c))

    def extern(self, c: list[Any]) -> s.ExternDecl:
        params = c[3] if isinstance(c[3], list) else []
        label, type_ = c[-3] if isinstance(c[-3], Labelled) else (None, c[-3])
        return s.ExternDecl(self._word(c[1]), tuple(params), type_, self._string(c[-1]), self._span(c), label)

    # Lines and clauses

    def body(self, c: list[Any]) -> tuple[tuple[s.Line, ...], tuple[s.Return, ...]]:
        returns = tuple(child for child in c if isinstance(child, s.Return))
        lines = [child for child in c if isinstance(child, s.Line)]
        if returns and returns[0].step is not None and returns[0].own:
            lines.append(returns[0].step)
            lines.sort(key=lambda line: line.span.start)
        return tuple(lines), returns

    lines = body

    def bound(self, c: list[Any]) -> s.Line:
        return self._line(self._word(c[0]), c[2], c)

    def unbound(self, c: list[Any]) -> s.Line:
        return self._line(None, c[0], c)

    def _line(self, name: s.Word | None, node: s.Node, c: list[Any]) -> s.Line:
        options: tuple[s.Option, ...] = ()
        after: tuple[s.Word, ...] = ()
        when: s.When | None = None
        for child in c:
            if isinstance(child, With):
                options = tuple(child)
            elif isinstance(child, After):
                after = tuple(child)
            elif isinstance(child, s.When):
                when = child
        return s.Line(name, node, options, after, when, self._span(c), number=self._next())

    def returned(self, c: list[Any]) -> s.Return:
        """Return the value that ends a flow. A block, an ask, and a value with clauses become a step of their own."""
        node, span = c[1], self._span(c)
        own = len(c) > 2 or isinstance(node, (s.Ask, s.Fanout, s.Map, s.Repeat, s.Chain, s.Rounds))
        if not own and not isinstance(node, s.Call):
            return s.Return(node, span)
        word = self._word(c[0])
        step = self._line(word, node, c)
        name = s.Name(word, word.span, number=self._next())
        return s.Return(name if own else node, span, step, name)

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
        answer = self._plain(c[arrow + 1], "an answer") if arrow is not None else None
        return s.Ask(model, tuple(messages), answer, self._span(c), number=self._next())

    def model_ref(self, c: list[Any]) -> s.Expr:
        expr: s.Expr = s.Name(self._word(c[0]), self._span(c[:1]), number=self._next())
        for token in c[2::2]:
            word = self._word(token)
            expr = self._grown(s.Get(expr, word, expr.span.to(word.span), number=self._next()), expr)
        return expr

    def prompt(self, c: list[Any]) -> list[s.Message]:
        return [s.Message(None, self._string(c[0]), self._span(c))]

    def dialogue(self, c: list[Any]) -> list[s.Message]:
        return c

    def message(self, c: list[Any]) -> s.Message:
        return s.Message(self._word(c[0]), self._string(c[1]), self._span(c))

    def fanout(self, c: list[Any]) -> s.Fanout:
        return s.Fanout(self._body(c[1:4]), c[4], self._span(c), number=self._next())

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
            number=self._next(),
        )

    def where(self, c: list[Any]) -> tuple[str, s.Expr]:
        return "where", c[1]

    def at_most(self, c: list[Any]) -> tuple[str, s.Number]:
        return "at_most", self._number(c[2])

    def repeat(self, c: list[Any]) -> s.Repeat:
        numbers = [self._number(child) for child in c if isinstance(child, Token) and child.type == "NUMBER"]
        return s.Repeat(numbers[0], numbers[-1], self._body(c[-4:-1]), c[-1], self._span(c), number=self._next())

    def chain(self, c: list[Any]) -> s.Chain:
        return s.Chain(self._body(c[1:4]), self._span(c), number=self._next())

    def rounds(self, c: list[Any]) -> s.Rounds:
        otherwise, by = round_end(c[10], self._problem) if len(c) > 10 else (None, None)
        most, body = self._number(c[3]), self._body(c[4:7])
        return s.Rounds(most, body, c[8], otherwise, by, self._span(c), number=self._next())

    def _body(self, c: list[Any]) -> s.Body:
        lines, returns = c[1]
        for line in returns:
            self._problem(
                "F0401",
                "a block has no `return`",
                line.span,
                "the last line of a block is its value: write the value without `return`, which ends the whole flow",
            )
        return s.Body(lines, self._span(c))

    # Reducers

    def reduce_rule(self, c: list[Any]) -> s.Reduce:
        args = c[2][1:-1] if len(c) > 2 else ()
        return s.Reduce(self._word(c[1]), tuple(args), None, None, (), self._span(c), number=self._next())

    def reduce_ask(self, c: list[Any]) -> s.Reduce:
        return s.Reduce(self._keyword_of(c[1]), (), c[1], None, (), self._span(c), number=self._next())

    def reduce_ask_with(self, c: list[Any]) -> s.Reduce:
        return s.Reduce(self._keyword_of(c[2]), (), c[2], None, tuple(c[3]), self._span(c), number=self._next())

    def reduce_tree(self, c: list[Any]) -> s.Reduce:
        return s.Reduce(self._word(c[1]), (), c[3], c[2], (), self._span(c), number=self._next())

    def reduce_tree_with(self, c: list[Any]) -> s.Reduce:
        return s.Reduce(self._word(c[2]), (), c[4], c[3], tuple(c[5]), self._span(c), number=self._next())

    def reduce_fold(self, c: list[Any]) -> s.Reduce:
        args = tuple(c[2][1:-1]) if len(c) > 3 else ()
        return s.Reduce(self._word(c[1]), args, c[-1], None, (), self._span(c), number=self._next())

    def reduce_fold_with(self, c: list[Any]) -> s.Reduce:
        args = tuple(c[3][1:-1]) if len(c) > 6 else ()
        return s.Reduce(self._word(c[2]), args, c[-3], None, tuple(c[-2]), self._span(c), number=self._next())

    def _keyword_of(self, ask: s.Ask) -> s.Word:
        return s.Word("ask", Span(self.source, ask.span.start, ask.span.start + 3))

    def arguments(self, c: list[Any]) -> list[Any]:
        """Return the arguments between two brackets.

        The list includes the brackets, so that its span covers them.
        """
        return [c[0], *(child for child in c if isinstance(child, s.Arg)), c[-1]]

    def named_arg(self, c: list[Any]) -> s.Arg:
        return s.Arg(self._word(c[0]), c[2], self._span(c))

    def plain_arg(self, c: list[Any]) -> s.Arg:
        return s.Arg(None, c[0], self._span(c))
