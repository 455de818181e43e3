"""The bill of a run by itself: what it costs if the journal has none of its answers.

A request that asks for several samples pays for its prompt once. So a setting that takes three of nine samples pays for
a whole prompt, although the journal has only shares of it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from flowrun.dsl import dataclass

from ..replay.fresh import FreshRequest
from ..vocabulary.call import SAMPLES
from ..vocabulary.call_record import AnswerRecord, CallRecord, Tokens
from ..vocabulary.usage import TokenDetail, Usage
from .bills import PriceOf, sum_known
from .origins import Origins

_ELEMENT = re.compile(r"\[[^\]]*\]")
Step = tuple[str, str]
"""A model and a step of the flow."""


@dataclass(frozen=True, slots=True)
class FreshBill:
    """The calls and the dollars of a run. ``dollars`` is None if a price or a number of tokens is not known."""

    calls: int
    dollars: float | None


class Sharing:
    """The number of samples that one request may bring, as the requests of the journal show it, by the model."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._full: set[str] = set()

    def see(self, calls: Iterable[CallRecord], origins: Origins) -> None:
        """Look at the requests that brought the answers of calls."""
        found = Counter((one.model, origins[one.place].request) for one in calls if one.answers)
        for (model, request), count in found.items():
            if request is not None and request[1]:
                self._seen[model] = max(self._seen.get(model, 1), count)

    def see_apart(self, requests: Iterable[FreshRequest], origins: Origins) -> None:
        """Look at calls that one request could carry. If mostly several carried them at a time, there is a limit."""
        parted, at_a_time = Counter[str](), Counter[str]()
        for request in requests:
            found: dict[tuple[int, str], tuple[int, int]] = {}
            for place, _ in request.calls:
                origin = origins.get(place)
                if origin is not None and origin.request is not None and origin.times is not None:
                    found[origin.request] = origin.times
            if len(found) > 1 and len({run for run, _ in found}) == 1:
                times = sorted(found.values())
                parted[request.model] += 1
                # A request that follows an answer may seem to begin a little before its end.
                at_a_time[request.model] += any(2 * two < one + end for (one, end), (two, _) in pairwise(times))
        self._full |= {model for model, count in at_a_time.items() if 2 * count > parted[model]}

    def most(self, model: str) -> int:
        seen = self._seen.get(model, 1)
        return seen if seen == 1 or model in self._full else max(seen, SAMPLES)


def fresh_bill(requests: Sequence[FreshRequest], price: PriceOf) -> FreshBill:
    """Add up requests. A call that nothing needed any more costs as much as the others of its step, for it was sent."""
    known: dict[Step, list[AnswerRecord]] = defaultdict(list)
    for request in requests:
        for place, answer in request.calls:
            if answer is not None:
                known[_step(request, place)].append(answer)
    costs = [_cost(request, known, price) for request in requests]
    return FreshBill(sum(len(one.calls) for one in requests), sum_known(costs))


def _step(request: FreshRequest, place: str) -> Step:
    return request.model, _ELEMENT.sub("", place)


def _cost(request: FreshRequest, known: dict[Step, list[AnswerRecord]], price: PriceOf) -> float | None:
    answers = [answer for _, answer in request.calls if answer is not None]
    if len(answers) == len(request.calls):
        read = [one.tokens.read for one in answers]
        whole = _whole(answers[0].tokens)
        if whole is None or sum(one or 0 for one in read) == whole:
            # The request is one that was sent, and its bill is known.
            return sum_known([one.cost for one in answers])
    alike = answers or known[_step(request, request.calls[0][0])]
    prompts, written = [_whole(one.tokens) for one in alike], [one.tokens.written for one in alike]
    if not alike or None in prompts or None in written:
        return None
    # The prompt is paid once. Missing answers are as long as the others.
    prompt = prompts[0] if answers else round(sum(one or 0 for one in prompts) / len(prompts))
    out = round(sum(one or 0 for one in written) / len(written) * len(request.calls))
    first = alike[0]
    return price(request.model, Usage(prompt, out, _detail(first.tokens, prompt or 0, out), first.tier))


def _whole(tokens: Tokens) -> int | None:
    return tokens.read if tokens.whole is None else tokens.whole


def _detail(tokens: Tokens, prompt: int, out: int) -> TokenDetail | None:
    """Return the special tokens of a request, in the same shares as those of one of its answers."""

    def grown(count: int | None, part: int | None, whole: int) -> int | None:
        return None if count is None else round(count * whole / part) if part else 0

    found = TokenDetail(
        grown(tokens.cached, tokens.read, prompt),
        grown(tokens.stored, tokens.read, prompt),
        grown(tokens.reasoning, tokens.written, out),
        grown(tokens.images, tokens.read, prompt),
        grown(tokens.long_stored, tokens.read, prompt),
    )
    return None if found == TokenDetail() else found
