"""Votes through flowrun's engine, with a scripted model and a virtual clock."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import AnswerError
from support.harness import stage

from .files import Question
from .rules import Rule, two_thirds

TAIL = math.log(10) / 2.326


@dataclass(frozen=True)
class Asked:
    """A call: who is asked, the number of the question and of the sample, and what else the prompt says."""

    voter: str
    question: int
    sample: int
    words: tuple[str, ...]


Answers = Callable[[Asked], str | None]
"""The answer to a call; None if there is none."""


@dataclass(frozen=True)
class Ran:
    """The results of a flow: a value and a number of calls for each question, and the means of the times.

    ``of`` has the calls of each question by the voter that was asked.
    """

    winners: list[str | None]
    of: list[Counter[str]]
    rounds: float
    seconds: float

    @property
    def calls(self) -> list[int]:
        return [one.total() for one in self.of]


def through_flowrun(
    rule: Rule, questions: Sequence[Question], most: int, seed: int, voters: Sequence[str] = (), least: int = 1
) -> Ran:
    """The votes by one rule, of one voter, or of a panel whose voters take turns in the votes of a question."""
    samples = f"{least}..{most}" if rule.adaptive else str(most)
    over, model, name = (f"over m in [{', '.join(voters)}] ", "m ", "{{ m.name }}") if voters else ("", "", "voter")
    body = (
        f'repeat {samples} {over}{{ ask {model}"{name} {{{{ q }}}}" -> {rule.answer} with seed: 1 }} '
        f"reduce {reducer(rule, most)} with launch: {rule.launch}"
    )

    def answers(asked: Asked) -> str | None:
        if voters and asked.voter != voters[asked.sample % len(voters)]:
            raise SystemExit(f"{rule.name}: sample {asked.sample} of a panel goes to {asked.voter}")
        vote = questions[asked.question].votes[asked.sample]
        return rule.shape % json.dumps(vote) if rule.shape and vote and vote.strip() else vote

    return both_ways(rule.name, body, answers, len(questions), seed)


def reducer(rule: Rule, most: int) -> str:
    return rule.text.replace("QUORUM", str(two_thirds(most)))


def both_ways(name: str, body: str, answers: Answers, questions: int, seed: int) -> Ran:
    """Run a body for each question ``q``: once with answers that take a second, once in another order of arrival."""
    ran = staged(body, answers, questions, lambda: 1.0)
    rng = random.Random(seed)
    again = staged(body, answers, questions, lambda: rng.lognormvariate(0, TAIL))
    if (again.winners, again.of) != (ran.winners, ran.of):
        raise SystemExit(f"{name}: the order of arrival has changed the votes")
    return Ran(ran.winners, ran.of, ran.rounds, again.seconds)


def staged(
    body: str, answers: Answers, questions: int, time: Callable[[], float], limits: str = "", at_once: int = 10**6
) -> Ran:
    """Run a body whose prompts begin with the voter and the number of the question. Each ask has the seed 1.

    ``limits`` stand in the head of the flow, and ``at_once`` is how many calls the endpoint takes at the same time.
    """
    of = [Counter[str]() for _ in range(questions)]

    def script(request: Request, number: int) -> Scripted:
        voter, question, *words = request.messages[-1].text.split()
        of[int(question)][voter] += 1
        vote = answers(Asked(voter, int(question), (request.seed or 1) - 1, tuple(words)))
        return Scripted(AnswerError("no answer") if vote is None else vote, time())

    text = (
        f"{DECLARED}flow f(questions: [int]) {limits} {{ out = map q in questions {{ {body} }} "
        f"reduce collect with errors: none return out }}"
    )
    models = {name: ModelValue(name, "m") for name in VOTERS}
    ran = stage(text, script, {"questions": list(range(questions))}, limit=at_once, models=models)
    ends = [
        at
        for at, event in zip(ran.at, ran.events, strict=True)
        if isinstance(event, (e.ElementFinished, e.ElementLost)) and event.path.count("[") == 1
    ]
    values = [value.get("answer") if isinstance(value, dict) else value for value in ran.outcome.value]
    mean = sum(ends) / len(ends)
    return Ran(values, of, mean, mean)


PANEL = ("cheap", "other", "third")
VOTERS = (*PANEL, "dear")
DECLARED = "".join(f'model {name} = "openai:{name}"\n' for name in VOTERS)
