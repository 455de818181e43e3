"""The types of expressions, and the problems in them."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Edit, Fix, Label, did_you_mean, nearest
from ..fields import field_type, misfit
from ..records import dataclass
from ..source import Span
from ..templates.types import check_template
from .facts import known_type, path_of, written
from .file_texts import too_many_texts
from .operators import Operators
from .program import Scope
from .static_values import StaticValue
from .unknown_names import CONSTANTS

_UNITS: dict[str, t.Type] = {
    "%": t.Quantity("%"),
    "$": t.Quantity("$"),
    **dict.fromkeys(("ms", "s", "m", "h"), t.Quantity("s")),
}


@dataclass(eq=False, slots=True)
class Expressions(Operators):
    """The part of the type checker that finds the types of expressions, from the names in scope."""

    def expect(self, expr: s.Expr, scope: Scope, wanted: t.Type, what: str = "") -> t.Type:
        """Find the type of an expression that must fit the wanted type. Report the expression if it does not fit."""
        given = self.infer(expr, scope, wanted)
        if t.fits(given, wanted):
            if not t.exact(given, wanted):
                self.typed.nodes.shapes[expr.number] = wanted
        elif isinstance(given, t.Optional) and t.fits(given.item, wanted):
            self.report(
                "F0306",
                f"this value may be missing, and {what or 'this place'} needs {t.show(wanted)}",
                expr.span,
                help="write a default: `… ?? value`",
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
        given = self._infer(expr, scope, wanted)
        if given in (t.INT, t.NUMBER) and wanted is not None and isinstance(t.unwrapped(wanted), t.Range):
            number = self.typed.folding.number(expr, scope)
            return given if number is None else t.Range(number, number)
        return self._sized(expr, scope, given, wanted) if wanted is not None else given

    def _sized(self, expr: s.Expr, scope: Scope, given: t.Type, wanted: t.Type) -> t.Type:
        """Return the type with the length of the value, if a type with limits is wanted and the file decides it."""
        limits = t.form(wanted, t.ListOf)
        if given == t.TEXT and isinstance(t.form(wanted, t.SizedText), t.SizedText):
            text = self.typed.folding.known(expr, scope)
            return t.SizedText(len(text), len(text)) if isinstance(text, str) else given
        if isinstance(given, t.ListOf) and isinstance(limits, t.ListOf) and limits.sized:
            found = self.typed.folding.value(expr, scope)
            if isinstance(found, StaticValue) and isinstance(found.value, list):
                return t.ListOf(given.item, least=len(found.value), most=len(found.value))
        return given

    def _infer(self, expr: s.Expr, scope: Scope, wanted: t.Type | None) -> t.Type:
        match expr:
            case s.Name():
                return self._known(expr, self._name(expr, scope, wanted), scope)
            case s.Get(base, word):
                if isinstance(base, s.Name) and (words := self.listed(expr, scope)) is not None:
                    return words
                given = self.infer(base, scope)
                found = t.unwrapped(given) if path_of(base) in self.sure else given
                return self._known(expr, field_type(found, word.text, word.span, self.problems), scope)
            case s.Text(string):
                return self._text(string, expr.span, wanted)
            case s.Template(tag, string):
                if tag.text != "text":
                    self._wrong_tag(tag, string)
                else:
                    self.template(string, scope, self.sure)
                return t.TEXT
            case s.Number(_, unit):
                if unit:
                    return _UNITS[unit]
                return t.NUMBER if isinstance(expr.value, float) else t.INT
            case s.ListExpr(items):
                inner = t.form(wanted, t.ListOf) if wanted else None
                item_type = inner.item if isinstance(inner, t.ListOf) else None
                each = [self.infer(item, scope, item_type) for item in items]
                if isinstance(item_type, t.Union) and each and all(t.fits(one, item_type) for one in each):
                    return t.ListOf(item_type)
                return t.ListOf(t.join_within(each, item_type))
            case s.RecordExpr():
                return self._record(expr, scope, wanted)
            case s.Call():
                return self.call(expr, scope)
            case s.Unary(operator, operand):
                if operator == "not":
                    self.expect(operand, scope, t.BOOL, "`not`")
                    return t.BOOL
                given = self.infer(operand, scope)
                if not t.is_number(given):
                    self.report("F0301", f"expected a number, found {t.show(given)}", operand.span)
                if isinstance(given, t.Range):
                    return t.Range(-given.high, -given.low)
                return t.INT if given == t.INT else t.NUMBER
            case s.Binary():
                return self._binary(expr, scope, wanted)

    def _known(self, expr: s.Expr, type_: t.Type, scope: Scope) -> t.Type:
        return known_type(expr, type_, scope.known_facts) if isinstance(type_, t.Optional | t.Union) else type_

    def template(self, string: s.String, scope: Scope, sure: frozenset[str] = frozenset(), part: str = "text") -> None:
        """Check a template once. ``sure`` has the names that cannot be missing here; a field is written with dots.

        ``part`` is the role of the part of a prompt that it is, or ``text``.
        """
        template = self.program.template(string)
        if template is None or string.number in self.checked_templates:
            return
        self.checked_templates.add(string.number)
        if (found := too_many_texts(template, scope)) is not None:
            self.problems.append(found)

        def lookup(name: str) -> t.Type | None:
            symbol = scope.mentioned(name)
            return self.type_of(symbol) if symbol else None

        def unknown(name: str, span: Span) -> None:
            self.unknown_name(name, span, scope)

        self.problems.extend(check_template(template, lookup, unknown, sure | scope.known_facts, part))

    def _name(self, expr: s.Name, scope: Scope, wanted: t.Type | None) -> t.Type:
        name = expr.word.text
        symbol = scope.lookup(name)
        choice = t.form(wanted, t.Choice) if wanted else None
        if isinstance(choice, t.WORDS) and name in choice.options:
            if symbol:
                quoted = f'"{name}"'
                self.problems.append(
                    Diagnostic(
                        "F0308",
                        f"`{name}` could mean the choice or the name",
                        expr.span,
                        labels=(Label(symbol.span, "the name"),),
                        help=f"for the choice write `{quoted}`; otherwise give the step another name",
                        fix=Fix(f"write `{quoted}`", (Edit(expr.span, quoted),), safe=False),
                    )
                )
            self.typed.nodes.words.add(expr.number)
            return t.Choice((name,))
        if symbol:
            return self.type_of(symbol)
        if name in CONSTANTS:
            return CONSTANTS[name]
        if isinstance(choice, t.WORDS) and name not in scope.withheld:
            self.report(
                "F0301",
                f"`{name}` is not one of {t.show(choice)}",
                expr.span,
                help=did_you_mean(name, choice.options),
            )
            return t.UNKNOWN
        if name not in scope.withheld and (words := self.listed(expr, scope)) is not None:
            return words
        self.unknown_name(name, expr.span, scope, wanted)
        return t.UNKNOWN

    def _text(self, string: s.String, span: Span, wanted: t.Type | None) -> t.Type:
        choice = t.form(wanted, t.Choice) if wanted else None
        if not isinstance(choice, t.Choice):
            return t.TEXT
        if string.value in choice.options:
            return t.Choice((string.value,))
        self.report(
            "F0301",
            f'"{string.value}" is not one of {t.show(choice)}',
            span,
            help=did_you_mean(string.value, choice.options),
        )
        return t.UNKNOWN

    def _wrong_tag(self, tag: s.Word, string: s.String) -> None:
        if tag.text == "ask":
            from ..syntax.asked_arguments import named_ask  # few files have this mistake

            self.report(
                "F0101",
                "an `ask` is a step of its own",
                tag.span,
                help=named_ask(tag.span)
                or "give the `ask` a name on its own line, `answer = ask …`, and mention `answer` here",
            )
            return
        help = 'write `text "…{{ name }}…"`'
        if tag.text in ("f", "F"):
            help = 'the language has no f-strings: write `text "…{{ name }}…"`'
        elif tag.text in self.catalog.functions:
            help = f"the argument of a function stands in brackets: `{tag.text}({string.span.text})`"
        elif near := nearest(tag.text, ["ask", "text"]):
            help = f"did you mean `{near}`?"
        self.report("F0101", f"`{tag.text}` is not allowed before a text", tag.span, help=help)

    def _meant(self, expr: s.RecordExpr, union: t.Union) -> t.Type:
        """Return the member of a union that a written record is, by the word of its tag."""
        for entry in expr.entries:
            if (
                entry.name is not None
                and entry.name.text == union.tag
                and (member := union.member(written(entry.value)))
            ):
                return member
        return union

    def _record(self, expr: s.RecordExpr, scope: Scope, wanted: t.Type | None) -> t.Type:
        shape = t.form(wanted, t.Record) if wanted else None
        if isinstance(shape, t.Union):
            shape = self._meant(expr, shape)
        fields: dict[str, t.Field] = {}
        written: set[str] = set()
        for entry in expr.entries:
            if entry.name is None:
                spread = self.infer(entry.value, scope, shape if isinstance(shape, t.Record) else None)
                if isinstance(spread, t.Record):
                    if any(isinstance(one.type, t.Optional) and one.name in fields for one in spread.fields):
                        # An optional field still replaces the field of the same name before it.
                        self.typed.nodes.shapes[entry.value.number] = spread
                    fields.update({one.name: one for one in spread.fields})
                elif spread != t.UNKNOWN:
                    self.report("F0301", f"only a record can be spread, not {t.show(spread)}", entry.span)
                    return t.UNKNOWN
                else:
                    return t.UNKNOWN
                continue
            if entry.name.text in written:
                self.report(
                    "F0202",
                    f"the field `{entry.name.text}` is given twice",
                    entry.name.span,
                    help="keep only one of the two",
                )
            written.add(entry.name.text)
            target = shape.field(entry.name.text) if isinstance(shape, t.Record) else None
            fields[entry.name.text] = t.Field(
                entry.name.text, self.infer(entry.value, scope, target.type if target else None)
            )
        return t.Record(tuple(fields.values()))
