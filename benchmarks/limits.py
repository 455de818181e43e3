"""A map against a server whose capacity steps from 50 requests at once to 5 and back, beside what an oracle would do.

    python benchmarks/limits.py [--seconds 0.2] [--phase 12] [--journal]

The server runs in a process of its own. It refuses with 429, without a hint, whatever comes beyond its capacity, and
answers the rest after the same time. The oracle knows the capacity and keeps it filled. A share of refusals is taken
behind the settling of a step: twenty calls' time, two seconds at the least.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CAPACITIES = (50, 5, 50)
FLOW = """
model local = "openai:test" with temperature: 0.5
flow bench(numbers: [int]) {
  answers = map n in numbers { ask local "Say {{ n }}" } reduce collect
  return length(answers)
}
"""


async def serve(seconds: float, phase: float) -> None:
    from aiohttp import web

    reply = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1},
    }
    served: list[float] = []
    refused: list[float] = []
    began = 0.0
    flying = 0

    async def complete(request: web.Request) -> web.Response:
        nonlocal began, flying
        await request.read()
        now = time.monotonic()
        began = began or now
        capacity = CAPACITIES[min(len(CAPACITIES) - 1, int((now - began) / phase))]
        if flying >= capacity:
            refused.append(now - began)
            return web.json_response({"error": {"message": "too many at once"}}, status=429)
        flying += 1
        await asyncio.sleep(seconds)
        flying -= 1
        served.append(time.monotonic() - began)
        return web.json_response(reply)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(json.dumps({"served": served, "refused": refused}), flush=True)
    await runner.cleanup()


async def by_flow(base: str, calls: int, seconds: float, journal: Path | None) -> str:
    from flowrun.runtime.api import Stop, run_async

    stop = Stop()
    path = Path(tempfile.mkdtemp()) / "bench.flow"
    path.write_text(FLOW)
    asyncio.get_running_loop().call_later(seconds, stop)
    result = await run_async(
        path, {"numbers": list(range(calls))}, environ={"OPENAI_BASE_URL": base}, journal=journal, stop=stop
    )
    return result.status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.2, help="the time of an answer")
    parser.add_argument("--phase", type=float, default=12.0, help="seconds until the next step")
    parser.add_argument("--journal", action="store_true", help="keep the answers, as the command does")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    seconds, phase = options.seconds, options.phase
    if options.serve:
        asyncio.run(serve(seconds, phase))
        return
    command = [sys.executable, os.fspath(Path(__file__)), "--serve"]
    command += ["--seconds", str(seconds), "--phase", str(phase)]
    whole = phase * len(CAPACITIES)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        base = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        journal = Path(tempfile.mkdtemp()) / "journal.db" if options.journal else None
        most = int(2 * whole * max(CAPACITIES) / seconds)
        asyncio.run(by_flow(base, most, whole + 0.5, journal))
        server.stdin.write("\n")
        server.stdin.flush()
        times = json.loads(server.stdout.readline())
        server.stdin.close()
    settling = max(2.0, 20 * seconds)
    print(f"answers of {seconds} s, a step each {phase} s{', with a journal' if options.journal else ''}")
    print("  capacity   answers   of an oracle   refused behind settling")
    for number, capacity in enumerate(CAPACITIES):
        begin, end = number * phase, (number + 1) * phase
        served = sum(begin <= one < end for one in times["served"])
        late = [sum(begin + settling <= one < end for one in times[name]) for name in ("served", "refused")]
        print(f"  {capacity:8}  {served:8}  {served / (capacity * phase / seconds):12.1%}  {late[1] / sum(late):12.2%}")
    total = sum(one < whole for one in times["served"]) / (sum(CAPACITIES) * phase / seconds)
    print(f"  in all                {total:10.1%}  of what the oracle does")


if __name__ == "__main__":
    main()
