"""The search for a submission whose id is not known, in the list of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from ..providers.submissions.protocol import Listed, SubmissionApi, SubmissionState
from .submission_book import Submission

SKEW = 600.0
"""The seconds by which the clocks of a server and of this machine may differ."""
_EVERY = 30.0


async def found_id(
    api: SubmissionApi,
    submission: Submission,
    known: Collection[str],
    told: Callable[[str], None] = lambda line: None,
    every: float = _EVERY,
) -> str | None:
    """Return the id of a submission from the server's list. None if it is not there.

    ``known`` are the ids of other submissions. An API without tags is searched by time and number of lines. The custom
    ids of its results decide between several submissions that fit, so this then waits for their ends.

    Raises: CallError, if the list cannot be read.
    """
    fits: list[Listed] = []
    async for one in api.listed():
        if one.made and one.made < submission.at - SKEW:
            break
        if one.tag == submission.tag:
            return api.kept(one.id)
        if not api.tags and one.id not in known and one.lines == len(submission.keys):
            fits.append(one)
    waiting = False
    while fits:
        ended: list[tuple[Listed, SubmissionState]] = []
        for one in fits:
            state = await api.look(one.id)
            if state.ended:
                ended.append((one, state))
        for one, state in ended:
            if await _has(api, one, state, submission):
                return api.kept(one.id)
            fits.remove(one)
        if len(fits) == 1:
            # It has not ended. If it is another one, its results have none of our keys, and the lines are in doubt.
            return api.kept(fits[0].id)
        if fits:
            if not waiting:
                told(f"{submission.model}: {len(fits)} submissions may be the lost one: their results will tell")
            waiting = True
            await asyncio.sleep(every)
    return None


async def _has(api: SubmissionApi, one: Listed, state: SubmissionState, submission: Submission) -> bool:
    """Tell by the custom ids of its results whether a submission is the one that is looked for."""
    keys = set(submission.keys)
    async for result in api.results(one.id, state, ()):
        return result.key in keys
    return False
