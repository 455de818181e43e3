"""The requests that a gathering has: those that wait for a submission, and for the result of one."""

from __future__ import annotations

import asyncio

from flowrun.dsl import dataclass

from ..providers.posts import Post
from ..providers.submissions.protocol import LineResult, SubmissionLine
from ..vocabulary.errors import CallError
from .submission_book import Submission


@dataclass(eq=False, slots=True)
class GatheredRequest:
    """A request that waits for its result. ``submission`` is the one that has it, None before that."""

    line: SubmissionLine
    post: Post
    lacks: list[str]
    future: asyncio.Future[LineResult]
    task: asyncio.Task[object] | None
    submission: Submission | None = None


def failed_in_doubt(error: Exception) -> bool:
    """Tell whether lines may have been submitted, although this failed."""
    return not isinstance(error, CallError) or error.doubtful


def fail(one: GatheredRequest, error: BaseException) -> None:
    """End a request without a result."""
    if not one.future.done():
        one.future.set_exception(error)
