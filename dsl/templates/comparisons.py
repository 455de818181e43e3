"""The comparisons in a template. The types of both sides must be comparable."""

from __future__ import annotations

from .. import types as t
from ..diagnostics import did_you_mean
from ..picture_words import code_of, never_equal, never_in
from . import nodes
from .places import Places, TemplateScope

_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
_DYNAMIC = (t.JSON, t.UNKNOWN)


class Comparisons(Places):
    """The part of the template checker that checks comparisons."""

    def compared(self, node: nodes.Compare, known: TemplateScope) -> t.Type:
        left, given = node.expr, self.infer(node.expr, known)
        for operand in node.ops:
            right = operand.expr
            other = self.infer(right, known)
            pair = (self.literal(left, given, other), self.literal(right, other, given))
            if operand.op in ("eq", "ne"):
                self.equal(left, right, *pair)
            elif operand.op in ("in", "notin"):
                self.within(left, right, *pair, sign=_SIGNS[operand.op])
            else:
                self.ordered(left, right, *pair, sign=_SIGNS[operand.op])
            left, given = right, other
        return t.BOOL

    def literal(self, node: nodes.Node, given: t.Type, other: t.Type) -> t.Type:
        """Return the type of a written value. The other side decides whether it is a choice or a number of a range."""
        other = t.unwrapped(other)
        if isinstance(node, nodes.List) and node.items:
            return t.ListOf(t.join(self.literal(item, given.item, other) for item in node.items))  # type: ignore[union-attr]
        if isinstance(other, t.ListOf):
            other = t.unwrapped(other.item)
        if isinstance(node, nodes.Const):
            if isinstance(node.value, str) and isinstance(other, t.Choice):
                return t.Choice((node.value,))
            if isinstance(node.value, (int, float)) and given in (t.INT, t.NUMBER) and isinstance(other, t.Range):
                return t.Range(node.value, node.value)
        return given

    def equal(self, left: nodes.Node, right: nodes.Node, first: t.Type, second: t.Type) -> None:
        if _incomparable(first, second):
            self.never(left, right, first, second)

    def never(self, left: nodes.Node, right: nodes.Node, first: t.Type, second: t.Type) -> None:
        """Report two sides that are never equal. If one is a word outside the other's choice, name the word."""
        for node, given, other in ((left, first, second), (right, second, first)):
            choice = t.unwrapped(other)
            if isinstance(node, nodes.Const) and isinstance(node.value, str) and isinstance(choice, t.Choice):
                help = did_you_mean(node.value, choice.options)
                message = f"'{node.value}' is not one of {t.show(choice)}"
                self.report("F0301", message, node.last_word(), help)
                return
            if isinstance(node, nodes.Const) and isinstance(given, t.Range) and isinstance(choice, t.Range):
                self.report("F0301", f"{node.value} is not in {t.show(choice)}", node.last_word())
                return
        at = (left.extent()[0], right.extent()[1])
        self.report(code_of(first, second), never_equal(first, second), at, _unquoted(left, right))

    def within(self, left: nodes.Node, right: nodes.Node, item: t.Type, given: t.Type, *, sign: str) -> None:
        if isinstance(given, t.ListOf):
            if isinstance(right, nodes.List):
                for one in right.items:
                    kind = self.literal(one, constant(one.value) if isinstance(one, nodes.Const) else t.UNKNOWN, item)
                    if _incomparable(item, kind):
                        self.never(one, one, kind, item)
            elif _incomparable(item, given.item):
                at = (left.extent()[0], right.extent()[1])
                self.report(code_of(item), never_in(item, given), at, _unquoted(left, right))
        elif given in _DYNAMIC:
            return
        elif isinstance(given, t.Optional):
            self.missing(right, f"`{sign}` searches a list or a text")
        elif not t.is_text(given):
            message = f"`{sign}` searches a list or a text, not {t.show(given)}"
            self.report("F0301", message, right.last_word())
        elif isinstance(item, t.Optional):
            self.missing(left, f"`{sign}` needs a value to search for")
        elif not t.is_text(item) and item != t.JSON:
            message = f"a text can contain only a text, and this is {t.show(item)}"
            self.report("F0301", message, left.last_word())

    def ordered(self, left: nodes.Node, right: nodes.Node, first: t.Type, second: t.Type, *, sign: str) -> None:
        for node, given in ((left, first), (right, second)):
            if isinstance(given, t.Optional):
                self.missing(node, f"`{sign}` needs a value")
                return
        plain = [given for given in (first, second) if given not in _DYNAMIC]
        if all(t.is_number(given) for given in plain) or all(t.is_text(given) for given in plain):
            return
        at = (left.extent()[0], right.extent()[1])
        self.report(
            code_of(first, second),
            f"`{sign}` does not take {t.show(first)} and {t.show(second)}",
            at,
            _unquoted(left, right),
        )


def _incomparable(first: t.Type, second: t.Type) -> bool:
    sides = (t.unwrapped(first), t.unwrapped(second))
    if t.NONE in sides or any(side in _DYNAMIC for side in sides):
        return False
    return not t.comparable(*sides)


def _unquoted(*sides: nodes.Node) -> str:
    for side in sides:
        if isinstance(side, nodes.Const) and isinstance(side.value, str) and side.value.lstrip("-").isdigit():
            return f"write a number without quotes: `{side.value}`"
    return "compare two values of the same type"


def constant(value: object) -> t.Type:
    """Return the type of a written value."""
    if isinstance(value, bool):
        return t.BOOL
    if isinstance(value, int):
        return t.INT
    if isinstance(value, float):
        return t.NUMBER
    return t.NONE if value is None else t.TEXT
