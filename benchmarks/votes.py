"""Votes, through the real engine with a scripted model: how often they are right, and what they take.

    python benchmarks/votes.py [--right .6,.8,.95,.99] [--samples 3,9,21,41] [--questions 200]
    python benchmarks/votes.py --made [--only cascades,puzzles] [--check]
    python benchmarks/votes.py --ballots FILE.jsonl [FILE.jsonl …] [--strong FILE.jsonl] [--samples 40] [--price 25]

Without a file each sample is right by itself with one probability, and all wrong ones give one answer. Beside what was
run stands what must come of it, from sums over all ways that a vote can go, worked out here and nowhere in flowrun;
`off` is the larger of the two differences in standard errors.

`--made` makes ballots with the statistics of published runs, which the modules of `ballots` state: `sure` for the rules
that stop by how sure they are, `panels`, `cascades`, `puzzles` for samples until one passes a check, `grades` for
samples until one is good enough, `texts` for votes on free text, `tournaments`, `budgets` for one budget over a hundred
votes, `tuning` for the promise of a tuner, and `haste` for votes with `launch: latency` at endpoints of few places.
Beside each stand exact sums or a replay by hand. Flowrun runs a part of the same ballots, and must equal the replay to
the call.

A file has a question a line, `{"votes": ["18", null, …], "gold": "18", "tok": [102, 87, …], "id": "q7"}`. A vote that
is null or blank is a sample without an answer, and `tok` and `id` may be missing. Several files are a panel, whose
voters take turns. `--strong` has the samples of a dear model: cascades go up to it. Questions of several files are
matched by their ids, else by their lines.

Intervals are of 95 %. `--check` ends with 1 if a goal is missed, and the last lines say which. An answer takes one
second (`rounds`), or a time whose logarithm is normal, with a median of 1 s and a tail of 10 s at p99 (`time`). The
clock is virtual.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from ballots.files import fewest, in_turn, matched
from ballots.sections import SECTIONS
from ballots.strong import strong
from ballots.tables import recorded, synthetic
from ballots.through import PANEL


def count(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def counts(text: str) -> list[int]:
    return [count(one) for one in text.split(",")]


def shares(text: str) -> list[float]:
    made = [float(one) for one in text.split(",")]
    if not all(0 < one < 1 for one in made):
        raise ValueError
    return made


def price(text: str) -> float:
    if not 0 < (number := float(text)) < float("inf"):
        raise ValueError
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--right", type=shares, default=[0.6, 0.8, 0.95, 0.99])
    parser.add_argument("--samples", type=counts, default=[])
    parser.add_argument("--questions", type=count)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ballots", type=Path, nargs="+")
    parser.add_argument("--strong", type=Path)
    parser.add_argument("--price", type=price, default=25.0)
    parser.add_argument("--made", action="store_true")
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args(arguments)
    samples = given.samples
    if given.strong is not None and given.ballots is None:
        parser.error("--strong stands beside --ballots, which has the samples of the cheap model")
    unknown = sorted(set(given.only.split(",")) - set(SECTIONS))
    if unknown:
        parser.error(f"--only has {', '.join(SECTIONS)}, and not {', '.join(unknown)}")
    if given.ballots is not None:
        return from_files(given.ballots, given.strong, samples[0] if samples else None, given.price, given.seed)
    missed = []
    if given.made:
        for name in given.only.split(","):
            print(f"\n{name}\n")
            missed += SECTIONS[name](given.questions, given.seed)
    else:
        worst = synthetic(given.right, samples or [3, 9, 21, 41], given.questions or 200, given.seed)
        print(f"\nthe greatest difference is {worst:.1f} standard errors")
        if worst >= 5:
            return 1
    print("".join(f"\nmissed: {one}" for one in missed) if missed else "\nno goal is missed" if given.made else "")
    return 1 if missed and given.check else 0


def from_files(paths: Sequence[Path], dear: Path | None, most: int | None, price: float, seed: int) -> int:
    """Print the tables of recorded ballots; 1 if flowrun comes to anything else than a replay by hand."""
    if len(paths) > len(PANEL):
        raise SystemExit(f"a panel here has {len(PANEL)} files at most")
    files = matched([*paths, *([dear] if dear else [])])
    cheap = files[: len(paths)]
    same = recorded(cheap[0], paths[0].name, most, seed)
    voters = PANEL[: len(cheap)]
    if len(cheap) > 1:
        size = min(len(cheap) * min(map(fewest, cheap)), most or sys.maxsize)
        print()
        panel = in_turn(cheap, size)
        same = recorded(panel, f"a panel of {', '.join(path.name for path in paths)}", most, seed, voters) and same
    if dear:
        print()
        same = strong(dict(zip([*voters, "dear"], files, strict=True)), most, price, seed) and same
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
