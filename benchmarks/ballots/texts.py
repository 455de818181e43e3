"""Votes on free text: answers that say the same in other words are one class, and a judge tells which do."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from .files import Question
from .means import mean, share, within
from .replay import Vote, by_hand
from .rules import AHEAD_2, AHEAD_3, MAJORITY, SURE_95, Rule
from .through import Asked, Ran, both_ways, reducer

MOST = 15
RULES = ((MAJORITY, 5), (SURE_95, MOST), (AHEAD_2, MOST), (AHEAD_3, MOST))
"""The rules, each with the most samples of its votes."""
WORDINGS = (5, 1_000_000)
"""The number of ways to write an answer: a few, or so many that all texts differ."""
EASE = {"easy": 0.95, "mixed": 0.8, "hard": 0.6}
WRONG = 3
QUESTIONS = 2.5
"""The goal: a vote by ``ahead(2)`` asks the judge about twice, wherever the samples are mostly right."""


def free_texts(ease: float, wordings: int, questions: int, samples: int, seed: int) -> list[Question]:
    """Questions whose answers are each written in one of several ways: ``right-2`` is the second."""
    rng = random.Random(f"{seed} texts {ease} {wordings}")
    return [Question([_sample(rng, ease, wordings) for _ in range(samples)], "right") for _ in range(questions)]


def _sample(rng: random.Random, ease: float, wordings: int) -> str:
    meaning = "right" if rng.random() < ease else f"wrong{rng.randrange(WRONG)}"
    return f"{meaning}-{rng.randrange(wordings)}"


def meaning(text: str) -> str:
    return text.split("-", maxsplit=1)[0]


def same_by_hand(rule: Rule, question: Question, most: int) -> tuple[Vote, int]:
    """The vote over what the texts mean, and the questions to a judge that is always right.

    A text that was there before needs no question. Else it is compared with each class, the largest first. A `yes` that
    would end the vote is asked again the other way round, and about a second text of the class if it has one.
    """
    vote = by_hand(rule, replace(question, votes=[meaning(text or "") for text in question.votes[:most]]), most)
    classes: list[list[str]] = []
    asked = 0
    texts = [text or "" for text in question.votes[: vote.calls]]
    for seen, text in enumerate(texts, 1):
        of = next((one for one in classes if meaning(one[0]) == meaning(text)), None)
        if of is None or text not in of:
            ranked = sorted(classes, key=len, reverse=True)
            asked += 1 + ranked.index(of) if of is not None else len(ranked)
            if of is not None and seen == vote.calls and ends(rule, vote, classes, of, seen, most):
                asked += 1 + (len(set(of)) > 1)
        if of is None:
            classes.append([text])
        else:
            of.append(text)
    return vote, asked


def ends(rule: Rule, vote: Vote, classes: Sequence[Sequence[str]], of: Sequence[str], seen: int, most: int) -> bool:
    counts = sorted((len(one) + (one is of) for one in classes), reverse=True)
    return rule.over((counts[0], counts[1] if len(counts) > 1 else 0), seen, most)


def same_through_flowrun(rule: Rule, questions: Sequence[Question], most: int, seed: int) -> Ran:
    samples = f"1..{most}" if rule.adaptive else str(most)
    how = reducer(rule, most).rstrip(")")
    judge = 'same: ask cheap "judge {{ q }} {{ a }} {{ b }}" -> yes | no'
    body = (
        f'repeat {samples} {{ ask "voter {{{{ q }}}}" -> text with seed: 1 }} '
        f"reduce {how}{'(' if '(' not in how else ', '}{judge})"
    )

    def answers(asked: Asked) -> str | None:
        if asked.voter == "judge":
            one, other = asked.words
            return "yes" if meaning(one) == meaning(other) else "no"
        return questions[asked.question].votes[asked.sample]

    return both_ways(f"{rule.name} on texts", body, answers, len(questions), seed)


def texts(questions: int, through: int, seed: int) -> list[str]:
    """Print the table by hand; the first ``through`` questions also go through flowrun. What is missed."""
    missed = []
    print("answers in few wordings, or each in its own\n")
    print(
        f"{'':27} │ {'right %':>20} │ {'samples':>12} │ {'to the judge':>12} │ {'by the texts alone %':>20} "
        f"{'samples':>12}"
    )
    for wordings, (name, ease) in product(WORDINGS, EASE.items()):
        kind = "few" if wordings == min(WORDINGS) else "own"
        asked = free_texts(ease, wordings, questions, MOST, seed)
        for rule, most in RULES:
            hand = [same_by_hand(rule, one, most) for one in asked]
            plain = [by_hand(rule, one, most) for one in asked]
            found = [vote.winner == "right" for vote, _ in hand]
            blind = [meaning(vote.winner or "") == "right" for vote in plain]
            taken = within([vote.calls for vote, _ in hand])
            print(
                f"{kind} {name:5}  {rule.name:15} │ {share(found):>20} │ {taken:>12} │ "
                f"{within([count for _, count in hand]):>12} │ {share(blind):>20} │ "
                f"{within([vote.calls for vote in plain]):>12}"
            )
            if name == "easy" and rule is AHEAD_2 and mean([count for _, count in hand]) > QUESTIONS:
                missed.append(f"{rule.name} on texts: more than {QUESTIONS} questions a vote")
            ran = same_through_flowrun(rule, asked[:through], most, seed)
            winners = [meaning(winner or "") for winner in ran.winners]
            calls = [(of["voter"], of["judge"]) for of in ran.of]
            few = hand[:through]
            if winners != [vote.winner for vote, _ in few] or calls != [(vote.calls, count) for vote, count in few]:
                missed.append(f"{rule.name} on texts ({kind}, {name}): flowrun differs from the replay by hand")
    return missed
