"""The lines of a submission, written and read by the provider of the live API, so that both send the same bodies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ...vocabulary.call import Reply, Request
from ...vocabulary.errors import AnswerError
from ...vocabulary.tariff import BATCH_TIER
from ..hosted import ServedProvider
from ..posts import Post
from ..structured import shape

_SECONDS = 60.0


def write_line(
    live: ServedProvider, request: Request, samples: int, lacks: Iterable[str] | None
) -> tuple[Post, list[str]]:
    """Write the request of a line. Return it with the parts of a request that it goes without.

    ``lacks`` are those parts if the line was written before: then it must be read as it was written.
    """
    form = shape(request, live.keywords)
    without = live._known.lacks(form, request.messages) if lacks is None else frozenset(lacks)
    return live._call(request, form, min(samples, live.samples), without), sorted(without)


async def read_line(live: ServedProvider, body: dict[str, Any], post: Post, request: Request, request_id: str) -> Reply:
    """Read the reply of a line. Its usage has the tier of batch APIs. Raises AnswerError."""
    assert live._client is not None
    deadline = live._client.time() + _SECONDS
    try:
        reply = await live._read(body, post, request, None, deadline, request_id)
    except AnswerError as error:
        if error.usage is not None:
            error.usage = replace(error.usage, tier=BATCH_TIER)
        raise
    return replace(reply, usage=replace(reply.usage, tier=BATCH_TIER))
