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
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ballots.files import read
from ballots.sure import sure
from ballots.tables import recorded, synthetic


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
        return (
            0 if recorded(read(given.ballots), given.ballots.name, samples[0] if samples else None, given.seed) else 1
        )
    if given.made:
        sure(samples[0] if samples else 40, given.questions or 10_000, given.seed)
        return 0
    rights = [float(one) for one in given.right.split(",")]
    worst = synthetic(rights, samples or [3, 9, 21, 41], given.questions or 200, given.seed)
    print(f"\nthe greatest difference is {worst:.1f} standard errors")
    return 0 if worst < 5 else 1


if __name__ == "__main__":
    sys.exit(main())
