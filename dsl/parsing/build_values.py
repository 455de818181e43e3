"""The parser's reductions for types and expressions. There is one method for each rule of the grammar."""

from __future__ import annotations

from typing import Any

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..source import Span
from .build_words import TokenReductions
from .token import Token

MOST_OPERANDS = 100
"""The most operators in one chain. The tree of `a + b + …` is as deep as the chain is long."""
DEEPEST_EXPRESSION = 150
"""The most levels of one expression. Later passes recurse, and this keeps them from running out of stack."""

NO_VALUE = frozenset({"none", "null", "nil", "undefined"})
"""Words that mean "no value" in other languages, in lower case.

In a choice of plain words, such as `low | high | none`, each of them is an ordinary word.
"""

_CHAINS = ({"or"}, {"and"}, {"??"}, {"+", "-"}, {"*", "/"})


def _instead(part: s.TypeExpr, parts: list[s.TypeExpr]) -> str:
    """Write the help for a type between bars, where only the words of a choice are allowed."""
    others = [one.span.text.lower() for one in parts if one is not part]
    if others and all(other in NO_VALUE for other in others):
        return f"for a value that may be missing write `{part.span.text.removesuffix('?')}?`"
    return (
        "write words or quoted texts between the bars, as in `low | high`; "
        "for a value of several types write a record with optional fields, or `json`"
    )


LABEL_WORDS = frozenset({"untrusted", "trusted"})
LABEL_HELP = (
    "delete the label: it stands before the type of a parameter or of an extern's result, or before `file(…)`; "
    "a label holds for the whole value"
)


def labelled_step(span: Span) -> Diagnostic:
    """Report a label before an ask or a block."""
    message = "the value of a step has no label of its own: it carries what the step reads"
    return Diagnostic("F0501", message, span, help=LABEL_HELP)


class Labelled(tuple[s.Word, s.TypeExpr]):
    """A type with the label before it."""


class ValueReductions(TokenReductions):
    """The methods that build types and expressions, one for each rule of the grammar."""

    # Types

    def label(self, c: list[Any]) -> s.Word:
        self.has_labels = True
        return self._word(c[0])

    def type_expr(self, c: list[Any]) -> s.TypeExpr | Labelled:
        return Labelled((c[0], self._type(c[1:]))) if isinstance(c[0], s.Word) else self._type(c)

    def _type(self, c: list[Any]) -> s.TypeExpr:
        parts = c[::2]
        if len(parts) == 1:
            only: s.TypeExpr = parts[0]
            return only
        records = [part for part in parts if isinstance(part, s.TypeRecord) or _prefixed(part)]
        if records and all(isinstance(part, s.TypeName | s.TypeRecord) for part in parts):
            return s.TypeUnion(tuple(parts), self._span(c))
        options: list[s.Word | s.String] = []
        for part in parts:
            if isinstance(part, s.TypeName) and part.prefix is None:
                options.append(part.word)
            elif isinstance(part, s.TypeChoice):
                options.extend(part.options)
            else:
                self._problem("F0301", "a choice has only words, and this is a type", part.span, _instead(part, parts))
        return s.TypeChoice(tuple(options), self._span(c))

    def _plain(self, made: s.TypeExpr | Labelled, what: str) -> s.TypeExpr:
        """Return a type that has no label. Report the label of a type in a place that takes none."""
        if not isinstance(made, Labelled):
            return made
        word, type_ = made
        self._problem("F0501", f"{what} has no label", word.span, LABEL_HELP)
        return type_

    def type_part(self, c: list[Any]) -> s.TypeExpr:
        if len(c) == 1:
            part: s.TypeExpr = c[0]
            return part
        return s.TypeOptional(c[0], self._span(c))

    def type_name(self, c: list[Any]) -> s.TypeName:
        prefix = self._word(c[0]) if len(c) > 1 else None
        return s.TypeName(self._word(c[-1]), self._span(c), prefix)

    def type_word(self, c: list[Any]) -> s.TypeChoice:
        return s.TypeChoice((self._string(c[0]),), self._span(c))

    def type_range(self, c: list[Any]) -> s.TypeRange:
        return s.TypeRange(c[0][0], c[2][0], Span(self.source, c[0][1].start, c[2][1].end))

    def signed(self, c: list[Any]) -> tuple[int | float, Span]:
        value = self._number(c[-1]).value
        return (-value if len(c) > 1 else value), self._span(c)

    def type_quote(self, c: list[Any]) -> s.TypeQuote:
        return s.TypeQuote(tuple(self._word(word) for word in c[2::2]), self._span(c))

    def type_sized(self, c: list[Any]) -> s.TypeSized:
        args = []
        for arg in c[1][1:-1]:
            number = arg.value if isinstance(arg.value, s.Number) and not arg.value.unit else None
            value = number.value if number is not None and isinstance(number.value, int) else None
            args.append(s.SizeArg(arg.name, value, arg.span))
        return s.TypeSized(self._word(c[0]), tuple(args), self._span(c))

    def type_list(self, c: list[Any]) -> s.TypeList:
        item, span = self._plain(c[1], "the type inside a list"), self._span(c[:3])
        if len(c) == 3:
            return s.TypeList(item, span)
        least, most, size = c[3]
        return s.TypeList(item, span.to(size), least, most)

    def type_size(self, c: list[Any]) -> tuple[int, int | None, Span]:
        """Return the least and the greatest length of a list, and their place. Report a number that is not whole."""
        numbers = [self._number(one) for one in c if isinstance(one, Token) and one.type == "NUMBER"]
        for one in numbers:
            if not isinstance(one.value, int):
                self._problem("F0636", "the length of a list is a whole number", one.span, "write `[text](1..5)`")
        return int(numbers[0].value), int(numbers[1].value) if len(numbers) > 1 else None, self._span(c)

    def type_record(self, c: list[Any]) -> s.TypeRecord:
        return s.TypeRecord(tuple(child for child in c if isinstance(child, s.FieldDecl)), self._span(c))

    def field(self, c: list[Any]) -> s.FieldDecl:
        description = self._string(c[3]) if len(c) > 3 else None
        return s.FieldDecl(self._word(c[0]), self._plain(c[2], "a field"), description, self._span(c))

    # Expressions

    def chain_expr(self, c: list[Any]) -> s.Expr:
        if len(c) == 1:
            only: s.Expr = c[0]
            return only
        if len(c) // 2 + self._chained_before(c) > MOST_OPERANDS:
            self._problem(
                "F0104",
                f"this expression has more than {MOST_OPERANDS} operators",
                self._span(c),
                "write parts of the expression as steps with names",
            )
            c = c[-3:]
        left: s.Expr = c[0]
        for operator, right in zip(c[1::2], c[2::2], strict=True):
            left = self._grown(
                s.Binary(str(operator), left, right, left.span.to(right.span), number=self._next()), left, right
            )
        return left

    def _chained_before(self, c: list[Any]) -> int:
        """Count the operators that the first operand adds to a chain of operators.

        The tree keeps no brackets, so `(a + b) + c` is one chain, like `a + b + c`.
        """
        level = next((level for level in _CHAINS if c[1] in level), ())
        count, left = 0, c[0]
        while isinstance(left, s.Binary) and left.operator in level:
            count, left = count + 1, left.left
        return count

    def _grown(self, expr: s.Expr, *parts: Any) -> s.Expr:
        """Return the expression, or just a name in its place if it is nested too deep for later passes."""
        height = 1 + max((self.heights.get(part.number, 1) for part in parts), default=0)
        if height <= DEEPEST_EXPRESSION:
            self.heights[expr.number] = height
            return expr
        if not self.too_deep:
            self.too_deep = True
            self._problem(
                "F0104",
                f"this expression has more than {DEEPEST_EXPRESSION} levels",
                expr.span,
                "write parts of the expression as steps with names",
            )
        return s.Name(s.Word("_", expr.span), expr.span, number=self._next())

    def unary(self, c: list[Any]) -> s.Expr:
        return self._grown(s.Unary("not" if c[0] == "not" else "-", c[1], self._span(c), number=self._next()), c[1])

    def name(self, c: list[Any]) -> s.Name:
        return s.Name(self._word(c[0]), self._span(c), number=self._next())

    def get(self, c: list[Any]) -> s.Expr:
        return self._grown(s.Get(c[0], self._word(c[2]), self._span(c), number=self._next()), c[0])

    def call(self, c: list[Any]) -> s.Expr:
        args = tuple(c[1][1:-1])
        return self._grown(
            s.Call(self._word(c[0]), args, self._span(c), number=self._next()), *(arg.value for arg in args)
        )

    def call_of(self, c: list[Any]) -> s.Expr:
        base: s.Expr = c[0]
        args = tuple(c[3][1:-1])
        if not isinstance(base, s.Name):
            self._no_method(self._span(c[2:3]))
            return self._grown(base, base)
        call = s.Call(self._word(c[2]), args, self._span(c), base.word, number=self._next())
        return self._grown(call, *(arg.value for arg in args))

    def _no_method(self, span: Span) -> None:
        self._problem(
            "F0101",
            "values have no methods: write a function before its brackets",
            span,
            f"if this is a function write `{span.text}(…)`",
        )

    def tagged(self, c: list[Any]) -> s.Template:
        return s.Template(self._word(c[0]), self._string(c[1]), self._span(c), number=self._next())

    def labelled(self, c: list[Any]) -> s.Expr:
        """Return the call that the label belongs to. Report a label before any other value."""
        label: s.Word = c[0]
        if len(c) > 2 and isinstance(c[2], list):
            args = tuple(c[2][1:-1])
            call = s.Call(self._word(c[1]), args, self._span(c), label=label, number=self._next())
            return self._grown(call, *(arg.value for arg in args))
        self._problem("F0501", "this value takes no label", label.span, LABEL_HELP)
        return self.tagged(c[1:]) if len(c) > 2 else self.name(c[1:])

    def grouped(self, c: list[Any]) -> s.Expr:
        inner: s.Expr = c[1]
        return inner

    def string(self, c: list[Any]) -> s.Text:
        return s.Text(self._string(c[0]), self._span(c), number=self._next())

    def number(self, c: list[Any]) -> s.Number:
        return self._number(c[0])

    quantity = number

    def hole(self, c: list[Any]) -> s.Hole:
        values = tuple(child for child in c if not isinstance(child, Token))
        made = s.Hole("1", "", self._span(c), values=values, number=self._next())
        self.holes.append(made)
        return made

    def list_expr(self, c: list[Any]) -> s.Expr:
        items = tuple(child for child in c if not isinstance(child, Token))
        return self._grown(s.ListExpr(items, self._span(c), number=self._next()), *items)

    def record(self, c: list[Any]) -> s.Expr:
        entries = tuple(child for child in c if isinstance(child, s.Entry))
        return self._grown(
            s.RecordExpr(entries, self._span(c), number=self._next()), *(entry.value for entry in entries)
        )

    def entry_name(self, c: list[Any]) -> s.Entry:
        word = self._word(c[0])
        return s.Entry(word, s.Name(word, word.span, number=self._next()), True, self._span(c))

    def entry_value(self, c: list[Any]) -> s.Entry:
        return s.Entry(self._word(c[0]), c[2], False, self._span(c))

    def entry_spread(self, c: list[Any]) -> s.Entry:
        return s.Entry(None, c[1], False, self._span(c))


def _prefixed(part: s.TypeExpr) -> bool:
    return isinstance(part, s.TypeName) and part.prefix is not None
