"""Maps against servers with limits: capacity that steps from 50 at once to 5 and back, outages, limits by the minute.

    python benchmarks/limits.py [--seconds 0.2] [--phase 12] [--scale 20] [--journal]

The server (`limit_server.py`) runs in a process of its own, on loopback. In all parts but the steps time is scaled:
with `--scale 20` a minute takes three seconds, and so do all waits of the runner; `--scale 1` is the true length.

The oracle of the steps knows the capacity and keeps it filled. A share of refusals is taken behind the settling of a
step: twenty calls' time, two seconds at the least.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CAPACITIES = (50, 5, 50)
FLOW = """
model local = "openai:test" with temperature: 0.5{concurrency}
flow bench(numbers: [int]) {{
  answers = map n in numbers {{ ask local "Say {{{{ n }}}}" }} reduce collect with errors: skip
  return length(answers)
}}
"""


async def by_flow(
    base: str,
    calls: int,
    seconds: float | None,
    journal: Path | None,
    scale: float = 1.0,
    concurrency: int | None = None,
) -> Any:
    """The result of a map, which is stopped after so many seconds."""
    from flowrun.runtime.api import RunOptions, Stop, run_async
    from flowrun.runtime.limits.retry import RetryPolicy

    stop, usual = Stop(), RetryPolicy()
    path = Path(tempfile.mkdtemp()) / "bench.flow"
    path.write_text(FLOW.format(concurrency="" if concurrency is None else f", concurrency: {concurrency}"))
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stop)
    # The wait between probes follows `wait_max`, where that is shorter than the usual five seconds.
    waits = usual if scale == 1 else RetryPolicy(usual.attempts, usual.wait_initial / scale, 5 / scale, 900 / scale)
    return await run_async(
        path,
        {"numbers": list(range(calls))},
        options=RunOptions(environ={"OPENAI_BASE_URL": base}, journal=journal, stop=stop, policy=waits),
    )


def against(script: dict[str, Any], *run: Any, **more: Any) -> tuple[Any, float, dict[str, list[float]]]:
    """The result of a map against a server, the seconds from its first request to its last, and what it has seen."""
    command = [sys.executable, os.fspath(Path(__file__).with_name("limit_server.py")), json.dumps(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        base = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        result = asyncio.run(by_flow(base, *run, **more))
        server.stdin.write("\n")
        server.stdin.flush()
        seen = json.loads(server.stdout.readline())
        server.stdin.close()
    return result, max(seen["served"] + seen["refused"]), seen


def steps(seconds: float, phase: float, journal: bool) -> None:
    whole = phase * len(CAPACITIES)
    path = Path(tempfile.mkdtemp()) / "journal.db" if journal else None
    script = {"seconds": seconds, "steps": [(number * phase, one) for number, one in enumerate(CAPACITIES)]}
    times = against(script, int(2 * whole * max(CAPACITIES) / seconds), whole + 0.5, path)[2]
    settling = max(2.0, 20 * seconds)
    print(f"answers of {seconds} s, a step each {phase} s{', with a journal' if journal else ''}")
    print("  capacity   answers   of an oracle   refused behind settling")
    for number, capacity in enumerate(CAPACITIES):
        begin, end = number * phase, (number + 1) * phase
        served = sum(begin <= one < end for one in times["served"])
        late = [sum(begin + settling <= one < end for one in times[name]) for name in ("served", "refused")]
        share = late[1] / sum(late) if sum(late) else 0.0
        print(f"  {capacity:8}  {served:8}  {served / (capacity * phase / seconds):12.1%}  {share:12.2%}")
    total = sum(one < whole for one in times["served"]) / (sum(CAPACITIES) * phase / seconds)
    print(f"  in all                {total:10.1%}  of what the oracle does")


def outages(scale: float) -> None:
    """3,000 elements, 20 in flight, answers of 0.2 s, and nothing but failures for a minute."""
    print(f"an outage of a minute (times are divided by {scale:g})")
    print("  kind     lost   requests in it   most in 5 s after the first 5   back after")
    minute = 60 / scale
    for status in (503, 529, 500, "reset"):
        begin = 40 * 0.2 / scale
        script = {"seconds": 0.2 / scale, "down": [begin, begin + minute, status]}
        result, _, seen = against(script, 3000, None, None, scale, 20)
        times = seen["refused"]
        late = [one for one in times if one > begin + 5 / scale]
        # A probe leaves five seconds after the last one failed: their middles are compared, not the edges of windows.
        most = max((sum(one <= other < one + 4.9 / scale for other in late) for one in late), default=0)
        back = (min(one for one in seen["served"] if one > begin + minute) - begin - minute) * scale
        print(f"  {status!s:5}  {len(result.outcome.losses):6}  {len(times):15}  {most:28}  {back:10.1f} s")


def recovery(scale: float) -> None:
    """200 answers of 1 s behind ten seconds of 503, and a gateway that serves three a minute."""
    script: dict[str, Any] = {"seconds": 1 / scale, "down": [2.5 / scale, 12.5 / scale, 503]}
    result, took, _ = against(script, 400, None, None, scale, 64)
    print(f"a server restarted in mid-run (times are divided by {scale:g})")
    print(f"  400 answers of 1 s, 64 at once, 10 s of 503: {took * scale:.0f} s, {len(result.outcome.losses)} lost")
    script = {"seconds": 0.2 / scale, "window": [60 / scale, 3]}
    result, took, seen = against(script, 9, None, None, scale)
    print(
        f"  9 answers at 3 a minute, no Retry-After: {took * scale:.0f} s, {len(result.outcome.losses)} lost, ", end=""
    )
    print(f"{len(seen['refused'])} refused")


def far_retry_after() -> None:
    script = {"seconds": 0.02, "after": [0.2, 86400]}
    result, took, seen = against(script, 3000, None, None, 1.0, 20)
    print("a Retry-After of a day after 0.2 s, 3,000 elements")
    print(
        f"  ended after {took:.1f} s with {len(seen['refused'])} refused; {len(result.outcome.losses)} lost, the last:"
    )
    print(f"  {result.outcome.losses[-1].reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.2, help="the time of an answer, for the steps")
    parser.add_argument("--phase", type=float, default=12.0, help="seconds until the next step")
    parser.add_argument(
        "--scale", type=float, default=20.0, help="by how much the time of the other parts is shortened"
    )
    parser.add_argument("--journal", action="store_true", help="keep the answers of the steps, as the command does")
    options = parser.parse_args()
    recovery(options.scale)
    outages(options.scale)
    far_retry_after()
    steps(options.seconds, options.phase, options.journal)


if __name__ == "__main__":
    main()
