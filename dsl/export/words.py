"""The words for the parts of a plan in labels and tips, in the notation of the language."""

from __future__ import annotations

import json
import textwrap

from .. import plan as p
from .. import types as t
from ..patterns import pattern
from .free_names import Functions

_JOINING = ("and", "or")
_PREFIXES = {"negative": "-", "not": "not "}
_STAGE_WORDS = {"agreement(last)": "agreement", "votes(last).margin": "margin", "(sure(last) ?? 0)": "sure"}
"""The words in the condition of a stage, by the calls that they stand for."""
_OF_STAGES = pattern(r'"(?:[^"\\]|\\.)*"|agreement\(last\)|votes\(last\)\.margin|\(sure\(last\) \?\? 0\)')
# Deeper or longer parts are shown as an ellipsis: nobody reads them in a drawing.
_DEEPEST = 6
_MOST_ITEMS = 8


def plain(text: str) -> str:
    """Write a text on one line, without characters that control a terminal, a browser or the direction of text."""
    if not text.isprintable():
        text = "".join(" " if c.isspace() else c if _visible(c) else "\ufffd" for c in text)
    return " ".join(text.split())


def _visible(char: str) -> bool:
    # A joiner shapes letters and emoji; every other format character only moves text about.
    return char in "\u200c\u200d" or char.isprintable()


def short(text: str, most: int) -> str:
    # Only the text up to the cut is needed, and a prompt may be as long as a book.
    text = plain(text[: 4 * most])
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def wrapped(text: str, width: int, most: int) -> tuple[str, ...]:
    """Wrap a text to ``width`` characters, on at most ``most`` lines."""
    text = short(text, width * (most + 1))
    lines = textwrap.wrap(text, width, max_lines=most, placeholder=" …", break_on_hyphens=False)
    # textwrap keeps blanks that are not ASCII at the ends of lines, where no reader sees them.
    return tuple(line.strip() for line in lines)


class ExpressionWriter:
    """The writer of expressions. ``functions`` tells which functions take the name of a step."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions

    def condition(self, step: p.Step) -> str:
        """Write the condition of a step. That of a stage of a cascade has the words for the stage before."""
        if step.when is None:
            return ""
        text = self.expr(step.when)
        return _OF_STAGES.sub(lambda found: _STAGE_WORDS.get(found[0], found[0]), text) if step.branch else text

    def expr(self, expr: p.Expr, depth: int = 0) -> str:
        if depth > _DEEPEST:
            return "…"
        match expr:
            case p.Constant(value):
                return "none" if value is None else json.dumps(value, ensure_ascii=False, default=str)
            case p.Ref(name):
                return name
            case p.FieldOf(base, name):
                return f"{self.expr(base, depth + 1)}.{name}"
            case p.TextOf(template):
                return "text " + json.dumps(template, ensure_ascii=False)
            case p.Items(items):
                return f"[{_listed([self.expr(item, depth + 1) for item in items[: _MOST_ITEMS + 1]])}]"
            case p.RecordOf(entries):
                shown = [self._entry(entry, depth + 1) for entry in entries[: _MOST_ITEMS + 1]]
                return f"{{ {_listed(shown)} }}" if shown else "{ }"
            case p.CallOf(name, args, label=label):
                return f"{label}{' ' if label else ''}{name}({self._arguments(name, args, depth + 1)})"
            case p.RuleOf(name, args):
                return self.rule(name, args, depth)
            case p.TypeOf(type_):
                return t.show(type_)
            case p.ShapeOf(value):
                return self.expr(value, depth)
            case p.Apply(operator, (operand,)):
                return _PREFIXES.get(operator, operator + " ") + self._operand(operator, operand, depth + 1)
            case p.Apply(operator, operands):
                return f" {operator} ".join(self._operand(operator, operand, depth + 1) for operand in operands)

    def rule(self, name: str, args: dict[str, p.Expr], depth: int = 0) -> str:
        """Write a rule or a reducer with its arguments."""
        return f"{name}({self.named(args, depth + 1)})" if args else name

    def reducer(self, reduce: p.Reduce) -> str:
        """Write a reducer with its arguments, the condition of a search, and the extern that compares answers."""
        by = "" if reduce.count is None else f"by {self.expr(reduce.count)} "
        name = "ask" if reduce.count is not None and reduce.ask is not None else reduce.rule
        passing = reduce.passing
        if passing is None:
            compares = reduce.comparing.rpartition("/")[2]
            shown = ", ".join(filter(None, (self.named(reduce.args), f"same: {compares}" if compares else "")))
            return f"reduce {by}{name}({shown})" if shown else f"reduce {by}{name}"
        called = f"{(passing.extern or '').rpartition('/')[2]}({self.named(passing.args)})"
        told = called if passing.condition is None else self.expr(passing.condition, 1)
        others = f", {self.named(reduce.args)}" if reduce.args else ""
        return f"reduce {name}(if: {told}{others})"

    def named(self, args: dict[str, p.Expr], depth: int = 1) -> str:
        return ", ".join(f"{name}: {self.expr(value, depth)}" for name, value in args.items())

    def _arguments(self, function: str, args: dict[str, p.Expr], depth: int) -> str:
        """Write the arguments of a function. The first has no name, because the function makes its meaning clear."""
        of_step = function in self.functions and self.functions[function].of_step
        shown = []
        for number, (name, value) in enumerate(args.items()):
            text = str(value.value) if of_step and isinstance(value, p.Constant) else self.expr(value, depth)
            shown.append(f"{name}: {text}" if number else text)
        return ", ".join(shown)

    def _entry(self, entry: p.Entry, depth: int) -> str:
        value = self.expr(entry.value, depth)
        if entry.name is None:
            return f"..{value}"
        return entry.name if entry.value == p.Ref(entry.name) else f"{entry.name}: {value}"

    def _operand(self, operator: str, expr: p.Expr, depth: int) -> str:
        text = self.expr(expr, depth)
        if not isinstance(expr, p.Apply) or len(expr.operands) == 1:
            return text
        # Brackets where they help; a comparison beside `and` or `or` reads well without.
        clear = operator in _JOINING and (expr.operator == operator or expr.operator not in (*_JOINING, "??"))
        return text if clear else f"({text})"


def _listed(shown: list[str]) -> str:
    return ", ".join(shown if len(shown) <= _MOST_ITEMS else [*shown[:_MOST_ITEMS], "…"])
