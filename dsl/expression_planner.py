"""The planner of expressions. It turns the expressions of a checked flow into those of a plan."""

from __future__ import annotations

from collections.abc import Mapping

from . import plan as p
from . import syntax as s
from . import types as t
from .catalog import Catalog, ParamSpec
from .checked import Checked
from .checking.folding import WORDS
from .syntax.children import dotted
from .templates.constants import inlined


class ExpressionPlanner:
    """The planner of the expressions of one file.

    ``path`` is the path of an imported file, empty for the file that is planned.
    """

    def __init__(self, checked: Checked, path: str) -> None:
        self.checked = checked
        self.typed = checked.typed
        self.catalog: Catalog = checked.catalog
        self.path = path
        self.model_names = {model.name.text for model in checked.file.models}

    def model(self, name: str) -> str:
        return f"{self.path}:{name}" if self.path else name

    def constant(self, name: str, field: str) -> str | None:
        """Return the declared text of a name, or of a field behind a prefix. None if it is no text."""
        symbol = self.checked.program.scope.lookup(name)
        return symbol.text(field) if symbol is not None else None

    def template(self, string: s.String) -> str:
        """Return a template with the declared texts in the place of their names."""
        template = self.checked.program.template(string)
        return string.value if template is None else inlined(template, self.constant)

    def prompt(self, name: str) -> str:
        """Return the template of a declared prompt."""
        return self.template(next(one.string for one in self.checked.program.prompts if one.decl.name.text == name))

    def prompt_defaults(self, name: str) -> dict[str, p.Expr]:
        """Return the values of the parameters that a use of a declared prompt may leave out."""
        decl = next(one.decl for one in self.checked.program.prompts if one.decl.name.text == name)
        return {
            param.name.text: p.Constant(None) if param.default is None else self.expr(param.default)
            for param in decl.params
            if param.default is not None or isinstance(self.typed.nodes.params[param.number], t.Optional)
        }

    def options(self, options: tuple[s.Option, ...]) -> dict[str, p.Expr]:
        made: dict[str, p.Expr] = {}
        for option in options:
            value = option.value
            rules = self.catalog.options[option.name.text].rules
            if isinstance(value, s.Call) and value.function.text in rules:
                made[option.name.text] = self.rule(rules, value)
            elif not isinstance(value, s.Ask):
                made[option.name.text] = self.expr(value)
        return made

    def args(self, params: tuple[ParamSpec, ...], args: tuple[s.Arg, ...]) -> dict[str, p.Expr]:
        given: dict[str, p.Expr] = {}
        for place, arg in enumerate(args):
            spec = params[place] if arg.name is None else next(one for one in params if one.name == arg.name.text)
            if isinstance(arg.value, s.Ask):
                continue
            if spec.takes_type:
                given[spec.name] = p.TypeOf(self.typed.nodes.arguments[arg.value.number])
            else:
                given[spec.name] = self.rule(spec.rules, arg.value) if spec.rules else self.expr(arg.value)
        return given

    def rule(self, rules: Mapping[str, tuple[ParamSpec, ...]], value: s.Expr) -> p.Expr:
        if isinstance(value, s.Call):
            return p.RuleOf(value.function.text, self.args(rules[value.function.text], value.args))
        return p.RuleOf(value.word.text if isinstance(value, s.Name) else "", {})

    def expr(self, expr: s.Expr) -> p.Expr:
        shape = self.typed.nodes.shapes.get(expr.number)
        return self._expr(expr) if shape is None else p.ShapeOf(self._expr(expr), t.planned(shape))

    def _expr(self, expr: s.Expr) -> p.Expr:
        if (words := self.typed.nodes.listed.get(expr.number)) is not None:
            return p.ShapeOf(p.Constant(list(words.options)), t.ListOf(words))
        match expr:
            case s.Name(word):
                if expr.number in self.typed.nodes.words:
                    return p.Constant(word.text)
                if word.text in WORDS:
                    return p.Constant(WORDS[word.text])
                if (text := self.constant(word.text, "")) is not None:
                    return p.Constant(text)
                return p.Ref(self.model(word.text) if word.text in self.model_names else word.text)
            case s.Get(s.Name(prefix), word) if (text := self.constant(prefix.text, word.text)) is not None:
                return p.Constant(text)
            case s.Get() if expr.number in self.typed.nodes.words:
                return p.Constant(dotted(expr))
            case s.Get(base, word):
                return p.FieldOf(self.expr(base), word.text)
            case s.Text(string):
                return p.Constant(string.value)
            case s.Template(_, string):
                return p.TextOf(self.template(string))
            case s.Number():
                return p.Constant(expr.amount)
            case s.ListExpr(items):
                return p.Items(tuple(self.expr(item) for item in items))
            case s.RecordExpr(entries):
                return p.RecordOf(
                    tuple(p.Entry(entry.name.text if entry.name else None, self.expr(entry.value)) for entry in entries)
                )
            case s.Call(function, args):
                spec = self.catalog.functions[function.text]
                given = self.args(spec.params, args)
                if spec.of_step:
                    given = {
                        name: p.Constant(ref.name) if isinstance(ref, p.Ref) else ref for name, ref in given.items()
                    }
                return p.CallOf(spec.name, given, label="untrusted" if expr.label is not None else "")
            case s.Unary(operator, operand):
                return p.Apply("negative" if operator == "-" else operator, (self.expr(operand),))
            case s.Binary(operator, left, right):
                return p.Apply(operator, (self.expr(left), self.expr(right)))
