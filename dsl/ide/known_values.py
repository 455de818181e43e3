"""The values of a file: their types, and the places where the fields of their types are declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeGuard

from .. import syntax as s
from .. import types as t
from ..checked import Checked
from ..checking.imports import import_path
from ..checking.program import Flow, Scope, Step, Symbol
from ..path_names import COMPARED, RESULT
from ..records import dataclass
from ..source import Span
from .targets import Decl, Written

_DEEPEST = 12
"""The most names that are followed from one value to the next."""


@dataclass(frozen=True, slots=True)
class Known:
    """A value: its type, and where the fields of its type are declared, with their file.

    ``scope`` has the names that a record mentions, if a record declares the fields.
    """

    type: t.Type = t.UNKNOWN
    written: Written | None = None
    home: KnownValues | None = None
    scope: Scope | None = None


class KnownValues:
    """A checked file, with the files around it. ``path`` is its path from the folder of the flow."""

    def __init__(self, checked: Checked, path: str, homes: Mapping[str, KnownValues]) -> None:
        self.checked = checked
        self.path = path
        self.homes = homes
        self.program = checked.program
        self.typed = checked.typed
        self.file = checked.file
        self.made: dict[Symbol, Known] = {}
        """The values of names that only tests know."""
        self._steps: dict[Step, Known] = {}

    @cached_property
    def imports(self) -> list[tuple[s.ImportDecl, KnownValues | None]]:
        """The imports of the file with the files that they lead to."""
        found = []
        for decl in self.file.imports:
            path = import_path(self.path, decl)
            found.append((decl, self.homes.get(path) if isinstance(path, str) else None))
        return found

    @cached_property
    def own(self) -> dict[str, Decl]:
        decls = (self.file.flows, self.file.externs, self.file.prompts, self.file.types, self.file.texts)
        return {one.name.text: one for group in decls for one in group}

    def brought(self, prefix: str, name: str) -> tuple[KnownValues, Decl] | None:
        """Return the declaration of a name, with its file: of this file, or of one that it imports."""
        if not prefix and name in self.own:
            return self, self.own[name]
        for decl, home in self.imports:
            if (decl.prefix.text if decl.prefix else "") == prefix and home is not None and name in home.own:
                return home, home.own[name]
        return None

    def prefix(self, name: str) -> s.ImportDecl | None:
        return next((one for one in self.file.imports if one.prefix is not None and one.prefix.text == name), None)

    def known(self, symbol: Symbol) -> Known:
        """Return the type of a name's value, and where its fields are declared."""
        step = symbol.step
        if symbol in self.made:
            return self.made[symbol]
        if symbol.kind == "model":
            return Known(t.MODEL)
        if symbol.param is not None:
            return Known(self.typed.nodes.params.get(symbol.param.number, t.UNKNOWN), symbol.param.type, self)
        if step is None or symbol.constant is not None:
            return Known(self.typed.type_of(symbol))
        if symbol.kind == "element":
            source = s.source_of(step.line.node)
            listed = self.value(source, step.scope) if source is not None else Known()
            return replace(self.item(listed), type=self.typed.elements.get(step, t.UNKNOWN))
        if symbol.kind == "results":
            if symbol.name in (RESULT, *COMPARED):
                return Known(self.typed.type_of(symbol))
            return self._results(step, symbol.name)
        if symbol.kind == "last":
            inner = self.step(step) if step.branch else self.body(step)
            return replace(inner, type=t.optional(inner.type))
        if symbol.kind == "answer":
            ask = step.asks[0] if step.asks else None
            return Known(self.typed.type_of(symbol), ask.answer if ask else None, self)
        if symbol.kind == "index":
            return Known(t.INT)
        return self.step(step)

    def _results(self, step: Step, name: str) -> Known:
        item = self.body(step)
        if name == "next":
            return item
        if name == "so_far":
            return self.step(step)
        type_ = item.type
        if isinstance(step.line.node, s.Fanout):
            types = [self.typed.steps.get(one, t.UNKNOWN) for one in step.steps]
            type_ = t.join(types) if types else t.UNKNOWN
        return _listed(replace(item, type=type_), step.line.span)

    def body(self, step: Step) -> Known:
        """Return the value of one run of a block."""
        return self.step(step.steps[-1]) if step.steps else Known()

    def step(self, step: Step) -> Known:
        """Return the value of a step."""
        if step not in self._steps:
            # A step that needs itself is an error of its own.
            type_ = self.typed.steps.get(step, t.UNKNOWN)
            self._steps[step] = Known(type_)
            self._steps[step] = replace(self._made(step), type=type_)
        return self._steps[step]

    def _made(self, step: Step) -> Known:
        node = step.line.node
        last = step.steps[-1] if step.steps else None
        match node:
            case s.Ask():
                return Known(t.UNKNOWN, node.answer, self)
            case s.Fanout() if node.reduce.rule.text == "collect":
                return Known(t.UNKNOWN, node, self)
            case s.Map() | s.Repeat() | s.Fanout() if node.reduce.ask is not None:
                return Known(t.UNKNOWN, node.reduce.ask.answer, self)
            case s.Map() | s.Repeat() | s.Fanout():
                spec = self.checked.catalog.reducers.get(node.reduce.rule.text)
                one = self.step(last) if last is not None else Known()
                return _listed(one, step.line.span) if spec is not None and spec.lists == "results" else one
            case s.Chain() | s.Rounds():
                return self.step(last) if last is not None else Known()
            case s.Match() | s.Cascade():
                return Known()
        return self.value(node, step.scope)

    def value(self, expr: s.Expr | s.Ask, scope: Scope, depth: int = 0) -> Known:
        """Return what is known of a value: of a name, a field, a record or a call."""
        if depth > _DEEPEST:
            return Known()
        match expr:
            case s.Name(word):
                symbol = scope.lookup(word.text)
                return self.known(symbol) if symbol is not None else Known()
            case s.Get(base, word):
                return self.field(self.value(base, scope, depth + 1), word.text)
            case s.RecordExpr():
                return Known(t.UNKNOWN, expr, self, scope)
            case s.Call():
                return self._called(expr, depth)
            case s.Binary("??", left, right):
                found = self.value(left, scope, depth + 1)
                return found if found.written is not None else self.value(right, scope, depth + 1)
            case s.ListExpr(items) if items:
                return _listed(self.value(items[0], scope, depth + 1), expr.span)
        return Known()

    def _called(self, call: s.Call, depth: int) -> Known:
        found = self.brought(call.prefix.text if call.prefix else "", call.function.text)
        if found is None:
            wanted = next((one.value for one in call.args if one.name is not None and one.name.text == "of"), None)
            if isinstance(wanted, s.Name) and wanted.number in self.typed.nodes.arguments:
                return Known(t.UNKNOWN, s.TypeList(s.TypeName(wanted.word, wanted.span), wanted.span), self)
            return Known()
        home, decl = found
        if isinstance(decl, s.ExternDecl):
            own = home.typed.own.get(decl.name.text)
            return Known(own.result if own is not None else t.UNKNOWN, decl.type, home)
        flow = next((one for one in home.program.flows if one.decl is decl), None)
        return home.returned(flow, depth + 1) if flow is not None else Known()

    def returned(self, flow: Flow, depth: int = 0) -> Known:
        """Return the value of a flow."""
        if not flow.decl.returns:
            return Known()
        type_ = self.typed.nodes.results.get(flow.decl.number, t.UNKNOWN)
        return replace(self.value(flow.decl.returns[0].value, flow.scope, depth), type=type_)

    # Fields

    def field(self, value: Known, name: str) -> Known:
        """Return a field of a value."""
        found = next(self.fields(value, name), None)
        inner = t.unwrapped(value.type)
        own = inner.field(name) if isinstance(inner, t.Record | t.Union) else None
        if own is None and inner == t.MODEL and name == "name":
            return Known(t.TEXT)
        type_ = own.type if own is not None else t.JSON if inner == t.JSON else t.UNKNOWN
        if found is None:
            return Known(type_)
        home, node = found
        if isinstance(node, s.FieldDecl):
            return Known(type_, node.type, home)
        if isinstance(node, Step):
            inside = home.step(node)
            return replace(inside, type=inside.type if own is None else type_)
        inside = home.value(node.value, value.scope) if value.scope is not None else Known()
        return replace(inside, type=inside.type if own is None else type_)

    def fields(self, value: Known, name: str) -> Iterator[tuple[KnownValues, s.FieldDecl | s.Entry | Step]]:
        """Yield the declarations of a field: more than one for a union."""
        home = value.home or self
        yield from home._fields(value.written, name, 0)

    def _fields(
        self, written: Written | None, name: str, depth: int
    ) -> Iterator[tuple[KnownValues, s.FieldDecl | s.Entry | Step]]:
        if depth > _DEEPEST:
            return
        match written:
            case s.TypeRecord(fields):
                yield from ((self, one) for one in fields if one.name.text == name)
            case s.TypeOptional(item):
                yield from self._fields(item, name, depth + 1)
            case s.TypeName(word):
                found = self.brought(written.prefix.text if written.prefix else "", word.text)
                if found is not None and isinstance(found[1], s.TypeDecl):
                    yield from found[0]._fields(found[1].type, name, depth + 1)
            case s.TypeUnion(options):
                for option in options:
                    yield from self._fields(option, name, depth + 1)
            case s.TypeChoice(words):
                for one in words:
                    if isinstance(one, s.Word):
                        yield from self._fields(s.TypeName(one, one.span), name, depth + 1)
            case s.RecordExpr(entries):
                yield from ((self, one) for one in entries if one.name is not None and one.name.text == name)
            case s.Fanout():
                steps = (step for flow in self.program.flows for step in flow.walk() if step.line.node is written)
                for step in steps:
                    yield from ((self, one) for one in step.steps if one.line.name and one.line.name.text == name)

    def item(self, value: Known) -> Known:
        """Return what is known of the elements of a list."""
        inner = t.unwrapped(value.type)
        type_ = inner.item if isinstance(inner, t.ListOf) else t.UNKNOWN
        written, home = value.written, value.home or self
        for _ in range(_DEEPEST):
            match written:
                case s.TypeOptional(item):
                    written = item
                case s.TypeList(item):
                    return Known(type_, item, home, value.scope)
                case s.TypeName(word):
                    found = home.brought(written.prefix.text if written.prefix else "", word.text)
                    if found is None or not isinstance(found[1], s.TypeDecl):
                        return Known(type_)
                    home, written = found[0], found[1].type
                case s.RecordExpr():
                    # Lists of records that the file writes have no type, so their first record stands for all.
                    return Known(type_, written, home, value.scope)
                case _:
                    break
        return Known(type_)


def _listed(item: Known, span: Span) -> Known:
    """Return a list of values of a kind."""
    if _is_type(item.written):
        return replace(item, type=t.ListOf(item.type), written=s.TypeList(item.written, span))
    return replace(item, type=t.ListOf(item.type))


def _is_type(written: Written | None) -> TypeGuard[s.TypeExpr]:
    return written is not None and not isinstance(written, s.RecordExpr | s.Fanout)
