"""The watch over one submission: its state is asked for in growing pauses, and its results are read at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from ..providers.submissions.protocol import LineResult, SubmissionApi, SubmissionState
from ..vocabulary.errors import CallError, InDoubtError, PermanentError, RefusedError
from ..vocabulary.submission import DamagedError
from .submission_book import Submission

DAYS = 2 * 24 * 3600.0
"""The seconds after which a submission is given up. Every batch API ends within 24 hours of its own."""
HOUR = 3600.0
"""The seconds for which a run looks at a submission at the least, even if it is old."""
LIVE = "to the live API at the full price"
_FORGOTTEN = frozenset({404, 410})
_LOOKS = 5
"""The looks after which a submission that the server does not know is given up, and damaged results are."""
_TURN = 200
"""The results after which the loop gets a turn."""


class Watch:
    """The watch over a submission. ``told`` gets lines for the user, ``moved`` its states.

    ``whole`` is True when all results could be read.
    """

    def __init__(
        self,
        api: SubmissionApi,
        submission: Submission,
        first: float,
        most: float,
        told: Callable[..., None],
        moved: Callable[[Submission, str, int], None],
    ) -> None:
        self.submission = submission
        self.whole = False
        self._api = api
        self._first, self._most = first, most
        self._told, self._moved = told, moved
        self._began = asyncio.get_running_loop().time()
        self._troubled = False

    async def end(self) -> SubmissionState:
        """Wait for the end of the submission.

        Raises: InDoubtError, if the server does not know it, or if it does not end. Another CallError, if the server
        does not tell its state to this run.
        """
        pause, unknown, last = self._first, 0, ("", -1)
        while True:
            try:
                state = await self._api.look(self.submission.id)
            except (RefusedError, PermanentError) as error:
                unknown += 1
                if error.status not in _FORGOTTEN:
                    unknown = 0
                    if isinstance(error, PermanentError):
                        raise
                elif unknown == _LOOKS:
                    raise InDoubtError(f"{error}: it does not know the submission") from None
                self._trouble(error, "the submission goes on, and its state is asked for again")
            else:
                self._troubled, unknown = False, 0
                if (state.word, state.done) != last:
                    last = state.word, state.done
                    self._moved(self.submission, self._api.wire.endpoint.quote(state.word), state.done)
                if state.ended:
                    return state
                self._late(None)
            self.submission.looked = True
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, self._most)

    async def read(self, state: SubmissionState, came: Callable[[LineResult], None]) -> None:
        """Read the results, and call ``came`` with each of them: with answers first, then with lines without one.

        Raises: InDoubtError, if they cannot be read in time. Another CallError, if the server refuses to show them.
        """
        pause, submission, damaged = self._first, self.submission, 0
        while True:
            try:
                unanswered = await self._results(state, came)
                self.whole = True
                break
            except (RefusedError, PermanentError) as error:
                if isinstance(error, PermanentError) and error.status not in _FORGOTTEN:
                    raise
                damaged += isinstance(error, DamagedError | PermanentError)
                self._trouble(error, "the results are read again")
                if damaged == _LOOKS:
                    unanswered = {}
                    break
                await asyncio.sleep(pause)
                pause = min(1.5 * pause, self._most)
        for result in unanswered.values():
            came(result)
        if lost := len(unanswered):
            many = "1 line, which goes" if lost == 1 else f"{lost:,} lines, which go"
            self._told(f"{submission.model}: the batch API has no answer to {many} {LIVE}", urgent=True)
        if self.whole:
            self._moved(submission, "read", len(submission.keys))
            with suppress(CallError):
                await self._api.tidy(state)

    async def _results(self, state: SubmissionState, came: Callable[[LineResult], None]) -> dict[str, LineResult]:
        """Read the results once. Return those without an answer. Raises CallError."""
        submission, unanswered = self.submission, dict[str, LineResult]()
        left, count = set(submission.keys), 0
        async for result in self._api.results(submission.id, state, submission.keys):
            left.discard(result.key)
            if result.body is None:
                unanswered[result.key] = result
            else:
                came(result)
            count += 1
            if not count % _TURN:
                await asyncio.sleep(0)
        if len(submission.keys) - len(left) < min(state.done, len(submission.keys)):
            raise DamagedError(
                f"{submission.model}: the batch API told of {state.done:,} results and sent "
                f"{len(submission.keys) - len(left):,}"
            )
        return unanswered

    def _trouble(self, error: CallError, then: str) -> None:
        """Tell of a failure once, until the server answers again. Raises InDoubtError when it is too late."""
        self._late(error)
        if not self._troubled:
            self._told(f"{error}; {then}")
        self._troubled = True

    def _late(self, error: CallError | None) -> None:
        """Raise InDoubtError if a submission should have ended long ago."""
        watched = asyncio.get_running_loop().time() - self._began
        if time.time() - self.submission.at > DAYS and watched > HOUR:
            said = "it has not ended after two days" if error is None else str(error)
            raise InDoubtError(f"{self.submission.model}: {said}")
