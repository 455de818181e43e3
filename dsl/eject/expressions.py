"""Expressions of a plan as expressions of Python."""

from __future__ import annotations

from typing import Protocol

from .. import plan as p
from .. import types as t
from .output import Output, literal, text_literal
from .problems import EjectError
from .prompts import text_of

_PLAIN = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "in": "in"}
_WORKED = {"+": "plus", "-": "minus", "*": "times", "/": "over"}
FUNCTIONS = {
    "trim": "stripped", "lower": "lower", "upper": "upper", "capitalize": "capitalized", "title": "titled",
    "contains": "contains", "starts_with": "starts_with", "ends_with": "ends_with", "replace": "replaced",
    "lines_of": "lines_of", "words": "words_of", "length": "length", "truncate": "truncated", "indent": "indented",
    "join": "joined", "json": "written", "round": "rounded", "abs": "absolute", "sum": "total", "mean": "average",
    "min": "smallest", "max": "greatest", "first": "first_part", "last": "last_part", "reverse": "backwards",
    "unique": "unique", "dedupe": "deduped", "sort": "in_order", "rank": "rank_by", "group": "grouped",
}  # fmt: skip
"""The helpers that work functions out, by the names of the functions in expressions."""
SPLITTERS = {
    "line": "line", "paragraph": "paragraph", "chars": "chars", "sentence": "sentence", "page": "page",
    "heading": "heading",
}  # fmt: skip


class Names(Protocol):
    """The names that an expression may mention."""

    def look(self, name: str) -> str:
        """Return the Python expression for a name."""

    def tally(self, name: str) -> str:
        """Return the Python list that holds the vote of a step. Raises KeyError."""


class Expressions:
    """The writer of expressions. ``line`` is the line of the step that it is at."""

    def __init__(self, out: Output) -> None:
        self.out = out
        self.line = 0

    def error(self, what: str, help: str = "") -> EjectError:
        return EjectError(what, help, self.line)

    def write(self, expr: p.Expr, names: Names) -> str:
        use = self.out.use
        match expr:
            case p.Constant(value):
                return literal(value)
            case p.Ref(name):
                return names.look(name)
            case p.FieldOf(p.CallOf("votes", args), field) if field not in ("stands", "panel", "classes"):
                return f"{use('get')}({self._votes('votes', args, names, whole=False)}, {text_literal(field)})"
            case p.FieldOf(base, field):
                return f"{use('get')}({self.write(base, names)}, {text_literal(field)})"
            case p.TextOf(template):
                return text_of(self.out, template, names.look, "text", self.line)
            case p.Items(items):
                return "[" + ", ".join(self.write(one, names) for one in items) + "]"
            case p.RecordOf(entries):
                return "{" + ", ".join(self._entry(one, names) for one in entries) + "}"
            case p.CallOf(function, args):
                return self._call(function, args, names)
            case p.Apply(operator, operands):
                return self._apply(operator, operands, names)
            case p.ShapeOf(value, type_):
                written = self.write(value, names)
                shape = shape_of(type_)
                return written if shape == "None" else f"{use('shaped')}({written}, {shape})"
        raise self.error(f"a {expr.kind} has no plain form here")

    def _entry(self, entry: p.Entry, names: Names) -> str:
        value = self.write(entry.value, names)
        return f"**{self.out.use('spread')}({value})" if entry.name is None else f"{text_literal(entry.name)}: {value}"

    def _apply(self, operator: str, operands: tuple[p.Expr, ...], names: Names) -> str:
        first, *rest = [self.write(one, names) for one in operands]
        match operator:
            case "not":
                return f"(not {first})"
            case "negative":
                return f"(-{first})"
            case "and" | "or":
                return f"(bool({first}) {operator} bool({rest[0]}))"
            case "??":
                if first.isidentifier():
                    return f"({rest[0]} if {first} is None else {first})"
                return f"{self.out.use('or_else')}({first}, lambda: {rest[0]})"
        if operator in _PLAIN:
            return f"({first} {_PLAIN[operator]} {rest[0]})"
        return f"{self.out.use(_WORKED[operator])}({first}, {rest[0]})"

    def _call(self, function: str, args: dict[str, p.Expr], names: Names) -> str:
        if function in FUNCTIONS:
            first, *rest = args.items()
            given = [self.write(first[1], names), *(f"{name}={self.write(one, names)}" for name, one in rest)]
            return f"{self.out.use(FUNCTIONS[function])}({', '.join(given)})"
        if function in ("file", "lines"):
            if "of" in args:
                raise self.error("`lines` with a type has no plain form", "read the lines as texts")
            helper = self.out.use("read_file" if function == "file" else "lines_in")
            return f"{helper}(FOLDER, {self.write(args['path'], names)})"
        if function in ("votes", "agreement"):
            return self._votes(function, args, names, whole=function == "votes")
        if function == "split":
            return self._split(args, names)
        raise self.error(f"`{function}` has no plain form", "give its value to the flow as a parameter")

    def _votes(self, function: str, args: dict[str, p.Expr], names: Names, *, whole: bool) -> str:
        """Write the account of a vote. ``whole``: with the samples that it stands against, and who said what."""
        of = args["of"]
        try:
            votes = names.tally(str(of.value)) if isinstance(of, p.Constant) else ""
        except KeyError:
            votes = ""
        if not votes or (whole and votes in self.out.adaptive):
            raise self.error(f"`{function}` has no plain form here", "name a field, as in `votes(x).counts`")
        return f"{self.out.use('account_of' if function == 'votes' else 'agreement_of')}({votes})"

    def _split(self, args: dict[str, p.Expr], names: Names) -> str:
        by = args["by"]
        if not isinstance(by, p.RuleOf) or by.rule not in SPLITTERS or "before" in args or "after" in args:
            raise self.error(
                "this way to `split` has no plain form", "split by paragraph, line, sentence, page, heading or chars"
            )
        overlap = self.write(args["overlap"], names) if "overlap" in args else "None"
        rule = "".join(f", {name}={self.write(one, names)}" for name, one in by.args.items())
        function = self.out.use(f"by_{SPLITTERS[by.rule]}")
        return f"{self.out.use('split_text')}({function}, {self.write(args['document'], names)}, {overlap}{rule})"


def shape_of(type_: t.Type) -> str:
    """Write the shape that values are cut to; "None" if there is nothing to cut."""
    match t.unwrapped(type_):
        case t.ListOf(item):
            inner = shape_of(item)
            return inner if inner == "None" else f"[{inner}]"
        case t.Record(fields):
            return "{" + ", ".join(f"{text_literal(one.name)}: {shape_of(one.type)}" for one in fields) + "}"
        case t.Union(members, tag):
            shapes = ", ".join(f"{text_literal(t.tag_word(one, tag))}: {shape_of(one)}" for one in members)
            return f"({text_literal(tag)}, {{{shapes}}})"
    return "None"
