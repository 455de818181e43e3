"""The types of declarations: models, externs, and the parameters of flows."""

from __future__ import annotations

from abc import ABC

from .. import syntax as s
from .. import types as t
from ..catalog import ParamSpec
from ..diagnostics import Diagnostic, Label, did_you_mean
from ..patterns import pattern
from ..picture_words import no_result
from ..source import Span
from ..syntax.children import children
from .block_types import BlockTypes
from .callees import Callee, Prompt
from .label_places import label_of_param
from .program import Flow, PromptFile, Scope

_TARGET = pattern(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Declarations(BlockTypes, ABC):
    """The part of the type checker that checks the declarations of models, externs and flows."""

    def model(self, decl: s.ModelDecl) -> None:
        endpoints = {one.name.text for one in self.program.file.endpoints}
        for address in (decl.address, decl.fallback):
            if address is None:
                continue
            provider, _, name = address.value.partition(":")
            if provider in endpoints:
                if not name:
                    help = f'write `"{provider}:NAME"` with the name that the server has for the model'
                    self.report("F0207", f"the endpoint `{provider}` serves many models", address.span, help)
                continue
            if provider not in self.catalog.providers:
                known = sorted({*self.catalog.providers, *endpoints})
                self.report(
                    "F0207",
                    f"no provider{' or endpoint' if endpoints else ''} is called `{provider}`",
                    address.span,
                    help=did_you_mean(provider, known)
                    or "write `provider:name` with one of these providers: " + ", ".join(known),
                )
        self.options(decl.options, ("model",), self.program.scope, "a model")
        self._plain_options(decl.options, "a model's options")

    def _plain_options(self, options: tuple[s.Option, ...], what: str) -> None:
        for option in options:
            if read := self._named(option):
                self.report(
                    "F0307",
                    f"{what} are plain values, and `{read.text}` is not a plain value",
                    read,
                    "write the value itself, or set the option on each `ask`",
                )

    def _named(self, option: s.Option) -> Span | None:
        """Return the place of the first name or call in an option, beside the words that the option itself has."""
        value, spec = option.value, self.catalog.options.get(option.name.text)
        if isinstance(value, s.Call) and spec is not None and value.function.text in spec.rules:
            return next((found for arg in value.args if (found := _read(arg.value, self.program.scope))), None)
        return _read(value, self.program.scope)

    def defaults(self, decls: tuple[s.DefaultsDecl, ...]) -> None:
        """Check the options of asks that name no model. Only one declaration can give them."""
        for decl in decls[:1]:
            self.options(decl.options, ("ask",), self.program.scope, "`model default`")
            self._plain_options(decl.options, "the options of `model default`")
            self.inherited.update(option.span.start for option in decl.options)
        for decl in decls[1:]:
            first = Label(decls[0].span, "first given here")
            message, help = "`model default` is given twice", "write all its options in one place"
            self.typed.problems.append(Diagnostic("F0642", message, decl.span, labels=(first,), help=help))

    def flow_options(self, flow: Flow) -> None:
        """Check the options that a flow gives to its asks. They see the parameters and no steps."""
        if not flow.decl.options:
            return
        self.inherited.update(option.span.start for option in flow.decl.options)
        scope = Scope(self.program.scope)
        scope.symbols.update({name: one for name, one in flow.scope.symbols.items() if one.kind == "param"})
        self.options(flow.decl.options, ("ask",), scope, "a flow")

    def prompt(self, prompt: PromptFile) -> None:
        """Check a prompt in a file, once for all asks that use it."""
        self.expressions.template(prompt.string, prompt.scope, part="user")

    def prompt_params(self, decl: s.PromptDecl) -> None:
        params = tuple(self.param(param) for param in decl.params)
        for param, spec in zip(decl.params, params, strict=True):
            if param.label is not None:
                help = "delete the label: the marks around foreign text follow from the values that an ask gives"
                self.report("F0501", "a parameter of a prompt has no label", param.label.span, help)
            if param.default is not None and (found := self.reading(param.default)) is not None:
                help = "write the value itself, or let each ask give it"
                self.report("F0645", f"`{found.text}` cannot stand in the default of a prompt", found, help)
            if t.holds_model(spec.type):
                self.report("F0301", "a prompt shows data, and a model is not data", param.type.span)
        self.typed.prompts.setdefault(decl.name.text, Prompt(decl.name.text, params))

    def param(self, param: s.Param, *, extern: bool = False) -> ParamSpec:
        type_ = self.written.read_data(param.type, "a parameter")
        if refused := label_of_param(param, type_, extern=extern):
            self.typed.problems.append(refused)
        self.typed.nodes.params[param.number] = type_
        if param.default is not None:
            # A default is worked out before the flow begins. So it can mention models, but no parameter or step.
            self.expressions.expect(param.default, self.program.scope, type_, f"`{param.name.text}`")
        required = param.default is None and not isinstance(type_, t.Optional)
        return ParamSpec(param.name.text, type_, required)

    def reading(self, value: s.Expr | s.Ask) -> Span | None:
        """Return the place of the first function in a value that takes time: it reads a file, or it cuts a text."""
        if isinstance(value, s.Ask):
            return None
        if isinstance(value, s.Call) and value.prefix is None:
            spec = self.catalog.functions.get(value.function.text)
            if spec is not None and (spec.reads or spec.name in ("split", "pages")):
                return value.function.span
        return next((found for child in children(value) if (found := self.reading(child)) is not None), None)

    def _callee(self, name: s.Word, callee: Callee) -> None:
        if name.text in self.catalog.functions:
            self.report("F0202", f"the language has a function `{name.text}`", name.span, "choose another name")
        self.typed.own.setdefault(name.text, callee)

    def extern(self, decl: s.ExternDecl) -> None:
        params = tuple(self.param(param, extern=True) for param in decl.params)
        seen: set[str] = set()
        for param, spec in zip(decl.params, params, strict=True):
            if t.holds_model(spec.type):
                self.report("F0301", "an extern takes data, and a model is not data", param.type.span)
            if spec.name in seen:
                self.report("F0202", f"the name `{spec.name}` is taken", param.name.span, "choose another name")
            seen.add(spec.name)
        type_ = self.written.read_data(decl.type, "the result of an extern")
        if t.holds_model(type_):
            self.report("F0301", "an extern returns data, and a model is not data", decl.type.span)
        if refused := no_result(type_, decl.type.span):
            self.typed.problems.append(refused)
        if not _TARGET.fullmatch(decl.target.value):
            self.report(
                "F0210",
                "this text does not name a Python function",
                decl.target.span,
                'write the module and the function: `from "package.module:function"`',
            )
        if "results" in seen and decl.name.text in self.catalog.reducers:
            self.report(
                "F0202", f"the language has a reducer `{decl.name.text}`", decl.name.span, "choose another name"
            )
        self._callee(decl.name, Callee(decl.name.text, "extern", params, type_))

    def signature(self, flow: Flow) -> None:
        """Record the parameters of a flow, so that calls of it can be checked.

        Its result type is unknown until it is checked.
        """
        params = tuple(self.param(param) for param in flow.decl.params)
        self._callee(flow.decl.name, Callee(flow.decl.name.text, "flow", params, t.UNKNOWN))


def _read(value: s.Expr | s.Ask, scope: Scope) -> Span | None:
    """Return the place of the first name or function call in a model's option. None if the option is a plain value.

    A model is declared before any value to which a name could refer.
    """
    match value:
        case s.Call(function):
            return function.span
        case s.Name(word) if scope.lookup(word.text) is not None:
            return word.span
        case s.Ask():
            return None
    return next((found for child in children(value) if (found := _read(child, scope))), None)
