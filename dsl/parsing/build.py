"""The parser's reductions for lines and blocks. There is one method for each rule of the grammar.

The parser calls them while it reads the text. So there is no parse tree in between, and nothing here recurses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import syntax as s
from ..source import Span
from .build_declarations import DeclarationReductions, With
from .build_rounds import round_end
from .token import Token


class After(tuple[s.Word, ...]):
    """The names of an `after` clause."""


class TreeBuilder(DeclarationReductions):
    """The methods that build the tree of lines and blocks, one for each rule of the grammar."""

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
        own = len(c) > 2 or isinstance(node, (s.Ask, s.Fanout, s.Map, s.Repeat, s.Chain, s.Match, s.Rounds, s.Cascade))
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
        messages = next((child for child in c if isinstance(child, list)), [])
        prompt = next((child for child in c if isinstance(child, s.PromptUse)), None)
        arrow = next((i for i, child in enumerate(c) if isinstance(child, Token) and child == "->"), None)
        answer = self._plain(c[arrow + 1], "an answer") if arrow is not None else None
        check = c[-1] if isinstance(c[-1], s.Check) else None
        return s.Ask(model, tuple(messages), answer, self._span(c), check, prompt, number=self._next())

    def check(self, c: list[Any]) -> s.Check:
        return s.Check(c[1], self._string(c[3]) if len(c) > 3 else None, self._span(c))

    def model_ref(self, c: list[Any]) -> s.Expr:
        expr: s.Expr = s.Name(self._word(c[0]), self._span(c[:1]), number=self._next())
        for token in c[2::2]:
            word = self._word(token)
            expr = self._grown(s.Get(expr, word, expr.span.to(word.span), number=self._next()), expr)
        return expr

    def prompt(self, c: list[Any]) -> list[s.Message]:
        return [s.Message(None, self._string(c[0]), self._span(c))]

    def prompt_use(self, c: list[Any]) -> s.PromptUse:
        args = tuple(c[1][1:-1])
        match c[0]:
            case s.Name(word):
                return s.PromptUse(word, args, self._span(c))
            case s.Get(s.Name(prefix), word):
                return s.PromptUse(word, args, self._span(c), prefix)
        help = "write `ask name(…)`, or `ask prefix.name(…)` for a prompt of an imported file"
        self._problem("F0641", "this is not the name of a prompt", self._span(c[:1]), help)
        return s.PromptUse(c[0].field, args, self._span(c))

    def dialogue(self, c: list[Any]) -> list[s.Message]:
        return c

    def message(self, c: list[Any]) -> s.Message:
        return s.Message(self._word(c[0]), self._string(c[1]), self._span(c))

    def fanout(self, c: list[Any]) -> s.Fanout:
        return s.Fanout(self._body(c[1:4]), c[4], self._span(c), number=self._next())

    def map_(self, c: list[Any]) -> s.Map:
        index = self._word(c[3]) if c[2].type == "COMMA" else None
        source = 4 if index is None else 6
        head = c[source - 1 : -1]
        bare = not (isinstance(head[-1], Token) and head[-1].type == "RBRACE")
        clauses: dict[str, Any] = dict(head[1:] if bare else head[1:-3])
        element = self._word(c[1])
        return s.Map(
            element,
            head[0],
            clauses.get("where"),
            clauses.get("at_most"),
            self._handed_on(element) if bare else self._body(head[-3:]),
            c[-1],
            self._span(c),
            index,
            bare,
            number=self._next(),
        )

    def _handed_on(self, element: s.Word) -> s.Body:
        """Make the body of a map that is written without one: its value is the element."""
        value = s.Name(element, element.span, number=self._next())
        line = s.Line(None, value, (), (), None, element.span, number=self._next())
        return s.Body((line,), element.span)

    def where(self, c: list[Any]) -> tuple[str, s.Expr]:
        return "where", c[1]

    def at_most(self, c: list[Any]) -> tuple[str, s.Number]:
        return "at_most", self._number(c[2])

    def repeat(self, c: list[Any]) -> s.Repeat:
        # A panel has four parts before its body: `over`, a name, `in` and a list.
        word = c[-8] if len(c) > 8 and isinstance(c[-8], Token) and c[-8].type == "OVER" else None
        element, over = (self._word(c[-7]), c[-5]) if word is not None else (None, None)
        least, most = c[1], c[3] if isinstance(c[3], s.Number) else c[1]
        body, number = self._body(c[-4:-1]), self._next()
        return s.Repeat(least, most, body, c[-1], self._span(c), element, over, number=number)

    def chain(self, c: list[Any]) -> s.Chain:
        return s.Chain(self._body(c[1:4]), self._span(c), number=self._next())

    def match(self, c: list[Any]) -> s.Match:
        cases: list[tuple[s.Word | s.String, s.Line]] = c[3:-1]
        body = s.Body(tuple(line for _, line in cases), self._span(c[2:]))
        return s.Match(c[1], body, tuple(name for name, _ in cases), self._span(c), number=self._next())

    def case(self, c: list[Any]) -> tuple[s.Word | s.String, s.Line]:
        if c[0].type == "NAME":
            word = self._word(c[0])
            return word, self._line(word, c[2], c)
        string = self._string(c[0])
        return string, self._line(s.Word(string.value, string.span), c[2], c)

    def cascade(self, c: list[Any]) -> s.Cascade:
        from ..syntax.stage_words import told  # few files have cascades

        lines = tuple(
            line
            if line.when is None
            else replace(line, when=replace(line.when, condition=told(line.when.condition, self._next)))
            for line in c
            if isinstance(line, s.Line)
        )
        return s.Cascade(s.Body(lines, self._span(c[1:])), self._span(c), number=self._next())

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
