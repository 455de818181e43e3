"""The marks of a text that a template makes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ..functions import VALUE_FUNCTIONS
from ..source import Source
from ..syntax import String
from ..templates import nodes
from ..templates.plain import Getattr, Name, Node
from ..templates.read import Template, read_template
from .functions import function_value
from .marks import NOTHING, Reach, control, narrowed, union
from .values import EMPTY, Value, any_item, either, listed

Lookup = Callable[[str], Value]
_ONE_BIT = (nodes.Test, nodes.Compare, nodes.Not)


@lru_cache(maxsize=4096)
def read(template: str) -> Template | None:
    found = read_template(String(template, Source("").span(0, 0)))
    return found if isinstance(found, Template) else None


def text_reach(template: str, lookup: Lookup, fenced: set[int] | None = None) -> Reach:
    """Return the marks of the text of a template. ``lookup`` returns the value of a name of the flow.

    ``fenced`` gets the place of each written value that holds free text of a source.
    """
    found = read(template)
    if found is None or not found.mentions:
        return NOTHING
    if found.plain:
        parts = [part for output in found.body for part in output.children()]
        written = [(part.start, _named(part, lookup).whole()) for part in parts]
        if fenced is not None:
            fenced.update(place for place, reach in written if _free(reach))
        return union(*(reach for _, reach in written))
    if all(lookup(mention.name) == EMPTY for mention in found.mentions):
        return NOTHING
    reader = _Reader(lookup)
    reader.body(found.body, {}, NOTHING)
    if fenced is not None:
        fenced |= reader.fenced
    return union(*reader.written)


def _free(reach: Reach) -> bool:
    return any(mark.free for mark in reach.values())


def _named(node: Node, lookup: Lookup) -> Value:
    """Return the value of a name or of its field. A text has no marks."""
    if isinstance(node, Getattr):
        return _named(node.node, lookup).of(node.attr)
    return lookup(node.name) if isinstance(node, Name) else EMPTY


class _Reader:
    """The reader of one template. ``written`` collects the marks of what it writes, and of what decides about it.

    ``fenced`` collects the places of written values that hold free text.
    """

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.written: list[Reach] = []
        self.fenced: set[int] = set()

    def body(self, body: tuple[Node, ...], names: dict[str, Value], around: Reach) -> None:
        """Read a part of the template. ``around`` has the marks of the conditions around it."""
        for node in body:
            match node:
                case nodes.Output():
                    for part in node.nodes:
                        reach = self.value(part, names).whole()
                        self.written.append(reach)
                        if _free(reach):
                            self.fenced.add(part.start)
                case nodes.For():
                    self._loop(node, names, around)
                case nodes.If():
                    self._branch(node, names, around)
                case nodes.Assign():
                    # An `if` may leave the value from before.
                    made = self.value(node.node, names).with_reach(around)
                    names[node.target.name] = either(names.get(node.target.name, EMPTY), made)

    def _loop(self, node: nodes.For, names: dict[str, Value], around: Reach) -> None:
        items = self.value(node.iter, names)
        turns = items.measured()
        # The text joins the items, so each of them stands for any.
        inner = {**names, node.target.name: any_item(items), "loop": Value(turns)}
        if node.test is not None:
            decided = control(self.value(node.test, inner).whole())
            self.written.append(decided)
            around = union(around, decided)
        self.written.append(turns)
        self.body(node.body, inner, around)
        self.body(node.else_, dict(names), around)

    def _branch(self, node: nodes.If, names: dict[str, Value], around: Reach) -> None:
        for one in (node, *node.elif_):
            decided = control(self.value(one.test, names).whole())
            self.written.append(decided)
            around = union(around, decided)
            self.body(one.body, names, around)
        self.body(node.else_, names, around)

    def value(self, node: Node, names: dict[str, Value]) -> Value:
        match node:
            case Name():
                return names[node.name] if node.name in names else self.lookup(node.name)
            case Getattr():
                return self.value(node.node, names).of(node.attr)
            case nodes.List():
                return listed([self.value(one, names) for one in node.items], "", frozenset())
            case nodes.Filter():
                return self._filtered(node, names)
            case nodes.CondExpr():
                test = control(self.value(node.test, names).whole())
                other = EMPTY if node.expr2 is None else self.value(node.expr2, names)
                return either(self.value(node.expr1, names), other).with_reach(test)
            case nodes.And() | nodes.Or():
                return either(self.value(node.left, names), self.value(node.right, names))
        found = union(*(self.value(child, names).whole() for child in node.children()))
        return Value(narrowed(found, 1.0) if isinstance(node, _ONE_BIT) else found)

    def _filtered(self, node: nodes.Filter, names: dict[str, Value]) -> Value:
        value = self.value(node.node, names)
        function = VALUE_FUNCTIONS.get(node.name)
        names_of = [] if function is None else [arg.name for arg in function.args]
        given = dict(zip(names_of, (self.value(one, names) for one in node.args), strict=False))
        given |= {pair.key: self.value(pair.value, names) for pair in node.kwargs}
        args = union(*(one.whole() for one in given.values()))
        if node.name == "default":
            return value.with_reach(args)
        return Value(union(value.whole(), args)) if function is None else function_value(function, value, given)
