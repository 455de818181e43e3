"""A fan-out of many calls against a local server, beside the same calls written by hand on aiohttp.

    python benchmarks/fanout.py [--calls 1000] [--seconds 0.2] [--rounds 5]

The server runs in a process of its own and answers each request after the same time. Rounds alternate, and the
figures are medians: machines are shared and noisy, so read the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

FLOW = """
model local = "openai:test" with concurrency: {calls}, temperature: 0.5
flow bench(numbers: [int]) {{
  answers = map n in numbers {{ ask local "Say {{{{ n }}}}" }} reduce collect with concurrency: {calls}
  return length(answers)
}}
"""


async def serve(seconds: float) -> None:
    from aiohttp import web

    reply = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1},
    }

    async def complete(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(seconds)
        return web.json_response(reply)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


async def by_hand(base: str, calls: int) -> float:
    """What a careful person writes: one session, no limit of connections, gather."""
    import aiohttp

    began = time.perf_counter()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def one(n: int) -> str:
            body = {"model": "test", "messages": [{"role": "user", "content": f"Say {n}"}], "temperature": 0.5}
            async with session.post(f"{base}/chat/completions", json=body) as response:
                return (await response.json())["choices"][0]["message"]["content"]

        answers = await asyncio.gather(*(one(n) for n in range(calls)))
    assert len(answers) == calls
    return time.perf_counter() - began


async def by_flow(plan: object, base: str, calls: int) -> float:
    from flowrun.runtime import run_async

    began = time.perf_counter()
    result = await run_async(
        plan, {"numbers": list(range(calls))}, environ={"OPENAI_BASE_URL": base, "OPENAI_API_KEY": "none"}
    )
    assert result.value == calls, result.failures
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.seconds))
        return
    from flowrun.dsl import Source, check_flow, make_plan
    from flowrun.runtime.catalog import catalog

    plan = make_plan(check_flow(Source(FLOW.format(calls=options.calls), "bench.flow"), catalog()))
    command = [sys.executable, os.fspath(Path(__file__)), "--serve", "--seconds", str(options.seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        base = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        hand, flow = [], []
        for number in range(options.rounds + 1):
            walls = asyncio.run(by_hand(base, options.calls)), asyncio.run(by_flow(plan, base, options.calls))
            if number:  # the first round warms both up
                hand.append(walls[0])
                flow.append(walls[1])
        server.stdin.close()
    ratio = statistics.median(b / a for a, b in zip(hand, flow, strict=True))
    print(f"{options.calls} calls of {options.seconds} s, median of {options.rounds} rounds")
    print(f"  by hand   {statistics.median(hand):7.3f} s")
    print(f"  flowrun   {statistics.median(flow):7.3f} s")
    print(f"  ratio     {ratio:7.3f}   (flowrun / by hand, median of the pairs)")
    if options.json:
        options.json.write_text(json.dumps({"by_hand": hand, "flowrun": flow, "ratio": ratio}, indent=2) + "\n")


if __name__ == "__main__":
    main()
