"""The meaning of a flow's expressions and templates, read from its tree; it shares no code with the runtime."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta

from flowrun.dsl import syntax as s
from flowrun.dsl import types as t

from .meaning_votes import Count, Lost, Undecided
from .oracle import Key

ANSWER = "answer"
"""The name of an answer in a check."""

Json = Any
NO_CALLS: frozenset[Key] = frozenset()


class Unsound(Exception):
    """The flow passed the check, but has no value for a reason that is in the file alone."""


@dataclass(frozen=True)
class Got:
    """A value, and the calls that must end before it is there; ``items`` has these calls for each item of a list."""

    value: Json
    calls: frozenset[Key] = NO_CALLS
    items: tuple[frozenset[Key], ...] | None = None


@dataclass(eq=False)
class Place:
    """A body in progress, and its surroundings.

    ``base`` are the calls that come before all of it. ``index`` of ``samples`` is its place in a repeat, ``round``
    its number among rounds, below zero in a cascade, whose `last` is of no round. ``ballot``
    says that its asks are ballots, and ``retries`` is how often an ask repeats a call if it has no option of its own.
    The body of a called flow sees no names around it; ``sampled`` is the place of its call, for seeds. ``options`` are
    those that the flow gives to its asks.
    """

    lines: dict[str, s.Line]
    outer: Place | None = None
    given: dict[str, Got] = field(default_factory=dict)
    base: frozenset[Key] = NO_CALLS
    index: int = 0
    samples: int = 0
    round: int = 0
    ballot: bool = False
    retries: int | None = None
    main: bool = False
    sampled: Place | None = None
    options: tuple[s.Option, ...] = ()
    done: dict[str, Got] = field(default_factory=dict)
    failed: dict[str, Lost] = field(default_factory=dict)
    tallies: dict[str, tuple[Count, str, int | None]] = field(default_factory=dict)

    @property
    def last(self) -> str:
        return next(reversed(self.lines))


def lines_of(body: s.Body) -> dict[str, s.Line]:
    return {line.name.text if line.name else f"#{place}": line for place, line in enumerate(body.lines)}


def mentioned(line: s.Line) -> Iterator[str]:
    """Yield the words that a line itself mentions, without the lines inside it. Some of the words are no names.

    The name that a map runs over is left out, because the map takes its elements one by one.
    """
    when = () if line.when is None else (line.when.condition, line.when.otherwise)
    todo: list[Any] = [*(option.value for option in line.options), *when]
    match line.node:
        case s.Map(_, source, where):
            todo += [where, *([] if isinstance(source, s.Name) else [source])]
        case s.Match(value):
            todo.append(value)
        case s.Repeat():
            todo += [] if line.node.over is None else [line.node.over]
        case s.Ask() | s.Fanout() | s.Chain():
            pass
        case s.Rounds():
            todo += line.node.ends
        case _:
            todo.append(line.node)
    if isinstance(line.node, s.Map | s.Repeat | s.Fanout):
        todo += [arg.value for arg in line.node.reduce.args if not isinstance(arg.value, s.Ask)]
    if isinstance(line.node, s.Ask):
        todo.append(line.node.model)
        if line.node.check is not None:
            own = {ANSWER, line.name.text if line.name else ANSWER}
            yield from (word for word in words_of([line.node.check.condition]) if word not in own)
        for message in line.node.messages:
            yield from compiled(message.template.value)[1]
    yield from words_of(todo)


def words_of(exprs: list[Any]) -> Iterator[str]:
    """Yield the words that expressions mention. Some of them are no names."""
    todo = [*exprs]
    while todo:
        expr = todo.pop()
        match expr:
            case s.Name(word):
                yield word.text
            case s.Template(_, string):
                yield from compiled(string.value)[1]
            case s.Get(base):
                todo.append(base)
            case s.ListExpr(items):
                todo += items
            case s.RecordExpr(entries):
                todo += [entry.value for entry in entries]
            case s.Call(_, args):
                todo += [arg.value for arg in args]
            case s.Unary(_, operand):
                todo.append(operand)
            case s.Binary(_, left, right):
                todo += [left, right]


class Values(ABC):
    """The part of the reader that works out values. ``used`` collects the calls that the looked-up names depend on."""

    used: list[set[Key]]
    types: dict[str, t.Type]
    models: dict[str, s.ModelDecl]

    @abstractmethod
    def get(self, place: Place, name: str) -> Got: ...

    @abstractmethod
    def look(self, place: Place, name: str) -> Got | None: ...

    def tally(self, place: Place, name: str) -> tuple[Count, str, int | None] | None:
        home: Place | None = place
        self.look(place, name)
        while home is not None and name not in home.lines and name not in home.tallies:
            home = home.outer
        return None if home is None else home.tallies.get(name)

    def value(self, expr: s.Expr | s.Ask, place: Place) -> Json:
        match expr:
            case s.Name(word):
                found = self.look(place, word.text)
                if found is not None:
                    return found.value
                return {"true": True, "false": False, "none": None}.get(word.text, word.text)
            case s.Get(base, name):
                record = self.value(base, place)
                if not isinstance(record, dict) or name.text not in record:
                    raise Unsound(f"there is no field {name.text} in {record!r:.80}")
                if name.text == "stands" and record[name.text] is None:
                    raise Undecided("a number that the reader does not work out")
                return record[name.text]
            case s.Text(string):
                return string.value
            case s.Template(_, string):
                return self.text(string.value, place)
            case s.Number():
                return expr.value / 100 if expr.unit == "%" else expr.value
            case s.ListExpr(items):
                return [self.value(item, place) for item in items]
            case s.RecordExpr(entries):
                made: dict[str, Json] = {}
                for entry in entries:
                    one = self.value(entry.value, place)
                    made |= one if entry.name is None else {entry.name.text: one}
                return made
            case s.Unary("not", operand):
                return not self.value(operand, place)
            case s.Unary(_, operand):
                return -self.value(operand, place)
            case s.Binary(operator, left, right):
                return self.binary(operator, left, right, place)
            case s.Call():
                return self.function(expr, place)
        raise NotImplementedError(expr)

    def binary(self, operator: str, left: s.Expr, right: s.Expr, place: Place) -> Json:
        first = self.value(left, place)
        if operator in ("and", "or"):
            return bool(first) if bool(first) == (operator == "or") else bool(self.value(right, place))
        if operator == "??":
            return self.value(right, place) if first is None else first
        second = self.value(right, place)
        if operator == "/" and second == 0:
            raise Unsound("a division by zero")
        try:
            return _OPERATORS[operator](first, second)
        except TypeError as error:
            raise Unsound(str(error)) from None

    def function(self, call: s.Call, place: Place) -> Json:
        first = call.args[0].value
        match call.function.text:
            case "length":
                return len(self.value(first, place))
            case "join":
                separators = [self.value(arg.value, place) for arg in call.args[1:]]
                return (separators or ["\n"])[0].join(self.value(first, place))
            case "upper":
                return self.value(first, place).upper()
            case "replace":
                old, new = (self.value(arg.value, place) for arg in call.args[1:])
                return new.join(self.value(first, place).split(old))
            case "sort":
                # A random flow sorts texts alone, by their characters.
                return sorted(self.value(first, place))
            case "reverse":
                return [*reversed(self.value(first, place))]
            case "first":
                kept = self.value(call.args[1].value, place)
                return [one for number, one in enumerate(self.value(first, place)) if number < kept]
            case "dedupe":
                return list(dict.fromkeys(self.value(first, place)))
            case "rank":
                rows = self.value(first, place)
                order = sorted(range(len(rows)), key=lambda row: (-rows[row]["n"], row))
                return [rows[row] for row in order][: self.value(call.args[2].value, place)]
            case "group":
                return [{"key": key} for key in {row["k"] for row in self.value(first, place)}]
            case "sum":
                return sum(row["n"] for row in self.value(first, place))
            case "agreement" | "votes" as name:
                assert isinstance(first, s.Name)
                tally = self.tally(place, first.word.text)
                if name == "agreement":
                    return 0.0 if tally is None else share(*tally[:2])
                if tally is None:
                    return {"counted": 0, "stands": 0, "margin": 0}
                return {"counted": tally[0].counted, "stands": tally[2], "margin": tally[0].lead}
        raise NotImplementedError(call.function.text)

    def text(self, template: str, place: Place, given: dict[str, Json] | None = None) -> str:
        program, names = compiled(template)
        values = dict(given or {})
        for name in names - values.keys():
            found = self.look(place, name)
            if found is not None:
                values[name] = found.value
        try:
            return program.render(values)
        except jinja2.TemplateError as error:
            raise Unsound(f"a template cannot be filled in: {error}") from None

    # Types

    def read(self, written: s.TypeExpr) -> t.Type:
        match written:
            case s.TypeName(word):
                return self.types.get(word.text) or t.NAMED.get(word.text) or t.Choice((word.text,))
            case s.TypeChoice(options):
                return t.Choice(tuple(one.text if isinstance(one, s.Word) else one.value for one in options))
            case s.TypeQuote():
                return t.Quote(written.source)
            case s.TypeRange(low, high):
                return t.Range(low, high)
            case s.TypeSized():
                limits = {arg.name.text: arg.value for arg in written.args if arg.name}
                return t.SizedText(limits.get("min") or 0, limits.get("max"))
            case s.TypeList(item) if written.least is not None:
                return t.ListOf(self.read(item), least=written.least, most=written.most)
            case s.TypeList(item):
                return t.ListOf(self.read(item))
            case s.TypeOptional(item):
                return t.Optional(self.read(item))
            case s.TypeUnion():
                raise NotImplementedError("random flows have no unions")
            case s.TypeRecord(fields):
                return t.Record(tuple(t.Field(one.name.text, self.read(one.type)) for one in fields))


def share(count: Count, winner: str) -> float:
    whole = sum(count.votes.values()) + count.missing * count.heaviest
    return float(count.votes[winner]) / float(whole) if whole else 0.0


def fits(value: Json, type_: t.Type) -> bool:
    """Tell whether a value belongs to a type, without a field that the type does not have."""
    match type_:
        case t.Simple("text" | "document" | "model"):
            return isinstance(value, str)
        case t.Simple("int"):
            return isinstance(value, int) and not isinstance(value, bool)
        case t.Simple("number"):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case t.Simple("bool"):
            return isinstance(value, bool)
        case t.Simple("none"):
            return value is None
        case t.Range(low, high):
            whole = isinstance(value, int) or not type_.whole
            return isinstance(value, int | float) and whole and not isinstance(value, bool) and low <= value <= high
        case t.Choice(options):
            return value in options
        case t.ListOf(item):
            return isinstance(value, list) and all(fits(one, item) for one in value)
        case t.Optional(item):
            return value is None or fits(value, item)
        case t.Record(fields):
            return isinstance(value, dict) and all(
                fits(value[one.name], one.type) if one.name in value else isinstance(one.type, t.Optional)
                for one in fields
            )
    return True


def narrowed(value: Json, type_: t.Type) -> Json:
    """Return a value without the fields that its type does not name."""
    match type_:
        case t.Optional(item):
            return None if value is None else narrowed(value, item)
        case t.ListOf(item) if isinstance(value, list):
            return [narrowed(one, item) for one in value]
        case t.Record(fields) if isinstance(value, dict):
            known = {one.name: one.type for one in fields}
            return {name: narrowed(one, known[name]) for name, one in value.items() if name in known}
    return value


# Templates: plain jinja2, with the few filters that this language defines itself


def shown(value: Json) -> str:
    if isinstance(value, Candidates):
        bare = all(isinstance(one, str) and len(one.splitlines()) == 1 for one in value)
        lines = [one if bare else json.dumps(one, ensure_ascii=False) for one in value]
        return "\n" + "".join(f"{place}. {line}\n" for place, line in enumerate(lines, 1))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Candidates(list[Json]):
    """The results in the form that a judge sees."""


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    made = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, jinja2.Undefined) else shown(value),
    )
    missing: Callable[[Any], bool] = lambda value: value is None or isinstance(value, jinja2.Undefined)  # noqa: E731
    made.filters["default"] = lambda value, other="": other if missing(value) else value
    made.filters["join"] = lambda values, separator="": separator.join(map(shown, values))
    made.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    made.tests["defined"] = lambda value: not missing(value)
    made.tests["none"] = missing
    return made


@lru_cache(maxsize=4096)
def compiled(template: str) -> tuple[jinja2.Template, set[str]]:
    made = environment()
    return made.from_string(template), meta.find_undeclared_variables(made.parse(template))


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
