"""The provider of a model's batch API. It gathers requests that are ready, submits them together, and waits for them.

    gathered ──▶ being submitted ──▶ submitted ──▶ read

A submission is sent when no request has come for a while, or when it is full. Its keys are in the journal before, and
its id after that. A request whose key is in a submission that has an id is not sent again: its answer is read there.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from ..providers.addresses import without_secrets
from ..providers.hosted import ServedProvider
from ..providers.submissions.lines import read_line, write_line
from ..providers.submissions.protocol import LineResult, SubmissionApi, SubmissionLine
from ..vocabulary.amounts import count_text
from ..vocabulary.call import Reply, Request
from ..vocabulary.errors import CallError, DiskError, InDoubtError, PermanentError, RefusedError
from ..vocabulary.submission import GatheringTimes, LineError, UnreadError
from .gathered import GatheredRequest, fail, failed_in_doubt
from .submission_book import Submission, SubmissionBook
from .submission_watch import LIVE, Watch

NOT_SENT_YET = "it was not submitted, because the run was stopped"
NOT_NEEDED = "it was not submitted, because its answer was not needed any more"
NO_ANSWER = "the batch API has no answer to this line"
GOES_LIVE = f"it goes {LIVE}"


class Gathering:
    """The provider that asks a model through its batch API. ``live`` asks the same model through the live API.

    ``told`` gets lines for the user, and ``moved`` the states of submissions. ``on_submitted`` is called when a
    submission has its id. ``halt`` ends the run if the server does not let it read the results.
    """

    def __init__(
        self,
        live: ServedProvider,
        api: SubmissionApi,
        book: SubmissionBook,
        told: Callable[..., None] = lambda line, *, urgent=False: None,
        moved: Callable[[Submission, str, int], None] = lambda submission, state, done: None,
        pace: GatheringTimes | None = None,
    ) -> None:
        self.live, self.api, self.book, self.pace = live, api, book, pace or GatheringTimes()
        self.model, self.endpoint, self.samples = live.model, live.endpoint, live.samples
        self.concurrency = api.most_lines
        self.told, self.moved = told, moved
        self.halt: Callable[[UnreadError], None] = lambda why: None
        self._waiting: dict[str, GatheredRequest] = {}
        self._gathered: dict[str, GatheredRequest] = {}
        self._withdrawn: set[str] = set()
        self._begun = 0.0
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watches: dict[str, Watch] = {}
        self._stopped = False

    async def start(self) -> None:
        await self.live.start()
        self.api.wire.start()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.api.wire.close()

    def holds(self, key: str) -> bool:
        """Tell whether a request waits for a submission that has its id and that is known to go on."""
        found = self._waiting.get(key)
        return found is not None and found.submission is not None and found.submission.looked

    def withdrawn(self, key: str) -> RefusedError | None:
        """Return the failure of a line that was cancelled before it was submitted. None for any other."""
        found = key in self._withdrawn
        self._withdrawn.discard(key)
        return RefusedError(NOT_NEEDED) if found else None

    def stop(self) -> None:
        """Submit nothing more, and wait for no result. A submission that is being sent still gets its id."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for one in self._gathered.values():
            fail(one, RefusedError(NOT_SENT_YET))
        self._gathered = {}
        left = [one for one in self._waiting.values() if one.submission is not None]
        if left:
            many = count_text(len(left), "call stays", "calls stay")
            self.told(f"{self.model}: {many} at the batch API; a resumed run reads the answers there")
        for one in left:
            self._leave(one)

    def _leave(self, one: GatheredRequest) -> None:
        """End the attempt of a submitted line without an end in the journal, so that a resumed run goes on with it."""
        if one.submission is not None and one.task is not None and not one.future.done():
            one.task.cancel()

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        key = idempotency_key
        await self.start()
        request = replace(request, stream=False, hear=None)
        await self.live.check(request)
        held = self.book.holding(key)
        post, lacks = write_line(self.live, request, samples, None if held is None else held.lacks.get(key, ()))
        future: asyncio.Future[LineResult] = asyncio.get_running_loop().create_future()
        one = GatheredRequest(
            SubmissionLine(key, post.path, post.body), post, lacks, future, asyncio.current_task(), held
        )
        self._waiting[key] = one
        try:
            if self._stopped:
                raise RefusedError(NOT_SENT_YET)
            if held is None:
                self._gather(one)
            else:
                self._watch(held, self.pace.quiet)
            result = await future
        except asyncio.CancelledError:
            if key in self._gathered:
                self._withdrawn.add(key)
            raise
        finally:
            del self._waiting[key]
            self._gathered.pop(key, None)
        if result.body is None:
            raise LineError(f"{self.model}: {NO_ANSWER} ({self._quoted(result.why)}); {GOES_LIVE}")
        try:
            return await read_line(self.live, result.body, post, request, result.id)
        finally:
            self.samples = self.live.samples

    def _quoted(self, text: str) -> str:
        return self.api.wire.endpoint.quote(text)

    # Gathering

    def _gather(self, one: GatheredRequest) -> None:
        loop, size = asyncio.get_running_loop(), one.line.size
        full = len(self._gathered) >= self.api.most_lines or self._size + size > self.api.most_bytes
        # Lines of one submission go to the same path of the API.
        first = next(iter(self._gathered.values()), one)
        if self._gathered and (full or first.line.path != one.line.path):
            self._flush()
        if not self._gathered:
            self._begun, self._size = loop.time(), 0
        self._gathered[one.line.key] = one
        self._size += size
        if self._timer is not None:
            self._timer.cancel()
        due = min(loop.time() + self.pace.quiet, self._begun + self.pace.longest)
        self._timer = loop.call_at(due, self._flush)

    def _flush(self) -> None:
        lines, self._gathered = [*self._gathered.values()], {}
        if lines and not self._stopped:
            self._run(self._submitted(lines))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Submitting

    async def _submitted(self, lines: list[GatheredRequest]) -> None:
        keys = [one.line.key for one in lines]
        lacks = {one.line.key: one.lacks for one in lines if one.lacks}
        tag = f"flowrun-{os.urandom(8).hex()}"
        submission = Submission(tag, self.model, without_secrets(self.endpoint), keys, time.time(), lacks)
        failed: Exception | None = None
        try:
            await self.book.begin(submission)
            id_ = await self._sent(submission, [one.line for one in lines])
            await self.book.name(submission, id_)
        except DiskError as error:
            # A submission that has an id was taken.
            failed = InDoubtError(f"{error}; it may have been paid") if submission.id else RefusedError(str(error))
        except Exception as error:  # noqa: BLE001 (whatever it is, the calls of these lines fail by it, and no other)
            failed = error
        if failed is not None:
            if not failed_in_doubt(failed):
                self.book.drop(submission)
            for one in lines:
                fail(one, failed)
            return
        for one in lines:
            one.submission = submission
            if self._stopped:
                self._leave(one)
        self.told(f"{self.model}: submitted {count_text(len(lines), 'line')} to the batch API ({self._quoted(id_)})")
        self.moved(submission, "submitted", 0)
        if not self._stopped:
            self._watch(submission, 0.0)

    async def _sent(self, submission: Submission, lines: list[SubmissionLine]) -> str:
        """Submit lines, again and again if the server refuses them for the moment. Return the id of the submission."""
        loop, pause = asyncio.get_running_loop(), self.pace.first
        until = loop.time() + self.pace.patience
        while True:
            try:
                return self.api.kept(await self.api.submit(submission.tag, lines))
            except InDoubtError as error:
                found = await self._looked_up(submission)
                if found is None:
                    raise
                self.told(f"{self.model}: the submission was found in the server's list ({self._quoted(str(error))})")
                return found
            except RefusedError as error:
                wait = max(pause, error.retry_after or 0.0)
                if loop.time() + wait > until or self._stopped:
                    raise PermanentError(f"{error}: the batch API did not take the submission") from None
                self.told(f"{error}; the batch API is tried again in {wait:.0f} s")
                await asyncio.sleep(wait)
                pause = min(2 * pause, self.pace.most)
            except PermanentError as error:
                if error.status in (404, 405, 501):
                    said = f"{self.model}: {self.api.wire.endpoint.host} has no batch API ({error.status}): "
                    raise PermanentError(f"{said}take `batch: true` away", status=error.status) from None
                raise

    async def _looked_up(self, submission: Submission) -> str | None:
        """Look for a submission whose answer was lost in the list of the server. None if it is not there."""
        from .submission_search import found_id

        for pause in (self.pace.first, 2 * self.pace.first, 4 * self.pace.first):
            await asyncio.sleep(pause)
            try:
                if (found := await found_id(self.api, submission, self.book.ids)) is not None:
                    return found
            except CallError as error:
                self.told(f"{error} (while looking for the submission)")
        return None

    # Waiting

    def _watch(self, submission: Submission, after: float) -> None:
        """Watch a submission, unless it is watched already. Requests that wait for it join within ``after`` seconds."""
        if submission.id in self._watches:
            return
        watch = Watch(self.api, submission, self.pace.first, self.pace.most, self.told, self.moved)
        self._watches[submission.id] = watch
        self._run(self._read(watch, after))

    async def _read(self, watch: Watch, after: float) -> None:
        submission = watch.submission
        try:
            await asyncio.sleep(after)
            state = await watch.end()
            if state.refused:
                error: CallError = PermanentError(
                    f"{self.model}: the batch API refused the submission: {self._quoted(state.refused)}"
                )
            else:
                await watch.read(state, self._came)
                if watch.whole:
                    self.book.close(submission)
                # A line without a result was not run if the submission ended before its time. Otherwise nobody knows.
                why = f"{self.model}: the batch API has no result for this line of {self._quoted(submission.id)}"
                unrun = LineError(f"{why} ({self._quoted(state.word)}); {GOES_LIVE}")
                error = unrun if state.broken and watch.whole else InDoubtError(f"{why}; it may have been paid")
        except InDoubtError as lost:
            error = InDoubtError(f"{lost}; the submission {self._quoted(submission.id)} may have been paid")
        except CallError as refused:
            left = sum(one.submission is submission for one in self._waiting.values())
            self.halt(UnreadError(str(refused), left))
            error = InDoubtError(f"{refused}; the submission {self._quoted(submission.id)} may have been paid")
        finally:
            self._watches.pop(submission.id, None)
        if error.doubtful and not self._stopped:
            # flowrun does not look there once more for lines in doubt.
            self.book.release(submission)
        for one in tuple(self._waiting.values()):
            if one.submission is submission:
                fail(one, error)

    def _came(self, result: LineResult) -> None:
        one = self._waiting.get(result.key)
        if one is not None and not one.future.done():
            one.future.set_result(result)
