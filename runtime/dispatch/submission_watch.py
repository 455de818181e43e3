"""The watch over one submission: its state is asked for in growing pauses, and its results are read at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from ..providers.submissions.protocol import Result, State, SubmissionApi
from ..vocabulary.errors import CallError, InDoubtError, RefusedError
from .submission_book import Submission

DAYS = 2 * 24 * 3600.0
"""The seconds after which a submission is given up. Every batch API ends within 24 hours of its own."""
_TURN = 200
"""The results after which the loop gets a turn."""


class Watch:
    """The watch over a submission. ``told`` gets lines for the user, ``moved`` its states."""

    def __init__(
        self,
        api: SubmissionApi,
        submission: Submission,
        first: float,
        most: float,
        told: Callable[[str], None],
        moved: Callable[[Submission, str, int], None],
    ) -> None:
        self.submission = submission
        self._api = api
        self._first, self._most = first, most
        self._told, self._moved = told, moved

    async def end(self) -> State:
        """Wait for the end of the submission. Raises CallError if its state cannot be asked for."""
        pause, troubled, last = self._first, False, ("", -1)
        while True:
            try:
                state = await self._api.look(self.submission.id)
            except RefusedError as error:
                self._late(error)
                if not troubled:
                    self._told(f"{error}; the submission goes on, and its state is asked for again")
                troubled = True
            else:
                troubled = False
                if (state.word, state.done) != last:
                    last = state.word, state.done
                    self._moved(self.submission, self._api.wire.endpoint.quote(state.word), state.done)
                if state.ended:
                    return state
                self._late(None)
            self.submission.looked = True
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, self._most)

    async def read(self, state: State, came: Callable[[Result], None]) -> int:
        """Read the results, and call ``came`` with each of them. Return the number of lines without an answer.

        Raises: CallError, if they cannot be read.
        """
        pause, submission = self._first, self.submission
        while True:
            try:
                count = lost = 0
                async for result in self._api.results(submission.id, state, submission.keys):
                    came(result)
                    count += 1
                    lost += result.body is None
                    if not count % _TURN:
                        await asyncio.sleep(0)
                break
            except RefusedError as error:
                # What was read is used; it is read over again from the start.
                self._late(error)
                await asyncio.sleep(pause)
                pause = min(1.5 * pause, self._most)
        self._moved(submission, "read", len(submission.keys))
        with suppress(CallError):
            await self._api.tidy(state)
        return lost

    def _late(self, error: CallError | None) -> None:
        if time.time() - self.submission.at > DAYS:
            said = "it has not ended after two days" if error is None else str(error)
            raise InDoubtError(f"{self.submission.model}: {said}")
