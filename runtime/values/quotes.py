"""Quotes: the words that an answer copies from a source, found there, and their places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flowrun.dsl import dataclass, types

from ..vocabulary.json_value import Json
from .passages import Passage, passages, quotes_in


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a quote. ``source`` is the number of the text in a list of sources, from 0."""

    source: int
    text: str
    passage: Passage

    @property
    def words(self) -> str:
        """The quote in the words of the source."""
        return self.text[self.passage.start : self.passage.end]


class NotThereError(ValueError):
    """A quote does not occur in its source. ``field`` is its place in the answer."""

    def __init__(self, field: str, source: str, quote: str) -> None:
        super().__init__(field)
        self.field, self.source, self.quote = field, source, quote

    def __str__(self) -> str:
        where = f"the quote at `{self.field}`" if self.field else "the quote"
        as_said, *_ = quotes_in(self.quote)
        if not as_said.has_word:
            return f"{where} has no word of `{self.source}`"
        if as_said.has_gap:
            return f"{where} leaves words out: copy one passage of `{self.source}` without gaps"
        return f"{where} does not occur word for word in `{self.source}`"


def texts_of(source: Json) -> list[str]:
    """Return the texts in the value of a source: itself, or those of a list. A missing one is an empty text."""
    if isinstance(source, Mapping):
        source = source.get("text")
    if isinstance(source, str):
        return [source]
    if isinstance(source, Sequence):
        return [text for one in source for text in (texts_of(one) or [""])]
    return []


def place_of(said: str, texts: Sequence[str]) -> Place | None:
    """Find the first place of a quote in the texts of a source. None if the quote does not occur."""
    for number, text in enumerate(texts):
        if (passage := next(passages(said, text), None)) is not None:
            return Place(number, text, passage)
    return None


def placed(value: Json, type_: types.Type, texts: Mapping[str, Sequence[str]], field: str = "") -> Json:
    """Return the value of an answer with each quote in the words of its source. Raises NotThereError.

    ``texts`` has the texts of each source. ``field`` is the place of the value in the answer.
    """
    match type_:
        case types.Quote(source) if isinstance(value, str):
            found = place_of(value, texts[source])
            if found is None:
                raise NotThereError(field, source, value)
            return found.words
        case types.Optional(item) if value is not None:
            return placed(value, item, texts, field)
        case types.ListOf(item) if isinstance(value, list):
            return [placed(one, item, texts, f"{field}[{at}]") for at, one in enumerate(value)]
        case types.Union(tag=tag) as union if isinstance(value, Mapping):
            member = union.member(value.get(tag))
            return value if member is None else placed(value, member, texts, field)
        case types.Record(fields) if isinstance(value, Mapping):
            return {
                **value,
                **{
                    one.name: placed(value[one.name], one.type, texts, f"{field}.{one.name}" if field else one.name)
                    for one in fields
                    if one.name in value
                },
            }
    return value


def looked_up(source: str, value_of: Callable[[str], Json]) -> Json:
    """Return the value of a source, which is a name with perhaps the fields of a record."""
    name, *fields = source.split(".")
    value = value_of(name)
    for field in fields:
        value = value.get(field) if isinstance(value, Mapping) else None
    return value


def place_record(said: str, source: Json) -> dict[str, Json] | None:
    """Describe the place of a quote as the function `place` returns it. None if the quote does not occur.

    ``page`` counts from 1: a form feed begins a page. ``count`` counts all places, in all texts of the source.
    """
    texts = texts_of(source)
    found = place_of(said, texts)
    if found is None:
        return None
    start, end = found.passage.start, found.passage.end
    return {
        "start": start,
        "end": end,
        "page": found.text.count("\f", 0, start) + 1,
        "source": found.source,
        "count": sum(1 for text in texts for _ in passages(said, text)),
    }
