"""The walk over templates: the names that they take from the flow, and those that they set themselves."""

from __future__ import annotations

from .. import syntax as s
from ..checking.program import Scope, Step
from ..source import Span
from ..templates.plain import Getattr, Name, Node, Output, TemplateData
from ..templates.read import Template, read_template
from .homes import Home
from .known_values import Known
from .targets import Place, Target

Local = dict[str, tuple[Target, Known]]
"""The names that a template sets, such as the elements of its loops."""


class TemplateWalk:
    def __init__(self, home: Home) -> None:
        self.home = home
        self.places: list[Place] = []

    def declare(self, target: Target) -> None:
        if target.span is not None:
            self.places.append(Place(target.span, target, declared=True))

    def mention(self, span: Span, target: Target, *, entry: bool = False) -> None:
        self.places.append(Place(span, target, entry=entry))

    def prefix(self, word: s.Word | None) -> None:
        decl = self.home.prefix(word.text) if word is not None else None
        if word is not None and decl is not None and decl.prefix is not None:
            self.mention(word.span, Target("import", word.text, decl.prefix.span, None, decl))

    def of_field(self, node: s.FieldDecl | s.Entry | Step, word: s.Word) -> Target:
        """Return the target of a field, by its declaration."""
        if isinstance(node, Step):
            assert node.line.name is not None
            kind_span = node.line.name.span
            return Target("branch", word.text, kind_span, self.home.typed.steps.get(node), None, node)
        assert node.name is not None
        return self.home.of_field(node.name, node)

    def field(self, value: Known, word: s.Word) -> None:
        """Walk over the name of a field behind a value."""
        self._field(value, word.text, word.span)

    def _field(self, value: Known, name: str, span: Span) -> None:
        found = next(self.home.fields(value, name), None)
        if found is None:
            self.mention(span, Target("field", name, None, self.home.field(value, name).type))
            return
        node = found[1]
        target = self.of_field(node, s.Word(name, span))
        type_ = self.home.field(value, name).type
        self.mention(span, Target(target.kind, name, target.span, type_, target.node, target.step))

    def template(self, string: s.String, scope: Scope, *, alone: bool = False) -> None:
        """Walk over a template. One that stands ``alone`` belongs to no step, such as that of a declared text."""
        template = read_template(string) if alone else self.home.program.template(string)
        if not isinstance(template, Template):
            return
        _Strings(self, string, scope).body(template.body, {})


class _Strings:
    """The walk over one template."""

    def __init__(self, walk: TemplateWalk, string: s.String, scope: Scope) -> None:
        self.walk = walk
        self.home = walk.home
        self.string = string
        self.scope = scope

    def span(self, node: Node) -> Span:
        return self.string.place(node.start, node.end)

    def body(self, body: tuple[Node, ...], local: Local) -> None:
        for node in body:
            self.node(node, local)

    def node(self, node: Node, local: Local) -> None:
        if isinstance(node, TemplateData):
            return
        if isinstance(node, Output):
            self.body(node.nodes, local)
        elif isinstance(node, Name):
            self.name(node, local)
        elif isinstance(node, Getattr):
            self.attribute(node, local)
        else:
            self.statement(node, local)

    def statement(self, node: Node, local: Local) -> None:
        from ..templates import nodes  # most templates only write values

        match node:
            case nodes.For():
                self.node(node.iter, local)
                listed = self.value(node.iter, local)
                within = dict(local)
                self.set(node.target, self.home.item(listed), within)
                if node.test is not None:
                    self.node(node.test, within)
                self.body(node.body, within)
                self.body(node.else_, dict(local))
            case nodes.Assign():
                self.node(node.node, local)
                self.set(node.target, self.value(node.node, local), local)
            case nodes.Filter():
                self.node(node.node, local)
                word = self.span(node)
                self.walk.mention(word, Target("filter", node.name))
                self.body((*node.args, *node.kwargs), local)
            case _:
                self.body(tuple(node.children()), local)

    def set(self, name: Name, value: Known, local: Local) -> None:
        target = Target("element", name.name, self.span(name), value.type)
        local[name.name] = target, value
        self.walk.declare(target)

    def name(self, node: Name, local: Local) -> None:
        if node.name in local:
            self.walk.mention(self.span(node), local[node.name][0])
            return
        symbol = self.scope.mentioned(node.name)
        if symbol is not None:
            self.walk.mention(self.span(node), self.home.of_symbol(symbol))

    def attribute(self, node: Getattr, local: Local) -> None:
        base = node.node
        symbol = self.scope.mentioned(base.name) if isinstance(base, Name) and base.name not in local else None
        if symbol is not None and symbol.kind == "texts":
            target = self.home.declared(symbol.name, node.attr, (s.TextDecl,))
            self.node(base, local)
            if target is not None:
                self.walk.mention(self.span(node), target)
            return
        self.node(base, local)
        value = self.value(base, local)
        self.walk.field(value, s.Word(node.attr, self.span(node)))

    def value(self, node: Node, local: Local) -> Known:
        """Return what is known of a name, or of a field of one."""
        if isinstance(node, Name):
            if node.name in local:
                return local[node.name][1]
            symbol = self.scope.mentioned(node.name)
            return self.home.known(symbol) if symbol is not None else Known()
        if isinstance(node, Getattr):
            return self.home.field(self.value(node.node, local), node.attr)
        first = next(node.children(), None) if type(node).__name__ == "Filter" else None
        return self.value(first, local) if first is not None else Known()
