"""The types of the expressions in a template. Each problem points to its place in the string."""

from __future__ import annotations

from collections.abc import Callable

from .. import types as t
from ..source import Span
from ..syntax import String
from . import nodes
from .comparisons import Comparisons, constant
from .guards import when_false, when_true
from .places import Lookup, TemplateScope

_NUMBERS = ("index", "index0", "length", "revindex")
LOOP = t.Record(
    (*(t.Field(name, t.INT) for name in _NUMBERS), t.Field("first", t.BOOL), t.Field("last", t.BOOL)), "loop"
)


class TemplateExpressions(Comparisons):
    """The part of the template checker that finds the types of expressions.

    ``problems`` has its findings. ``lost`` explains why a name that was set is unknown in the rest of the template.
    """

    def __init__(self, string: String, lookup: Lookup, unknown: Callable[[str, Span], None]) -> None:
        super().__init__(string, lookup, unknown)
        self.lost: dict[str, tuple[str, str]] = {}

    def missing(self, node: nodes.Node, why: str, default: str = "'…'", *, guard: bool = True) -> None:
        if isinstance(node, nodes.Filter):
            why, guard = "the list may be empty", False
        super().missing(node, why, default, guard=guard)

    def placed(self, node: nodes.Node, known: TemplateScope) -> None:
        """Check an expression whose value is written into the text."""
        if isinstance(node, nodes.CondExpr):
            self.logic(node.test, known, tested=True)
            self.placed(node.expr1, known.with_sure(when_true(node.test)))
            if node.expr2 is not None:
                self.placed(node.expr2, known.with_sure(when_false(node.test)))
            return
        super().placed(node, known)

    def infer(self, node: nodes.Node, known: TemplateScope, *, lenient: bool = False) -> t.Type:
        """Return the type of an expression.

        ``lenient`` is for a value before `default`. A field of such a value may be missing.
        """
        match node:
            case nodes.Const():
                return constant(node.value)
            case nodes.Filter():
                return self.filtered(node, known)
            case nodes.Test():
                self.infer(node.node, known, lenient=True)
                return t.BOOL
            case nodes.List():
                return self.list(node, known)
            case nodes.CondExpr():
                return self.conditional(node, known, lenient)
            case nodes.Or() | nodes.And() | nodes.Not():
                return self.logic(node, known, tested=False)
            case nodes.Compare():
                return self.compared(node, known)
            case nodes.Concat():
                for part in node.nodes:
                    # After an `if` without `else` there may be no value to join.
                    given = self.infer(part, known)
                    if not self.picture(part, given, "text"):
                        self.data(part, given)
                return t.TEXT
            case nodes.Add() | nodes.Sub():
                return self.summed(node, known)
            case nodes.Neg():
                given = self.infer(node.node, known)
                if not self.number(node.node, given):
                    return t.UNKNOWN
                return t.Range(-given.high, -given.low) if isinstance(given, t.Range) else given
        return super().infer(node, known, lenient=lenient)

    def filtered(self, node: nodes.Filter, known: TemplateScope) -> t.Type:
        raise NotImplementedError

    def name(self, node: nodes.Name, known: TemplateScope) -> t.Type:
        at = node.last_word()
        if node.name in known.local:
            found = known.local[node.name]
            if found is LOOP:
                self.report(
                    "F0301", "`loop` alone is not a value", at, "for the number of the round write `{{ loop.index }}`"
                )
                return t.UNKNOWN
            return found
        if node.name in self.lost:
            message, help = self.lost[node.name]
            self.report("F0201", f"`{node.name}` {message}", at, help)
            return t.UNKNOWN
        return super().name(node, known)

    def attribute(self, node: nodes.Getattr, known: TemplateScope, lenient: bool) -> t.Type:
        if isinstance(node.node, nodes.Name) and known.local.get(node.node.name) is LOOP:
            return self.field(LOOP, node.attr, node.last_word())
        return super().attribute(node, known, lenient)

    def list(self, node: nodes.List, known: TemplateScope) -> t.Type:
        items = []
        for item in node.items:
            given = self.infer(item, known)
            # Nested lists, each level named by a `set`, could be written out at any length.
            if _holds_list(given):
                self.report(
                    "F0304",
                    f"a list in a template cannot contain lists, and this is {t.show(given)}",
                    item.last_word(),
                    "build the list in a step of the flow, and mention that step",
                )
                given = t.UNKNOWN
            items.append(given)
        return t.ListOf(t.join(items))

    def conditional(self, node: nodes.CondExpr, known: TemplateScope, lenient: bool) -> t.Type:
        self.logic(node.test, known, tested=True)
        then = self.infer(node.expr1, known.with_sure(when_true(node.test)), lenient=lenient)
        if node.expr2 is None:
            if lenient:
                return t.optional(then)
            self.report(
                "F0306",
                "this value may be missing: the `if` has no `else`",
                node.expr1.last_word(),
                "write `a if condition else b`",
            )
            return t.UNKNOWN
        other = self.infer(node.expr2, known.with_sure(when_false(node.test)), lenient=lenient)
        return t.join([then, other])

    def logic(self, node: nodes.Node, known: TemplateScope, *, tested: bool) -> t.Type:
        """Find the type of `and`, `or`, `not` and their operands. ``tested`` says that the value is a condition."""
        match node:
            case nodes.Not():
                self.logic(node.node, known, tested=True)
                return t.BOOL
            case nodes.And():
                left = self.logic(node.left, known, tested=True)
                right = self.logic(node.right, known.with_sure(when_true(node.left)), tested=tested)
                return t.join([t.plain(left), t.plain(right)])
            case nodes.Or():
                left = self.logic(node.left, known, tested=True)
                right = self.logic(node.right, known.with_sure(when_false(node.left)), tested=tested)
                return t.join([t.unwrapped(left), right])
        given = self.infer(node, known)
        if tested and node.path() not in known.sure:
            self.decides(node, given)
        return given

    def decides(self, node: nodes.Node, given: t.Type) -> None:
        """Report a condition that always holds.

        Texts, lists and numbers may be empty or 0. Records and most choices may not.
        """
        at = node.last_word()
        written = node.path() or "x"
        if t.holds_model(given):
            self.report("F0301", "a model cannot be a condition", at)
        elif given == t.IMAGE:
            self.report("F0647", "this condition is always true: the image is there", at, "delete the `if`")
        elif isinstance(given, t.Choice) and "" not in given.options:
            message = f"this condition is always true: the value is one of {t.show(given)}"
            self.report("F0301", message, at, f"compare the value: `{{% if {written} == '{given.options[0]}' %}}`")
        elif isinstance(given, t.Record | t.Union):
            self.report(
                "F0301",
                f"this condition is always true: the value is a record, {t.show(given)}",
                at,
                "test one of its fields",
            )
        elif isinstance(given, t.Range) and not given.low <= 0 <= given.high:
            message = f"this condition is always true: the value is a number from {t.show(given)}, never 0"
            self.report("F0301", message, at, f"compare the value: `{{% if {written} > {given.low} %}}`")

    def summed(self, node: nodes.BinExpr, known: TemplateScope) -> t.Type:
        left, right = self.infer(node.left, known), self.infer(node.right, known)
        if isinstance(node, nodes.Add):
            if t.is_text(left) and t.is_text(right):
                return t.UNKNOWN if t.UNKNOWN in (left, right) else t.TEXT
            if isinstance(left, t.ListOf) and isinstance(right, t.ListOf):
                return t.join([left, right])
        fine = [self.number(side, given) for side, given in ((node.left, left), (node.right, right))]
        if not all(fine) or t.UNKNOWN in (left, right):
            return t.UNKNOWN
        return t.INT if t.is_whole(left) and t.is_whole(right) else t.NUMBER

    def number(self, node: nodes.Node, given: t.Type) -> bool:
        if t.is_number(given) or given == t.JSON:
            return True
        if isinstance(given, t.Optional) and t.is_number(given.item):
            self.missing(node, "a sum needs a value", "0")
        else:
            help = "join texts with `~`" if t.is_text(given) else ""
            self.report("F0301", f"expected a number, found {t.show(given)}", node.last_word(), help)
        return False


def _holds_list(given: t.Type) -> bool:
    given = t.unwrapped(given)
    return isinstance(given, t.ListOf) or (isinstance(given, t.Mixed) and any(map(_holds_list, given.options)))
