"""The limits that a run shares with the other runs of its journal.

Only endpoints take part for which the flow declares `concurrency`, `rpm` or `tpm`. They are known by their address and
by the name of the variable with the key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, cast

from ..dispatch.endpoint import Endpoint, has_limits
from ..dispatch.ledger import NoLog, RunLog
from ..dispatch.run_turns import RunTurns, Seat
from ..journal.opening import limits_of, live_in
from ..journal.store import Journal
from ..limits.limiter_sharer import LimiterSharer
from ..limits.run_portion import Portion
from ..providers.addresses import host_of
from .one_process import OneProcess

if TYPE_CHECKING:
    from ..limits.shared import Common


async def share_limits(
    journal: Journal,
    log: NoLog,
    endpoints: Mapping[str, Endpoint],
    processes: OneProcess,
    tell: Callable[[str], None],
) -> Callable[[], None]:
    """Take the first shares of a run, before its first request. Return what gives them back at the end of the run."""
    if not isinstance(log, RunLog):
        return _nothing
    seats, ends = [], list[Callable[[], None]]()
    for key, endpoint in limited(endpoints):
        sharer = processes.sharer(endpoint)
        limiter = endpoint.limiter
        seat = Seat(key, sharer, Portion(limiter.limit, limiter.quota.rates))
        if isinstance(sharer, LimiterSharer) and sharer.limiter is not limiter:
            # It outlives the run, and has one share for all runs of this process.
            ends.append(await _together(cast("Common", sharer.limiter), seat, journal, tell))
        else:
            seats.append(seat)
    if seats:
        live = partial(live_in, journal.path)
        turns = RunTurns(log.name, limits_of(journal.path), seats, tell, log.run, live)
        ends.append(turns.close)
        await turns.begin()

    def close() -> None:
        for end in ends:
            end()

    return close


def limited(endpoints: Mapping[str, Endpoint]) -> Iterator[tuple[str, Endpoint]]:
    """Yield the endpoints with limits that runs can share, one for each limiter, with their keys."""
    found: dict[int, list[Endpoint]] = {}
    for one in endpoints.values():
        if has_limits(one) and not one.follows and host_of(one.provider.endpoint):
            found.setdefault(id(one.limiter), []).append(one)
    for several in found.values():
        accounts = sorted({str(getattr(one.provider, "account", "")) for one in several})
        text = "\n".join([several[0].provider.endpoint, *accounts])
        yield blake2b(text.encode(), digest_size=16).hexdigest(), several[0]


async def _together(common: Common, seat: Seat, journal: Journal, tell: Callable[[str], None]) -> Callable[[], None]:
    common.users += 1
    if common.turns is None:
        # No other process can go on with the share of several runs, so its name is its own.
        common.turns = turns = RunTurns(os.urandom(8).hex(), limits_of(journal.path), [seat], tell)
        await turns.begin()

    def part() -> None:
        common.users -= 1
        if not common.users and common.turns is not None:
            common.turns.close()
            common.turns = common.portion = None

    return part


def _nothing() -> None:
    """Give nothing back."""
