"""The text of an audit: what one element of each source reaches, and what it cannot reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flowrun.dsl import pattern

from ...vocabulary.amounts import bound_text
from ...vocabulary.columns import columns, cut, padded
from ...vocabulary.quoting import one_line

if TYPE_CHECKING:
    from flowrun.dsl import Advice, Bound, FlowReach, Reached, SourceReach

_HOW_TO_LABEL = (
    "Write `untrusted` before the type of what strangers write, as in `flow f(mail: untrusted text)`, and `trusted` "
    "where they must not write."
)
_MOST_FILES = 3
_MORE = "… and {:,} more, which `--format json` lists"
_AMOUNT = pattern(r"≤ ([\d.,]+) (calls?|bits?)")
"""An amount, which stays on one line."""
_GLUE = "\u2007"
_GLUED = rf"≤{_GLUE}\1{_GLUE}\2"
_WIDEST_NAME = 24
_NARROWEST = 40
_MOST_PARAMS = 4
_MOST_LINES = 15
"""The most lines of one source, and of advice. JSON has all of them."""
_WAY = 3
"""The names from which on a way says more than the source and the place."""


def reach_lines(flows: Sequence[FlowReach], width: int, *, titled: bool) -> Iterator[str]:
    """Yield the lines of an audit. ``titled`` puts a line with the file and the name above each flow."""
    for number, flow in enumerate(flows):
        if number:
            yield ""
        if titled:
            yield one_line(f"{flow.file}:{flow.line}: flow `{flow.flow}`")
        heads = [cut(one_line(_head(source, flow)), _WIDEST_NAME) for source in flow.sources]
        wide = max(map(columns, heads), default=0)
        for head, source in zip(heads, flow.sources, strict=True):
            yield from _source(head, wide, source, width)
        if not flow.sources:
            yield "no untrusted source: only `trusted` is written here"


def unlabelled_lines(names: Sequence[str], width: int) -> Iterator[str]:
    """Yield the lines about files that label nothing."""
    if not names:
        return
    shown = ", ".join(one_line(name) for name in names[:_MOST_FILES])
    if len(names) > _MOST_FILES:
        shown += f" and {len(names) - _MOST_FILES:,} more"
    where = f"in {shown} is labelled" if len(names) == 1 else f"is labelled in {len(names):,} files ({shown})"
    yield from wrapped("", f"no untrusted source: nothing {where}. {_HOW_TO_LABEL}", width)


def advice_lines(advice: Sequence[Advice], width: int) -> Iterator[str]:
    """Yield the lines that would narrow the reach, with their places in the files."""
    if not advice:
        return
    yield "to narrow it:"
    places = [one_line(f"{one.span.source.name}:{one.span.line}") for one in advice]
    wide = max(map(columns, places[:_MOST_LINES]))
    for place, one in zip(places[:_MOST_LINES], advice, strict=False):
        yield from wrapped(f"  {padded(place, wide)}  ", one_line(one.text), width)
    if len(advice) > _MOST_LINES:
        yield f"  {_MORE.format(len(advice) - _MOST_LINES)}"


def _head(source: SourceReach, flow: FlowReach) -> str:
    name = f"`{source.name}`" if source.kind != "file" else source.name
    of = f" of `{source.flow}`" if source.flow else ""
    return f"one of {name}{of}" if source.apart else f"{name}{of}"


def _source(head: str, wide: int, source: SourceReach, width: int) -> Iterator[str]:
    indent = f"{padded(head, wide)}   "
    blank = " " * columns(indent)
    label, under = "reaches: ", " " * len("reaches: ")
    lines = _shortened(list(_reached(source)), _MOST_LINES) or ["nothing"]
    for number, line in enumerate(lines):
        before = f"{indent}{label}" if not number else f"{blank}{under}"
        yield from wrapped(before, line, width)
    yield from wrapped(f"{blank}cannot reach: ", _kept(source), width)


def _reached(source: SourceReach) -> Iterator[str]:
    counted = 0
    for one in source.reached:
        # A question to a person is no call.
        amount = _amount(one.calls, one.cost) if one.calls is not None and one.calls.most != 0 else ""
        counted += bool(amount)
        way = f": {' → '.join(one.way)}" if len(one.way) >= _WAY and one.kind not in ("ballot", "answer") else ""
        yield one_line(f"{one.text}{_stands(one)}{way}{amount}{_others(one)}")
    if counted != 1 and source.calls.most != 0:
        yield one_line(f"in all{_amount(source.calls, source.cost).removeprefix(',')}")


def _shortened(lines: list[str], most: int) -> list[str]:
    """Leave out the middle of many lines. The last line has the sum."""
    left_out = len(lines) - most
    return lines if left_out <= 0 else [*lines[: most - 2], _MORE.format(left_out + 1), lines[-1]]


def _stands(one: Reached) -> str:
    if one.stands is None:
        return ""
    return f"; {one.places[0]} stands whatever any {one.stands:,} of them say"


def _others(one: Reached) -> str:
    if one.others is None:
        return ""
    if one.others.most is None:
        return ": it sends more or fewer of its requests"
    if one.others.most == 0:
        return ": it asks people more or less often"
    return f": it sends more or fewer of ≤ {_calls(one.others.most)}"


def _amount(calls: Bound, cost: Bound | None) -> str:
    said = f", ≤ {_calls(calls.most)}" if calls.most is not None else f", any number of calls ({calls.why})"
    if cost is None or cost.most == 0:
        return said
    return f"{said}, ≤ {bound_text(cost.most, up=True)}" if cost.most is not None else f"{said}, any cost ({cost.why})"


def _calls(most: float) -> str:
    return f"{most:,.0f} call{'s' * (most != 1)}"


def _kept(source: SourceReach) -> str:
    kept = source.kept
    said = ["other elements' requests"] if kept.others else []
    said += [f"`{name}`" for name in kept.params[:_MOST_PARAMS]]
    if len(kept.params) > _MOST_PARAMS:
        said.append(f"{len(kept.params) - _MOST_PARAMS:,} other parameters")
    said += ["any extern"] if kept.every_extern else [f"the extern `{name}`" for name in kept.externs]
    said += ["any system part"] if kept.system else []
    places = [word for word, held in (("file", kept.files), ("host", kept.hosts)) if held]
    said += [f"any {' or '.join(places)}"] if places else []
    return one_line(", ".join(said)) or "nothing"


def wrapped(before: str, text: str, width: int) -> Iterator[str]:
    """Yield a text behind a beginning. Its further lines stand below its first one."""
    room = max(_NARROWEST, width - columns(before))
    line = ""
    for word in _AMOUNT.sub(_GLUED, text).split(" "):
        if line and columns(line) + 1 + columns(word) > room:
            yield f"{before}{line}".rstrip().replace(_GLUE, " ")
            before, line = " " * columns(before), word
        else:
            line = f"{line} {word}" if line else word
    yield f"{before}{line}".rstrip().replace(_GLUE, " ")
