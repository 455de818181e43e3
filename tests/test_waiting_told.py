"""What a run tells of its waiting: the words of the closing line, and the figures of `--json` with a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.cli.waits import waiting, waiting_figures
from flowrun.runtime.vocabulary.waits import NO_WAITS, BlockWaits, Cause, EndpointWaits, Waits
from support.command_line import Ran, chat, command

Handler = Callable[[web.Request], Any]


def at_host(cause: Cause, seconds: float, host: str = "127.0.0.1:8000", **more: Any) -> Waits:
    figures = {"narrowest": 16, "widest": 128, **more}
    return Waits((EndpointWaits(host, ("openai:m",), {cause: seconds}, **figures),))


@pytest.mark.parametrize(
    ("waits", "told"),
    [
        (
            at_host(Cause.WIDTH, 2.0, next=128),
            "2 s of 2.6 s waiting for places at 127.0.0.1 (16 to 128 at once); next run begins at 128",
        ),
        (
            at_host(Cause.WIDTH, 2.0),
            "2 s of 2.6 s waiting for places at 127.0.0.1 (16 to 128 at once); "
            "set `concurrency` on the model if it takes more",
        ),
        (
            at_host(Cause.WIDTH, 2.0, narrowest=4, widest=4, ceiling=4),
            "2 s of 2.6 s waiting for places at 127.0.0.1 (4 at once, by `concurrency` of the model)",
        ),
        (
            at_host(Cause.WIDTH, 2.0, narrowest=2, widest=3, ceiling=8, next=3),
            "2 s of 2.6 s waiting for places at 127.0.0.1 (2 to 3 at once); next run begins at 3",
        ),
        (
            at_host(Cause.WIDTH, 2.0, narrowest=4433, widest=4433, ceiling=5000),
            "2 s of 2.6 s waiting for places at 127.0.0.1 (4,433 at once, and `concurrency` of the model allows 5,000)",
        ),
        (
            at_host(Cause.WIDTH, 2.0, narrowest=9, widest=1000, ceiling=1000),
            "2 s of 2.6 s waiting for places at 127.0.0.1 (9 to 1,000 at once, and `concurrency` of the model "
            "allows 1,000)",
        ),
        (
            at_host(Cause.WIDTH, 2.0, host="embedded", narrowest=1, widest=1),
            "2 s of 2.6 s waiting for places at embedded (1 at once)",
        ),
        (
            at_host(Cause.RATE, 2.0, paced=True),
            "2 s of 2.6 s waiting for the rate at 127.0.0.1, which `rpm` or `tpm` of the model sets",
        ),
        (
            at_host(Cause.RATE, 2.0),
            "2 s of 2.6 s waiting for the rate that 127.0.0.1 allows; only its operator can raise it",
        ),
        (
            at_host(Cause.RETRY_AFTER, 2.0, host="api.example.test"),
            "2 s of 2.6 s in pauses that api.example.test asked for (Retry-After); only its operator can allow more",
        ),
        (at_host(Cause.OUTAGE, 2.0), "2 s of 2.6 s waiting until 127.0.0.1 serves again"),
        (at_host(Cause.BACKOFF, 2.0), "2 s of 2.6 s waiting to send failed requests to 127.0.0.1 again"),
        (
            at_host(Cause.BUDGET, 2.0),
            "2 s of 2.6 s waiting for room in the budget, which holds back the highest cost of each call under way; "
            "a higher budget or a lower `max_tokens` lets more calls run side by side",
        ),
        (
            Waits((), (BlockWaits("notes", 8, 2.0),)),
            "2 s of 2.6 s waiting in `notes`, which opens 8 at once by its own `concurrency`",
        ),
    ],
)
def test_the_closing_line_names_the_cause_and_the_way_out(waits: Waits, told: str) -> None:
    assert waiting(waits, 2.6) == told


def test_the_closing_line_names_the_greatest_cause_alone() -> None:
    many = at_host(Cause.WIDTH, 3.0).endpoints + at_host(Cause.RATE, 5.0, host="[::1]:80").endpoints
    assert "5 s of 9 s waiting for the rate that ::1 allows" in waiting(Waits(many), 9.0)
    assert "`notes`" in waiting(Waits(many, (BlockWaits("notes", 8, 6.0),)), 9.0)


def test_two_endpoints_of_one_host_are_told_apart() -> None:
    one, two = (at_host(Cause.WIDTH, seconds, host=f"127.0.0.1:{seconds:.0f}") for seconds in (3.0, 4.0))
    assert "places at 127.0.0.1:4 (" in waiting(Waits(one.endpoints + two.endpoints), 9.0)


@pytest.mark.parametrize(
    ("seconds", "of", "told"), [(0.9, 1.0, False), (1.0, 4.0, True), (1.0, 4.1, False), (25, 99, True)]
)
def test_only_waiting_that_is_worth_telling_is_told(seconds: float, of: float, told: bool) -> None:
    assert bool(waiting(at_host(Cause.WIDTH, seconds), of)) is told
    assert waiting(NO_WAITS, of) == ""


def test_the_figures_have_every_cause() -> None:
    waits = Waits(at_host(Cause.RATE, 1.23456, next=64, runs=3).endpoints, (BlockWaits("notes", 8, 6.0),))
    assert waiting_figures(waits) == {
        "waiting": {
            "127.0.0.1:8000": {
                "models": ["openai:m"],
                "retry_after": 0.0,
                "outage": 0.0,
                "rate": 1.235,
                "share": 0.0,
                "width": 0.0,
                "backoff": 0.0,
                "budget": 0.0,
                "at_once": {"least": 16, "most": 128, "next": 64},
                "runs": 3,
            }
        },
        "waiting_in_blocks": {"notes": {"concurrency": 8, "seconds": 6.0}},
    }


MAP = """model m = "openai:gpt-4o-mini" with {model}
flow f(xs: [int]) {{
  all = map x in xs {{ ask m "number {{{{ x }}}}" }} reduce collect{block}
  return all
}}
"""


def slow(seconds: float, /, status: int = 200, **headers: str) -> Handler:
    """Make a reply that takes some seconds."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def reply(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.json_response(chat("fine") if status == 200 else {"error": {}}, status=status, headers=named)

    return reply


async def told(folder: Path, faults: Any, *words: str, model: str, block: str = "", count: int = 4) -> Ran:
    (folder / "a.flow").write_text(MAP.format(model=model, block=block))
    environ = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{faults.url}/v1"}
    return await command("a.flow", "--xs", json.dumps(list(range(count))), *words, folder=folder, **environ)


def figures_of(ran: Ran, faults: Any) -> dict[str, Any]:
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    assert list(report["waiting"]) == [faults.url.removeprefix("http://")]
    figures: dict[str, Any] = report["waiting"][faults.url.removeprefix("http://")]
    assert figures["models"] == ["openai:gpt-4o-mini"]
    assert sum(one for one in figures.values() if isinstance(one, float)) <= report["seconds"] + 0.01
    return figures


async def test_a_run_tells_that_it_waited_for_places(tmp_path: Path, faults: Any) -> None:
    faults.replies = [slow(0.5)]
    ran = await told(tmp_path, faults, "--json", model="concurrency: 1")
    figures = figures_of(ran, faults)
    assert figures["width"] >= 1.4
    assert figures["at_once"] == {"least": 1, "most": 1, "next": None}
    assert not any(figures[one] for one in ("rate", "retry_after", "outage", "backoff", "budget"))
    assert "s waiting for places at 127.0.0.1 (1 at once, by `concurrency` of the model)" in ran.err.splitlines()[-1]
    quiet = await told(tmp_path, faults, "--quiet", "--fresh", model="concurrency: 1")
    assert "waiting" not in quiet.err


@pytest.mark.slow
async def test_a_run_tells_the_pause_that_its_server_asked_for(tmp_path: Path, faults: Any) -> None:
    faults.replies = [slow(0, 429, Retry_After="2"), slow(0)]
    ran = await told(tmp_path, faults, "--json", model="concurrency: 1")
    assert figures_of(ran, faults)["retry_after"] >= 1.9
    assert "in pauses that 127.0.0.1 asked for (Retry-After)" in ran.err.splitlines()[-1]


async def test_a_run_tells_the_rate_of_its_server(tmp_path: Path, faults: Any) -> None:
    used_up = slow(0, x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="1.5s")
    faults.replies = [used_up, slow(0)]
    ran = await told(tmp_path, faults, "--json", model="concurrency: 1", count=2)
    assert figures_of(ran, faults)["rate"] >= 1.3
    assert "waiting for the rate that 127.0.0.1 allows" in ran.err.splitlines()[-1]


@pytest.mark.slow
async def test_a_run_tells_the_rate_of_its_flow(tmp_path: Path, faults: Any) -> None:
    faults.replies = [slow(0)]
    ran = await told(tmp_path, faults, "--json", model="rpm: 120", count=5)
    # Two requests may go at once, and then one every half second.
    assert figures_of(ran, faults)["rate"] >= 1.2
    assert "which `rpm` or `tpm` of the model sets" in ran.err.splitlines()[-1]


@pytest.mark.slow
async def test_a_run_tells_the_concurrency_of_its_map(tmp_path: Path, faults: Any) -> None:
    faults.replies = [slow(0.5)]
    ran = await told(tmp_path, faults, "--json", model="max_tokens: 9", block=" with concurrency: 1")
    report = json.loads(ran.out)
    assert report["waiting_in_blocks"]["all"]["concurrency"] == 1
    assert 1.4 <= report["waiting_in_blocks"]["all"]["seconds"] <= report["seconds"]
    assert not figures_of(ran, faults)["width"]
    assert "waiting in `all`, which opens 1 at once by its own `concurrency`" in ran.err.splitlines()[-1]


async def test_a_run_that_did_not_wait_tells_nothing(tmp_path: Path, faults: Any) -> None:
    faults.replies = [slow(0)]
    began = time.monotonic()
    ran = await told(tmp_path, faults, "--json", model="concurrency: 9")
    figures = figures_of(ran, faults)
    assert figures["width"] < time.monotonic() - began
    assert figures["width"] == 0
    assert "waiting" not in ran.err


async def test_a_run_with_all_answers_in_the_journal_waits_nowhere(tmp_path: Path, faults: Any) -> None:
    faults.replies = [slow(0)]
    await told(tmp_path, faults, model="concurrency: 1")
    ran = await told(tmp_path, faults, "--json", model="concurrency: 1")
    assert json.loads(ran.out)["waiting"] == {}
