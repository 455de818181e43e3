"""No flow costs more with marked heads than without, also where requests fail and runs are killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, make_plan, types
from flowrun.runtime import RunError, RunOptions, load, run_async
from flowrun.runtime.providers import anthropic
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.errors import FlowrunError
from support.few_cases import some
from support.keeping_server import Keeping, fitting, keeping
from support.patience import PATIENCE, eventually
from support.random_checks import Trial

ROOT = Path(__file__).parent
FLOWS = sorted([*(ROOT / "corpus/ok").glob("*.flow"), *(ROOT.parent / "workflows").glob("*.flow")])
LEAST = 4
"""The fewest tokens of a head that the server of these tests keeps, so that short prompts count too."""


@pytest.fixture(autouse=True)
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic, "least_kept", lambda name: LEAST)


def options(server: Keeping, **more: Any) -> RunOptions:
    """Make options with which every model is served by this server."""
    environ = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "k"}

    def opener(model: str, around: Surroundings) -> Provider:
        return anthropic.opened("claude-sonnet-4-5", Surroundings(environ))

    return RunOptions(opener=opener, model="anthropic:claude-sonnet-4-5", **{"journal": None, **more})


def given(type_: types.Type, pick: int) -> Any:
    value = fitting(types.json_schema(type_), pick)
    return f"{value} and more " * 8 if isinstance(value, str) and type_ in (types.TEXT, types.DOCUMENT) else value


SAVED: dict[str, float] = {}


@pytest.mark.parametrize("path", some(FLOWS, 4), ids=lambda path: path.stem)
async def test_no_flow_of_the_corpus_is_dearer(path: Path) -> None:
    plan = make_plan(load(path))
    inputs = {param.name: given(param.type, at) for at, param in enumerate(plan.params) if param.required}
    with keeping(LEAST, seconds=0.002) as server:
        try:
            async with asyncio.timeout(PATIENCE):
                await run_async(path, **inputs, options=options(server))
        except (FlowrunError, RunError, TypeError) as refused:
            if not server.bills:
                pytest.skip(str(refused)[:60])
        assert server.cost <= server.cost_without * (1 + 1e-9)
        SAVED[path.stem] = server.cost_without - server.cost


def test_many_flows_of_the_corpus_are_cheaper() -> None:
    if len(SAVED) > 12:
        assert sum(one > 0 for one in SAVED.values()) > len(SAVED) / 5


@pytest.mark.parametrize("seed", some(range(40), 4))
async def test_no_random_flow_is_dearer(seed: int) -> None:
    trial = Trial.drawn(seed)
    dice = random.Random(seed)
    try:
        plan = trial.plan
    except FlowError:
        return
    with keeping(LEAST, seconds=0.002) as server:
        server.faults = [dice.choice([529, 503])] * dice.randrange(2)
        try:
            async with asyncio.timeout(PATIENCE):
                await run_async(plan, **trial.inputs, options=options(server))
        except FlowrunError as failed:
            assert server.bills, failed
        assert server.cost <= server.cost_without * (1 + 1e-9)


MAP = """flow review(handbook: text, sections: [text]) {
  notes = map section in sections {
    draft = ask "{{ handbook }} Review this: {{ section }}"
    vote = repeat 3 { ask "{{ handbook }} Is it good? {{ draft }} {{ section }}" -> yes | no } reduce majority
    text "{{ draft }}: {{ vote }}"
  } reduce collect with concurrency: 6
  return notes
}
"""


@pytest.mark.parametrize("stop", some([0.005, 0.03, 0.06, 0.1, 0.15, 0.2], 2))
async def test_a_run_that_is_stopped_and_resumed_pays_no_more(stop: float, tmp_path: Path) -> None:
    path, journal = tmp_path / "a.flow", tmp_path / "j.db"
    path.write_text(MAP, encoding="utf-8")
    inputs: dict[str, Any] = {"handbook": "All the rules. " * 100, "sections": [f"section {at}" for at in range(30)]}
    with keeping(LEAST, seconds=0.01) as server:
        running = asyncio.ensure_future(run_async(path, **inputs, options=options(server, journal=journal)))
        await asyncio.sleep(stop)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        again = await run_async(path, **inputs, options=options(server, journal=journal))
        assert len(again.value) == 30
        head = len(inputs["handbook"]) / 4
        assert server.cost <= server.cost_without
        assert server.full_reads(head) <= 4, "two prompts begin with it, and the stop may cost each a second reading"
        asked = len(server.bills)
        await run_async(path, **inputs, options=options(server, journal=journal))
        assert len(server.bills) == asked, "the keys of all answers are the same"


SERVED = """model m = "anthropic:claude-sonnet-4-5"
flow review(handbook: text, sections: [text]) {
  notes = map section in sections { ask m "{{ handbook }} Review this: {{ section }}" } reduce collect
    with concurrency: 8
  return notes
}
"""


@pytest.mark.parametrize("seconds", some([0.1, 0.0, 0.3], 3))
def test_a_killed_process_reads_the_head_at_most_once_more(seconds: float, tmp_path: Path) -> None:
    """The process is killed by SIGKILL when the first request has come, and ``seconds`` later."""
    flow, book, sections = tmp_path / "a.flow", tmp_path / "book.txt", tmp_path / "sections.json"
    flow.write_text(SERVED, encoding="utf-8")
    book.write_text("All the rules. " * 1000, encoding="utf-8")
    sections.write_text(json.dumps([f"section {at}" for at in range(60)]), encoding="utf-8")
    # A resumed run takes the answers of the journal; the same command does so, too.
    command = [str(Path(sys.executable).with_name("flowrun")), str(flow), "--handbook", f"@{book}"]
    command += ["--sections", f"@{sections}", "--journal", str(tmp_path / "j.db"), "--json"]
    with keeping(1024, seconds=0.02) as server:
        environ = {**os.environ, "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "k", "HOME": str(tmp_path)}
        environ |= {"XDG_DATA_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as first:
            eventually(lambda: server.bills or first.poll() is not None)
            time.sleep(seconds)
            first.kill()
        again = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert again.returncode == 0, again.stderr
        assert len(json.loads(again.stdout)["value"] if "value" in again.stdout else json.loads(again.stdout)) == 60
        assert server.full_reads(3700) <= 2
        assert server.cost < 0.3 * server.cost_without
        billed = Counter(bill.key for bill in server.bills)
        assert max(billed.values()) <= 2 and len(server.bills) <= 60 + 8, "only requests in doubt are sent again"
