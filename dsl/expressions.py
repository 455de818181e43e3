"""The types of expressions, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import syntax as s
from . import types as t
from .catalog import Catalog, FunctionSpec, ParamSpec, usage
from .diagnostics import Diagnostic, did_you_mean, nearest
from .fields import field_type, misfit
from .names import Program, Scope, Step, Symbol, visible_block
from .source import Span
from .syntax_errors import KEYWORDS
from .template_types import check_template

CONSTANTS: dict[str, t.Type] = {"true": t.BOOL, "false": t.BOOL, "none": t.NONE}
_UNITS: dict[str, t.Type] = {
    "%": t.Quantity("%"),
    "$": t.Quantity("$"),
    "ms": t.Quantity("s"),
    "s": t.Quantity("s"),
    "m": t.Quantity("s"),
    "h": t.Quantity("s"),
}


@dataclass(eq=False, slots=True)
class Expressions:
    """Types expressions against their scope.

    ``type_of`` gives the type of a symbol; ``hidden`` the steps that are known only inside a block, by name.
    ``words`` collects the ids of the names that stand for themselves (a bare choice, a rule), ``tallied`` the
    votes whose account the flow looks at.
    """

    program: Program
    catalog: Catalog
    type_of: Callable[[Symbol], t.Type]
    hidden: Mapping[str, Step]
    problems: list[Diagnostic] = field(default_factory=list)
    words: set[int] = field(default_factory=set)
    tallied: set[Step] = field(default_factory=set)
    _checked_templates: set[int] = field(default_factory=set)

    def report(self, code: str, message: str, span: Span, *, help: str = "", note: str = "", label: str = "") -> None:
        self.problems.append(Diagnostic(code, message, span, label=label, note=note, help=help))

    def expect(self, expr: s.Expr, scope: Scope, wanted: t.Type, what: str = "") -> t.Type:
        """Type an expression that must fit; say so where it does not."""
        given = self.infer(expr, scope, wanted)
        if not t.fits(given, wanted):
            if isinstance(given, t.Optional) and t.fits(given.item, wanted):
                self.report(
                    "F0306",
                    f"this may be missing, and {what or 'this place'} needs {t.show(wanted)}",
                    expr.span,
                    help="supply a default: `… ?? value`",
                )
            else:
                self.report(
                    "F0301",
                    f"{what + ': ' if what else ''}expected {t.show(wanted)}, found {t.show(given)}",
                    expr.span,
                    help=misfit(given, wanted),
                )
        return given

    def infer(self, expr: s.Expr, scope: Scope, wanted: t.Type | None = None) -> t.Type:
        match expr:
            case s.Name():
                return self._name(expr, scope, wanted)
            case s.Get(base, word):
                return field_type(self.infer(base, scope), word.text, word.span, self.problems)
            case s.Text(string):
                return self._text(string, expr.span, wanted)
            case s.Template(tag, string):
                if tag.text != "text":
                    self._wrong_tag(tag)
                else:
                    self.template(string, scope)
                return t.TEXT
            case s.Number(_, unit):
                if unit:
                    return _UNITS[unit]
                if isinstance(wanted, t.Range):
                    return t.Range(expr.value, expr.value)
                return t.NUMBER if isinstance(expr.value, float) else t.INT
            case s.ListExpr(items):
                inner = t.unwrapped(wanted).item if wanted and isinstance(t.unwrapped(wanted), t.ListOf) else None  # type: ignore[union-attr]
                return t.ListOf(t.join(self.infer(item, scope, inner) for item in items))
            case s.RecordExpr():
                return self._record(expr, scope, wanted)
            case s.Call():
                return self._call(expr, scope)
            case s.Unary(operator, operand):
                if operator == "not":
                    self.expect(operand, scope, t.BOOL, "`not`")
                    return t.BOOL
                given = self.infer(operand, scope)
                if not t.is_number(given):
                    self.report("F0301", f"expected a number, found {t.show(given)}", operand.span)
                return t.NUMBER if given == t.NUMBER else t.INT
            case s.Binary():
                return self._binary(expr, scope)

    def template(self, string: s.String, scope: Scope) -> None:
        template = self.program.template(string)
        if template is None or id(string) in self._checked_templates:
            return
        self._checked_templates.add(id(string))

        def lookup(name: str) -> t.Type | None:
            symbol = scope.lookup(name)
            return self.type_of(symbol) if symbol else None

        def unknown(name: str, span: Span) -> None:
            self.unknown_name(name, span, scope)

        self.problems.extend(check_template(template, lookup, unknown))

    def unknown_name(self, name: str, span: Span, scope: Scope) -> None:
        if (hidden := self.hidden.get(name)) and (block := visible_block(hidden, scope)):
            inside = f"`{block.title}`" if block.symbol else f"the block of {block.title}"
            out = f"mention `{block.title}`" if block.symbol else "give the block a name and mention that"
            self.report(
                "F0205",
                f"`{name}` is known only inside {inside}",
                span,
                note="the names of a block are its own: outside there is only the block's value",
                help=f"{out}, or move the step out of the block",
            )
            return
        if name in KEYWORDS:
            help = "it is a word of the language: what is missing before it?"
            self.report("F0201", f"nothing is called `{name}`", span, help=help)
            return
        guess = did_you_mean(name, [*scope.known(), *CONSTANTS])
        known = [known for known in dict.fromkeys(scope.known()) if known not in CONSTANTS]
        near = guess or ("known here: " + ", ".join(f"`{word}`" for word in known[:8]) if known else "")
        if scope.parent is None:
            near = guess or "a default and an option of a model see the models alone, no parameters and no steps"
        self.report("F0201", f"nothing is called `{name}`", span, help=near)

    def _name(self, expr: s.Name, scope: Scope, wanted: t.Type | None) -> t.Type:
        name = expr.word.text
        symbol = scope.lookup(name)
        choice = t.unwrapped(wanted) if wanted else None
        if isinstance(choice, t.Choice) and name in choice.options:
            if symbol:
                self.report(
                    "F0308",
                    f"`{name}` could be the choice or the name",
                    expr.span,
                    help=f'for the choice write `"{name}"`; otherwise give the step another name',
                )
            self.words.add(id(expr))
            return t.Choice((name,))
        if symbol:
            return self.type_of(symbol)
        if name in CONSTANTS:
            return CONSTANTS[name]
        if isinstance(choice, t.Choice):
            self.report(
                "F0301",
                f"`{name}` is none of {t.show(choice)}",
                expr.span,
                help=did_you_mean(name, choice.options),
            )
            return t.UNKNOWN
        self.unknown_name(name, expr.span, scope)
        return t.UNKNOWN

    def _text(self, string: s.String, span: Span, wanted: t.Type | None) -> t.Type:
        choice = t.unwrapped(wanted) if wanted else None
        if not isinstance(choice, t.Choice):
            return t.TEXT
        if string.value in choice.options:
            return t.Choice((string.value,))
        self.report(
            "F0301",
            f'"{string.value}" is none of {t.show(choice)}',
            span,
            help=did_you_mean(string.value, choice.options),
        )
        return t.UNKNOWN

    def _wrong_tag(self, tag: s.Word) -> None:
        if tag.text == "ask":
            self.report(
                "F0101",
                "an `ask` is a step of its own",
                tag.span,
                help="give it a name on its own line, `answer = ask …`, and mention `answer` here",
            )
            return
        help = 'write `text "…{{ name }}…"`'
        if tag.text in ("f", "F"):
            help = 'there are no f-strings: write `text "…{{ name }}…"`'
        elif near := nearest(tag.text, ["ask", "text"]):
            help = f"did you mean `{near}`?"
        self.report("F0101", f"`{tag.text}` cannot stand before a text", tag.span, help=help)

    def _record(self, expr: s.RecordExpr, scope: Scope, wanted: t.Type | None) -> t.Type:
        shape = t.unwrapped(wanted) if wanted else None
        fields: dict[str, t.Field] = {}
        for entry in expr.entries:
            if entry.name is None:
                spread = self.infer(entry.value, scope)
                if isinstance(spread, t.Record):
                    fields.update({one.name: one for one in spread.fields})
                elif spread != t.UNKNOWN:
                    self.report("F0301", f"only a record can be spread, not {t.show(spread)}", entry.span)
                    return t.UNKNOWN
                else:
                    return t.UNKNOWN
                continue
            target = shape.field(entry.name.text) if isinstance(shape, t.Record) else None
            fields[entry.name.text] = t.Field(
                entry.name.text, self.infer(entry.value, scope, target.type if target else None)
            )
        return t.Record(tuple(fields.values()))

    def _binary(self, expr: s.Binary, scope: Scope) -> t.Type:
        operator = expr.operator
        if operator in ("and", "or"):
            self.expect(expr.left, scope, t.BOOL, f"`{operator}`")
            self.expect(expr.right, scope, t.BOOL, f"`{operator}`")
            return t.BOOL
        if operator in ("==", "!="):
            return self._equal(expr, scope)
        left = self.infer(expr.left, scope)
        if operator == "??":
            if left not in (t.UNKNOWN, t.NONE) and not isinstance(left, t.Optional):
                self.report(
                    "F0301", "this is never missing, so it needs no default", expr.left.span, help="delete the `??`"
                )
            right = self.infer(expr.right, scope, t.unwrapped(left))
            return right if left == t.NONE else t.join([t.unwrapped(left), right])
        if operator == "in":
            right = self.infer(expr.right, scope, t.ListOf(left))
            if right != t.UNKNOWN and not isinstance(right, t.ListOf) and not t.is_text(right):
                self.report("F0301", f"`in` looks into a list or a text, not into {t.show(right)}", expr.right.span)
            return t.BOOL
        right = self.infer(expr.right, scope)
        if operator in ("<", "<=", ">", ">="):
            if not (t.is_number(left) and t.is_number(right)) and not (t.is_text(left) and t.is_text(right)):
                self._unfit(expr, left, right)
            return t.BOOL
        if operator == "+":
            if t.is_text(left) and t.is_text(right):
                return t.UNKNOWN if t.UNKNOWN in (left, right) else t.TEXT
            if isinstance(left, t.ListOf) and isinstance(right, t.ListOf):
                return t.join([left, right])
        if not (t.is_number(left) and t.is_number(right)):
            self._unfit(expr, left, right)
            return t.UNKNOWN
        if operator == "/":
            return t.NUMBER
        return t.NUMBER if t.NUMBER in (left, right) else t.INT

    def _equal(self, expr: s.Binary, scope: Scope) -> t.Type:
        first, second = expr.left, expr.right
        # A bare word takes its meaning from the other side.
        if isinstance(first, s.Name) and scope.lookup(first.word.text) is None and first.word.text not in CONSTANTS:
            first, second = second, first
        left = self.infer(first, scope)
        if left == t.UNKNOWN and isinstance(second, s.Name) and scope.lookup(second.word.text) is None:
            # The other side is wrong already: what this word should be nobody can tell.
            return t.BOOL
        right = self.infer(second, scope, left if isinstance(t.unwrapped(left), t.Choice) else None)
        if t.NONE not in (left, right) and not t.comparable(left, right):
            self.report(
                "F0301",
                f"{t.show(left)} and {t.show(right)} are never equal",
                expr.span,
                help="compare values of one type",
            )
        return t.BOOL

    def _unfit(self, expr: s.Binary, left: t.Type, right: t.Type) -> None:
        if t.UNKNOWN in (left, right):
            return
        for side, type_ in ((expr.left, left), (expr.right, right)):
            if isinstance(type_, t.Optional):
                self.report(
                    "F0306",
                    f"this may be missing, and `{expr.operator}` needs a value",
                    side.span,
                    help="supply a default: `… ?? value`",
                )
                return
        self.report("F0301", f"`{expr.operator}` does not take {t.show(left)} and {t.show(right)}", expr.span)

    def _call(self, expr: s.Call, scope: Scope) -> t.Type:
        name = expr.function.text
        spec = self.catalog.functions.get(name)
        if spec is None:
            for arg in expr.args:
                if not isinstance(arg.value, s.Ask):
                    self.infer(arg.value, scope)
            known = list(self.catalog.functions)
            self.report(
                "F0208",
                f"no function is called `{name}`",
                expr.function.span,
                help=did_you_mean(name, known) or "there are " + ", ".join(f"`{word}`" for word in sorted(known)),
            )
            return t.UNKNOWN
        return spec.result(self.arguments(spec.name, spec.params, expr.args, expr.span, scope, spec))

    def arguments(
        self,
        name: str,
        params: tuple[ParamSpec, ...],
        args: tuple[s.Arg, ...],
        span: Span,
        scope: Scope,
        function: FunctionSpec | None = None,
    ) -> dict[str, t.Type]:
        """Check arguments against parameters; the types of those given, by the parameter's name."""
        given: dict[str, t.Type] = {}
        for place, arg in enumerate(args):
            spec = self._param(name, params, place, arg, given)
            if spec is None:
                continue
            given[spec.name] = t.UNKNOWN
            if isinstance(arg.value, s.Ask):
                if not spec.takes_ask:
                    self.report("F0303", f"`{spec.name}` takes a value, not an `ask`", arg.value.span)
            elif spec.rules:
                self._rule(spec, arg.value, scope)
            elif function and function.of_step:
                given[spec.name] = self._vote(name, arg.value, scope)
            else:
                given[spec.name] = self.expect(arg.value, scope, spec.type, f"`{spec.name}`")
        missing = [spec.name for spec in params if spec.required and spec.name not in given]
        if missing:
            self.report(
                "F0303",
                f"`{name}` needs " + " and ".join(f"`{word}`" for word in missing),
                span,
                help=f"it is written `{usage(name, params)}`",
            )
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
            self.report("F0303", problem, span, help=guess or f"it is written `{usage(name, params)}`")
        elif spec.name in given:
            self.report("F0303", f"`{spec.name}` is given twice", span, help="keep one of the two")
            return None
        return spec

    def _rule(self, spec: ParamSpec, value: s.Expr, scope: Scope) -> None:
        word = value.word if isinstance(value, s.Name) else value.function if isinstance(value, s.Call) else None
        if word is None or word.text not in spec.rules:
            written = word.text if word else value.span.text
            known = ", ".join(f"`{usage(rule, params)}`" for rule, params in spec.rules.items())
            self.report(
                "F0303",
                f"`{spec.name}` has no rule `{written}`",
                value.span,
                help=did_you_mean(written, spec.rules) or f"there are {known}",
            )
            return
        self.words.add(id(value))
        args = value.args if isinstance(value, s.Call) else ()
        self.arguments(word.text, spec.rules[word.text], args, value.span, scope)

    def _vote(self, name: str, value: s.Expr, scope: Scope) -> t.Type:
        symbol = scope.lookup(value.word.text) if isinstance(value, s.Name) else None
        step = symbol.step if symbol and symbol.kind in ("step", "branch") else None
        node = step.line.node if step else None
        block = node if isinstance(node, (s.Repeat, s.Map, s.Fanout)) else None
        rule = self.catalog.reducers.get(block.reduce.rule.text) if block else None
        if rule is None or not rule.votes:
            self.report(
                "F0303",
                f"`{name}` takes the name of a vote",
                value.span,
                help="a vote is a block that ends in a voting reducer such as `reduce majority`",
            )
            return t.UNKNOWN
        if step is None or symbol is None:
            return t.UNKNOWN
        self.tallied.add(step)
        return self.type_of(symbol)
