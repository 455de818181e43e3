"""Votes, through the real engine with a scripted model: how often they are right, and what they take.

    python benchmarks/votes.py [--right .6,.8,.95,.99] [--samples 3,9,21,41] [--questions 200]
    python benchmarks/votes.py --ballots FILE.jsonl [--samples 40]
    python benchmarks/votes.py --made [--samples 40] [--questions 10000]

Without a file each sample is right by itself with one probability, and all wrong ones give one answer. Beside what was
run stands what must come of it, from sums over all ways that a vote can go, worked out here and nowhere in flowrun;
`off` is the larger of the two differences in standard errors. A file has a question a line,
`{"votes": ["18", null, …], "gold": "18"}`, null for a sample without an answer; beside it stands a replay of the same
ballots by hand, which the engine must equal to the call.

`--made` replays made ballots by hand and compares the rules that stop by how sure they are. Its questions have the
shares of right samples that `MIXES` states, and one, two or four wrong answers that are equally frequent. `lost` is the
difference of the right answers from a confidence of 0.95 on the same ballots, with its 95 % interval.

An answer takes one second (`rounds`), or a time whose logarithm is normal, with a median of 1 s and a tail of 10 s at
p99 (`time`). The clock is virtual.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import AnswerError
from support.harness import stage

Counts = tuple[int, int]
TAIL = math.log(10) / 2.326


@dataclass(frozen=True)
class Rule:
    """``over`` says whether a vote of so many is decided by its counts, most first, of so many samples; ``wins``
    whether the leader then has it. ``shape`` is how a ballot is written, ``%s`` being its answer as JSON."""

    name: str
    text: str
    over: Callable[[Counts, int, int], bool]
    adaptive: bool = False
    launch: str = "cost"
    answer: str = "text"
    shape: str = ""
    window: int = 0
    fewest: int = 1
    wins: Callable[[Counts, int], bool] = lambda counts, most: True


def leading(first: int, second: int) -> float:
    total = first + second + 1
    return float(sum(math.comb(total, i) for i in range(first + 1)) / 2**total)


@lru_cache(None)
def _confident(first: int, second: int, share: float) -> bool:
    return leading(first, second) >= share


@lru_cache(None)
def _evidence(first: int, second: int) -> Fraction:
    points = ((19, 81), (16, 13), (13, 6))
    return sum((w * Fraction(up, 10) ** first * Fraction(20 - up, 10) ** second for up, w in points), Fraction()) / 100


def _cannot_change(counts: Counts, seen: int, most: int) -> bool:
    return counts[0] - counts[1] > most - seen


def _sure(counts: Counts, seen: int, most: int) -> bool:
    return _confident(*counts, 0.95)


def _proved(counts: Counts, seen: int, most: int) -> bool:
    return _evidence(*counts) >= 20


def _ahead(lead: int) -> Callable[[Counts, int, int], bool]:
    return lambda counts, seen, most: counts[0] - counts[1] >= lead


def _quorum(counts: Counts, seen: int, most: int) -> bool:
    return counts[0] >= _two_thirds(most) or counts[0] + most - seen < _two_thirds(most)


def _two_thirds(most: int) -> int:
    return -(-2 * most // 3)


def _never(counts: Counts, seen: int, most: int) -> bool:
    return False


RULES = (
    Rule("all N", "majority", _never, launch="together"),
    Rule("majority", "majority", _cannot_change),
    Rule("quorum(⅔N)", "quorum(QUORUM)", _quorum, wins=lambda counts, most: counts[0] >= _two_thirds(most)),
    Rule("unanimous", "unanimous", lambda counts, seen, most: counts[1] > 0, wins=lambda counts, most: counts[1] == 0),
    Rule(
        "weighted",
        "weighted(by: sure, of: answer)",
        _cannot_change,
        answer="{ answer: text, sure: 0..1 }",
        shape='{"answer": %s, "sure": 1}',
    ),
    Rule("approval", "approval", _cannot_change, answer="[text]", shape="[%s]"),
    Rule("ranked", "ranked", _never, answer="[text]", shape="[%s]"),
    Rule("confidence .95", "majority(confidence: 0.95)", _sure, adaptive=True, fewest=4),
    Rule("risk .05", "majority(risk: 0.05, undecided: first)", _proved, adaptive=True, fewest=5),
    Rule("ahead(2)", "ahead(2)", _ahead(2), adaptive=True),
    Rule("ahead(3)", "ahead(3)", _ahead(3), adaptive=True),
    Rule("window(3)", "window(3)", _never, adaptive=True, window=3),
    Rule("window(5)", "window(5)", _never, adaptive=True, window=5),
)


@dataclass(frozen=True)
class Question:
    """A vote that is None is a sample without an answer."""

    votes: Sequence[str | None]
    gold: str


@dataclass(frozen=True)
class Ran:
    """What one rule came to: a winner and a number of calls for each question, and the means of the times."""

    winners: list[str | None]
    calls: list[int]
    rounds: float
    seconds: float


# What flowrun does


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

    reducer = rule.text.replace("QUORUM", str(_two_thirds(most)))
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


# What must come of it


def by_sums(rule: Rule, right: float, most: int) -> tuple[float, float]:
    """How often the value is right, and the mean number of calls, over all ways that a vote can go."""
    step = rule.window or 1
    # By the right answers so far and whether the first sample was right, which settles a tie.
    going: dict[tuple[int, bool], float] = {(0, False): 1.0}
    good = calls = 0.0
    seen = 0
    while going:
        taken = min(step, most - seen)
        after: dict[tuple[int, bool], float] = {}
        for (hits, first), chance in going.items():
            for more, begins, part in _window(taken, right):
                now = (hits + more, first if seen else begins)
                wrong = seen + taken - now[0]
                counts = (max(now[0], wrong), min(now[0], wrong))
                unanimous = rule.window == taken and more in (0, taken)
                if seen + taken == most or unanimous or rule.over(counts, seen + taken, most):
                    calls += chance * part * (seen + taken)
                    if now[0] > wrong or (now[0] == wrong and now[1]):
                        good += chance * part * rule.wins(counts, most)
                else:
                    after[now] = after.get(now, 0.0) + chance * part
        going, seen = after, seen + taken
    return good, calls


def _window(taken: int, right: float) -> Iterator[tuple[int, bool, float]]:
    """The right answers among so many, whether the first is one of them, and how likely that is."""
    for begins in (True, False):
        for others in range(taken):
            chance = math.comb(taken - 1, others) * right**others * (1 - right) ** (taken - 1 - others)
            yield others + begins, begins, chance * (right if begins else 1 - right)


def by_hand(rule: Rule, question: Question, most: int) -> tuple[str | None, int]:
    """The winner and the number of calls of one question, its ballots taken one by one."""
    votes = [None if vote is None else normal(vote) for vote in question.votes[:most]]
    for seen in range(1, most + 1):
        ranked = Counter(vote for vote in votes[:seen] if vote is not None).most_common()
        first, second = ([count for _, count in ranked] + [0, 0])[:2]
        window = set(votes[seen - rule.window : seen]) if rule.window and seen % rule.window == 0 else set()
        agreed = len(window) == 1 and None not in window
        if seen == most or agreed or (rule.over((first, second), seen, most) and (first or not rule.adaptive)):
            return (ranked[0][0] if ranked and rule.wins((first, second), most) else None), seen
    raise AssertionError("a vote of nothing")


def normal(text: str) -> str:
    """Two answers are one where they differ in case, blanks and a final point; texts are not read as numbers."""
    text = " ".join(text.split()).casefold()
    return text.rstrip(" .") or text


# Reports


def synthetic(rights: Sequence[float], samples: Sequence[int], questions: int, seed: int) -> float:
    """Print the table; the greatest difference, in standard errors."""
    print(
        f"{'':16} {'p':>4} {'N':>3} │ {'right %':>8} {'must be':>8} │ {'calls':>6} {'must be':>7} │ off │ rounds   time"
    )
    worst = 0.0
    for most in samples:
        for right in rights:
            rng = random.Random(f"{seed} {most} {right}")
            asked = [
                Question(["right" if rng.random() < right else "wrong" for _ in range(most)], "right")
                for _ in range(questions)
            ]
            for rule in RULES:
                if max(rule.window, rule.fewest) > most:
                    continue
                ran = through_flowrun(rule, asked, most, seed)
                good, calls = by_sums(rule, right, most)
                found = [winner == "right" for winner in ran.winners]
                off = max(_off(found, good), _off(ran.calls, calls))
                worst = max(worst, off)
                print(
                    f"{rule.name:16} {right:4g} {most:3} │ {100 * _mean(found):8.2f} {100 * good:8.2f} │ "
                    f"{_mean(ran.calls):6.2f} {calls:7.2f} │ {off:3.1f} │ {ran.rounds:6.2f} {ran.seconds:6.2f}"
                )
    return worst


def recorded(path: Path, most: int | None, seed: int) -> bool:
    """Print the table; whether all is as it is by hand."""
    questions = list(_read(path))
    most = min([len(question.votes) for question in questions] + ([most] if most else []))
    print(f"{len(questions):,} questions of {path.name}, {most} samples each\n")
    print(f"{'':16} │ {'right %':>8} {'by hand':>8} │ {'calls':>7} {'by hand':>8} │ rounds   time")
    same = True
    for rule in RULES:
        if max(rule.window, rule.fewest) > most:
            continue
        ran = through_flowrun(rule, questions, most, seed)
        hand = [by_hand(rule, question, most) for question in questions]
        winners = [None if winner is None else normal(winner) for winner in ran.winners]
        good = [winner == normal(one.gold) for winner, one in zip(winners, questions, strict=True)]
        known = [winner == normal(one.gold) for (winner, _), one in zip(hand, questions, strict=True)]
        exact = list(zip(winners, ran.calls, strict=True)) == hand
        same = same and exact
        note = "" if exact else "  differs"
        print(
            f"{rule.name:16} │ {100 * _mean(good):8.2f} {100 * _mean(known):8.2f} │ {_mean(ran.calls):7.3f} "
            f"{_mean([calls for _, calls in hand]):8.3f} │ {ran.rounds:6.2f} {ran.seconds:6.2f}{note}"
        )
    return same


MIXES = {
    "mixed": (*[0.98] * 6, 0.9, 0.9, 0.75, 0.55),
    "mostly easy": (*[0.99] * 80, *[0.9] * 8, *[0.7] * 4, *[0.5] * 3, *[0.2] * 5),
    "hard": (0.95, 0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.3, 0.2),
}
SURE = (
    Rule("confidence .95", "majority(confidence: 0.95)", _sure, adaptive=True, fewest=4),
    Rule("confidence .9", "majority(confidence: 0.9)", lambda counts, *_: _confident(*counts, 0.9), adaptive=True),
    Rule("risk .05", "majority(risk: 0.05)", _proved, adaptive=True),
    Rule("all N", "majority", _never),
)


def made(most: int, questions: int, seed: int) -> None:
    """Print the table of a replay of made ballots: what a rule costs, and what it loses against the default."""
    print(f"{'':26} {'wrong':>5} │ {'right %':>7} {'calls':>6} │ {'fewer %':>7} │ {'lost, points':>14}")
    for name, mix in MIXES.items():
        for wrong in (1, 2, 4):
            rng = random.Random(f"{seed} {name} {wrong}")
            asked = [
                Question([_made(rng, mix[number % len(mix)], wrong) for _ in range(most)], "right")
                for number in range(questions)
            ]
            base: list[tuple[bool, int]] = []
            for rule in SURE:
                found = [by_hand(rule, question, most) for question in asked]
                ran = [(winner == "right", calls) for winner, calls in found]
                base = base or ran
                lost = [one - other for (one, _), (other, _) in zip(base, ran, strict=True)]
                error = 196 * math.sqrt((_mean([one * one for one in lost]) - _mean(lost) ** 2) / len(lost))
                calls = _mean([calls for _, calls in ran])
                fewer = 100 * (1 - calls / _mean([calls for _, calls in base]))
                right = 100 * _mean([good for good, _ in ran])
                print(
                    f"{name:11} {rule.name:14} {wrong:5} │ {right:7.2f} {calls:6.2f} │ "
                    f"{fewer:7.1f} │ {100 * _mean(lost):6.2f} ± {error:4.2f}"
                )


def _made(rng: random.Random, right: float, wrong: int) -> str:
    return "right" if rng.random() < right else f"wrong {rng.randrange(wrong)}"


def _read(path: Path) -> Iterator[Question]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
            votes = [vote if isinstance(vote, str | None) else json.dumps(vote) for vote in row["votes"]]
            gold = row["gold"] if isinstance(row["gold"], str) else json.dumps(row["gold"])
        except (ValueError, KeyError, TypeError):
            raise SystemExit(f'{path}:{number}: a line is {{"votes": ["…", …], "gold": "…"}}') from None
        if not votes:
            raise SystemExit(f"{path}:{number}: there is no vote")
        yield Question(votes, gold)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _off(values: Sequence[float], must: float) -> float:
    """The distance of a mean from what it must be, in standard errors."""
    mean = _mean(values)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values) / len(values))
    # What is nearly certain may not have happened once: at most about one in so many questions hides there.
    return (
        max(0.0, abs(mean - must) - 1 / len(values)) / spread if spread else float(abs(mean - must) * len(values) > 3)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--right", default=".6,.8,.95,.99")
    parser.add_argument("--samples", default="")
    parser.add_argument("--questions", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ballots", type=Path)
    parser.add_argument("--made", action="store_true")
    given = parser.parse_args(arguments)
    samples = [int(one) for one in given.samples.split(",") if one]
    if given.ballots is not None:
        return 0 if recorded(given.ballots, samples[0] if samples else None, given.seed) else 1
    if given.made:
        made(samples[0] if samples else 40, given.questions or 10_000, given.seed)
        return 0
    rights = [float(one) for one in given.right.split(",")]
    worst = synthetic(rights, samples or [3, 9, 21, 41], given.questions or 200, given.seed)
    print(f"\nthe greatest difference is {worst:.1f} standard errors")
    return 0 if worst < 5 else 1


if __name__ == "__main__":
    sys.exit(main())
