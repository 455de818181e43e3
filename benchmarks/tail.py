"""Hedged requests: what fan-outs of 50 calls with log-normal times gain, and how many calls they add.

    python benchmarks/tail.py [--fan-outs 1000]

Median and slow tenth are measured in virtual time, through the real scheduler with a scripted model. So they do not
depend on the load of the machine. Both sides get the same times: a call's first attempt takes as long with `hedge` as
without. Then all sides run at the same time against a real server, whose answers take real time.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import by_flow
import mock_server
from clock import Clock
from mock_server import MEDIAN, SIGMA

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

CALLS = 50
BOUNDS = (("p95", 0.05, 1.3, 1.65), ("p90", 0.1, 1.55, 1.8))
"""The option, the most calls more, and how many times as fast the median and the slow tenth are at the least.

No run may send more than its share twice: 2 calls of 50 with p95, and 5 with p90. Sent when as many are left, they make
the median 1.39 and 1.68 times as fast, by a simulation of 20,000 fan-outs. Sent when more
or fewer are left, they bring less.
"""


FAN_OUTS = 1000
"""The median of fewer varies by more than the margin of its bound."""


@dataclass(frozen=True)
class Gain:
    """The gain in speed of the median and of the slow tenth of fan-outs, and the share of calls that are added."""

    median: float
    late: float
    extra: float


def gain(plain: Sequence[float], hedged: Sequence[float], extra: float) -> Gain:
    return Gain(
        statistics.median(plain) / statistics.median(hedged),
        statistics.quantiles(plain, n=10)[8] / statistics.quantiles(hedged, n=10)[8],
        extra,
    )


def fan_out(seed: int, hedge: str = "") -> tuple[float, int]:
    """The seconds of one fan-out in virtual time, and its calls."""
    from flowrun.runtime.providers.scripted import Scripted
    from flowrun.runtime.vocabulary.call import Request
    from support.harness import stage

    attempts: dict[str, int] = {}

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        attempts[prompt] = attempts.get(prompt, 0) + 1
        draw = random.Random(f"{seed} {prompt} {attempts[prompt]}")
        return Scripted("yes", MEDIAN * draw.lognormvariate(0, SIGMA))

    prompts = [f"Say {number}" for number in range(CALLS)]
    run = stage(by_flow.flow(by_flow.CALLS, hedge=hedge), script, {"prompts": prompts})
    assert run.outcome.value == CALLS, run.outcome
    return run.seconds, sum(attempts.values())


def virtual(fan_outs: int = FAN_OUTS) -> dict[str, Gain]:
    """The gains of each option over the same fan-outs: two runs of this give the same numbers."""
    plain = [fan_out(seed)[0] for seed in range(fan_outs)]
    found = {}
    for hedge, *_ in BOUNDS:
        hedged = [fan_out(seed, hedge) for seed in range(fan_outs)]
        sent = sum(calls for _, calls in hedged)
        found[hedge] = gain(plain, [seconds for seconds, _ in hedged], (sent - CALLS * fan_outs) / (CALLS * fan_outs))
    return found


async def real(base: str, fan_outs: int) -> dict[str, Gain]:
    """Ten fan-outs of each side at a time: they wait nearly all of the time, and any load slows down all sides."""
    from flowrun.runtime import load
    from flowrun.runtime.providers.http import HttpClient

    sides = ["", *(hedge for hedge, *_ in BOUNDS)]
    inputs = {"prompts": [f"Say {number} s=tail" for number in range(CALLS)]}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        flows = {
            side: load(by_flow.written(folder, by_flow.flow(by_flow.CALLS, "concurrency: 64", side))) for side in sides
        }

        async def one(side: str) -> tuple[str, float, int]:
            with Clock() as clock:
                result = await by_flow.result_of(flows[side], base, inputs, folder, journal=False)
            return side, clock.wall, result.summary.hedged

        # Connections stay open between fan-outs: what counts here is how long the server takes.
        client = HttpClient.join()
        await asyncio.gather(*(one(side) for side in sides for _ in range(10)))
        found = [
            taken
            for _ in range(max(1, fan_outs // 10))
            for taken in await asyncio.gather(*(one(side) for side in sides for _ in range(10)))
        ]
        await client.leave()
    walls = {side: [wall for name, wall, _ in found if name == side] for side in sides}
    twice = {side: sum(more for name, _, more in found if name == side) for side in sides}
    return {side: gain(walls[""], walls[side], twice[side] / (CALLS * len(walls[side]))) for side in sides if side}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fan-outs", type=int, default=FAN_OUTS)
    options = parser.parse_args()
    with mock_server.running() as base:
        measured = asyncio.run(real(base, options.fan_outs))
    imagined = virtual(options.fan_outs)
    for hedge, *_ in BOUNDS:
        for clock, one in (("virtual", imagined[hedge]), ("real", measured[hedge])):
            print(
                f"hedge {hedge}, {clock} time: the median {one.median:.2f} × as fast, p90 {one.late:.2f} ×, "
                f"{100 * one.extra:.1f} % more calls"
            )


if __name__ == "__main__":
    main()
