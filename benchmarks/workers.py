"""One measurement in a process of its own: `python benchmarks/workers.py WORK SIDE …` prints it as JSON.

Imports, and a first small run, are over before the clock starts. The small run has a server and a folder of its own, so
that flowrun learns nothing from it about the server that counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import by_flow
import by_hand
from clock import Clock, peak, rss
from mock_server import MEDIAN, SIGMA, allow_all_descriptors

NOWHERE = "http://127.0.0.1:9/v1"


def drawn(count: int) -> list[tuple[float, float]]:
    """Seconds of two calls for each element, always the same."""
    draw = random.Random(7)
    times = [MEDIAN * math.exp(draw.gauss(0, SIGMA)) for _ in range(2 * count)]
    return list(zip(times[::2], times[1::2], strict=True))


def inputs_of(work: str, count: int, seconds: float, number: int = 1) -> dict[str, Any]:
    """The inputs of a flow. Each ``number`` of a run has prompts of its own, so the journal has none of its answers."""
    if work == "chained":
        pairs = [(f"First {n} of {number} s={a:.4f}", f"Second {n} s={b:.4f}") for n, (a, b) in enumerate(drawn(count))]
        return {"pairs": [{"first": first, "second": f"{second} of {number}"} for first, second in pairs]}
    return {"prompts": [f"Say {n} of {number} s={seconds:g}" for n in range(count)]}


FEW: dict[str, dict[str, Any]] = {
    "calls": {"prompts": [f"Say {n} s=0" for n in range(50)]},
    "votes": {"prompts": [f"Vote {n} s=0" for n in range(10)]},
    "chained": {"pairs": [{"first": f"First {n} s=0", "second": f"Second {n} s=0"} for n in range(20)]},
}
TEXTS = {"calls": by_flow.CALLS, "votes": by_flow.VOTES, "chained": by_flow.CHAINED}


def timed(run: Callable[[], Awaitable[Any]], warm: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    with asyncio.Runner() as runner:
        runner.run(_awaited(warm))
        before = rss()
        with Clock() as clock:
            runner.run(_awaited(run))
        return {**clock.taken, "before": before, "after": rss(), "peak": peak()}


async def _awaited(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


def asked(given: argparse.Namespace) -> dict[str, float]:
    """Calls, votes or chained maps: by hand, on another engine, or as a flow."""
    inputs = inputs_of(given.work, given.count, given.seconds, given.number)
    if given.side == "flowrun":
        return flowrun(given, inputs)
    allow_all_descriptors()
    few = FEW["calls"]["prompts"]
    if given.work == "chained":
        return hand_chained(given, inputs)
    # By hand, each sample of a vote is a request of its own.
    prompts = [prompt for prompt in inputs["prompts"] for _ in range(5 if given.work == "votes" else 1)]
    wide = given.wide or len(prompts)
    if given.side == "by hand":
        whole = wide >= len(prompts)
        return timed(
            lambda: (
                by_hand.all_at_once(given.base, prompts) if whole else by_hand.by_workers(given.base, prompts, wide)
            ),
            lambda: by_hand.by_workers(given.warm, few, 8),
        )
    if given.side == "threads":
        by_hand.by_threads(given.warm, few, 8)
        with Clock() as clock:
            by_hand.by_threads(given.base, prompts, min(wide, 256))
        return clock.taken
    import peers

    return timed(
        lambda: peers.run(given.side, given.base, prompts, wide), lambda: peers.run(given.side, given.warm, few, wide)
    )


def hand_chained(given: argparse.Namespace, inputs: dict[str, Any]) -> dict[str, float]:
    """Two maps, one behind the other. ``least`` is the slowest element's own time: nothing can be faster."""
    pairs, few = ([tuple(pair.values()) for pair in one["pairs"]] for one in (inputs, FEW["chained"]))
    barrier = given.side == "a barrier"
    found = timed(
        lambda: by_hand.chained(given.base, pairs, barrier=barrier),
        lambda: by_hand.chained(given.warm, few, barrier=barrier),
    )
    return {**found, "least": max(a + b for a, b in drawn(given.count))}


def flowrun(given: argparse.Namespace, inputs: dict[str, Any]) -> dict[str, float]:
    """A flow file, through `run_async`. ``learnt`` is what one run of it leaves to the next: the folder of its user."""
    text = by_flow.flow(TEXTS[given.work], given.options)
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made) / "user"
        path = by_flow.written(folder, text)
        other = by_flow.written(Path(made) / "other", text)
        journal = not given.no_journal
        return timed(
            lambda: by_flow.result_of(path, given.base, inputs, folder, journal=journal),
            lambda: by_flow.result_of(other, given.warm, FEW[given.work], other.parent, journal=journal),
        )


def nodes(side: str, count: int) -> dict[str, float]:
    """Steps without a call: diamonds in a chain, or the elements of a map.

    ``checking`` is the CPU of reading, checking and planning the file, and ``cpu`` that of the run itself. ``kept`` is
    that of a run with a journal, which writes the plan and the inputs down. ``whole`` is all of it, from the file.
    """
    if side.startswith("LangGraph"):
        import peers

        graph = peers.diamonds_langgraph(count)
        config = {"recursion_limit": 10 * count}
        graph.invoke({"values": []}, config)
        with Clock() as clock:
            graph.invoke({"values": []}, config)
        return {"cpu": clock.cpu, "nodes": 3 * count + 1}
    from flowrun.runtime import load
    from flowrun.runtime.session.loading import plan_of

    diamonds = side == "diamonds"
    text = by_flow.diamonds(count) if diamonds else by_flow.ELEMENTS
    inputs: dict[str, Any] = {"start": 1} if diamonds else {"numbers": list(range(count))}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        load(by_flow.written(folder, by_flow.diamonds(2)))  # makes what all files share
        path = by_flow.written(folder, text)
        with Clock() as checking:
            checked = load(path)
        with Clock() as planning:
            plan_of(checked)

        def ran(flow: Any, *, journal: bool) -> dict[str, float]:
            return timed(*2 * (lambda: by_flow.result_of(flow, NOWHERE, inputs, folder, journal=journal),))

        found = ran(checked, journal=False)
        return {
            "nodes": 3 * count + 1 if diamonds else count,
            "checking": checking.cpu + planning.cpu,
            "cpu": found["cpu"] - planning.cpu,
            "kept": ran(checked, journal=True)["cpu"] - planning.cpu,
            "whole": ran(path, journal=True)["cpu"],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=[*TEXTS, "nodes"])
    parser.add_argument("side")
    parser.add_argument("--base", default=NOWHERE)
    parser.add_argument("--warm", default=NOWHERE, help="the server of the first small run")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--wide", type=int, default=0, help="how many at once by hand and on other engines; 0 for all")
    parser.add_argument("--options", default="", help="the options of the flow's model")
    parser.add_argument("--folder", type=Path, help="the folder of a user, with the cache and the journal")
    parser.add_argument("--number", type=int, default=1, help="the number of the run in this folder")
    parser.add_argument("--no-journal", action="store_true")
    given = parser.parse_args()
    print(json.dumps(nodes(given.side, given.count) if given.work == "nodes" else asked(given)))


if __name__ == "__main__":
    main()
