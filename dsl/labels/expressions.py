"""The marks of expressions, and the sources that expressions read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from math import inf

from .. import plan as p
from .. import types as t
from ..catalog import FunctionSpec
from ..functions import CALLED
from ..records import dataclass
from .functions import function_value
from .marks import COUNT, LENGTH_BITS, NOTHING, NUMBER_BITS, Mark, Reach, Trail, changed, narrowed, union
from .places import Breach, LabelSource
from .prompts import text_reach
from .shapes import cut, foreign, shaped
from .values import EMPTY, Value, chained, either, listed

_ONE_BIT = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not", "and", "or"})
_ROWS = frozenset({"files", "lines", "jsonl", "csv"})


@dataclass(eq=False, slots=True)
class Scope:
    """The names in a body, with their values, and the tallies of its votes.

    ``times`` has the sources that can delay a step.
    """

    outer: Scope | None = None
    values: dict[str, Value] = field(default_factory=dict)
    tallies: dict[str, Reach] = field(default_factory=dict)
    times: dict[str, frozenset[str]] = field(default_factory=dict)

    def value(self, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.outer
        return EMPTY

    def tally(self, name: str) -> Reach:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.tallies:
                return scope.tallies[name]
            scope = scope.outer
        return NOTHING

    def time(self, name: str) -> frozenset[str]:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.times:
                return scope.times[name]
            scope = scope.outer
        return frozenset()


@dataclass(eq=False, slots=True)
class Here:
    """The place of an expression: its flow, its step, and the axes of the loops around it.

    ``maps`` has the axes of the maps alone, whose iterations read files of their own.
    """

    flow: str
    step: str = ""
    line: int = 0
    maps: tuple[str, ...] = ()


class Expressions:
    """The reader of expressions. It collects the sources and the breaches that it meets."""

    def __init__(self, functions: Mapping[str, FunctionSpec]) -> None:
        self.functions = functions
        self.sources: dict[str, LabelSource] = {}
        self.single: set[str] = set()
        self.around: dict[str, dict[str, str]] = {}
        self.breaches: dict[Breach, None] = {}
        self.here = Here("")
        self._axes = 0

    def new_axis(self) -> str:
        self._axes += 1
        return f"{self.here.flow}:{self.here.step}#{self._axes}"

    def source(self, kind: str, name: str, type_: t.Type) -> Value:
        """Return the value of a source that is read here, and keep the source.

        In a map, each iteration reads an element of its own.
        """
        here = self.here
        key = ":".join(part for part in (here.flow, here.step, name) if part)
        axes = frozenset(here.maps[-1:])
        apart = bool(axes) or isinstance(t.unwrapped(type_), t.ListOf)
        if key not in self.sources:
            self.sources[key] = LabelSource(key, name, kind, here.flow, here.step, here.line, apart)  # type: ignore[arg-type]
            if not apart:
                self.single.add(key)
        for inner, outer in zip(here.maps[1:], here.maps, strict=False):
            self.around.setdefault(inner, {})[key] = outer
        return foreign(key, type_, name, axes)

    def refuse(self, kind: str, reach: Reach, part: str, name: str, callee: str = "") -> None:
        """Keep a breach for each source whose free text is in a value that belongs to a trusted place."""
        for source, mark in reach.items():
            if mark.free:
                trail = Trail(name, mark.trail).names()
                breach = Breach(kind, source, self.here.flow, self.here.step, part, trail, callee)  # type: ignore[arg-type]
                self.breaches.setdefault(breach)

    def reach(self, expr: p.Expr | None, scope: Scope) -> Reach:
        return NOTHING if expr is None else self.value(expr, scope).whole()

    def args(self, args: Mapping[str, p.Expr], scope: Scope) -> Reach:
        return union(*(self.reach(arg, scope) for arg in args.values()))

    def value(self, expr: p.Expr, scope: Scope) -> Value:
        match expr:
            case p.Constant() | p.TypeOf():
                return EMPTY
            case p.Ref(name):
                return scope.value(name)
            case p.FieldOf(base, name):
                return self.value(base, scope).of(name)
            case p.TextOf(template):
                return Value(text_reach(template, scope.value))
            case p.Items(items):
                return listed([self.value(item, scope) for item in items], self.new_axis(), self.single)
            case p.RecordOf(entries):
                return self._record(entries, scope)
            case p.CallOf(function, args):
                return self._call(expr, function, args, scope)
            case p.RuleOf(_, args):
                return Value(self.args(args, scope))
            case p.ShapeOf(inner, type_):
                return _kept(self.value(inner, scope), type_)
            case p.Apply("??", (first, second)):
                return either(self.value(first, scope), self.value(second, scope))
            case p.Apply("+", (first, second)):
                left, right = self.value(first, scope), self.value(second, scope)
                if left.item is None and right.item is None:
                    return Value(union(left.whole(), right.whole()))
                return chained(_as_list(left), _as_list(right), self.new_axis())
            case p.Apply(operator, operands):
                found = union(*(self.reach(one, scope) for one in operands))
                return Value(narrowed(found, 1.0) if operator in _ONE_BIT else found)

    def _record(self, entries: tuple[p.Entry, ...], scope: Scope) -> Value:
        fields: dict[str, Value] = {}
        loose: Reach = NOTHING
        for entry in entries:
            value = self.value(entry.value, scope)
            if entry.name is not None:
                fields[entry.name] = value
            elif value.fields is not None:
                # An optional field may leave the field before it.
                for name, one in value.fields.items():
                    fields[name] = either(fields.get(name, EMPTY), one)
                loose = union(loose, value.reach)
            else:
                loose = union(loose, value.whole())
        return Value(loose, fields)

    def _call(self, call: p.CallOf, function: str, args: Mapping[str, p.Expr], scope: Scope) -> Value:
        spec = self.functions.get(function)
        if spec is not None and spec.of_step:
            of = args.get("of")
            tally = scope.tally(str(of.value)) if isinstance(of, p.Constant) else NOTHING
            if function == "decided":
                return Value(narrowed(changed(tally, _share), 1.0))
            return Value(changed(tally, _share) if function == "agreement" else tally)
        if spec is not None and spec.of_ask:
            # The probability tells more than the word: the model wrote a number.
            answer = self.value(args["of"], scope).whole()
            return Value(changed(answer, lambda mark: mark._replace(bits=NUMBER_BITS, free=False)))
        if spec is not None and spec.reads:
            return self._file(call, function, args, spec, scope)
        of_values = CALLED.get(function)
        if of_values is not None and of_values.value in args:
            given = {name: self.value(arg, scope) for name, arg in args.items()}
            most = [arg.value for name in ("n", "top") if isinstance(arg := args.get(name), p.Constant)]
            return function_value(of_values, given.pop(of_values.value), given, most[0] if most else inf)
        found = self.args(args, scope)
        if function == "pages" and found:
            page = Value(NOTHING, {"number": Value(NOTHING), "image": Value(found), "text": Value(found)})
            return Value(NOTHING, None, page, "", narrowed(found, LENGTH_BITS, COUNT))
        if function == "split" and found:
            length = narrowed(found, LENGTH_BITS, COUNT)
            return Value(NOTHING, None, _piece(found, apart="before" in args or "after" in args), "", length)
        return Value(found)

    def _file(
        self, call: p.CallOf, function: str, args: Mapping[str, p.Expr], spec: FunctionSpec, scope: Scope
    ) -> Value:
        path = self.args(args, scope)
        self.refuse("path", path, function, f"{function}(…)")
        self.on_file(function, path)
        row = next((one.type for one in args.values() if isinstance(one, p.TypeOf)), None)
        type_ = spec.result(dict.fromkeys(args, t.TEXT) | ({"of": row} if row is not None else {}))
        if call.label == "untrusted":
            name = next((str(one.value) for one in args.values() if isinstance(one, p.Constant)), "")
            return self.source("file", f'{function}("{name}")' if name else f"{function}(…)", type_).with_reach(path)
        if function in _ROWS and path:
            return Value(NOTHING, None, Value(path), "", narrowed(path, LENGTH_BITS, COUNT))
        return shaped(type_, path)

    def on_file(self, function: str, path: Reach) -> None:
        """Keep the marks of the path of a file that the step reads."""


def _piece(found: Reach, *, apart: bool) -> Value:
    """Return a piece of a text. A piece with its surroundings has its page and its place, which are numbers."""
    if not apart:
        return Value(found)
    counted = narrowed(found, LENGTH_BITS)
    texts = dict.fromkeys(("before", "text", "after", "heading"), Value(found))
    return Value(NOTHING, {**texts, "page": Value(counted), "place": Value(counted)})


def _share(mark: Mark) -> Mark:
    return cut(mark, LENGTH_BITS, free=False, channels=COUNT)


def _as_list(value: Value) -> Value:
    """Return a value that is a list, as one whose items are known."""
    return value if value.item is not None else Value(value.reach, None, Value(value.whole()))


def _kept(value: Value, type_: t.Type) -> Value:
    """Return a value that is cut to a type. A record keeps only the fields of the type."""
    inner = t.unwrapped(type_)
    inner = t.as_record(inner) or inner
    if isinstance(inner, t.Record) and value.fields is not None:
        known = {one.name: one.type for one in inner.fields}
        fields = {name: _kept(one, known[name]) for name, one in value.fields.items() if name in known}
        return Value(value.reach, fields)
    if isinstance(inner, t.ListOf) and value.item is not None:
        return replace(value, item=_kept(value.item, inner.item))
    return value
