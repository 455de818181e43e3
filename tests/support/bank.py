"""A model's server under a virtual clock that fails in every way and keeps its own bill, and a journal that is killed.

A test compares the bank's bill with the account of a run, however often that run was killed.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flowrun.dsl import plan as p
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.dispatch.cache import Recall
from flowrun.runtime.engine.decisions import Call, Known
from flowrun.runtime.journal.history import History, read_attempts
from flowrun.runtime.journal.reading import JournalReader, open_to_read
from flowrun.runtime.journal.records import LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.writer import Writer, WriteRequest
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.session import run as running
from flowrun.runtime.session.result import Result
from flowrun.runtime.session.resume import taken_up
from flowrun.runtime.session.run import Parts, Stop
from flowrun.runtime.session.run_rows import RunSettings
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.account import Account
from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.errors import (
    AnswerError,
    CallError,
    EndpointError,
    InDoubtError,
    PermanentError,
    RefusedError,
    UsageError,
)
from flowrun.runtime.vocabulary.usage import Price, TokenDetail, Usage

from .by_hand import TICK, reply
from .virtual_clock import CountingLoop

Json = Any
LONGEST = 40
PRICE = Price(10e-6, 100e-6, read_cached=1e-6, write_cached=12.5e-6, stores="short")
MODEL = f"with input_price: 10, output_price: 100, cached_price: 1, stored_price: 12.5, max_tokens: {LONGEST}"
FAULTS = (
    "refused",
    "doubt",
    "late doubt",
    "spoilt",
    "spoilt unbilled",
    "stream",
    "permanent",
    "closes",
    "few",
    "silent",
    "boasts",
)


@dataclass
class Bank:
    """The server. ``dollars`` and ``calls`` are what it bills, also to clients that hang up.

    ``faults`` are the ways in which it may fail, with a chance of ``rate``; ``fault_of`` gives the fault for a prompt.
    ``speak`` makes its answers. ``asked`` are the prompts that came, and ``left`` those whose client hung up, with the
    times.
    """

    dice: random.Random
    faults: tuple[str, ...] = FAULTS
    rate: float = 0.2
    samples: int = 1
    attempts: int = 3
    seconds: Callable[[Request], float] | None = None
    speak: Callable[[Request], str] = reply
    dollars: float = 0.0
    calls: int = 0
    requests: int = 0
    fault_of: Callable[[str], str] = lambda prompt: ""
    asked: list[tuple[str, float]] = field(default_factory=list)
    left: list[tuple[str, float]] = field(default_factory=list)
    closed_at: float | None = None
    asked_when_closed: int = 0

    def opener(self, model: str, surroundings: Surroundings) -> Provider:
        return _Model(self, model)

    def bill(self, request: Request, answers: int) -> Usage:
        """Bill a request: one to a token for each byte of the prompt, and at most the allowed tokens of an answer."""
        size = sum(len(message.text.encode()) for message in request.messages)
        read, written = self.dice.randint(1, max(1, size)), sum(self.dice.randint(0, LONGEST) for _ in range(answers))
        usage = Usage(read, written, TokenDetail(read // 3, read // 2, written // 2))
        self.dollars += PRICE.bill(usage) or 0.0
        self.calls += answers
        return usage


class _Model:
    """A model of the bank. All its models share one endpoint."""

    def __init__(self, bank: Bank, model: str) -> None:
        self.bank = bank
        self.model = model
        self.endpoint = "bank"
        self.samples = bank.samples
        self.concurrency = 8

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        bank, loop = self.bank, asyncio.get_running_loop()
        bank.requests += 1
        prompt = request.messages[-1].text
        bank.asked.append((prompt, loop.time()))
        if bank.closed_at is not None and loop.time() > bank.closed_at:
            bank.asked_when_closed += 1
        seconds = bank.dice.randint(1, 64) * TICK if bank.seconds is None else bank.seconds(request)
        fault = bank.fault_of(prompt)
        if bank.faults and bank.dice.random() < bank.rate:
            fault = bank.dice.choice(bank.faults)
        unpaid = fault in _UNPAID or (fault == "doubt" and bank.dice.random() < 0.5)
        came = bank.dice.randint(1, samples) if fault == "few" else samples
        # A client that hangs up while the model works is billed too.
        usage = Usage() if unpaid else bank.bill(request, came)
        try:
            await asyncio.sleep(seconds * (50 if fault == "late doubt" else 1))
        except asyncio.CancelledError:
            bank.left.append((prompt, loop.time()))
            raise
        failure = self._failure(fault, usage)
        if failure is not None:
            raise failure
        said = usage
        if (fault in ("silent", "few") and bank.dice.random() < 0.5) or fault == "mute":
            said = Usage()
        elif fault == "boasts":
            # An incredible usage, or one that is impossible for such a prompt.
            said = bank.dice.choice([Usage(10**12, 10**15), Usage(3_000, LONGEST)])
        return Reply(tuple(Answer(bank.speak(request)) for _ in range(came)), said)

    def _failure(self, fault: str, usage: Usage) -> CallError | None:
        match fault:
            case "refused":
                return RefusedError("slower", status=429)
            case "overloaded":
                return RefusedError("not now", status=503)
            case "doubt" | "late doubt":
                return InDoubtError("boom", status=500)
            case "spoilt":
                return AnswerError("no choices", usage=usage)
            case "spoilt unbilled":
                return AnswerError("half a reply")
            case "stream":
                error = RefusedError("overloaded", status=529)
                error.doubtful = True
                return error
            case "permanent":
                return PermanentError("no", status=400)
            case "closes":
                self.bank.closed_at = asyncio.get_running_loop().time()
                return EndpointError("no credit", status=402)
        return None


class QuickJournal(Journal):
    """A journal that writes at once, without a thread. Once it is ``dead``, it writes nothing more.

    The future of a row is done ``seconds`` after the write.
    """

    dead = False
    seconds = 0.0

    def append(self, records: Iterable[LogRecord]) -> asyncio.Future[int]:
        done = asyncio.get_running_loop().create_future()
        if not self.dead:
            number = self.write(records)
            if self.seconds:
                asyncio.get_running_loop().call_later(self.seconds, _tell, done, number)
            else:
                done.set_result(number)
        return done

    def note(self, records: Iterable[LogRecord]) -> asyncio.Future[int]:
        done = asyncio.get_running_loop().create_future()
        if not self.dead:
            done.set_result(self.write(records))
        return done

    def write(self, records: Iterable[LogRecord]) -> int:
        """Write records, and return the number of the first one."""
        assert isinstance(self._shared.writer, Writer)
        (end,) = self._shared.writer._commit([WriteRequest(tuple(records))])
        assert isinstance(end, int), end
        return end


_UNPAID = frozenset({"refused", "overloaded", "permanent", "closes"})


def _tell(done: asyncio.Future[int], number: int) -> None:
    if not done.done():
        done.set_result(number)


@dataclass
class Stretch:
    """The outcome of one stretch of a run; ``result`` is None if the stretch was killed.

    ``sought`` are the keys of the calls that it looked up, ``recalled`` those to which the journal had an answer.
    """

    result: Result | None
    events: list[e.Event]
    sought: Counter[bytes]
    recalled: Counter[bytes]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def stretch(
    path: Path,
    bank: Bank,
    budget: Budget | None = None,
    *,
    plan: p.Plan | None = None,
    values: Mapping[str, Json] | None = None,
    model: str = "m",
    kill_at: float | None = None,
    kill_turn: int | None = None,
    disk: float = 0.0,
) -> Stretch:
    """Run a plan; without a plan, resume the last run of the journal.

    ``kill_at`` seconds or ``kill_turn`` turns of the loop later, the run is killed. A row counts as written ``disk``
    seconds after its write.
    """
    told: list[e.Event] = []
    sought: Counter[bytes] = Counter()
    recalled: Counter[bytes] = Counter()
    find = Recall.find

    def found(recall: Recall, call: Call) -> Known:
        known = find(recall, call)
        sought[known.key] += 1
        recalled[known.key] += known.answer is not None
        return known

    stop = Stop()
    parts = Parts((told.append,), {}, bank.opener, RetryPolicy(attempts=bank.attempts, total=60.0), stop, None)
    loop = CountingLoop(kill_turn or 0)
    journal = QuickJournal.open(path)
    journal.seconds = disk
    bank.closed_at = None

    async def whole() -> Result:
        with closing(journal):
            if plan is not None:
                settings, number = RunSettings(model, path.parent, budget=budget), None
                return await running.execute(plan, values or {}, settings, parts, journal, number)
            taken, given, before, number = taken_up(journal, "last")
            settings = RunSettings(before.model, before.folder, budget=budget or before.budget)
            return await running.execute(taken, given, settings, parts, journal, number)

    async def killed() -> Result | None:
        task = asyncio.ensure_future(whole())

        def kill() -> None:
            journal.dead = True
            task.cancel()

        loop.then = kill
        if kill_at is not None:
            loop.call_later(kill_at, kill)
        try:
            return await task
        except asyncio.CancelledError:
            return None
        except UsageError as refused:
            # The budget is below the least that the flow takes.
            assert "no call was made" in str(refused)
            assert not told
            return None

    try:
        with patch.object(Recall, "find", found):
            return Stretch(loop.run_until_complete(killed()), told, sought, recalled)
    finally:
        loop.close()
        journal.close()


def history(path: Path, name: str = "last") -> History:
    """Return a run's history from its journal."""
    found = History(lambda model: PRICE, by_place=True)
    with JournalReader(path) as reader:
        number = reader.index.named(name)[0].number
    with closing(open_to_read(path)) as connection:
        for row in read_attempts(connection, (number,)):
            found.take(row)
    return found


def charged(account: Account) -> float:
    found = account.charged(lambda model: PRICE)
    assert found is not None
    return found


def keys(path: Path, kind: str) -> Counter[bytes]:
    """Count the rows of a kind for each key."""
    with JournalReader(path) as reader:
        numbers = [run.number for run in reader.index.runs.values()]
    with closing(open_to_read(path)) as connection:
        return Counter(row[2] for row in read_attempts(connection, numbers) if row[1] == kind)
