"""The types of what a template places, with every finding inside the string."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import types as t
from .diagnostics import Diagnostic, did_you_mean
from .fields import field_type
from .source import Span
from .templates import FILTERS, LOOP_FIELDS, Template, field_span, filter_span

if TYPE_CHECKING:
    from jinja2 import nodes

Lookup = Callable[[str], t.Type | None]

_LOOP = t.Record(
    tuple(t.Field(name, t.BOOL if name in ("first", "last") else t.INT) for name in sorted(LOOP_FIELDS)), "loop"
)
_OF_LIST = {"join", "first", "last", "sum", "unique", "sort"}
_OF_TEXT = {"capitalize", "indent", "lower", "title", "trim", "truncate", "upper"}


def check_template(template: Template, lookup: Lookup, unknown: Callable[[str, Span], None]) -> list[Diagnostic]:
    """What is wrong with a template. ``unknown`` is told of names that nothing is called by."""
    checker = _Checker(template, lookup, unknown)
    checker.body(template.tree.body, {}, frozenset())
    return checker.problems


class _Checker:
    """Walks the tree. ``local`` are the names bound in the template; ``sure`` the guarded paths, as dotted text."""

    def __init__(self, template: Template, lookup: Lookup, unknown: Callable[[str, Span], None]) -> None:
        self.string = template.string
        self.lookup = lookup
        self.unknown = unknown
        self.problems: list[Diagnostic] = []

    def report(self, code: str, message: str, start: int, end: int, help: str = "") -> None:
        self.problems.append(Diagnostic(code, message, self.string.place(start, end), help=help))

    def body(self, body: list[nodes.Node], local: dict[str, t.Type], sure: frozenset[str]) -> None:
        for node in body:
            self.statement(node, local, sure)

    def statement(self, node: nodes.Node, local: dict[str, t.Type], sure: frozenset[str]) -> None:
        from jinja2 import nodes

        match node:
            case nodes.Output():
                for part in node.nodes:
                    if not isinstance(part, nodes.TemplateData):
                        self.placed(part, local, sure)
            case nodes.Assign():
                local[node.target.name] = self.infer(node.node, local, sure)  # type: ignore[attr-defined]
            case nodes.If():
                self.infer(node.test, local, sure)
                self.body(node.body, local, sure | _guards(node.test))
                rest = sure | _guards_when_false(node.test)
                for other in node.elif_:
                    self.statement(other, local, rest)
                    rest |= _guards_when_false(other.test)
                self.body(node.else_, local, rest)
            case nodes.For():
                given = self.infer(node.iter, local, sure)
                item: t.Type = t.UNKNOWN
                if isinstance(given, t.ListOf):
                    item = given.item
                elif isinstance(given, t.Optional):
                    self.missing(node.iter, "a `for` goes through a list", "[]")
                elif given not in (t.UNKNOWN, t.JSON):
                    start, end = self.place(node.iter)
                    self.report("F0301", f"a `for` goes through a list, and this is {t.show(given)}", start, end)
                within = {**local, node.target.name: item, "loop": _LOOP}  # type: ignore[attr-defined]
                if node.test is not None:
                    self.infer(node.test, within, sure)
                self.body(node.body, within, sure | (_guards(node.test) if node.test is not None else frozenset()))
                self.body(node.else_, local, sure)

    def placed(self, node: nodes.Expr, local: dict[str, t.Type], sure: frozenset[str]) -> None:
        from jinja2 import nodes

        if isinstance(node, nodes.CondExpr):
            self.infer(node.test, local, sure)
            self.placed(node.expr1, local, sure | _guards(node.test))
            if node.expr2 is not None:
                self.placed(node.expr2, local, sure | _guards_when_false(node.test))
            return
        given = self.infer(node, local, sure)
        if isinstance(given, t.Optional) or given == t.NONE:
            self.missing(node, "a prompt would hold the word none")
        elif given == t.MODEL:
            start, end = self.place(node)
            self.report("F0301", "a model cannot be written into a text", start, end)

    def missing(self, node: nodes.Node, why: str, default: str = "'…'") -> None:
        start, end = self.place(node)
        text = _path(node) or self.string.value[start:end]
        self.report(
            "F0306",
            f"this may be missing: {why}",
            start,
            end,
            help=f"guard it, `{{% if {text} %}}…{{% endif %}}`, "
            f"or supply a default, `{{{{ {text} | default({default}) }}}}`",
        )

    def place(self, node: nodes.Node) -> tuple[int, int]:
        """Where an expression's last word stands."""
        from jinja2 import nodes

        if isinstance(node, nodes.Getattr):
            return field_span(self.string, node)
        if isinstance(node, nodes.Filter):
            return filter_span(self.string, node)
        start = node.lineno
        end = start
        while end < len(self.string.value) and (self.string.value[end].isalnum() or self.string.value[end] == "_"):
            end += 1
        return start, max(end, start + 1)

    def infer(self, node: nodes.Node, local: dict[str, t.Type], sure: frozenset[str]) -> t.Type:
        from jinja2 import nodes

        match node:
            case nodes.Name():
                return self.guarded(node, self.name(node, local), sure)
            case nodes.Getattr():
                base = self.infer(node.node, local, sure)
                start, end = field_span(self.string, node)
                found = field_type(base, node.attr, self.string.place(start, end), self.problems)
                return self.guarded(node, found, sure)
            case nodes.Const():
                return _constant(node.value)
            case nodes.Filter():
                return self.filter(node, local, sure)
            case nodes.Test():
                self.infer(node.node, local, sure)
                return t.BOOL
            case nodes.List():
                return t.ListOf(t.join(self.infer(item, local, sure) for item in node.items))
            case nodes.CondExpr():
                self.infer(node.test, local, sure)
                then = self.infer(node.expr1, local, sure | _guards(node.test))
                if node.expr2 is None:
                    return t.join([then, t.TEXT])
                return t.join([then, self.infer(node.expr2, local, sure | _guards_when_false(node.test))])
            case nodes.Or():
                left = self.infer(node.left, local, sure)
                right = self.infer(node.right, local, sure)
                return t.join([t.unwrapped(left), right])
            case nodes.And():
                left = self.infer(node.left, local, sure)
                right = self.infer(node.right, local, sure | _guards(node.left))
                return t.join([left, right])
            case nodes.Compare():
                self.infer(node.expr, local, sure)
                for operand in node.ops:
                    self.infer(operand.expr, local, sure)
                return t.BOOL
            case nodes.Not():
                self.infer(node.node, local, sure)
                return t.BOOL
            case nodes.Concat():
                for part in node.nodes:
                    self.placed(part, local, sure)
                return t.TEXT
            case nodes.Add() | nodes.Sub():
                sides = [(side, self.infer(side, local, sure)) for side in (node.left, node.right)]
                for side, type_ in sides:
                    if not t.is_number(type_) and type_ != t.JSON:
                        start, end = self.place(side)
                        self.report(
                            "F0301",
                            f"expected a number, found {t.show(type_)}",
                            start,
                            end,
                            "texts are joined with `~`" if t.is_text(type_) else "",
                        )
                return t.NUMBER if any(type_ == t.NUMBER for _, type_ in sides) else t.INT
            case nodes.Neg():
                given = self.infer(node.node, local, sure)
                if not t.is_number(given) and given != t.JSON:
                    start, end = self.place(node.node)
                    self.report("F0301", f"expected a number, found {t.show(given)}", start, end)
                    return t.NUMBER
                return given
        return t.UNKNOWN

    def name(self, node: nodes.Name, local: dict[str, t.Type]) -> t.Type:
        if node.name in local:
            return local[node.name]
        found = self.lookup(node.name)
        if found is None:
            start = self.string.value.index(node.name, node.lineno)
            self.unknown(node.name, self.string.place(start, start + len(node.name)))
            return t.UNKNOWN
        return found

    def guarded(self, node: nodes.Node, type_: t.Type, sure: frozenset[str]) -> t.Type:
        return t.unwrapped(type_) if _path(node) in sure else type_

    def filter(self, node: nodes.Filter, local: dict[str, t.Type], sure: frozenset[str]) -> t.Type:
        start, end = filter_span(self.string, node)
        given = self.infer(node.node, local, sure) if node.node is not None else t.UNKNOWN
        for value in (*node.args, *(keyword.value for keyword in node.kwargs)):
            self.infer(value, local, sure)
        name = node.name
        if name not in FILTERS:
            known = ", ".join(f"`{known}`" for known in sorted(FILTERS))
            self.report(
                "F0304",
                f"no filter is called `{name}`",
                start,
                end,
                did_you_mean(name, FILTERS) or f"there are {known}",
            )
            return t.UNKNOWN
        if name == "default":
            other = self.infer(node.args[0], local, sure) if node.args else t.TEXT
            return t.join([t.unwrapped(given), other])
        if isinstance(given, t.Optional):
            if node.node is not None:
                self.missing(node.node, f"the filter `{name}` needs a value")
            given = given.item
        if given in (t.UNKNOWN, t.JSON):
            return {"length": t.INT, "json": t.TEXT, "join": t.TEXT}.get(name, t.UNKNOWN)
        return self._filtered(name, given, start, end)

    def _filtered(self, name: str, given: t.Type, start: int, end: int) -> t.Type:
        if name in _OF_LIST:
            if not isinstance(given, t.ListOf):
                self.report("F0301", f"the filter `{name}` takes a list, and this is {t.show(given)}", start, end)
                return t.UNKNOWN
            if name == "join":
                return t.TEXT
            if name == "sum" and not t.is_number(given.item):
                self.report("F0301", f"the filter `sum` takes numbers, and these are {t.show(given.item)}", start, end)
            return given if name in ("unique", "sort") else given.item
        if name in _OF_TEXT:
            if not t.is_text(given):
                self.report("F0301", f"the filter `{name}` takes a text, and this is {t.show(given)}", start, end)
            return t.TEXT
        if name == "round":
            if not t.is_number(given):
                self.report("F0301", f"the filter `round` takes a number, and this is {t.show(given)}", start, end)
            return t.NUMBER
        if name == "length":
            if not isinstance(given, t.ListOf) and not t.is_text(given):
                self.report("F0301", f"the filter `length` takes a list or a text, not {t.show(given)}", start, end)
            return t.INT
        return t.TEXT


def _path(node: nodes.Node) -> str:
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        base = _path(node.node)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _guards(test: nodes.Node) -> frozenset[str]:
    """The paths that are there when a test holds."""
    from jinja2 import nodes

    match test:
        case nodes.Name() | nodes.Getattr():
            return frozenset({_path(test)})
        case nodes.And():
            return _guards(test.left) | _guards(test.right)
        case nodes.Not():
            return _guards_when_false(test.node)
        case nodes.Test(name="defined"):
            return frozenset({_path(test.node)})
        case nodes.Compare():
            return frozenset({_path(test.expr)}) if _compares(test, "ne", "eq") else frozenset()
    return frozenset()


def _guards_when_false(test: nodes.Node) -> frozenset[str]:
    from jinja2 import nodes

    match test:
        case nodes.Test(name="none"):
            return frozenset({_path(test.node)})
        case nodes.Compare():
            return frozenset({_path(test.expr)}) if _compares(test, "eq", "ne") else frozenset()
        case nodes.Not():
            return _guards(test.node)
        case nodes.Or():
            return _guards_when_false(test.left) | _guards_when_false(test.right)
    return frozenset()


def _compares(test: nodes.Compare, with_none: str, with_value: str) -> bool:
    """Whether a test compares by the first operator with `none`, or by the second with a plain value."""
    from jinja2 import nodes

    operand = test.ops[0].expr
    if len(test.ops) != 1 or not isinstance(operand, nodes.Const):
        return False
    return test.ops[0].op == (with_none if operand.value is None else with_value)


def _constant(value: object) -> t.Type:
    if isinstance(value, bool):
        return t.BOOL
    if isinstance(value, int):
        return t.INT
    if isinstance(value, float):
        return t.NUMBER
    return t.NONE if value is None else t.TEXT
