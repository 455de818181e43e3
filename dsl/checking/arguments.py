"""Calls in expressions: find the callee, and check that the arguments fit its parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import field

from .. import syntax as s
from .. import types as t
from ..catalog import MEND, Catalog, FunctionSpec, ParamSpec, outside, usage
from ..diagnostics import Diagnostic, did_you_mean
from ..functions import CALLED
from ..path_names import SAME
from ..records import dataclass
from ..source import Span
from ..syntax.children import dotted
from .callees import Callee, Imported
from .intervals import Intervals
from .label_places import label_of_call
from .origins import origins
from .program import Program, Scope, Step, Symbol
from .reducer_arguments import as_comparison
from .typed import Typed

_KINDS = {"flow": "a flow", "extern": "an extern"}


@dataclass(eq=False, slots=True)
class CallTypes(ABC):
    """The part of the type checker that handles calls, and the state that it shares with the other parts.

    ``type_of`` returns the type of a symbol, ``read_type`` that of a type's name and prefix. ``hidden`` has the steps
    inside of blocks by name, ``typed`` the results, ``sure`` the paths that cannot be missing in the step being read.
    """

    program: Program
    catalog: Catalog
    imported: Imported
    type_of: Callable[[Symbol], t.Type]
    read_type: Callable[[s.Word, s.Word | None], t.Type]
    hidden: Mapping[str, Step]
    typed: Typed
    problems: list[Diagnostic] = field(default_factory=list)
    intervals: Intervals = field(init=False)
    checked_templates: set[int] = field(default_factory=set)
    sure: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.intervals = Intervals(self.typed.folding, self.type_of)

    def report(self, code: str, message: str, span: Span, *, help: str = "", note: str = "", label: str = "") -> None:
        self.problems.append(Diagnostic(code, message, span, label=label, note=note, help=help))

    @abstractmethod
    def infer(self, expr: s.Expr, scope: Scope, wanted: t.Type | None = None) -> t.Type: ...

    @abstractmethod
    def expect(self, expr: s.Expr, scope: Scope, wanted: t.Type, what: str = "") -> t.Type: ...

    @abstractmethod
    def unknown_name(self, name: str, span: Span, scope: Scope, wanted: t.Type | None = None) -> None: ...

    @abstractmethod
    def withheld(self, name: str, span: Span, scope: Scope) -> bool: ...

    def call(self, expr: s.Call, scope: Scope, *, alone: bool = False) -> t.Type:
        """Type a call. ``alone`` says that the call is a step. A flow or an extern may be called only there."""
        name = expr.function.text
        spec = self.catalog.functions.get(name) if expr.prefix is None else None
        if refused := label_of_call(expr, spec):
            self.problems.append(refused)
        if spec is not None:
            given = self.arguments(spec.name, spec.params, expr.args, expr.span, scope, spec)
            function = CALLED.get(spec.name)
            if spec.of_step and not spec.of_ask and given.get(spec.params[0].name, t.UNKNOWN) == t.UNKNOWN:
                return t.UNKNOWN  # no vote, which is reported
            if function is None:
                return spec.result(given)
            from .value_functions import value_type

            return value_type(function, expr, given, self.problems)
        callee = self.callee(expr, scope)
        if callee is None:
            for arg in expr.args:
                if not isinstance(arg.value, s.Ask):
                    self.infer(arg.value, scope)
            return t.UNKNOWN
        if not alone:
            span = expr.prefix.span.to(expr.function.span) if expr.prefix else expr.function.span
            self.report(
                "F0408",
                f"`{span.text}` is {_KINDS[callee.kind]}, and an expression cannot call it",
                span,
                note="each call of a model or of Python is a step of its own, so its cost and its order are visible",
                help=f"give the call a name on its own line, `x = {span.text}(…)`, and mention `x` here",
            )
        self.arguments(
            expr.span.source.text[expr.span.start : expr.function.span.end], callee.params, expr.args, expr.span, scope
        )
        self.typed.nodes.callees[expr.number] = callee
        return callee.result

    def callee(self, expr: s.Call, scope: Scope) -> Callee | None:
        """Find the flow or the extern that a call names. Report a problem and return None if it does not exist."""
        name = expr.function.text
        prefix = expr.prefix.text if expr.prefix else ""
        found = self.typed.own.get(name) if not prefix else None
        found = found or self.imported.flows.get((prefix, name))
        if found is not None or prefix in self.imported.broken:
            return found
        unknown = not self.imported.paths.get(prefix) and name not in self.catalog.functions
        if expr.prefix is not None and unknown and scope.lookup(prefix) is None:
            self.unknown_name(prefix, expr.prefix.span, scope)
            return None
        from .unknown_callees import unknown_callee  # few files have this mistake

        self.problems.append(unknown_callee(expr, self.catalog, self.imported, self.typed))
        return None

    def arguments(
        self,
        name: str,
        params: tuple[ParamSpec, ...],
        args: tuple[s.Arg, ...],
        span: Span,
        scope: Scope,
        function: FunctionSpec | None = None,
    ) -> dict[str, t.Type]:
        """Check arguments against parameters. Return the types of the given arguments by the names of parameters."""
        given: dict[str, t.Type] = {}
        values: dict[str, s.Expr | s.Ask] = {}
        for place, arg in enumerate(args):
            spec = self._param(name, params, place, arg, given)
            if spec is None:
                continue
            given[spec.name] = t.UNKNOWN
            values[spec.name] = arg.value
            given |= self._argument(spec, arg.value, scope, function)
        missing = [spec.name for spec in params if spec.required and spec.name not in given]
        if function is not None:
            from .overlaps import overlap

            self.problems.extend(overlap(values, scope, self.typed.folding))
        # A misspelt name is only one mistake, so its parameter is not also reported as missing.
        misspelt = any(arg.name is not None and arg.name.text not in {spec.name for spec in params} for arg in args)
        if missing and not misspelt:
            self.report(
                "F0303",
                f"`{name}` needs " + " and ".join(f"`{word}`" for word in missing),
                span,
                help=f"write it as `{usage(name, params)}`",
            )
        return given

    def _argument(
        self, spec: ParamSpec, value: s.Expr | s.Ask, scope: Scope, function: FunctionSpec | None
    ) -> dict[str, t.Type]:
        """Check one argument. Return what its types are, by names: its own, and that of what a step goes over."""
        name = spec.name
        if isinstance(value, s.Ask):
            if spec.asks is None:
                self.report("F0303", f"`{name}` takes a value, not an `ask`", value.span)
        elif spec.takes_field:
            self._field(spec, value, scope, nested=function is not None)
        elif spec.asks is not None and spec.asks.compares:
            if not isinstance(value, s.Name):
                said = f"`{name}` takes an `ask`, or the name of an extern"
                self.report("F0303", said, value.span, help=as_comparison(name, value))
        elif spec.asks is not None and spec.type == t.NONE:
            help = f'write `{name}: ask "…{{{{ results }}}}…"`'
            self.report("F0303", f"`{name}` takes an `ask`", value.span, help=help)
        elif spec.takes_type:
            type_ = self._type(spec, value)
            return {name: type_ if function is None else self._taken(function.name, spec, type_, value.span)}
        elif spec.rules:
            self._rule(spec, value, scope)
        elif function and (function.of_step or function.of_ask):
            return self._step_argument(spec, value, scope, function)
        elif function and function.name in CALLED and spec is function.params[0]:
            return {name: self.infer(value, scope)}
        else:
            type_ = self.expect(value, scope, spec.type, f"`{name}`")
            self.within(value, scope, name, spec.low, spec.high, "F0303")
            return {name: type_ if function is None else self._taken(function.name, spec, type_, value.span)}
        return {name: t.UNKNOWN}

    def _step_argument(self, spec: ParamSpec, value: s.Expr, scope: Scope, function: FunctionSpec) -> dict[str, t.Type]:
        from .step_arguments import compares, item_type, step_argument

        given = {spec.name: step_argument(self, function, value, scope)}
        if function.of_step and (item := item_type(self, value, scope)) is not None:
            given["over"] = item
        if function.of_step and compares(value, scope):
            given[SAME] = t.BOOL
        return given

    def _param(
        self, name: str, params: tuple[ParamSpec, ...], place: int, arg: s.Arg, given: Mapping[str, t.Type]
    ) -> ParamSpec | None:
        if arg.name is None:
            spec = params[place] if place < len(params) else None
            problem = f"`{name}` takes " + (f"{len(params)} arguments" if len(params) != 1 else "one argument")
            span = arg.span
        else:
            spec = next((param for param in params if param.name == arg.name.text), None)
            problem = f"`{name}` has no parameter `{arg.name.text}`"
            span = arg.name.span
        if spec is None:
            guess = did_you_mean(arg.name.text, [param.name for param in params]) if arg.name else ""
            also = CALLED[name].arg(arg.name.text) if arg.name and name in CALLED else None
            guess = guess if also is None else f"write `{also.name}`"
            if arg.name and not guess and name in self.catalog.reducers and arg.name.text in self.catalog.options:
                guess = f"`{arg.name.text}` is an option: write it behind the reducer, `with {arg.name.text}: …`"
            self.report("F0303", problem, span, help=guess or f"write it as `{usage(name, params)}`")
        elif spec.name in given:
            self.report("F0303", f"`{spec.name}` is given twice", span, help="keep only one of the two")
            return None
        return spec

    def within(self, value: s.Expr, scope: Scope, name: str, low: float | None, high: float | None, code: str) -> None:
        """Report a number that is certainly outside of two bounds."""
        found = self.intervals.of(value, scope)
        if found is None or not ((low is not None and found.high < low) or (high is not None and found.low > high)):
            return
        between = f"{found.low:.12g}" if found.low == found.high else f"from {found.low:.12g} to {found.high:.12g}"
        said = "" if isinstance(value, s.Number) else f", and this is {between}"
        labels, wanted = origins(value, scope, self.typed.folding), outside(found.low, low, high)
        self.problems.append(Diagnostic(code, f"`{name}` takes a value {wanted}{said}", value.span, labels=labels))

    def _taken(self, name: str, spec: ParamSpec, type_: t.Type, span: Span) -> t.Type:
        """Return the type of an argument. If the function does not take the argument, report it and return unknown."""
        if spec.takes is None or type_ == t.UNKNOWN or spec.takes(t.unwrapped(type_)):
            return type_
        if spec.takes_type or t.fits(type_, spec.type):  # otherwise it is already reported
            code = "F0649" if name == "pages" else "F0301"
            self.report(code, f"`{name}` takes {spec.taken}, not {t.show(type_)}", span)
        return t.UNKNOWN

    def _field(self, spec: ParamSpec, value: s.Expr, scope: Scope, *, nested: bool) -> None:
        path = dotted(value)
        if path and (nested or isinstance(value, s.Name)):
            name = path.split(".")[0]
            if scope.lookup(name) is not None:
                help = f'for the field write `"{path}"`; otherwise give the step another name'
                at = value.span.source.span(value.span.start, value.span.start + len(name))
                self.report("F0308", f"`{name}` could be the field or the name", at, help=help)
            self.typed.nodes.words.add(value.number)
        elif not isinstance(value, s.Text):
            from ..syntax.asked_arguments import named_ask  # few files have this mistake

            help = named_ask(value.span) or f"write the name of the field alone, as in `{spec.name}: score`"
            self.report("F0303", f"`{spec.name}` takes the name of a field", value.span, help=help)

    def _type(self, spec: ParamSpec, value: s.Expr) -> t.Type:
        match value:
            case s.Name(word):
                type_ = self.read_type(word, None)
            case s.Get(s.Name(prefix), word):
                type_ = self.read_type(word, prefix)
            case _:
                self.report(
                    "F0303",
                    f"`{spec.name}` takes the name of a type",
                    value.span,
                    help="declare a type: `type Row = { … }`",
                )
                return t.UNKNOWN
        self.typed.nodes.arguments[value.number] = type_
        return type_

    def _rule(self, spec: ParamSpec, value: s.Expr, scope: Scope) -> None:
        word = value.word if isinstance(value, s.Name) else value.function if isinstance(value, s.Call) else None
        if word is None or word.text not in spec.rules:
            written = word.text if word else value.span.text
            known = ", ".join(f"`{usage(rule, params)}`" for rule, params in spec.rules.items())
            fault = self.catalog.fault("splitter", written)
            help = MEND if fault else did_you_mean(written, spec.rules) or f"the rules are {known}"
            self.report("F0303", fault or f"`{spec.name}` has no rule `{written}`", value.span, help=help)
            return
        self.typed.nodes.words.add(value.number)
        args = value.args if isinstance(value, s.Call) else ()
        self.arguments(word.text, spec.rules[word.text], args, value.span, scope)
