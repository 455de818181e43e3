"""The holes of a file with their candidates, and its settings: each has a value for every hole."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..records import dataclass
from ..source import Source
from .candidates import compared, figure_of, usual
from .walk import Found, filled, holes_of

MOST = 200
"""The most settings of a file."""
LISTED = "write the candidates behind it, as in `?(1, 2, 3)`"


@dataclass(frozen=True, slots=True)
class Place:
    """A hole with its candidates. ``title`` says in a few words what it decides."""

    hole: s.Hole
    title: str
    values: tuple[s.Expr, ...]
    texts: tuple[str, ...]
    asks: bool

    @property
    def line(self) -> int:
        return self.hole.span.line


@dataclass(frozen=True, slots=True)
class Tuning:
    """The holes of a file, in the order of the text. A setting is the number of a candidate for each of them."""

    places: tuple[Place, ...]

    def settings(self) -> list[tuple[int, ...]]:
        return list(product(*(range(len(one.values)) for one in self.places)))

    def texts(self, setting: tuple[int, ...]) -> tuple[str, ...]:
        """Return the values of a setting as they are written."""
        return tuple(place.texts[at] for place, at in zip(self.places, setting, strict=True))

    def words(self, setting: tuple[int, ...]) -> str:
        """Say a setting in one line, as `ahead 2, repeat 9`."""
        return ", ".join(f"{place.title} {text}" for place, text in zip(self.places, self.texts(setting), strict=True))

    def fill(self, file: s.File, setting: tuple[int, ...]) -> s.File:
        """Return the tree of the file with the values of a setting in its holes."""
        values = {place.hole.number: place.values[at] for place, at in zip(self.places, setting, strict=True)}
        return filled(file, values)

    def write(self, source: Source, setting: tuple[int, ...]) -> str:
        """Return the text of the file with the values of a setting in its holes."""
        text = source.text
        for place, value in reversed(list(zip(self.places, self.texts(setting), strict=True))):
            text = text[: place.hole.span.start] + value + text[place.hole.span.end :]
        return text


def tuning_of(file: s.File) -> tuple[Tuning, list[Diagnostic]]:
    """Find the holes of a file and their candidates. The list has the problems of holes that cannot be tuned."""
    found = holes_of(file)
    known = {one.hole.number for one in found}
    problems = [
        Diagnostic("F0777", "a `?` cannot stand here", hole.span, help="write the number itself")
        for hole in file.holes
        if hole.number not in known
    ]
    places = []
    for one in found:
        wrong = _misplaced(one) or _wrong(one)
        values = one.hole.values or tuple(
            s.Number(text, "", one.hole.span, number=one.hole.number) for text in usual(one, file)
        )
        if wrong is None and not values:
            wrong = Diagnostic("F0777", "no candidates are known for a `?` in this place", one.hole.span, help=LISTED)
        if wrong is not None:
            problems.append(wrong)
            continue
        texts = tuple(value.span.text if one.hole.values else getattr(value, "digits", "") for value in values)
        places.append(Place(one.hole, _title(one), values, texts, bool(one.hole.values) and not _counts(one)))
    count = prod(len(one.values) for one in places)
    if count > MOST:
        sizes = " × ".join(str(len(one.values)) for one in places)
        problems.append(
            Diagnostic(
                "F0777",
                f"the candidates make {sizes} = {count:,} settings, and at most {MOST} can be tuned",
                places[-1].hole.span,
                help="name fewer candidates, as in `?(2, 3)`, or write a value instead of a `?`",
            )
        )
    return Tuning(_told_apart(places)), problems


def _misplaced(found: Found) -> Diagnostic | None:
    if found.inner(s.Hole) is not None:
        return Diagnostic("F0777", "a candidate is a value, and no `?` itself", found.hole.span, help="write a value")
    if found.inner(s.TestDecl) is not None or found.inner(s.SetupDecl) is not None:
        return Diagnostic(
            *("F0777", "a test expects values that are known, and no `?`", found.hole.span), help="write the value"
        )
    return None


def _wrong(found: Found) -> Diagnostic | None:
    """Report candidates that are no constants of the kind that the place takes, or that are given twice."""
    seen: set[str] = set()
    parent = found.around[-1]
    for value in found.hole.values:
        if isinstance(parent, s.ModelDecl) and not isinstance(value, s.Text):
            return Diagnostic(
                *("F0777", "a candidate of a model is its address", value.span), help='write `?("openai:gpt-4o-mini")`'
            )
        if _is_count(found) and not (type(value) is s.Number and not value.unit):
            return Diagnostic("F0777", "a candidate of a count is a whole number", value.span, help="write `?(3, 5)`")
        constant = value.operand if isinstance(value, s.Unary) and value.operator == "-" else value
        if not isinstance(constant, s.Number | s.Text | s.Name):
            return Diagnostic(
                *("F0777", "a candidate is a number, a text or a word", value.span),
                help="write values that the file knows, as in `?(1, 2, 3)`",
            )
        if isinstance(value, s.Hole):
            continue
        if value.span.text in seen:
            return Diagnostic("F0777", "this candidate is given twice", value.span, help="delete one of the two")
        seen.add(value.span.text)
    return None


def _is_count(found: Found) -> bool:
    """Tell whether a hole is a number of samples, and not the list of a panel."""
    repeat = found.around[-1]
    return isinstance(repeat, s.Repeat) and found.hole in (repeat.least, repeat.most)


def _counts(found: Found) -> bool:
    """Tell whether a hole only decides how many of the same calls are made: equal calls are then sent once."""
    match found.around:
        case (*_, s.Repeat()):
            return _is_count(found)
        case (*_, s.Reduce(), s.Arg()):
            return True
        case (*_, s.Binary() as comparison):
            return bool(figure_of(compared(comparison, found.hole)))
    return False


def _title(found: Found) -> str:
    match found.around:
        case (*_, s.Repeat()):
            return "repeat" if _is_count(found) else "over"
        case (*_, s.Reduce(rule), s.Arg(None)):
            return rule.text
        case (*_, s.Arg(s.Word(name))) | (*_, s.Option(s.Word(name))) | (*_, s.ModelDecl(s.Word(name))):
            return name
        case (*_, s.Param(s.Word(name))):
            return name
        case (*_, s.Binary(operator, left, right)):
            if left is found.hole:
                return f"{right.span.text} {operator.translate(str.maketrans('<>', '><'))}"
            return f"{left.span.text} {operator}"
    line = found.inner(s.Line)
    return line.name.text if line is not None and line.name is not None else "value"


def _told_apart(places: list[Place]) -> tuple[Place, ...]:
    """Give holes with one title the number of their line, and on one line also that of their column."""
    named = [(one.title, one.line) for one in places]
    titles = [title for title, _ in named]
    found = []
    for one, name in zip(places, named, strict=True):
        column = f", column {one.hole.span.column}" if named.count(name) > 1 else ""
        at = f" (line {one.line}{column})" if titles.count(one.title) > 1 else ""
        found.append(replace(one, title=one.title + at))
    return tuple(found)


def open_holes(tuning: Tuning) -> Diagnostic:
    """Return the error of a command that needs a file without holes."""
    first, count = tuning.places[0], len(tuning.places)
    open_ = "a value" if count == 1 else f"{count} values"
    name = first.hole.span.source.name
    example = first.texts[len(first.texts) // 2]
    return Diagnostic(
        "F0779",
        f"this file leaves {open_} open, which `flowrun tune` chooses before it can run",
        first.hole.span,
        help=f"run `flowrun tune {name} --rows rows.jsonl --answer COLUMN --write`, or write a value here, such as "
        f"`{example}`",
    )
