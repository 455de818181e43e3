"""Runs of random flows with a journal, in virtual time. Each record is on the disk before the next turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowrun.dsl import plan
from flowrun.runtime import RunError, RunOptions, resume_async, run_async
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.replay.run_records import read_run
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.call import Reply, Request
from flowrun.runtime.vocabulary.run_record import RunRecord
from flowrun.testing import VirtualLoop

from .random_runs import Servers

Json = Any


@dataclass
class Sent:
    """A request that reached a model, and the number of its samples."""

    model: str
    request: Request
    samples: int


@dataclass
class Listening:
    """An opener that keeps all requests to the models of ``servers``."""

    servers: Servers
    sent: list[Sent] = field(default_factory=list)

    def opener(self, model: str, around: Surroundings) -> Provider:
        provider: Any = self.servers.opener(model, around)
        complete = provider.complete

        async def listened(request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
            self.sent.append(Sent(model, request, samples))
            reply: Reply = await complete(request, samples, idempotency_key)
            return reply

        provider.complete = listened
        return provider  # type: ignore[no-any-return]


def steady(append: Callable[..., Any]) -> Callable[..., Any]:
    """Make ``Journal.append`` write at once, because virtual time does not wait for the thread that writes."""

    def at_once(self: Journal, records: Any) -> Any:
        done = append(self, records)
        self._hand_over()
        self._shared.writer.flush()
        return done

    return at_once


def journaled(flow: plan.Plan, inputs: Mapping[str, Json], listening: Listening, path: Path, **options: Any) -> Result:
    """Run a plan with a journal, in virtual time."""
    return in_virtual_time(
        run_async(flow, inputs, options=RunOptions(model="m", opener=listening.opener, journal=path, **options))
    )


def gone_on_with(run: str, listening: Listening, path: Path, **options: Any) -> Result:
    """Resume a run in virtual time."""
    return in_virtual_time(resume_async(run, path, options=RunOptions(opener=listening.opener, **options)))


def in_virtual_time(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end, also of a run that has no value."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            return runner.run(work)
        except RunError as error:
            assert error.result is not None
            return error.result


def recorded(path: Path, flow: plan.Plan, run: str = "last", **options: Any) -> RunRecord:
    """Read the record of a run of a plan. The endpoints of its models are the first parts of their names."""
    with JournalReader(path) as reader:
        return read_run(reader, reader.index.named(run)[0], endpoints=endpoints_of(flow), **options)


def endpoints_of(flow: plan.Plan) -> dict[str, str]:
    models = ["m", *(model.address for model in flow.models), *(model.fallback or "m" for model in flow.models)]
    return {one: one.partition(":")[0] for one in models}
