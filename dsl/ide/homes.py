"""The things that the names of a checked file mean."""

from __future__ import annotations

from pathlib import PurePosixPath

from .. import syntax as s
from .. import types as t
from ..checked import Checked
from ..checking.program import Symbol
from ..source import Span
from .known_values import KnownValues
from .targets import Decl, Target


class Home(KnownValues):
    """A checked file, as the home of the things that it declares."""

    def declared(self, prefix: str, name: str, kinds: tuple[type, ...]) -> Target | None:
        found = self.brought(prefix, name)
        if found is None or not isinstance(found[1], kinds):
            return None
        home = found[0]
        assert isinstance(home, Home)
        return home.of_decl(found[1])

    def of_decl(self, decl: Decl) -> Target:
        name = decl.name.text
        match decl:
            case s.FlowDecl():
                return Target("flow", name, decl.name.span, self.typed.nodes.results.get(decl.number), (self, decl))
            case s.ExternDecl():
                own = self.typed.own.get(name)
                return Target("extern", name, decl.name.span, own.result if own else None, (self, decl))
            case s.PromptDecl():
                return Target("prompt", name, decl.name.span, None, (self, decl))
            case s.TypeDecl():
                return Target("type", name, decl.name.span, self.typed.declared.get(name), (self, decl))
        return Target("text", name, decl.name.span, t.TEXT, (self, decl))

    def of_param(self, param: s.Param) -> Target:
        type_ = self.typed.nodes.params.get(param.number)
        return Target("param", param.name.text, param.name.span, type_, (self, param))

    def of_field(self, word: s.Word, node: object, type_: t.Type | None = None) -> Target:
        return Target("field", word.text, word.span, type_, node)

    def of_symbol(self, symbol: Symbol) -> Target:
        """Return what the name of a value means."""
        type_ = self.known(symbol).type
        span: Span | None = symbol.span
        match symbol.kind:
            case "model":
                decl = next((one for one in self.file.models if one.name.text == symbol.name), None)
                return Target("model", symbol.name, span, t.MODEL, decl)
            case "text":
                return self.declared("", symbol.name, (s.TextDecl,)) or Target("text", symbol.name, span, t.TEXT)
            case "texts":
                return Target("import", symbol.name, span, type_, self.prefix(symbol.name))
            case "param" if symbol.param is not None:
                return self.of_param(symbol.param)
            case "answer" if symbol.step is not None and symbol.step.line.name is not None:
                if symbol.step.line.name.text == symbol.name:
                    return Target("step", symbol.name, symbol.step.line.name.span, type_, None, symbol.step)
                return Target("answer", symbol.name, None, type_, None, symbol.step)
            case "results" | "last" | "answer" | "given":
                if symbol.kind == "given":
                    return Target("value", symbol.name, span, type_)
                return Target(symbol.kind, symbol.name, None, type_, None, symbol.step)
            case "element" | "index" | "step" | "branch":
                return Target(symbol.kind, symbol.name, span, type_, None, symbol.step)
        return Target("value", symbol.name, span, type_, None, symbol.step)


def homes_of(checked: Checked) -> dict[str, Home]:
    """Return the file, by the name of its file, and all files that it imports, by their paths."""
    homes: dict[str, Home] = {}
    path = PurePosixPath(checked.file.span.source.name).name
    for one, file in {path: checked, **checked.imports}.items():
        homes[one] = Home(file, one, homes)
    return homes
