"""The part of a page about quotes: each with a mark, in the text that the prompt showed.

It is plain HTML, so that a reader without JavaScript sees it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from flowrun.dsl import REDUCE, dataclass, template_pieces, types
from flowrun.dsl import plan as p

from ..plans.step_paths import PathNames
from ..vocabulary.amounts import count_text
from ..vocabulary.call_record import CallRecord
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import inert
from ..vocabulary.run_record import RunRecord
from .markup import safe
from .places import parts_of, steps_at

_ROWS = 500
"""The most quotes on a page."""
_AROUND = 300
"""The most characters that are shown before a quote, and behind it."""
_LONGEST = 5000
"""The most characters of a quote."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A quote with its field in the answer and its source, and the text around it. ``before`` is None if unknown."""

    field: str
    source: str
    words: str
    before: str | None = None
    behind: str = ""


def quotes_html(record: RunRecord, *, texts: bool) -> str:
    """Write the quotes of a run. Without ``texts``, only their number is told."""
    names = PathNames(record.plan)
    rows, count = [], 0
    for call in record.calls:
        for shown in _quotes(record.plan, call):
            count += 1
            if texts and count <= _ROWS:
                rows.append(_row(shown, names.of_call(call)))
    if not count:
        return ""
    more = f"<p>and {count - _ROWS:,} more</p>" if texts and count > _ROWS else ""
    return f"<h2>Quotes</h2><p>{count_text(count, 'quote')} found in the texts</p>{''.join(rows)}{more}"


def _row(shown: Shown, path: str) -> str:
    head = f"{path}, {shown.field}" if shown.field else path
    words = shown.words[:_LONGEST] + "…" * (len(shown.words) > _LONGEST)
    marked = f"<mark>{escape(inert(words))}</mark>"
    if shown.before is not None:
        before, behind = shown.before[-_AROUND:], shown.behind[:_AROUND]
        cut, end = "…" * (len(before) < len(shown.before)), "…" * (len(behind) < len(shown.behind))
        marked = f"{cut}{escape(inert(before))}{marked}{escape(inert(behind))}{end}"
    return f"<h3>{safe(head)}: a quote of {safe(shown.source)}</h3><pre>{marked}</pre>"


def _quotes(plan: p.Plan, call: CallRecord) -> Iterator[Shown]:
    answer, ask = call.answer, _ask_of(plan, call.path)
    if answer is None or answer.error or ask is None or not types.quotes_of(ask.answer):
        return
    for field, source, words in _leaves(answer.value, ask.answer, ""):
        yield _in_prompt(Shown(field, source, words), ask, call)


def _ask_of(plan: p.Plan, path: str) -> p.Ask | None:
    steps, parts = steps_at(plan, path), parts_of(path)
    if not steps:
        return None
    node = steps[-1].node
    if parts[-1][0] == REDUCE and isinstance(node, p.Map | p.Repeat | p.Fanout):
        return node.reduce.ask
    return node if isinstance(node, p.Ask) and len(steps) == len(parts) else None


def _leaves(value: Json, type_: types.Type, field: str) -> Iterator[tuple[str, str, str]]:
    """Yield the field, the source and the words of each quote in a value."""
    match type_:
        case types.Quote(source) if isinstance(value, str):
            yield field, source, value
        case types.Optional(item) if value is not None:
            yield from _leaves(value, item, field)
        case types.ListOf(item) if isinstance(value, list):
            for at, one in enumerate(value):
                yield from _leaves(one, item, f"{field}[{at}]")
        case types.Union(tag=tag) as union if isinstance(value, Mapping):
            if (member := union.member(value.get(tag))) is not None:
                yield from _leaves(value, member, field)
        case types.Record(fields) if isinstance(value, Mapping):
            for one in fields:
                yield from _leaves(value.get(one.name), one.type, f"{field}.{one.name}" if field else one.name)


def _in_prompt(shown: Shown, ask: p.Ask, call: CallRecord) -> Shown:
    """Find a quote in the prompt: where its source stands, or else behind any value, or else anywhere."""
    messages = call.request.messages if call.request is not None else ()
    texts = [message.text for message in messages]
    values = [value for message, text in zip(ask.messages, texts, strict=False) for value in _values(message, text)]
    given = {name: one.value.name for name, one in ask.given.items() if isinstance(one.value, p.Ref)}
    values = [(given.get(name, name), text, first, end) for name, text, first, end in values]
    own = [value for value in values if value[0] == shown.source.split(".")[0]]
    anywhere = [("", text, 0, len(text)) for text in texts]
    for _, text, first, end in (*own, *values, *anywhere):
        at = text.find(shown.words, first, end)
        if at >= 0:
            return Shown(shown.field, shown.source, shown.words, text[:at], text[at + len(shown.words) :])
    return shown


def _values(message: p.Message, text: str) -> list[tuple[str, str, int, int]]:
    """Return the values that a prompt shows: the name, the whole text, and the bounds of the value in it."""
    pieces = template_pieces(message.template) or ()
    found: list[tuple[str, str, int, int]] = []
    at, names = 0, list[str]()
    for number, piece in enumerate((*pieces, "")):
        if not isinstance(piece, str):
            names.append(piece[0])
            continue
        last = number >= len(pieces) - 1
        end = len(text) - len(piece) if last else text.find(piece, at)
        if end < at or not text.startswith(piece, end):
            return []
        found += [(name, text, at, end) for name in names]
        names.clear()
        at = end + len(piece)
        if last:
            break
    return found
