"""The types of operators: comparisons, arithmetic, and the meaning that one side gives to words of the other."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..fields import field_type, misfit
from ..picture_words import code_of, never_equal, never_in
from ..records import dataclass
from ..syntax.children import children
from .facts import tags_told
from .program import Scope
from .type_words import TypeWords
from .unknown_names import CONSTANTS


@dataclass(eq=False, slots=True)
class Operators(TypeWords):
    """The part of the type checker that finds the types of operators.

    A word of a choice has no meaning alone. It takes its meaning from the value beside it, also inside lists and
    records: ``kinds == [spam, fine]``.
    """

    def _binary(self, expr: s.Binary, scope: Scope, wanted: t.Type | None = None) -> t.Type:
        operator = expr.operator
        if operator in ("and", "or"):
            self.expect(expr.left, scope, t.BOOL, f"`{operator}`")
            held = expr.left if operator == "and" else s.Unary("not", expr.left, expr.left.span)
            told = tags_told(held)
            self.expect(expr.right, Scope(scope, facts=told) if told else scope, t.BOOL, f"`{operator}`")
            return t.BOOL
        if operator in ("==", "!="):
            return self._equal(expr, scope)
        if operator == "in":
            return self._inside(expr, scope)
        if operator == "??":
            return self._default(expr, scope, wanted)
        left, right = self._sides(expr, scope, wanted) if operator == "+" else self._plain_sides(expr, scope)
        if operator in ("<", "<=", ">", ">="):
            if not (t.is_number(left) and t.is_number(right)) and not (t.is_text(left) and t.is_text(right)):
                self._unfit(expr, left, right)
            return t.BOOL
        if operator == "+":
            if t.is_text(left) and t.is_text(right):
                return t.UNKNOWN if t.UNKNOWN in (left, right) else t.TEXT
            if isinstance(left, t.ListOf) and isinstance(right, t.ListOf):
                return t.join_within([t.plain(left), t.plain(right)], wanted)
        if not (t.is_number(left) and t.is_number(right)):
            self._unfit(expr, left, right)
            return t.UNKNOWN
        if operator == "/":
            return t.NUMBER
        return t.INT if t.is_whole(left) and t.is_whole(right) else t.NUMBER

    def _plain_sides(self, expr: s.Binary, scope: Scope) -> tuple[t.Type, t.Type]:
        return self.infer(expr.left, scope), self.infer(expr.right, scope)

    def _sides(self, expr: s.Binary, scope: Scope, wanted: t.Type | None) -> tuple[t.Type, t.Type]:
        """Return the types of two sides, of which each may be a list with words of the other."""
        if wanted is not None and isinstance(t.form(wanted, t.ListOf), t.ListOf):
            return self.infer(expr.left, scope, wanted), self.infer(expr.right, scope, wanted)
        if self._turned(expr.left, expr.right, scope):
            right = self.infer(expr.right, scope)
            return self.infer(expr.left, scope, self._meaning(expr.left, right)), right
        left = self.infer(expr.left, scope)
        return left, self.infer(expr.right, scope, self._meaning(expr.right, left))

    def _default(self, expr: s.Binary, scope: Scope, wanted: t.Type | None) -> t.Type:
        left = self.lenient(expr.left, scope, wanted)
        if left not in (t.UNKNOWN, t.NONE, t.JSON) and not isinstance(left, t.Optional):
            said = "this value is never missing, so it needs no default"
            self.report("F0301", said, expr.left.span, help="delete the `??`")
        inner = t.unwrapped(left)
        right = self.infer(expr.right, scope, inner)
        if isinstance(inner, t.Range) and (t.is_whole(right) or not inner.whole):
            found = self.intervals.of(expr.right, scope)
            if found is not None and inner.low <= found.low and found.high <= inner.high:
                return inner
        return right if left == t.NONE else t.join([t.unwrapped(left), right])

    def lenient(self, expr: s.Expr, scope: Scope, wanted: t.Type | None = None) -> t.Type:
        """Return the type of a value before `??` or beside `none`, where a record with fields may be missing."""
        if not isinstance(expr, s.Get):
            return self.infer(expr, scope, wanted)
        told = len(self.problems)
        base = self.lenient(expr.base, scope)
        if not isinstance(base, t.Optional):
            del self.problems[told:]
            return self.infer(expr, scope, wanted)
        return t.optional(field_type(base.item, expr.field.text, expr.field.span, self.problems))

    def _inside(self, expr: s.Binary, scope: Scope) -> t.Type:
        if self._turned(expr.left, expr.right, scope):
            right = self.infer(expr.right, scope)
            held = t.form(right, t.ListOf)
            left = self.infer(expr.left, scope, held.item if isinstance(held, t.ListOf) else None)
        else:
            left = self.infer(expr.left, scope)
            right = self.infer(expr.right, scope, t.ListOf(left))
        if right != t.UNKNOWN and not isinstance(right, t.ListOf) and not t.is_text(right):
            self.report("F0301", f"`in` searches a list or a text, not {t.show(right)}", expr.right.span)
        elif t.is_text(right) and right != t.UNKNOWN and not t.is_text(left):
            self._unfit(expr, left, right)
        elif isinstance(right, t.ListOf) and t.NONE not in (left, right.item) and not t.comparable(left, right.item):
            self.report(
                code_of(left),
                never_in(left, right),
                expr.span,
                help="compare two values of the same type",
            )
        return t.BOOL

    def _equal(self, expr: s.Binary, scope: Scope) -> t.Type:
        first, second = expr.left, expr.right
        if self._turned(first, second, scope):
            first, second = second, first
        compares_none = isinstance(second, s.Name) and second.word.text == "none"
        left = self.lenient(first, scope) if compares_none else self.infer(first, scope)
        if left == t.UNKNOWN and isinstance(second, s.Name) and scope.lookup(second.word.text) is None:
            # The other side already has a problem. Without its type, this word could mean anything.
            return t.BOOL
        right = self.infer(second, scope, self._meaning(second, left))
        if t.NONE not in (left, right) and not t.comparable(left, right):
            self.report(
                code_of(left, right),
                never_equal(left, right),
                expr.span,
                help=misfit(right, t.unwrapped(left)) or "compare two values of the same type",
            )
        return t.BOOL

    # The meaning of words

    def literal(self, expr: s.Expr, scope: Scope) -> bool:
        """Return True if an expression takes the type of the value beside it."""
        if isinstance(expr, s.Binary) and expr.operator == "+":
            return self.literal(expr.left, scope) and self.literal(expr.right, scope)
        return isinstance(expr, (s.Text, s.ListExpr, s.RecordExpr))

    def _meaning(self, expr: s.Expr, beside: t.Type) -> t.Type | None:
        """Return the type that gives the words of an expression their meaning, from the type of the value beside it."""
        lists = isinstance(expr, s.Binary) and isinstance(t.form(beside, t.ListOf), t.ListOf)
        words = isinstance(t.form(beside, t.Choice), t.WORDS)
        return beside if lists or words or isinstance(expr, (s.ListExpr, s.RecordExpr)) else None

    def _turned(self, first: s.Expr, second: s.Expr, scope: Scope) -> bool:
        """Return True if the first of two sides takes its meaning from the second."""
        if isinstance(first, s.Name):
            known = not isinstance(second, s.Name) or scope.lookup(second.word.text) is not None
            known = known or self.words_of(second, scope) is not None
            # Of two unknown names the first is the value, which has a report of its own.
            return known and self._is_word(first, second, scope)
        if not self.literal(first, scope):
            return False
        return not self.literal(second, scope) or (self.bare(first, scope) and not self.bare(second, scope))

    def bare(self, expr: s.Expr, scope: Scope) -> bool:
        """Return True if an expression has a word at any depth that is no name."""
        todo: list[s.Expr | s.Ask] = [expr]
        while todo:
            one = todo.pop()
            if isinstance(one, s.Name) and one.word.text not in CONSTANTS and scope.lookup(one.word.text) is None:
                return True
            todo.extend(children(one) if not isinstance(one, s.Ask) else ())
        return False

    def _is_word(self, name: s.Name, other: s.Expr, scope: Scope) -> bool:
        """Return True if a name stands for itself, as a choice of the value beside it.

        That is so if no symbol has this name, or if the name is a choice of the other side.
        """
        word = name.word.text
        if scope.lookup(word) is None:
            return word not in CONSTANTS
        known = isinstance(other, s.Name) and scope.lookup(other.word.text) is not None
        beside = self.infer(other, scope) if known else t.UNKNOWN
        held = t.form(beside, t.ListOf)
        choice = t.form(held.item if isinstance(held, t.ListOf) else beside, t.Choice)
        return isinstance(choice, t.WORDS) and word in choice.options

    def _unfit(self, expr: s.Binary, left: t.Type, right: t.Type) -> None:
        if t.UNKNOWN in (left, right):
            return
        for side, type_ in ((expr.left, left), (expr.right, right)):
            if isinstance(type_, t.Optional):
                self.report(
                    "F0306",
                    f"this value may be missing, and `{expr.operator}` needs one",
                    side.span,
                    help="write a default: `… ?? value`",
                )
                return
        self.report(
            code_of(left, right),
            f"`{expr.operator}` does not take {t.show(left)} and {t.show(right)}",
            expr.span,
            help=_share(expr.left, right) or _share(expr.right, left),
        )


def _share(side: s.Expr, other: t.Type) -> str:
    """Return the help for a percentage beside a number; "" for anything else."""
    if not isinstance(side, s.Number) or side.unit != "%" or not t.fits(other, t.NUMBER):
        return ""
    return f"shares are numbers from 0 to 1: write `{side.amount:g}`"
