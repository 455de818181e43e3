"""The text of types, expressions and asks: everything that needs no line of its own."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from .. import syntax as s
from ..parsing.strings import quoted, quoted_lines
from .comments import Comments, Unit
from .layout import COMMAS, Doc, DocConcat, Group, IfBroken, Indent, LineBreak

_LEVELS = (
    ("or",),
    ("and",),
    ("not",),
    ("==", "!=", "<=", ">=", "<", ">", "in"),
    ("??",),
    ("+", "-"),
    ("*", "/"),
)
_LEVEL = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_COMPARISON = _LEVEL["=="]
_SIGN, _PRIMARY = len(_LEVELS), len(_LEVELS) + 1


_ASK = frozenset({"ask"})
_CLAUSES = frozenset({"with", "after", "when"})
_SHORT = 20
"""The most characters of a text that stays beside its brackets."""
_MOST_FIELDS = 3

_Part = s.Declaration | s.Line | s.Return | s.Param | s.FieldDecl | s.Arg | s.Entry | s.TestLine


class Phrases:
    """The parts of which `dsl/formatting/format.py` builds lines.

    Each method is named after a part and returns its document.
    """

    def __init__(self, file: s.File) -> None:
        self.text = file.span.source.text
        self.comments = Comments(file)

    def unit(self, part: _Part, doc: Doc) -> Unit:
        return self.comments.unit(part.span.start, part.span.end, doc)

    def ask(self, ask: s.Ask, *, checked: bool = True) -> Doc:
        """Write an ask, with its check unless the line has the check as a clause."""
        head = DocConcat(["ask", *([" ", self.expr(ask.model)] if ask.model is not None else [])])
        answer: Doc = ""
        if ask.answer is not None:
            answer = DocConcat(["-> ", self.type_expr(ask.answer)])
            answer = DocConcat([" ", answer]) if answer.hard else Group(Indent(DocConcat([LineBreak(" "), answer]), 4))
        if checked and ask.check is not None:
            answer = DocConcat([answer, Group(Indent(DocConcat([LineBreak(" "), self.check(ask.check)]), 4))])
        if ask.prompt is not None:
            return DocConcat([head, " ", self._prompt_use(ask.prompt), answer])
        first = ask.messages[0]
        if first.role is None:
            return DocConcat([head, " ", self.string(first.template), answer])
        end = ask.model.span.end if ask.model is not None else ask.span.start
        units = [Unit(ask.span.start, end, head)]
        for message in ask.messages:
            role = message.role.text if message.role is not None else "user"
            doc = DocConcat([role, " ", self.string(message.template), answer if message is ask.messages[-1] else ""])
            units.append(Unit(message.span.start, message.span.end, doc))
        return self.comments.chained(units, by=2)

    def check(self, check: s.Check) -> Doc:
        message = [" else ", self.string(check.message)] if check.message is not None else []
        return DocConcat(["check ", self.expr(check.condition, hidden=_CLAUSES), *message])

    def _prompt_use(self, use: s.PromptUse) -> Doc:
        name = f"{use.prefix.text}.{use.name.text}" if use.prefix is not None else use.name.text
        return DocConcat([name, self.arguments(use.args, use.name, use)])

    # Types

    def type_expr(self, written: s.TypeExpr) -> Doc:
        match written:
            case s.TypeName():
                return f"{written.prefix.text}.{written.word.text}" if written.prefix else written.word.text
            case s.TypeUnion(options):
                members = [Unit(one.span.start, one.span.end, self.type_expr(one)) for one in options]
                for unit in members[1:]:
                    unit.doc = DocConcat(["| ", unit.doc])
                return self.comments.chained(members)
            case s.TypeChoice():
                units: list[Unit] = []
                for option in written.options:
                    doc = option.text if isinstance(option, s.Word) else self.string(option)
                    doc = DocConcat(["| ", doc]) if units else doc
                    units.append(Unit(option.span.start, option.span.end, doc))
                return self.comments.chained(units)
            case s.TypeRange():
                return f"{_plain(written.low)}..{_plain(written.high)}"
            case s.TypeList():
                units = [Unit(written.item.span.start, written.item.span.end, self.type_expr(written.item))]
                doc = self.comments.enclosed(units, ("[", "]"), (written.span.start, written.span.end))
                if written.least is None:
                    return doc
                return DocConcat([doc, f"({written.least}..{'' if written.most is None else written.most})"])
            case s.TypeSized():
                args = [
                    f"{arg.name.text}: {arg.value}" if arg.name is not None and arg.value is not None else arg.span.text
                    for arg in written.args
                ]
                return f"{written.word.text}({', '.join(args)})"
            case s.TypeQuote():
                return f"quote of {written.source}"
            case s.TypeOptional():
                return DocConcat([self.type_expr(written.item), "?"])
            case s.TypeRecord():
                units = [self.unit(field, self._field(field)) for field in written.fields]
                broken = len(units) > _MOST_FIELDS or any(field.description for field in written.fields)
                region = (written.span.start, written.span.end)
                return self.comments.enclosed(
                    units, ("{", "}"), region, separators=(IfBroken("", ","), ""), broken=broken
                )

    def _field(self, field: s.FieldDecl) -> Doc:
        description = ["  ", self.string(field.description)] if field.description is not None else []
        return DocConcat([field.name.text, ": ", self.type_expr(field.type), *description])

    # Expressions

    def argument(self, value: s.Expr | s.Ask) -> Doc:
        return self.ask(value) if isinstance(value, s.Ask) else self.expr(value, hidden=_ASK)

    def arguments(self, args: Sequence[s.Arg], function: s.Word, whole: s.Call | s.Reduce | s.PromptUse) -> Doc:
        units = []
        for arg in args:
            doc = self.argument(arg.value)
            units.append(self.unit(arg, doc if arg.name is None else DocConcat([arg.name.text, ": ", doc])))
        # A fold goes on behind its brackets.
        ask = whole.ask if isinstance(whole, s.Reduce) else None
        region = (function.span.end, ask.span.start if ask is not None else whole.span.end)
        short = len(args) == 1 and _short(args[0].value)
        return self.comments.enclosed(units, ("(", ")"), region, separators=COMMAS, short=short)

    def expr(self, expr: s.Expr, least: int = 0, hidden: frozenset[str] = frozenset()) -> Doc:
        """Write an expression.

        It gets brackets if its operator binds weaker than ``least``, or if its first word is one of ``hidden``.
        """
        if _level(expr) < least or (hidden and _first_word(expr) in hidden):
            return DocConcat(["(", self.expr(expr), ")"])
        match expr:
            case s.Name():
                return expr.word.text
            case s.Get():
                return self._get(expr)
            case s.Text():
                return self.string(expr.string)
            case s.Template():
                return DocConcat([expr.tag.text, " ", self.string(expr.string)])
            case s.Hole():
                return self.hole(expr)
            case s.Number():
                return number(expr)
            case s.ListExpr():
                units = [self.comments.unit(item.span.start, item.span.end, self.expr(item)) for item in expr.items]
                region = (expr.span.start, expr.span.end)
                return self.comments.enclosed(units, ("[", "]"), region, separators=COMMAS)
            case s.RecordExpr():
                units = [self.unit(entry, self._entry(entry)) for entry in expr.entries]
                region = (expr.span.start, expr.span.end)
                return self.comments.enclosed(units, ("{", "}"), region, separators=COMMAS)
            case s.Call():
                prefix = f"{expr.prefix.text}." if expr.prefix else ""
                return DocConcat(
                    [label_text(expr.label), prefix, expr.function.text, self.arguments(expr.args, expr.function, expr)]
                )
            case s.Unary():
                if expr.operator == "not":
                    return DocConcat(["not ", self.expr(expr.operand, _LEVEL["not"] + 1)])
                return DocConcat(["-", self.expr(expr.operand, _PRIMARY)])
            case s.Binary():
                return self._binary(expr)

    def hole(self, hole: s.Hole) -> Doc:
        if not hole.values:
            return "?"
        units = [self.comments.unit(one.span.start, one.span.end, self.expr(one)) for one in hole.values]
        region = (hole.span.start + 1, hole.span.end)
        return DocConcat(["?", self.comments.enclosed(units, ("(", ")"), region, separators=COMMAS)])

    def operand(self, expr: s.Expr) -> Doc:
        """Write an expression as a side of a comparison."""
        return self.expr(expr, _COMPARISON + 1)

    def _get(self, expr: s.Get) -> Doc:
        names: list[Doc] = []
        base: s.Expr = expr
        while isinstance(base, s.Get):
            names += [base.field.text, "."]
            base = base.base
        return DocConcat([self.expr(base, _PRIMARY), *reversed(names)])

    def _binary(self, expr: s.Binary) -> Doc:
        level = _LEVEL[expr.operator]
        operands: list[tuple[str, s.Expr]] = []
        left: s.Expr = expr
        while isinstance(left, s.Binary) and _level(left) == level and (level != _COMPARISON or left is expr):
            operands.append((left.operator, left.right))
            left = left.left
        units = [Unit(left.span.start, left.span.end, self.expr(left, level + 1))]
        for operator, operand in reversed(operands):
            doc = DocConcat([operator, " ", self.expr(operand, level + 1)])
            units.append(Unit(operand.span.start, operand.span.end, doc))
        return self.comments.chained(units)

    def _entry(self, entry: s.Entry) -> Doc:
        if entry.name is None:
            return DocConcat(["..", self.expr(entry.value)])
        if entry.short:
            return entry.name.text
        return DocConcat([entry.name.text, ": ", self.expr(entry.value)])

    def string(self, string: s.String) -> Doc:
        if not string.triple or not string.value:
            return quoted(string.value)
        lines = [part for line in quoted_lines(string.value) for part in (LineBreak(), line)]
        return DocConcat(['"""', Indent(DocConcat(lines)), LineBreak(), '"""'])


def _short(value: s.Expr | s.Ask) -> bool:
    """Tell whether a value is so short that it needs no line of its own, as `tokens(4000)` before a long prompt."""
    return isinstance(value, (s.Name, s.Number)) or (isinstance(value, s.Text) and len(value.string.value) <= _SHORT)


def _level(expr: s.Expr) -> int:
    if isinstance(expr, s.Binary):
        return _LEVEL[expr.operator]
    if isinstance(expr, s.Unary):
        return _LEVEL["not"] if expr.operator == "not" else _SIGN
    return _PRIMARY


def _first_word(expr: s.Expr) -> str | None:
    """Return the word that an expression begins with. None if it does not begin with a word."""
    while True:
        match expr:
            case s.Name():
                return expr.word.text
            case s.Template():
                return expr.tag.text
            case s.Call():
                return (expr.label or expr.prefix or expr.function).text
            case s.Get():
                expr = expr.base
            case s.Binary() if _level(expr.left) >= _level(expr):
                expr = expr.left
            case _:
                return None


def label_text(label: s.Word | None) -> str:
    return f"{label.text} " if label is not None else ""


def number(number: s.Number) -> str:
    return f"${number.digits}" if number.unit == "$" else number.digits + number.unit


def _plain(value: int | float) -> str:
    """Write a number in digits without an exponent, because the language has no exponents."""
    if isinstance(value, int):
        return str(value)
    digits = format(Decimal(repr(value)), "f")
    return digits if "." in digits else f"{digits}.0"
