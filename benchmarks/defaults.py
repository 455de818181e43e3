"""The figures of a user: flows that name no option, with the journal, from Python and by the command.

flowrun keeps what it has learnt of an endpoint in the user's cache. So each measurement has a first run, with a cache
that is empty, and a second one in a new process.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

import by_flow
import large_map
import start
import tail
import whole
import workers
from figures import HAND, Bench, Figure, Line, Round
from peers import engines

SCRIPT = "script, whole process"
PYTHON, COMMAND, PROGRAM = "Python", "command", "program"
SERVERS = ("silent", "headers")
RUNS = ("first", "second")
BOUNDS = {
    (PYTHON, "silent", "first"): 3.0,
    (PYTHON, "headers", "first"): 1.5,
    (PYTHON, "silent", "second"): 1.1,
    (PYTHON, "headers", "second"): 1.1,
    (COMMAND, "silent", "first"): 3.0,
    (COMMAND, "headers", "first"): 1.6,
    (COMMAND, "silent", "second"): 1.25,
    (COMMAND, "headers", "second"): 1.25,
}
"""The most of the time by hand, of the script's for the command: both are whole processes, start included."""
CHAINED_BOUND = 1.08
ROWS = 20_000


def side(face: str, server: str, run: str) -> str:
    return f"{face}, {server}, {run} run"


def users(bench: Bench, work: str, count: int, seconds: float, faces: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Two runs of a new user of each face against each server."""
    text = by_flow.flow(workers.TEXTS[work])
    for server in SERVERS:
        base = bench.silent if server == "silent" else bench.headers.base
        for face in faces:
            folder = bench.user()
            for number, run in enumerate(RUNS, 1):
                bench.headers.account()  # fills the allowance of its rate headers
                if face == COMMAND:
                    inputs = workers.inputs_of(work, count, seconds, number)
                    found = whole.command(folder, base, text, inputs)
                else:
                    more = {"count": count, "seconds": seconds, "folder": folder, "number": number}
                    found = whole.worker(work, "flowrun", base, warm=bench.warm, **more)
                yield side(face, server, run), found


def at_once(bench: Bench, part: str, work: str, what: str, count: int, others: list[str]) -> None:
    """Calls of 200 ms at once; by hand, ``count`` of them."""
    wide = {"count": count, "seconds": 0.2, "warm": bench.warm}

    def one() -> Round:
        found: dict[str, Any] = {HAND: whole.worker(work, HAND, bench.silent, **wide)}
        samples = 5 if work == "votes" else 1
        prompts = workers.inputs_of(work, count, 0.2)["prompts"] * samples
        found[SCRIPT] = whole.script(bench.user(), bench.silent, prompts)
        found |= dict(users(bench, work, count, 0.2, (PYTHON, COMMAND)))
        return found | {name: whole.worker(work, name, bench.silent, **wide) for name in others}

    lines = [Line(what, HAND), Line(what, SCRIPT, over=None), *(Line(what, name) for name in others)]
    for (face, server, run), bound in BOUNDS.items():
        lines.append(Line(what, side(face, server, run), over=SCRIPT if face == COMMAND else HAND, bound=bound))
    lines.append(Line(what, SCRIPT, "cpu", "s", None))
    lines += [Line(f"{what}, CPU", side(COMMAND, "silent", run), "cpu", over=SCRIPT) for run in RUNS]
    bench.take(part, one, lines)


def fan_out(bench: Bench) -> None:
    at_once(bench, "fan-out", "calls", "1,000 calls of 200 ms", 1000, engines())
    at_once(bench, "fan-out", "votes", "200 votes of 5", 200, [])


def chained(bench: Bench) -> None:
    """No barriers: an element enters the second map as soon as it leaves the first."""

    def one() -> Round:
        by_hand = {name: whole.worker("chained", name, bench.silent, count=500, warm=bench.warm) for name in sides}
        return {**by_hand, **dict(users(bench, "chained", 500, 0.0, (PYTHON,)))}

    sides = (HAND, "a barrier")
    what = "2 maps of 500, log-normal"
    lines = [Line(what, name, "wall") for name in sides]
    lines += [Line(what, side(PYTHON, *which), "wall", bound=CHAINED_BOUND) for which in _both()]
    bench.take("chained", one, lines)


def _both() -> list[tuple[str, str]]:
    return [(server, run) for server in SERVERS for run in RUNS]


def call(bench: Bench) -> None:
    """The CPU of a call with the journal, where the server answers at once. The width is held on both sides."""
    for wide, count, bound in ((256, 4000, 1.7), (16, 2000, 2.4)):
        options = f"concurrency: {wide}, temperature: 0.5"

        def one(wide: int = wide, count: int = count, options: str = options) -> Round:
            same = {"count": count, "wide": wide, "warm": bench.warm}
            sides = {HAND: HAND, "flowrun, journal": "flowrun"}
            return {
                name: whole.worker("calls", worker, bench.silent, options=options, **same)
                for name, worker in sides.items()
            }

        what = f"{count:,} calls, {wide} in flight, CPU a call"
        each: dict[str, Any] = {"key": "cpu", "unit": "µs", "scale": 1e6 / count}
        bench.take("call", one, [Line(what, HAND, **each), Line(what, "flowrun, journal", bound=bound, **each)])


def faces(bench: Bench) -> None:
    """The command as a whole process, and the Python program that does the same until it has printed its answer.

    The command leaves its objects to the system. A Python program takes them apart at its end, with those of all other
    libraries: a line without a bound shows that time.
    """
    text = by_flow.flow(by_flow.CALLS, "concurrency: 1000")
    inputs = workers.inputs_of("calls", 2000, 0.2)
    ended = f"{PROGRAM}, to its end"

    def one() -> Round:
        program = whole.program(bench.user(), bench.silent, text, inputs)
        return {
            COMMAND: whole.command(bench.user(), bench.silent, text, inputs),
            PROGRAM: {"own": program["answered"], "cpu": program["answered cpu"]},
            ended: program,
        }

    what = "2,000 calls, 1,000 at once"
    lines = []
    for key, name in (("own", what), ("cpu", f"{what}, CPU")):
        lines += [Line(name, COMMAND, key, over=None), Line(name, PROGRAM, key, over=COMMAND, bound=1.05)]
        lines.append(Line(name, ended, key, over=COMMAND))
    bench.take("faces", one, lines)


def rows(bench: Bench) -> None:
    """Rows of a file to rows of a file, through the command, with its journal."""

    def one() -> Round:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = large_map.run(bench.silent, ROWS)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"flowrun": {"wall": found.seconds, "cpu": cpu}}

    what = f"{ROWS:,} rows from file to file"
    each: dict[str, Any] = {"unit": "µs", "over": None, "scale": 1e6 / ROWS}
    lines = [Line(f"{what}, a row", "flowrun", "wall", **each)]
    lines.append(Line("… CPU a row", "flowrun", "cpu", bound=350, least=True, **each))
    bench.take("rows", one, lines)


def node(bench: Bench) -> None:
    """Steps without a call, in a file that is read and checked first."""
    count = 250

    def one() -> Round:
        found = whole.worker("nodes", "diamonds", count=count)
        return {"flowrun": {name: value / found["nodes"] for name, value in found.items()}}

    what = f"{count} diamonds in a chain, CPU a step"
    each: dict[str, Any] = {"side": "flowrun", "unit": "µs", "over": None, "scale": 1e6, "least": True}
    bench.take(
        "node",
        one,
        [
            Line(what, key="cpu", bound=20, **each),
            Line("… to read, check and plan it", key="checking", **each),
            Line("… a run with the journal", key="kept", **each),
            Line("… all from the file, with the journal", key="whole", **each),
        ],
    )


def hedging(bench: Bench) -> None:
    """Compare the median of fan-outs with and without `hedge`, in virtual time. No load of the machine changes it."""
    gains = tail.virtual()
    for hedge, most, median, late in tail.BOUNDS:
        found = gains[hedge]
        what = f"50 calls, log-normal, hedge {hedge}"
        for name, value, unit, bound, more in (
            ("the median, faster", found.median, "×", median, True),
            ("p90, faster", found.late, "×", late, True),
            ("calls more", 100 * found.extra, "%", 100 * most, False),
        ):
            bench.add(Figure("tail", f"{what}: {name}", "flowrun", value, unit, None, bound, more))


def begin(bench: Bench) -> None:
    """CPU until something happens."""
    for name, taken, bound in start.begins(bench.silent, bench.rounds):
        bench.add(Figure("start", name, "flowrun", taken, "ms", None, bound))
