"""The groups of proposals: names, words, types, reducers, options and forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .. import syntax as s
from .. import types as t
from ..catalog import FunctionSpec, ReducerSpec, Where
from ..checking.names import RESERVED
from ..checking.people import HUMAN
from ..checking.program import Scope, Symbol
from ..functions import VALUE_FUNCTIONS
from ..source import Span
from .forms import Called, default_of, form_of, form_text
from .homes import Home
from .snippets import Snippet
from .values import Completion, NameKind
from .view import View
from .words import CONSTANTS, IN_TEMPLATES, KINDS, RESULTS, TYPES, WORDS, sentence, shown

NEAR, USUAL, FAR, LAST = 0, 1, 2, 3
_DETAIL = 80


class Proposals:
    """The proposals for one place. ``span`` is the part of the text that they replace."""

    def __init__(self, view: View, span: Span, scope: Scope | None) -> None:
        self.view = view
        self.span = span
        self.scope = scope
        self.home: Home | None = view.index.home

    def one(
        self,
        label: str,
        kind: NameKind,
        detail: str = "",
        documentation: str = "",
        *,
        text: str = "",
        snippet: bool = False,
        rank: int = USUAL,
    ) -> Completion:
        return Completion(label, kind, self.span, text or label, detail, documentation, snippet, rank)

    def forms(self, snippets: Iterable[Snippet], rank: int = FAR) -> Iterator[Completion]:
        for one in snippets:
            yield self.one(
                one.label, "snippet", "", one.documentation, text=self.indented(one.text), snippet=True, rank=rank
            )

    def indented(self, text: str) -> str:
        """Return a form of several lines. An editor indents its lines as that of the cursor."""
        return text

    def words(self, words: Iterable[str], rank: int = USUAL) -> Iterator[Completion]:
        for word in words:
            said = WORDS.get(word) or CONSTANTS.get(word) or IN_TEMPLATES.get(word) or RESULTS.get(word)
            yield self.one(word, "keyword", "", said or "A word of the language.", rank=rank)

    # Names

    def names(self, wanted: t.Type | None = None, *, models: bool = True, lists: bool = False) -> Iterator[Completion]:
        """Yield the names of values. Those of a wanted type, or all ``lists``, come first."""
        if self.scope is None or self.home is None:
            return
        seen: set[str] = set()
        for name in self.scope.known():
            symbol = self.scope.lookup(name)
            if symbol is None or name in seen or (symbol.kind == "model" and not models) or self.inside(symbol):
                continue
            seen.add(name)
            one = self.symbol(symbol, wanted)
            listed = isinstance(t.unwrapped(self.home.known(symbol).type), t.ListOf)
            yield replace(one, rank=USUAL) if lists and not listed else one

    def inside(self, symbol: Symbol) -> bool:
        """Return True if a name is that of a step around the place, which cannot mention itself."""
        if symbol.kind not in ("step", "branch") or symbol.step is None:
            return False
        span, at = symbol.step.line.span, self.view.back(self.span.start)
        if span.source is not self.view.known or at < span.start:
            return False
        return at <= span.end or not span.source.text[span.end : at].strip(" ")

    def symbol(self, symbol: Symbol, wanted: t.Type | None = None) -> Completion:
        assert self.home is not None
        target = self.home.of_symbol(symbol)
        fits = wanted is not None and target.type is not None and t.fits(target.type, wanted)
        rank = NEAR if fits or wanted is None else USUAL
        said = RESULTS.get(symbol.name, "") if target.span is None else sentence(KINDS.get(target.kind, ""))
        if isinstance(target.node, s.ModelDecl):
            said = f"The model {target.node.address.value}."
        return self.one(symbol.name, target.kind, shown(target.type, _DETAIL), said, rank=rank)

    def fields(self, fields: Iterable[t.Field]) -> Iterator[Completion]:
        for one in fields:
            said = sentence(one.description) if one.description else "A field."
            yield self.one(one.name, "field", shown(one.type, _DETAIL), said, rank=NEAR)

    def constants(self) -> Iterator[Completion]:
        yield from self.words(CONSTANTS, FAR)

    def choices(self, type_: t.Type | None, *, quoted: str = "") -> Iterator[Completion]:
        """Yield the words of a choice, or the truth values of a condition."""
        inner = t.unwrapped(type_) if type_ is not None else None
        if inner == t.BOOL:
            yield from self.words(("true", "false"), NEAR)
        for word in inner.options if isinstance(inner, t.Choice | t.OpenChoice) else ():
            bare = word.isidentifier() and word not in RESERVED and not quoted
            mark = quoted or '"'
            text = word if bare else f"{mark}{word}{mark}"
            yield self.one(word, "choice", shown(type_, _DETAIL), "A word of the choice.", text=text, rank=NEAR)

    def functions(self) -> Iterator[Completion]:
        for spec in self.view.catalog.functions.values():
            yield self.called(spec, "function")

    def called(self, spec: ReducerSpec | FunctionSpec, kind: NameKind, rank: int = FAR) -> Completion:
        required = [param for param in spec.params if param.required]
        text = spec.name
        if required or (kind == "function" and spec.params):
            places = required or list(spec.params[:1])
            inner = ", ".join(
                f"${{{number}:{param.name if number == 1 and kind == 'function' else _place(kind, param.name)}}}"
                for number, param in enumerate(places, 1)
            )
            if kind == "reducer":
                inner = ", ".join(
                    f"{param.name}: ${{{number}:{_default(param.type, takes_field=param.takes_field)}}}"
                    for number, param in enumerate(places, 1)
                )
            text = f"{spec.name}({inner})$0"
        return self.one(
            spec.name, kind, form_of(spec), sentence(spec.summary), text=text, snippet=text != spec.name, rank=rank
        )

    def reducers(self) -> Iterator[Completion]:
        for spec in self.view.catalog.reducers.values():
            yield self.called(spec, "reducer", NEAR)
        for extern in self.home.file.externs if self.home is not None else ():
            if any(param.name.text == "results" for param in extern.params):
                yield self.one(extern.name.text, "extern", "", "A Python function that joins the results.", rank=NEAR)

    def filters(self) -> Iterator[Completion]:
        for function in VALUE_FUNCTIONS.values():
            needs = [arg for arg in function.args if arg.required]
            inner = ", ".join(f"${{{number}:{_filter_place(arg.type)}}}" for number, arg in enumerate(needs, 1))
            text = f"{function.name}({inner})" if needs else function.name
            said = sentence(function.summary)
            yield self.one(function.name, "filter", function.usage, said, text=text, snippet=bool(needs), rank=NEAR)

    def values(self) -> Iterator[Completion]:
        """Yield what an expression can begin with."""
        yield from self.names()
        yield from self.functions()
        yield from self.constants()
        yield from self.words(("not",), LAST)
        yield from self.prefixes()

    # Declarations

    def calls(self, prefix: str = "", *, prompts: bool = False, others: bool = True) -> Iterator[Completion]:
        """Yield the flows and externs, or the prompts, of this file or of an import."""
        for home, decl in self.declared(prefix):
            fits = isinstance(decl, s.PromptDecl) if prompts else isinstance(decl, s.FlowDecl | s.ExternDecl)
            if not fits or not isinstance(decl, s.FlowDecl | s.ExternDecl | s.PromptDecl):
                continue
            if prefix and isinstance(decl, s.ExternDecl):
                continue
            yield self.callee(home, decl)
        if others and not prefix:
            yield from self.prefixes()

    def callee(self, home: Home, decl: Called) -> Completion:
        kind: NameKind = (
            "flow" if isinstance(decl, s.FlowDecl) else "extern" if isinstance(decl, s.ExternDecl) else "prompt"
        )
        params = [param for param in decl.params if param.default is None]
        inner = ", ".join(
            f"{param.name.text}: ${{{number}:{param.name.text}}}" for number, param in enumerate(params, 1)
        )
        said = sentence(KINDS[kind])
        text = f"{decl.name.text}({inner})$0"
        return self.one(decl.name.text, kind, form_text(home, decl), said, text=text, snippet=True)

    def declared(self, prefix: str = "") -> Iterator[tuple[Home, object]]:
        """Yield the declarations behind a prefix, with their files. "" is for this file and its plain imports."""
        if self.home is None:
            return
        if not prefix:
            yield from ((self.home, decl) for decl in self.home.own.values())
        for decl, home in self.home.imports:
            if (decl.prefix.text if decl.prefix else "") == prefix and isinstance(home, Home):
                yield from ((home, one) for one in home.own.values())

    def prefixes(self) -> Iterator[Completion]:
        for decl in self.home.file.imports if self.home is not None else ():
            if decl.prefix is not None:
                said = f"The names of {decl.path.value}."
                yield self.one(decl.prefix.text, "import", decl.path.value, said)

    def types(self, prefix: str = "") -> Iterator[Completion]:
        for home, decl in self.declared(prefix):
            if isinstance(decl, s.TypeDecl):
                detail = shown(home.typed.declared.get(decl.name.text), _DETAIL) or decl.type.span.text[:_DETAIL]
                yield self.one(decl.name.text, "type", detail, "A type of the file.", rank=NEAR)
        if prefix:
            return
        for name, said in TYPES.items():
            if name == "quote":
                yield self.one(name, "type", "quote of NAME", said, text="quote of ${1:text}$0", snippet=True)
            else:
                yield self.one(name, "type", "", said)
        yield self.one(
            "text(max: …)", "type", "", "A text of a limited length.", text="text(max: ${1:140})$0", snippet=True
        )
        yield self.one("[ … ]", "type", "", "A list.", text="[${1:text}]$0", snippet=True, rank=FAR)
        record = "{ ${1:name}: ${2:text} }$0"
        yield self.one("{ … }", "type", "", "A record.", text=record, snippet=True, rank=FAR)
        yield self.one("1..5", "type", "", "A number of a range.", text="${1:1}..${2:5}$0", snippet=True, rank=FAR)
        yield from self.prefixes()

    def members(self, prefix: str) -> Iterator[Completion]:
        """Yield all that an import brings under a prefix."""
        yield from self.calls(prefix)
        yield from self.types(prefix)
        yield from self.texts(prefix)

    def texts(self, prefix: str) -> Iterator[Completion]:
        for _, decl in self.declared(prefix):
            if isinstance(decl, s.TextDecl):
                yield self.one(decl.name.text, "text", "text", "A text of the file.", rank=NEAR)

    def models(self) -> Iterator[Completion]:
        if self.scope is not None and self.home is not None:
            for name in dict.fromkeys(self.scope.known()):
                symbol = self.scope.lookup(name)
                if symbol is not None and t.unwrapped(self.home.known(symbol).type) == t.MODEL:
                    yield self.symbol(symbol, t.MODEL)
        yield self.one(HUMAN, "keyword", "", "A person answers instead of a model.")

    # Options

    def options(self, on: Where | str, given: Sequence[str]) -> Iterator[Completion]:
        for spec in self.view.catalog.options.values():
            if (on and on not in spec.on) or spec.name in given:
                continue
            text = f"{spec.name}: ${{1:{_default(spec.type)}}}$0"
            detail = shown(spec.type, _DETAIL)
            yield self.one(spec.name, "option", detail, sentence(spec.summary), text=text, snippet=True, rank=NEAR)

    def option_values(self, name: str) -> Iterator[Completion]:
        spec = self.view.catalog.options.get(name)
        if spec is None:
            return
        yield from self.choices(spec.type)
        for rule, params in spec.rules.items():
            inner = ", ".join(f"${{{number}:{_default(one.type)}}}" for number, one in enumerate(params, 1))
            if inner:
                yield self.one(
                    f"{rule}(…)", "choice", "", sentence(spec.summary), text=f"{rule}({inner})$0", snippet=True
                )
        if isinstance(spec.type, t.Quantity) and spec.type.unit == "s":
            yield self.one("60s", "value", "", "A duration.", text="${1:60}s$0", snippet=True)


def _place(kind: NameKind, name: str) -> str:
    return f"{name}: …" if kind == "reducer" else name


def _default(type_: t.Type, *, takes_field: bool = False) -> str:
    return "field" if takes_field else default_of(type_).replace("}", "")


def _filter_place(type_: t.Type) -> str:
    return "'…'" if t.is_text(type_) else default_of(type_)
