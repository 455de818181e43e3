"""The answers of asks that a flow tells apart: it compares them with written words, and then does one thing or another.

A word counts for an ask if the flow compares a value that comes from this ask with this word, and the type of the
answer has the word: a word of a choice, ``true`` or ``false``, or ``none``. If the type has further values, all of them
count as one more answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import types as t
from .comparisons import NONE, TRUTH, Comparisons, TemplateValue
from .home import CoverageItem, CoverageMark, Home
from .origins import Origin, Origins

PART = "answer"
OTHER = "*"
"""The detail of any answer that the flow does not name."""


def answers(home: Home) -> Iterator[CoverageItem]:
    """Yield each answer that the file tells apart, at the place of its ask."""
    origins = Origins(home)
    told: dict[tuple[str, int, str, str], tuple[Origin, dict[str, int]]] = {}
    for one in Comparisons(home):
        value = one.value
        found = (
            origins.of_name(value.name, value.field, one.scope)
            if isinstance(value, TemplateValue)
            else origins.of(value, one.scope)
        )
        for origin in found:
            mark = home.mark(origin.step, origin.part)
            key = (mark.flow, mark.step, mark.part, origin.field)
            for word in one.words:
                told.setdefault(key, (origin, {}))[1].setdefault(word, one.line)
    for origin, lines in told.values():
        yield from _items(home, origin, lines)


def _items(home: Home, origin: Origin, lines: dict[str, int]) -> Iterator[CoverageItem]:
    possible = possible_words(home.checked.typed.nodes.answers.get(origin.ask.number, t.UNKNOWN), origin.field)
    if possible is None:
        return
    words, more = possible
    if NONE in words and TRUTH[0] in lines and TRUTH[0] not in words:
        # As a condition, `none` does not hold.
        lines = {**lines, NONE: min(lines.get(NONE, lines[TRUTH[0]]), lines[TRUTH[0]])}
    known = [word for word in words if word in lines]
    what = f"`{home.path(origin.step, origin.part)}`" + (f", in the field `{origin.field}`" if origin.field else "")
    for word in known:
        said = f"no test answers `{word}` to {what}, which line {lines[word]} tells apart"
        yield home.item(answer_mark(home, origin, word), "answer", origin.ask.span, said)
    if known and (more or len(known) < len(words)):
        named = " or ".join(f"`{word}`" for word in known)
        said = f"no test answers anything but {named} to {what}, which line {lines[known[0]]} tells apart"
        yield home.item(answer_mark(home, origin, OTHER), "answer", origin.ask.span, said)


def answer_mark(home: Home, origin: Origin, word: str) -> CoverageMark:
    return home.mark(origin.step, f"{PART}:{origin.part}", f"{origin.field}={word}")


def possible_words(answer: t.Type, field: str) -> tuple[tuple[str, ...], bool] | None:
    """Return the words that an answer, or a field of it, can be, and whether it can be anything else.

    None if there is no such field, or no words.
    """
    words: dict[str, None] = {}
    more = False
    for found in _typed(answer, field):
        own, rest = _words(found)
        words |= dict.fromkeys(own)
        more = more or rest
    return (tuple(words), more) if words else None


def _words(type_: t.Type) -> tuple[Iterable[str], bool]:
    match type_:
        case t.Choice(options):
            return options, False
        case t.OpenChoice(options):
            return options, True
        case t.Simple("bool"):
            return TRUTH, False
        case t.Optional(item):
            words, more = _words(item)
            return (*words, NONE), more
        case t.ListOf(item):
            return _words(item)
    return (), True


def _typed(type_: t.Type, field: str) -> Iterator[t.Type]:
    """Yield the types of a field, wherever it is in a type. Without a field, yield the type."""
    if not field:
        yield type_
        return
    match type_:
        case t.ListOf(item) | t.Optional(item):
            yield from _typed(item, field)
        case t.Union(members):
            for member in members:
                yield from _typed(member, field)
        case t.Record(fields):
            for one in fields:
                if one.name == field:
                    yield one.type
                yield from _typed(one.type, field)
