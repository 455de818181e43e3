"""The filters of a template: the type check of their values and arguments."""

from __future__ import annotations

from collections.abc import Iterator

from .. import types as t
from ..diagnostics import did_you_mean
from ..functions import VALUE_FUNCTIONS
from ..functions.function import Arg, Types, ValueFunction, looked_at
from ..functions.results import KEEPS_ONE, result_of
from ..picture_words import code_of
from . import nodes
from .filters import INSTEAD
from .places import TemplateScope
from .values import TemplateExpressions


class FilterTypes(TemplateExpressions):
    """The part of the template checker that finds the types of filters."""

    def filtered(self, node: nodes.Filter, known: TemplateScope) -> t.Type:
        given = self.infer(node.node, known, lenient=node.name == "default")
        row = VALUE_FUNCTIONS.get(node.name)
        if row is None:
            for value in (*node.args, *(keyword.value for keyword in node.kwargs)):
                self.infer(value, known)
            self.no_filter(node)
            return t.UNKNOWN
        args, types = self.arguments(node, row, known)
        if node.name == "default":
            other = types.get("other", t.TEXT)
            return other if given == t.NONE else t.join([t.unwrapped(given), other])
        if isinstance(given, t.Optional) or given == t.NONE:
            self.missing(node.node, f"the filter `{row.name}` needs a value")
            given = t.unwrapped(given) if given != t.NONE else t.UNKNOWN
        by = row.field
        if by is not None and (field := args.get(by.name)) is not None:
            types[by.name] = self.picked(field, given)
        return self.applied(node, row, given, types, known)

    def no_filter(self, node: nodes.Filter) -> None:
        known = ", ".join(f"`{name}`" for name in VALUE_FUNCTIONS)
        help = INSTEAD.get(node.name) or did_you_mean(node.name, VALUE_FUNCTIONS) or f"the filters are {known}"
        self.report("F0304", f"no filter is called `{node.name}`", node.last_word(), help)

    def applied(
        self, node: nodes.Filter, row: ValueFunction, given: t.Type, types: Types, known: TemplateScope
    ) -> t.Type:
        at = node.last_word()
        if given == t.UNKNOWN:
            return row.gives(t.UNKNOWN, types) or t.UNKNOWN
        if row.name in ("json", "join") and t.holds_model(given):
            self.report("F0301", "a model cannot be written into a text", at)
            return t.TEXT
        if row.name in ("json", "join") and self.picture(node.node, given, "text"):
            return t.TEXT
        looked = looked_at(given, types)
        if row.lacks(given, types):
            written = node.node.path()
            self.report(
                "F0306",
                f"an element may be missing, and the filter `{row.name}` needs all of them",
                at,
                f"write a `for` that drops the missing elements: `{{% for x in {written or 'xs'} if x is not none %}}`",
            )
            return row.gives(t.ListOf(t.UNKNOWN), {**types, "by": t.UNKNOWN}) or t.UNKNOWN
        result = result_of(row, given, types, filled=self.has_elements(node.node, known))
        if result is None:
            self.report(code_of(given), *self.unfit(row, looked, at))
        return result or t.UNKNOWN

    def unfit(self, row: ValueFunction, given: t.Type, at: tuple[int, int]) -> tuple[str, tuple[int, int], str]:
        message = f"the filter `{row.name}` takes {row.takes}, and this is {t.show(given)}"
        help = ""
        if isinstance(given, t.ListOf):
            if row.name == "sum":
                message = f"the filter `sum` takes numbers, and the elements are {t.show(given.item)}"
            if isinstance(given.item, t.Record | t.Union) and given.item.fields and row.field is not None:
                help = f"name the field to use: `{row.name}(by='{given.item.fields[0].name}')`"
            elif row.takes == "a text":
                help = f"join the list first: `xs | join(', ') | {row.name}`"
        elif row.name == "round":
            help = "give the value a number type where it is declared"
        return message, at, help

    def has_elements(self, node: nodes.Node, known: TemplateScope) -> bool:
        if isinstance(node, nodes.Filter) and node.name in KEEPS_ONE:
            return self.has_elements(node.node, known)
        return node.path() + "?" in known.sure or (isinstance(node, nodes.List) and bool(node.items))

    def picked(self, field: nodes.Node, given: t.Type) -> t.Type:
        """Return the type of a field of the elements of a list (``by=``)."""
        if not isinstance(given, t.ListOf) or not isinstance(field, nodes.Const):
            return t.UNKNOWN
        item = given.item
        at = field.last_word()
        for name in str(field.value).split("."):
            item = self.field(item, name, at)
        return item

    def arguments(
        self, node: nodes.Filter, row: ValueFunction, known: TemplateScope
    ) -> tuple[dict[str, nodes.Node], dict[str, t.Type]]:
        """Return a filter's arguments and their types, by name. Report problems with them."""
        given: dict[str, nodes.Node] = {}
        types: dict[str, t.Type] = {}
        for name, value in self.named(node, row):
            type_ = self.infer(value, known)
            if name is None:
                continue
            given[name] = value
            types[name] = self.argument(next(arg for arg in row.args if arg.name == name), value, type_)
        for arg in row.args:
            if arg.required and arg.name not in given:
                help = f"write it as `{row.usage}`"
                self.report("F0303", f"the filter `{row.name}` needs `{arg.name}`", node.last_word(), help)
                types[arg.name] = t.UNKNOWN
        if row.name == "truncate":
            self.shortest(given, types, node)
        return given, types

    def named(self, node: nodes.Filter, row: ValueFunction) -> Iterator[tuple[str | None, nodes.Node]]:
        names = [arg.name for arg in row.args]
        seen: set[str] = set()
        for place, value in enumerate(node.args):
            if place < len(names):
                seen.add(names[place])
                yield names[place], value
            else:
                count = {0: "no argument", 1: "one argument"}.get(len(names), f"{len(names)} arguments")
                at = value.last_word()
                self.report("F0303", f"the filter `{row.name}` takes {count}", at, f"write it as `{row.usage}`")
                yield None, value
        for keyword in node.kwargs:
            key = keyword.key
            start = max(self.text.rfind(key, 0, keyword.value.extent()[0]), 0)
            at = (start, start + len(key))
            arg = row.arg(key)
            if arg is not None and arg.name in seen:
                self.report("F0303", f"`{key}` is given twice", at, "keep only one of the two")
                yield None, keyword.value
            elif arg is None:
                help = did_you_mean(key, names) or f"write it as `{row.usage}`"
                self.report("F0303", f"the filter `{row.name}` has no argument `{key}`", at, help)
                yield None, keyword.value
            else:
                seen.add(arg.name)
                yield arg.name, keyword.value

    def argument(self, arg: Arg, value: nodes.Node, given: t.Type) -> t.Type:
        """Check one argument and return its type."""
        at = value.last_word()
        if arg.name == "other":
            if t.holds_model(given):
                self.report("F0301", "a model cannot be written into a text", at)
                return t.UNKNOWN
            return given
        constant = value.value if isinstance(value, nodes.Const) else None
        if isinstance(arg.type, t.Choice) and isinstance(constant, str):
            given = t.Choice((constant,))
        if isinstance(given, t.Optional):
            self.missing(value, f"`{arg.name}` needs a value")
        elif given != t.JSON and not t.fits(given, arg.type):
            self.report("F0301", f"`{arg.name}`: expected {t.show(arg.type)}, found {t.show(given)}", at)
        elif arg.field and constant is None:
            self.report("F0301", f"`{arg.name}` takes the name of a field in quotes", at, f"write `{arg.name}='name'`")
        elif arg.low is not None and given != t.UNKNOWN:
            self.bounded(arg, arg.low, arg.high, value, given)
        return given

    def bounded(self, arg: Arg, low: int, high: int | None, value: nodes.Node, given: t.Type) -> None:
        """Report a number that may be out of its bounds.

        The bounds are certain if the number is written in the template, or if its type is a range.
        """
        if isinstance(value, nodes.Const) and isinstance(value.value, int):
            given = t.Range(value.value, value.value)
        if isinstance(given, t.Range) and given.low >= low and (high is None or given.high <= high):
            return
        bounds = f"from {low} to {high}" if high is not None else f"of {low} or more"
        self.report(
            "F0301",
            f"`{arg.name}` takes a number {bounds}, and this is {t.show(given)}",
            value.last_word(),
            "write the number, or give the value a type such as "
            f"`{low}..{high if high is not None else max(1000, low)}` where it is declared",
        )

    def shortest(self, given: dict[str, nodes.Node], types: dict[str, t.Type], node: nodes.Filter) -> None:
        """Report a `truncate` whose length may be too small for the `end` of the cut text, such as its dots."""
        end = given.get("end")
        length = given.get("length")
        if end is not None and not isinstance(end, nodes.Const):
            self.report("F0301", "`end` takes a text in quotes", end.last_word(), "write `end='…'`")
            return
        least = len(end.value) if isinstance(end, nodes.Const) and isinstance(end.value, str) else 3
        arg = Arg("length", t.INT, least)
        if length is None:
            if least > 255 and end is not None:
                self.report("F0301", "`end` is longer than the greatest length of the text", end.last_word())
            return
        kind = types["length"]
        in_bounds = isinstance(kind, t.Range) and kind.low >= 0
        if in_bounds or (isinstance(length, nodes.Const) and isinstance(length.value, int)):
            self.bounded(arg, least, None, length, kind)
