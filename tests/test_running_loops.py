"""`run` and `resume` where an event loop already runs, as in a notebook."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunError, RunOptions, Stop, UsageError, resume, run
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from support.harness import scripted
from support.patience import PATIENCE

FLOW = 'flow f(x: text) { a = ask "{{ x }}" return a }\n'
SLOW = (
    'flow f(xs: [text]) {\n  out = map x in xs { a = ask "{{ x }}" a } reduce collect with concurrency: 1\n'
    "  return out\n}\n"
)
ECHO = scripted(lambda request, _: request.messages[0].text.upper())


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "f.flow"
    path.write_text(FLOW)
    return path


async def test_a_run_inside_a_running_loop_has_its_own_loop_and_thread(flow: Path, tmp_path: Path) -> None:
    here, name = threading.get_ident(), contextvars.ContextVar("name", default="none")
    name.set("of the cell")
    seen: set[tuple[int, str]] = set()

    def hear(event: e.Event) -> None:
        assert asyncio.get_running_loop() is not outer
        seen.add((threading.get_ident(), name.get()))

    outer = asyncio.get_running_loop()
    options = RunOptions(opener=ECHO, journal=tmp_path / "j.db", on_event=hear)
    result = run(flow, x="hi", options=options)
    assert result.value == "HI"
    again = resume("last", options=options)
    assert (again.value, again.run, again.summary.recalled) == ("HI", result.run, 1)
    assert {one for _, one in seen} == {"of the cell"}
    assert here not in {thread for thread, _ in seen}
    assert not [one for one in threading.enumerate() if one.name == "flowrun"]
    await asyncio.sleep(0)


async def test_errors_come_to_the_caller(flow: Path) -> None:
    with pytest.raises(UsageError, match="write the option as"):
        run(flow, x="hi", model="a:b")
    with pytest.raises(UsageError, match="must be a RunOptions"):
        run(flow, x="hi", options={})  # type: ignore[arg-type]
    refuse = scripted(lambda request, _: Scripted(""))
    with pytest.raises(RunError) as told:
        run(flow, x="hi", options=RunOptions(opener=refuse))
    assert told.value.result.status == "failed"


async def test_a_run_may_begin_another_and_both_write_one_journal(flow: Path, tmp_path: Path) -> None:
    journal, inner = tmp_path / "j.db", []

    def hear(event: e.Event) -> None:
        if isinstance(event, e.RequestFinished):
            inner.append(run(flow, x="inner", options=RunOptions(opener=ECHO, journal=journal)).value)

    assert run(flow, x="outer", options=RunOptions(opener=ECHO, journal=journal, on_event=hear)).value == "OUTER"
    assert inner == ["INNER"]


def _slow_options(sent: list[str], **more: Any) -> RunOptions:
    def answer(request: Any, number: int) -> Scripted:
        sent.append(request.messages[0].text)
        return Scripted("ok", seconds=0.3)

    return RunOptions(opener=scripted(answer), **more)


def at_first_request(act: Callable[[], object]) -> Callable[[e.Event], None]:
    """Make a listener that acts once, at the beginning of the first request."""
    done: list[object] = []

    def hear(event: e.Event) -> None:
        if isinstance(event, e.RequestStarted) and not done:
            done.append(None)
            act()

    return hear


def signalled(number: signal.Signals) -> Callable[[e.Event], None]:
    return at_first_request(partial(os.kill, os.getpid(), number))


def to_the_process() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def to_this_thread() -> None:
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@contextmanager
def interrupts(send: Callable[[], object] = to_the_process) -> Iterator[Callable[[], None]]:
    """Give a function that interrupts this process, and waits until the main thread has heard it.

    The wait takes place in the thread of a run. So the run cannot end before the interrupt comes, however busy the
    machine is.
    """
    heard = threading.Semaphore(0)

    def hear(number: int, frame: object) -> None:
        heard.release()
        raise KeyboardInterrupt

    def interrupt() -> None:
        send()
        assert heard.acquire(timeout=PATIENCE)

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield interrupt
        assert signal.getsignal(signal.SIGINT) is hear
    finally:
        signal.signal(signal.SIGINT, before)


async def test_the_first_interrupt_stops_the_run_and_keeps_its_answers(tmp_path: Path) -> None:
    path, sent = tmp_path / "f.flow", list[str]()
    path.write_text(SLOW)
    with interrupts() as interrupt, pytest.raises(RunError) as told:
        options = _slow_options(sent, journal=tmp_path / "j.db", on_event=at_first_request(interrupt))
        run(path, {"xs": ["a", "b", "c", "d"]}, options=options)
    result = told.value.result
    assert (result.status, result.summary.calls, sent) == ("stopped", 1, ["a"])
    again = resume("last", options=_slow_options(sent, journal=tmp_path / "j.db"))
    assert (again.ok, again.summary.recalled, sent) == (True, 1, ["a", "b", "c", "d"])


async def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "f.flow"
    path.write_text(SLOW)
    with interrupts() as interrupt, pytest.raises(KeyboardInterrupt):
        twice = at_first_request(lambda: (interrupt(), interrupt()))
        slow = scripted(lambda request, _: Scripted("ok", seconds=3000))
        run(path, {"xs": ["a", "b"]}, options=RunOptions(opener=slow, on_event=twice))


async def test_an_interrupt_that_another_thread_gets_is_heard(tmp_path: Path) -> None:
    """The system may give a signal to any thread, and Python handles it in the main thread, which has to wake up."""
    path = tmp_path / "f.flow"
    path.write_text(SLOW)
    with interrupts(to_this_thread) as interrupt:
        twice = at_first_request(lambda: (interrupt(), interrupt()))
        slow = scripted(lambda request, _: Scripted("ok", seconds=3000))
        with pytest.raises(KeyboardInterrupt):
            run(path, {"xs": ["a", "b"]}, options=RunOptions(opener=slow, on_event=twice))


async def test_an_interrupt_reaches_an_inner_run(tmp_path: Path) -> None:
    path, sent, inner = tmp_path / "f.flow", list[str](), list[str]()
    path.write_text(SLOW)

    with interrupts() as interrupt:

        def hear(event: e.Event) -> None:
            if isinstance(event, e.RequestStarted) and not inner:
                options = _slow_options(sent, on_event=at_first_request(interrupt))
                with pytest.raises(RunError) as told:
                    run(path, {"xs": ["c", "d", "e"]}, options=options)
                inner.append(told.value.result.status)

        with pytest.raises(RunError) as told:
            run(path, {"xs": ["a", "b"]}, options=_slow_options(sent, on_event=hear))
    assert (told.value.result.status, inner, sent) == ("stopped", ["stopped"], ["c", "a"])


async def test_a_signal_handler_of_the_caller_may_raise_its_own_error(tmp_path: Path) -> None:
    def leave(number: int, frame: object) -> None:
        raise TimeoutError("too long")

    path = tmp_path / "f.flow"
    path.write_text(SLOW)
    before = signal.signal(signal.SIGUSR1, leave)
    slow = scripted(lambda request, _: Scripted("", seconds=3000))
    try:
        with pytest.raises(TimeoutError, match="too long"):
            run(path, {"xs": ["a"]}, options=RunOptions(opener=slow, on_event=signalled(signal.SIGUSR1)))
    finally:
        signal.signal(signal.SIGUSR1, before)
    for left in [one for one in threading.enumerate() if one.name == "flowrun"]:
        left.join(PATIENCE)
        assert not left.is_alive()


async def test_an_error_while_the_thread_starts_leaves_no_run_behind(
    flow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, sent = list[threading.Thread](), list[str]()
    start = threading.Thread.start

    def interrupted_start(thread: threading.Thread) -> None:
        start(thread)
        if thread.name == "flowrun":
            started.append(thread)
            raise TimeoutError("too long")

    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    with pytest.raises(TimeoutError, match="too long"):
        run(flow, x="hi", options=_slow_options(sent))
    started[0].join(PATIENCE)
    assert (started[0].is_alive(), sent) == (False, [])


async def test_a_stop_may_be_called_from_the_thread_of_the_cell(tmp_path: Path) -> None:
    path, stop, sent = tmp_path / "f.flow", Stop(), list[str]()
    path.write_text(SLOW)
    other = at_first_request(lambda: threading.Thread(target=stop).start())
    with pytest.raises(RunError) as told:
        run(path, {"xs": ["a", "b", "c"]}, options=_slow_options(sent, stop=stop, on_event=other))
    assert (told.value.result.status, sent) == ("stopped", ["a"])


CELL = """
import asyncio, sys
from flowrun.runtime import run, RunOptions
from flowrun.runtime.providers.scripted import ScriptedProvider
async def cell():
    options = RunOptions(opener=lambda *_: ScriptedProvider(lambda request, _: "ok"), journal=sys.argv[2])
    return [run(sys.argv[1], x=str(at), options=options).value for at in range(3)]
print(asyncio.run(cell()))
"""


def test_development_mode_has_nothing_to_say(flow: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", CELL, str(flow), str(tmp_path / "j.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    # asyncio's debug mode only tells that the cell holds up its loop, which it does.
    said = [line for line in done.stderr.splitlines() if not line.startswith("Executing <Task")]
    assert (done.stdout.strip(), said) == ("['ok', 'ok', 'ok']", [])


INTERRUPTED = """
import asyncio, os, signal, sys, threading
from flowrun.runtime import run, RunError, RunOptions
from flowrun.runtime.vocabulary.events import RequestStarted
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
async def program():
    def hear(event):
        if isinstance(event, RequestStarted):
            os.kill(os.getpid(), signal.SIGINT)
    slow = ScriptedProvider(lambda request, _: Scripted("ok", seconds=0.4))
    options = RunOptions(opener=lambda *_: slow, on_event=hear)
    try:
        run(sys.argv[1], {"xs": ["a", "b", "c"]}, options=options)
    except RunError as error:
        print(error.result.status, error.result.summary.calls, flush=True)
    await asyncio.sleep(0)
    print("not reached")
try:
    asyncio.run(program())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_also_ends_the_program_around_the_run(tmp_path: Path) -> None:
    path = tmp_path / "f.flow"
    path.write_text(SLOW)
    command = [sys.executable, "-c", INTERRUPTED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.stdout.split(), done.stderr) == (["stopped", "1", "interrupted"], "")
