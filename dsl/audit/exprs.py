"""The expressions of a plan, written as the expressions of a flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from .. import plan as p
from .. import syntax as s
from .. import types as t
from ..catalog import Catalog, ParamSpec
from ..checking.block_types import TOKENS
from ..records import dataclass
from ..source import Span
from .errors import UnfitError
from .values import field_type, label_word, type_expr, value_expr

_SAME_KIND = frozenset({"==", "!=", "in", "??"})


@dataclass(eq=False, slots=True)
class Exprs:
    """The writer that turns a plan's expressions into expressions of a tree.

    ``type_of`` returns the plan's type of a step, by name. ``types`` collects a declaration for each type that is an
    argument. ``holes`` collects a parameter for each value that the language cannot write as an expression.
    """

    catalog: Catalog
    type_of: Callable[[str], t.Type | None]
    no_tally: Callable[[str], bool]
    types: list[s.TypeDecl] = field(default_factory=list)
    holes: list[s.Param] = field(default_factory=list)

    def expr(self, expr: p.Expr, at: Span, wanted: t.Type | None = None) -> s.Expr:
        """Write an expression.

        ``wanted`` is the type that its place needs, because a plan does not say which unit a number has.
        """
        match expr:
            case p.Constant(value):
                return value_expr(value, wanted, at)
            case p.Ref(name):
                return s.Name(s.Word(name, at), at)
            case p.FieldOf(base, name):
                return s.Get(self.expr(base, at), s.Word(name, at), at)
            case p.TextOf(template):
                return s.Template(s.Word("text", at), s.String(template, at), at)
            case p.Items(items):
                inner = t.unwrapped(wanted) if wanted is not None else None
                item = inner.item if isinstance(inner, t.ListOf) else None
                return s.ListExpr(tuple(self.expr(one, at, item) for one in items), at)
            case p.RecordOf(entries):
                return s.RecordExpr(tuple(self._entry(entry, at, wanted) for entry in entries), at)
            case p.CallOf(function, args, label=label):
                return self._call(function, args, at, label_word(label, at))
            case p.Apply(operator, operands):
                return self._apply(operator, operands, at, wanted)
            case p.RuleOf(rule):
                raise UnfitError(at.text, f"the plan has the rule `{rule}` where it needs a value")
            case p.ShapeOf(p.Constant(list() as words), t.ListOf(t.Choice(options))) if tuple(words) == options:
                return self._named_type(t.Choice(options), at)
            case p.ShapeOf(value, type_):
                return self.expr(value, at, type_)
            case p.TypeOf():
                raise UnfitError(at.text, "the plan has a type where it needs a value")

    def option(self, name: str, value: p.Expr, at: Span) -> s.Option:
        spec = self.catalog.options.get(name)
        if spec is not None and isinstance(value, p.RuleOf):
            params = spec.rules.get(value.rule, ())
            if value.rule not in spec.rules or value.args.keys() != {param.name for param in params}:
                raise UnfitError(at.text, f"`{name}` has no rule `{value.rule}` with these arguments")
            if not (isinstance(spec.type, t.Choice) and value.rule in spec.type.options):
                call = s.Call(s.Word(value.rule, at), self.args(params, value.args, at), at)
                return s.Option(s.Word(name, at), call, at)
            # The run may work out its arguments, so they are checked when the block begins.
            return s.Option(s.Word(name, at), s.Text(s.String(value.rule, at), at), at)
        return s.Option(s.Word(name, at), self.expr(value, at, spec.type if spec is not None else None), at)

    def options(self, options: Mapping[str, p.Expr], at: Span) -> tuple[s.Option, ...]:
        return tuple(self.option(name, value, at) for name, value in options.items())

    def args(self, params: tuple[ParamSpec, ...], args: Mapping[str, p.Expr], at: Span) -> tuple[s.Arg, ...]:
        known = {param.name: param for param in params}
        return tuple(s.Arg(s.Word(name, at), self._arg(known.get(name), arg, at), at) for name, arg in args.items())

    def tokens(self, count: p.Expr, at: Span) -> s.Expr:
        """Write the fan-in of a tree."""
        if isinstance(count, p.RuleOf) and count.rule == "tokens":
            return self._rule(count, {"tokens": TOKENS}, at)
        return self.expr(count, at)

    def _entry(self, entry: p.Entry, at: Span, wanted: t.Type | None) -> s.Entry:
        name = None if entry.name is None else s.Word(entry.name, at)
        inner = field_type(t.unwrapped(wanted) if wanted is not None else None, entry.name or "")
        return s.Entry(name, self.expr(entry.value, at, inner), False, at)

    def _arg(self, param: ParamSpec | None, arg: p.Expr, at: Span) -> s.Expr:
        if param is not None and param.takes_type and isinstance(arg, p.TypeOf):
            return self._named_type(arg.type, at)
        if param is not None and param.rules:
            if not isinstance(arg, p.RuleOf):
                raise UnfitError(
                    at.text, f"`{param.name}` takes a rule: " + " or ".join(f"`{one}`" for one in param.rules)
                )
            return self._rule(arg, param.rules, at)
        if param is not None and param.takes_field and not (isinstance(arg, p.Constant) and isinstance(arg.value, str)):
            raise UnfitError(at.text, f"`{param.name}` takes the name of a field, and not a calculated value")
        return self.expr(arg, at, param.type if param is not None else None)

    def _named_type(self, type_: t.Type, at: Span) -> s.Name:
        """Declare a type, and write its name."""
        name = s.Word(f"#{len(self.types)}", at)
        self.types.append(s.TypeDecl(name, type_expr(type_, at), at))
        return s.Name(name, at)

    def _rule(self, rule: p.RuleOf, rules: Mapping[str, tuple[ParamSpec, ...]], at: Span) -> s.Expr:
        return s.Call(s.Word(rule.rule, at), self.args(rules.get(rule.rule, ()), rule.args, at), at)

    def _call(self, function: str, args: Mapping[str, p.Expr], at: Span, label: s.Word | None) -> s.Expr:
        spec = self.catalog.functions[function]
        if spec.of_step:
            step = args["of"]
            assert isinstance(step, p.Constant)
            if self.no_tally(step.value):
                return self._hole(spec.result({"of": self.type_of(step.value) or t.JSON}), at)
            args = {"of": p.Ref(step.value)}
        return s.Call(s.Word(function, at), self.args(spec.params, args, at), at, label=label)

    def _hole(self, type_: t.Type, at: Span) -> s.Expr:
        name = s.Word(f"#{len(self.holes)}", at)
        self.holes.append(s.Param(name, type_expr(type_, at), None, at))
        return s.Name(name, at)

    def _apply(self, operator: str, operands: tuple[p.Expr, ...], at: Span, wanted: t.Type | None) -> s.Expr:
        if operator in ("not", "negative"):
            return s.Unary("not" if operator == "not" else "-", self.expr(operands[0], at), at)
        left, right = operands
        first = second = None
        if operator in _SAME_KIND:
            # A number beside a quantity has the same unit.
            first, second = self._quantity(right) or wanted, self._quantity(left) or wanted
        return s.Binary(operator, self.expr(left, at, first), self.expr(right, at, second), at)

    def _quantity(self, expr: p.Expr) -> t.Type | None:
        found = self.type_of(expr.name) if isinstance(expr, p.Ref) else None
        return found if found is not None and isinstance(t.unwrapped(found), t.Quantity) else None
