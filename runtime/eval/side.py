"""A side of an evaluation: the answers of a flow to each row, read from the record of its run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from flowrun.dsl import dataclass, types
from flowrun.dsl import plan as p

from ..vocabulary.call_record import CallRecord
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import RunRecord
from ..vocabulary.tally import Tally, in_words
from .bills import PriceOf, alone, answered, cost_of, sum_known, time_of, tokens_of
from .equality import same
from .origins import Origins
from .row_plan import ANSWER, LABELS, RowsRun
from .target import ExpectedAnswer, Maker, maker_of

_NUMBER = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class First:
    """The result of the first sample of a vote alone: whether it is right, and what the row would have cost.

    ``right`` is None if the value of a sample is not known.
    """

    right: bool | None
    calls: int
    cost: float | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row. ``name`` is its `id` or its `name`, "" without such a column.

    ``got`` is the answer, and ``reason`` why there is none, "" if there is one.
    ``cost`` is in dollars for all answers behind the row, reused ones included, None if a price is not known.
    ``tokens`` are those of their prompts and answers, None if a server did not tell them.
    ``milliseconds`` is None if its answers came from several runs. ``tally`` is the vote that made the answer, or
    the only vote behind it. ``first`` is None if no vote made the answer.
    """

    index: int
    name: str
    want: Json
    got: Json
    reason: str
    right: bool
    calls: int
    cost: float | None
    tokens: int | None
    milliseconds: int | None
    tally: Tally | None
    first: First | None

    @property
    def answered(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Side:
    """The answers of one side in one column of expected answers.

    ``name`` tells the sides apart, ``label`` the answers. ``run`` names its run in the journal.
    """

    name: str
    run: str
    type: types.Type
    rows: tuple[Row, ...]
    calls_sent: int
    cost_paid: float | None
    label: str = ""

    @property
    def right(self) -> list[bool]:
        return [row.right for row in self.rows]


@dataclass(frozen=True, slots=True)
class _RowRecord:
    """A row in the record of a run. ``value`` is its result, None if it has none for the ``reason``."""

    value: Json
    reason: str
    calls: list[CallRecord]
    votes: dict[str, Tally]


def sides_of(
    name: str,
    record: RunRecord,
    made: RowsRun,
    rows: Sequence[Mapping[str, Json]],
    answers: Sequence[tuple[ExpectedAnswer, ExpectedAnswer]],
    origins: Origins,
    price: PriceOf,
) -> list[Side]:
    """Read a side from the record of its run, once for each answer.

    ``rows`` hold the expected answers. Each answer is that of the evaluation, with that of the run behind it.
    """
    parts = _rows_of(record, made.answers, len(rows))
    cost, sent = record.account.get("cost"), record.account.get("answered", 0)
    return [
        Side(
            name,
            record.id,
            theirs.target.type,
            tuple(_rows(parts, made, rows, (ours, theirs), origins, price)),
            sent if isinstance(sent, int) else 0,
            float(cost) if isinstance(cost, int | float) else None,
            ours.label,
        )
        for ours, theirs in answers
    ]


def _rows_of(record: RunRecord, answers: str, rows: int) -> list[_RowRecord]:
    calls = _by_row(record.calls, answers, rows)
    deciding = {path: vote for path, vote in record.end.votes.items() if path not in record.end.overruled}
    votes = _by_row_votes(deciding, answers, rows)
    lost = _reasons(record, answers)
    values = record.end.value if isinstance(record.end.value, list) else []
    found = []
    for index in range(rows):
        value = values[index] if index < len(values) else None
        reason = "" if isinstance(value, Mapping) else lost.get(index, "the run ended before this row")
        found.append(_RowRecord(value, reason, calls[index], votes[index]))
    return found


def _rows(
    parts: Sequence[_RowRecord],
    made: RowsRun,
    rows: Sequence[Mapping[str, Json]],
    answer: tuple[ExpectedAnswer, ExpectedAnswer],
    origins: Origins,
    price: PriceOf,
) -> Iterator[Row]:
    """Yield the rows with one answer."""
    ours, theirs = answer
    type_, maker = theirs.target.type, maker_of(theirs.target.expr, made.flow, made.flows)
    for index, (row, part) in enumerate(zip(rows, parts, strict=True)):
        want, got = row[ours.column], _got(part.value, theirs, made)
        path = "" if maker is None else ".".join((f"{made.answers}[{index}]", made.call, *maker.path))
        first = None
        if maker is not None and path in part.votes:
            right = partial(same, want, type_=type_)
            first = _first(part.calls, path, maker, right, partial(alone, origins, price))
        yield Row(
            index,
            next((in_words(row[one]) for one in LABELS if row.get(one) is not None), ""),
            want,
            got,
            part.reason,
            not part.reason and same(want, got, type_),
            answered(part.calls),
            cost_of(part.calls),
            tokens_of(part.calls),
            time_of(part.calls, origins),
            _vote(part.votes, path, maker),
            first,
        )


def _got(value: Json, answer: ExpectedAnswer, made: RowsRun) -> Json:
    got = value.get(ANSWER) if isinstance(value, Mapping) else None
    return got.get(answer.label) if made.several and isinstance(got, Mapping) else got


def _by_row(calls: Iterable[CallRecord], answers: str, rows: int) -> list[list[CallRecord]]:
    found: list[list[CallRecord]] = [[] for _ in range(rows)]
    for call in calls:
        index = _index(call.path, answers)
        if index is not None and index < rows:
            found[index].append(call)
    return found


def _by_row_votes(votes: Mapping[str, Tally], answers: str, rows: int) -> list[dict[str, Tally]]:
    found: list[dict[str, Tally]] = [{} for _ in range(rows)]
    for path, tally in votes.items():
        index = _index(path, answers)
        if index is not None and index < rows:
            found[index][path] = tally
    return found


def _index(path: str, answers: str) -> int | None:
    """Return the number of the row that a path lies in."""
    if not path.startswith(f"{answers}["):
        return None
    found = _NUMBER.match(path, len(answers))
    return None if found is None else int(found[1])


def _reasons(record: RunRecord, answers: str) -> dict[int, str]:
    """Return why rows have no answer. Of a row's losses the last one ended it."""
    found = {}
    for loss in record.end.losses:
        index = _index(loss.path, answers)
        if index is not None:
            found[index] = loss.reason
    return found


def _vote(votes: Mapping[str, Tally], path: str, maker: Maker | None) -> Tally | None:
    """Return the vote at a path, which made the answer. If several steps made it, return the only vote of the row."""
    votes = {place: tally for place, tally in votes.items() if tally.contest is None}
    if path in votes:
        return votes[path]
    inside = [tally for place, tally in votes.items() if maker is None or place.startswith((f"{path}.", f"{path}["))]
    return inside[0] if len(inside) == 1 else None


def _first(
    calls: Sequence[CallRecord],
    vote: str,
    maker: Maker,
    is_right: Callable[[Json], bool],
    alone_use: Callable[[CallRecord, Sequence[CallRecord]], tuple[float | None, int | None]],
) -> First:
    """Work out what the first usable sample of a vote would have given alone."""
    samples: dict[int, list[CallRecord]] = {}
    for call in calls:
        if call.path.startswith(f"{vote}[") and (found := _NUMBER.match(call.path, len(vote))):
            samples.setdefault(int(found[1]), []).append(call)
    rest = [call for call in calls if not call.path.startswith(f"{vote}[")]
    title = _asked(maker.step)
    chosen, right = min(samples, default=0), None
    for number in sorted(samples) if title else ():
        asked = next((one for one in samples[number] if one.path == f"{vote}[{number}].{title}"), None)
        if asked is not None and asked.answer is not None and not asked.answer.error:
            value = asked.answer.value
            for name in maker.fields:
                value = value.get(name) if isinstance(value, Mapping) else None
            chosen, right = number, is_right(value)
            break
    own = samples.get(chosen, [])
    parts = [(cost_of(rest), tokens_of(rest)), *(alone_use(call, calls) for call in own)]
    cost = sum_known([cost for cost, _ in parts])
    tokens = sum_known([tokens for _, tokens in parts])
    return First(right, answered([*rest, *own]), cost, None if tokens is None else round(tokens))


def _asked(step: p.Step) -> str:
    """Return the title of the ask whose answers are the ballots of a repeat; "" if they are made of more than one."""
    if not isinstance(step.node, p.Repeat):
        return ""
    body = step.node.body
    last = next(one for one in body.steps if one.name == body.result)
    return last.title if isinstance(last.node, p.Ask) else ""
