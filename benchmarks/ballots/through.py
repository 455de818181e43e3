"""The same votes through flowrun's engine, with a scripted model and a virtual clock."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import AnswerError
from support.harness import stage

from .files import Question
from .rules import Rule, two_thirds

TAIL = math.log(10) / 2.326


@dataclass(frozen=True)
class Ran:
    """What one rule came to: a winner and a number of calls for each question, and the means of the times."""

    winners: list[str | None]
    calls: list[int]
    rounds: float
    seconds: float


def through_flowrun(rule: Rule, questions: Sequence[Question], most: int, seed: int) -> Ran:
    winners, calls, rounds = _staged(rule, questions, most, lambda: 1.0)
    rng = random.Random(seed)
    again, once_more, seconds = _staged(rule, questions, most, lambda: rng.lognormvariate(0, TAIL))
    if (again, once_more) != (winners, calls):
        raise SystemExit(f"{rule.name}: the order of arrival has changed the votes")
    return Ran(winners, calls, rounds, seconds)


def _staged(
    rule: Rule, questions: Sequence[Question], most: int, time: Callable[[], float]
) -> tuple[list[str | None], list[int], float]:
    calls = [0] * len(questions)

    def script(request: Request, number: int) -> Scripted:
        question = int(request.messages[-1].text)
        calls[question] += 1
        vote = questions[question].votes[(request.seed or 1) - 1]
        if vote is None:
            return Scripted(AnswerError("no answer"), time())
        return Scripted(rule.shape % json.dumps(vote) if rule.shape else vote, time())

    reducer = rule.text.replace("QUORUM", str(two_thirds(most)))
    samples = f"1..{most}" if rule.adaptive else str(most)
    text = (
        f"flow f(questions: [int]) {{ out = map q in questions {{ repeat {samples} {{ "
        f'ask "{{{{ q }}}}" -> {rule.answer} with seed: 1 }} reduce {reducer} with launch: {rule.launch} }} '
        f"reduce collect with errors: none return out }}"
    )
    ran = stage(text, script, {"questions": list(range(len(questions)))})
    ends = [
        at
        for at, event in zip(ran.at, ran.events, strict=True)
        if isinstance(event, (e.ElementFinished, e.ElementLost)) and event.path.count("[") == 1
    ]
    values = [value.get("answer") if isinstance(value, dict) else value for value in ran.outcome.value]
    return values, calls, sum(ends) / len(ends)
