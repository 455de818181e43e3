"""A fake journal that writes slowly, and remembers what is on its disk."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

from flowrun.runtime.dispatch.ledger import NoLog
from flowrun.runtime.dispatch.request_waits import NO_WAITING
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import AnswerError, CallError
from flowrun.runtime.vocabulary.receipt import Receipt
from flowrun.runtime.vocabulary.usage import Usage
from flowrun.runtime.vocabulary.waits import Cause


class SlowLog(NoLog):
    """A slow journal. ``intended`` are the calls with an intent on the disk; ``durable`` are the answers on the disk.

    ``ended`` are the calls whose ends were reported to it. It writes every record, even if nobody waits for it.
    """

    keeps = True

    def __init__(self, seed: int, slowest: float) -> None:
        super().__init__()
        self.dice = random.Random(seed)
        self.slowest = slowest
        self.intended: set[str] = set()
        self.given: list[int] = []
        self.durable: set[str] = set()
        self.answered_calls: list[int] = []
        self.ended: list[int] = []

    async def _write(self) -> None:
        await asyncio.sleep(self.dice.uniform(0, self.slowest))

    def request_key(self, calls: Sequence[Call]) -> str:
        return " ".join(str(call.number) for call in calls)

    async def intend(self, calls: Sequence[Call], key: str, waited: Mapping[Cause, int] = NO_WAITING) -> None:
        self.given.extend(call.number for call in calls)
        await self._write()
        self.intended.add(key)

    async def answered(
        self,
        calls: Sequence[Call],
        answers: Sequence[Answer],
        usage: Usage,
        began: float,
        receipt: Receipt | None = None,
    ) -> None:
        self.answered_calls.extend(call.number for call in calls)
        await self._write()
        self.durable.update(answer.text for answer in answers)

    async def spoiled(self, calls: Sequence[Call], error: AnswerError, began: float) -> None:
        self.ended.extend(call.number for call in calls)
        await self._write()

    def over(
        self, calls: Sequence[Call], error: CallError | None, began: float, *, failure: CallError | None = None
    ) -> None:
        self.ended.extend(call.number for call in calls)

    def unsent(self, calls: Sequence[Call]) -> None:
        self.ended.extend(call.number for call in calls)

    async def end(self, status: str, account: Any = None, *, spread: bool = False) -> None:
        await self._write()
