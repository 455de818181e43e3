"""The endpoints of a run as lanes of its timeline, and the time in which nothing was under way there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowrun.dsl import dataclass

from ..providers.addresses import host_of
from ..vocabulary.run_record import RunRecord
from .call_order import TimedCall
from .critical_path import OWN

LEAST_SHARE = 0.002
"""The share of a run that a gap must be longer than, so that a reader can see it."""
MOST_GAPS = 300
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lane:
    """An endpoint of a run: its host, or the name of its provider, and the addresses of its models."""

    name: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a lane sent nothing, in milliseconds, with its main cause. The cause `own` is of no endpoint."""

    began: int
    ended: int
    cause: str
    lane: int


def lanes_of(record: RunRecord) -> list[Lane]:
    """Return the endpoints in the order of their first request. Models of one URL share a lane."""
    sent = (call.model for call in record.calls if any(one.began is not None for one in call.attempts))
    models = list(dict.fromkeys(sent))
    urls = {model: record.endpoints[model].url if model in record.endpoints else "" for model in models}
    groups: dict[str, list[str]] = {}
    for model in models:
        groups.setdefault(urls[model] or model.partition(":")[0], []).append(model)
    hosts = [host_of(key) or key for key in groups]
    # Two endpoints of one host differ in their paths.
    names = [host if hosts.count(host) == 1 else key for host, key in zip(hosts, groups, strict=True)]
    return [Lane(name, tuple(found)) for name, found in zip(names, groups.values(), strict=True)]


def gaps_of(
    lanes: Sequence[Lane], calls: Iterable[TimedCall], models: Sequence[str], stretches: Sequence[Span]
) -> list[Gap]:
    """Return the longest times in which a lane sent nothing although a call waited there, or in which no lane did.

    ``models`` are the addresses of all calls of the record, by the place of the call.
    """
    lane_of = {model: number for number, lane in enumerate(lanes) for model in lane.models}
    sent: list[list[Span]] = [[] for _ in lanes]
    waits: list[list[tuple[str, int, int]]] = [[] for _ in lanes]
    for call in calls:
        lane = lane_of[models[call.index]]
        for attempt in call.attempts:
            sent[lane].append((attempt.began, attempt.ended))
            waits[lane] += attempt.waits
    least = LEAST_SHARE * sum(ended - began for began, ended in stretches)
    found: list[Gap] = []
    for lane in range(len(lanes)):
        gaps = [one for one in _between(sent[lane], stretches) if one[1] - one[0] > least]
        found += (Gap(*gaps[place], cause, lane) for place, cause in _main_causes(gaps, waits[lane]).items())
    # A wait explains a gap better than the absence of calls does.
    named = [(gap.began, gap.ended) for gap in found]
    silent = [one for one in _between([one for lane in sent for one in lane], stretches) if one[1] - one[0] > least]
    found += (Gap(*one, OWN, -1) for one in silent if not _overlaps(one, named))
    longest = sorted(found, key=lambda one: one.began - one.ended)[:MOST_GAPS]
    return sorted(longest, key=lambda one: (one.began, one.lane))


def _between(spans: Iterable[Span], stretches: Iterable[Span]) -> Iterator[Span]:
    """Yield the times inside the stretches that no span covers."""
    ordered = sorted(spans)
    for began, ended in stretches:
        at = began
        for low, high in ordered:
            if high <= began or low >= ended:
                continue
            if low > at:
                yield at, low
            at = max(at, high)
        if at < ended:
            yield at, ended


def _main_causes(gaps: Sequence[Span], waits: Iterable[tuple[str, int, int]]) -> Mapping[int, str]:
    """Return the cause of each gap in which a call waited, by the place of the gap: the one that holds longest."""
    begins = [began for began, _ in gaps]
    held: dict[int, dict[str, int]] = {}
    for cause, began, ended in waits:
        place = max(bisect_right(begins, began) - 1, 0)
        while place < len(gaps) and gaps[place][0] < ended:
            length = min(ended, gaps[place][1]) - max(began, gaps[place][0])
            if length > 0:
                causes = held.setdefault(place, {})
                causes[cause] = max(causes.get(cause, 0), length)
            place += 1
    return {place: max(causes.items(), key=lambda item: item[1])[0] for place, causes in held.items()}


def _overlaps(span: Span, named: Iterable[Span]) -> bool:
    return any(began < span[1] and span[0] < ended for began, ended in named)
