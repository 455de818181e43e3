"""Maps against servers with limits: the share of refusals, capacity that steps from 50 at once to 5 and back, outages.

    python benchmarks/limits.py [--only shares] [--calls 1000] [--seconds 0.2] [--phase 12] [--scale 20] [--check]

All flows have a journal. Those of the shares and of the steps name no option, as a user's do. The servers
(`mock_server.py`) are processes of their own, on loopback. In outages and recovery time is scaled: with `--scale 20` a
minute takes three seconds, and so do all waits of the runner; `--scale 1` is the true length. With --check the exit
code is 1 where a bound is missed.

The oracle of the steps knows the capacity and keeps it filled. A share of refusals is taken behind the settling of a
step: twenty calls' time, two seconds at the least.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import by_flow
import mock_server
import shares
from mock_server import Account

CAPACITIES = (50, 5, 50)
MOST_REFUSED = 0.02
"""The share of refusals behind settling."""
BACK, BACK_AFTER = 0.85, 10.0
"""The share of a capacity that has returned, and the seconds after which it is used at the latest."""
FLOW = by_flow.CALLS.replace("reduce collect", "reduce collect with errors: skip")


async def ran(base: str, calls: int, seconds: float | None, scale: float, concurrency: int | None) -> Any:
    """The result of a map, which is stopped after so many seconds."""
    from flowrun.runtime import RunOptions, Stop, run_async
    from flowrun.runtime.limits.retry import RetryPolicy

    stop, usual = Stop(), RetryPolicy()
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stop)
    # The wait between probes follows `wait_max`, where that is shorter than the usual five seconds.
    waits = usual if scale == 1 else RetryPolicy(usual.attempts, usual.wait_initial / scale, 5 / scale, 900 / scale)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = by_flow.written(folder, by_flow.flow(FLOW, f"concurrency: {concurrency}" if concurrency else ""))
        return await run_async(
            path,
            {"prompts": [f"Say {number}" for number in range(calls)]},
            options=RunOptions(
                environ=by_flow.environ(base, folder), journal=folder / "journal.db", stop=stop, policy=waits
            ),
        )


def against(
    script: dict[str, Any],
    calls: int,
    seconds: float | None = None,
    scale: float = 1.0,
    concurrency: int | None = None,
) -> tuple[Any, float, Account]:
    """The result of a map against a server, the seconds from its first request to its last, and what it has seen."""
    with mock_server.started(**script) as server:
        result = asyncio.run(ran(server.base, calls, seconds, scale, concurrency))
        seen = server.account()
    return result, max(seen.served + seen.refused), seen


def steps(options: argparse.Namespace) -> list[str]:
    seconds, phase = options.seconds, options.phase
    whole = phase * len(CAPACITIES)
    script = {"seconds": seconds, "steps": [(number * phase, one) for number, one in enumerate(CAPACITIES)]}
    times = against(script, int(2 * whole * max(CAPACITIES) / seconds), whole + 0.5)[2]
    settling = max(2.0, 20 * seconds)
    missed = []
    print(f"answers of {seconds} s, a step each {phase} s")
    print("  capacity   answers   of an oracle   refused behind settling   85% of it after")
    for number, capacity in enumerate(CAPACITIES):
        begin, end = number * phase, (number + 1) * phase
        served = sum(begin <= one < end for one in times.served)
        late = [sum(begin + settling <= one < end for one in found) for found in (times.served, times.refused)]
        share = late[1] / sum(late) if sum(late) else 0.0
        after = back_after([one - begin for one in times.served if begin <= one < end], capacity, seconds, phase)
        print(
            f"  {capacity:8}  {served:8}  {served / (capacity * phase / seconds):12.1%}  {share:23.2%}  {after:14.1f} s"
        )
        if share > MOST_REFUSED:
            missed.append(
                f"steps: {share:.1%} refused at {capacity} at once, and at most {MOST_REFUSED:.0%} are allowed"
            )
        if number == len(CAPACITIES) - 1 and after > BACK_AFTER:
            missed.append(
                f"steps: {BACK:.0%} of {capacity} at once after {after:.1f} s, and not within {BACK_AFTER:g} s"
            )
    total = sum(one < whole for one in times.served) / (sum(CAPACITIES) * phase / seconds)
    print(f"  in all                {total:10.1%}  of what the oracle does")
    return missed


def back_after(served: list[float], capacity: int, seconds: float, phase: float) -> float:
    """The seconds until five calls' time brings 85% of what the capacity allows; endless, if it never does."""
    window = 5 * seconds
    enough = BACK * capacity * window / seconds
    for first, begin in enumerate(served):
        last = first + int(enough + 0.999) - 1
        if last < len(served) and served[last] < begin + window:
            return begin
    return float("inf")


def outages(options: argparse.Namespace) -> list[str]:
    """3,000 elements, 20 in flight, answers of 0.2 s, and nothing but failures for a minute."""
    scale = options.scale
    print(f"an outage of a minute (times are divided by {scale:g})")
    print("  kind     lost   requests in it   most in 5 s after the first 5   back after")
    minute, missed = 60 / scale, []
    for status in (503, 529, 500, "reset"):
        begin = 40 * 0.2 / scale
        script = {"seconds": 0.2 / scale, "down": [begin, begin + minute, status]}
        result, _, seen = against(script, 3000, None, scale, 20)
        late = [one for one in seen.refused if one > begin + 5 / scale]
        # A probe leaves five seconds after the last one failed: their middles are compared, not the edges of windows.
        most = max((sum(one <= other < one + 4.9 / scale for other in late) for one in late), default=0)
        back = (min(one for one in seen.served if one > begin + minute) - begin - minute) * scale
        lost = len(result.outcome.losses)
        print(f"  {status!s:5}  {lost:6}  {len(seen.refused):15}  {most:28}  {back:10.1f} s")
        if lost:
            missed.append(f"outages: {lost} elements lost in an outage of {status}")
    return missed


def recovery(options: argparse.Namespace) -> list[str]:
    """400 answers of 1 s around ten seconds of 503, a gateway of three a minute, and a Retry-After of a day."""
    scale = options.scale
    script: dict[str, Any] = {"seconds": 1 / scale, "down": [2.5 / scale, 12.5 / scale, 503]}
    result, took, _ = against(script, 400, None, scale, 64)
    print(f"a server restarted in mid-run (times are divided by {scale:g})")
    print(f"  400 answers of 1 s, 64 at once, 10 s of 503: {took * scale:.0f} s, {len(result.outcome.losses)} lost")
    lost = len(result.outcome.losses)
    script = {"seconds": 0.2 / scale, "window": [60 / scale, 3]}
    result, took, seen = against(script, 9, None, scale)
    print(
        f"  9 answers at 3 a minute, no Retry-After: {took * scale:.0f} s, {len(result.outcome.losses)} lost, ", end=""
    )
    print(f"{len(seen.refused)} refused")
    lost += len(result.outcome.losses)
    result, took, seen = against({"seconds": 0.02, "after": [0.2, 86400]}, 3000, None, 1.0, 20)
    print("a Retry-After of a day after 0.2 s, 3,000 elements")
    print(f"  ended after {took:.1f} s with {len(seen.refused)} refused; {len(result.outcome.losses)} lost, the last:")
    print(f"  {result.outcome.losses[-1].reason}")
    return [f"recovery: {lost} elements lost"] if lost else []


def refusals(options: argparse.Namespace) -> list[str]:
    return shares.report(options.calls)


PARTS: dict[str, Callable[[argparse.Namespace], list[str]]] = {
    "shares": refusals,
    "recovery": recovery,
    "outages": outages,
    "steps": steps,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(PARTS), default=[])
    parser.add_argument("--calls", type=int, action="append", default=[], help="the calls of a map, for the shares")
    parser.add_argument("--seconds", type=float, default=0.2, help="the time of an answer, for the steps")
    parser.add_argument("--phase", type=float, default=12.0, help="seconds until the next step")
    parser.add_argument(
        "--scale", type=float, default=20.0, help="by how much the time of outages and recovery is shortened"
    )
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    options.calls = options.calls or [1000]
    missed = [
        line for name, part in PARTS.items() if not options.only or name in options.only for line in part(options)
    ]
    print(*missed, sep="\n", file=sys.stderr, end="\n" if missed else "")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
