"""The look for what the providers of a run need, before the run begins: it may download, so it can be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ..dispatch.endpoint import Endpoint
from ..vocabulary.errors import FlowrunError
from .endpoints import check_endpoints
from .parts import Stop


async def check_until(endpoints: Mapping[str, Endpoint], stop: Stop) -> None:
    """Let the providers look for what they need. A run that is stopped already needs nothing.

    Raises: UsageError; StoppedError, if the run is stopped meanwhile.
    """
    if stop.why is not None:
        return
    check = asyncio.ensure_future(check_endpoints(endpoints))

    def end(why: FlowrunError) -> None:
        check.cancel()

    stop.listen(end)
    try:
        await check
    except asyncio.CancelledError:
        check.cancel()
        if stop.why is None:
            raise
        raise stop.why from None
