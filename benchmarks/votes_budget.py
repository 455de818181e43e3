"""A budget over many votes, through the real engine with a scripted model: how many questions are answered right.

    python benchmarks/votes_budget.py [--questions 100] [--calls 100,150,200,300,900] [--places 16] [--seeds 5]

The questions are made. Of ten, six have a share of right samples of .98, two of .9, one of .75 and one of .55; wrong
samples give one of two answers. `served` spends the same budget question by question, as far as it goes, and so does
`threes` with a vote of three samples, all of which are paid. `decided` counts votes whose rule held.

`--haste` compares the ways to launch samples instead: the seconds and the calls of votes at an endpoint with few
places, if the time of an answer has a median of 1 s and 10 s at p99. The clock is virtual.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run

SHARES = ((0.98, 6), (0.9, 2), (0.75, 1), (0.55, 1))
TAIL = math.log(10) / 2.326
MOST = 9


def eased(seed: int, questions: int, shares: tuple[tuple[float, int], ...] = SHARES) -> list[str]:
    """Make the ballots of each question. `a` is right."""
    rng = random.Random(seed)
    eases = [ease for ease, parts in shares for _ in range(parts * questions // 10)]
    rng.shuffle(eases)
    return ["".join("a" if rng.random() < ease else rng.choice("bc") for _ in range(MOST)) for ease in eases]


def run(
    ballots: list[str], rule: str, samples: str, places: int, seed: int, budget: int = 0, launch: str = "cost"
) -> Run:
    rng = random.Random(seed)

    def script(request: Request, number: int) -> Scripted:
        mine = ballots[int(request.messages[-1].text)]
        return Scripted(mine[(request.seed or 1) - 1], math.exp(rng.gauss(0, TAIL)))

    limit = f" budget {budget} calls" if budget else ""
    ran = Run(
        f"flow f(qs: [text]){limit} {{ v = map q in qs {{ repeat {samples} {{ "
        f'ask "{{{{ q }}}}" -> a | b | c with seed: 1 }} reduce {rule} with launch: {launch} }} '
        "reduce collect return v }",
        script,
        inputs={"qs": [str(one) for one in range(len(ballots))]},
        limit=places,
    )
    ran.go()
    return ran


def served(ballots: list[str], budget: int, lead: int, most: int = MOST) -> int:
    """Count the right answers if each vote takes all that it needs before the next one begins.

    It has at most so many samples, and ends before that with its lead.
    """
    right = 0
    for mine in ballots:
        votes: Counter[str] = Counter()
        for letter in mine[:most]:
            first, second = (*(count for _, count in votes.most_common(2)), 0, 0)[:2]
            if first - second >= lead or not budget:
                break
            votes[letter] += 1
            budget -= 1
        right += bool(votes) and votes.most_common(1)[0][0] == "a"
    return right


def budgets(args: argparse.Namespace) -> None:
    print("rule        budget  calls  right  served  threes  decided  seconds")
    for lead in (2, 3):
        for budget in map(int, args.calls.split(",")):
            sums: Counter[str] = Counter()
            for seed in range(args.seeds):
                ballots = eased(seed, args.questions)
                ran = run(ballots, f"ahead({lead}, undecided: first)", f"1..{MOST}", args.places, seed, budget)
                sums["calls"] += len(ran.provider.calls)
                sums["right"] += sum(one == "a" for one in ran.outcome.value)
                sums["served"] += served(ballots, budget, lead)
                sums["threes"] += served(ballots, budget, 4, 3)
                sums["decided"] += sum(one.settled for one in ran.outcome.tallies.values())
                sums["seconds"] += round(ran.seconds)
            calls, right, *others = (sums[name] / args.seeds for name in ("calls", "right", "served", "threes"))
            decided, seconds = sums["decided"] / args.seeds, sums["seconds"] / args.seeds
            row = f"{calls:6.0f} {right:6.1f} {others[0]:7.1f} {others[1]:7.1f} {decided:8.1f} {seconds:8.0f}"
            print(f"ahead({lead})   {budget:7d} {row}")


def haste(args: argparse.Namespace) -> None:
    print(f"{'rule':9s} {'votes':>6s} {'places':>7s}   cost: s, calls   latency: s, calls")
    for rule, samples in (("majority", "9"), ("ahead(2)", "1..9")):
        for votes, places in ((200, 16), (50, 16), (4, 16), (4, 64)):
            row = []
            for launch in ("cost", "latency"):
                runs = []
                for seed in range(args.seeds):
                    ballots = eased(seed, max(10, votes), ((0.8, 10),))[:votes]
                    runs.append(run(ballots, rule, samples, places, seed, launch=launch))
                row += [sum(one.seconds for one in runs) / args.seeds]
                row += [sum(len(one.provider.calls) for one in runs) / args.seeds]
            print(f"{rule:9s} {votes:6d} {places:7d}   {row[0]:7.1f} {row[1]:7.0f}   {row[2]:7.1f} {row[3]:7.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--calls", default="100,150,200,300,900")
    parser.add_argument("--places", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--haste", action="store_true")
    given = parser.parse_args()
    (haste if given.haste else budgets)(given)
