"""When a call is tried again, by the class of its failure. Ours, for time must be the loop's.

tenacity, and stamina on it, count elapsed time by the process's clock, so a virtual clock cannot test them, and they
know no Retry-After that is too long to wait for.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from .errors import CallError, InDoubtError, RefusedError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long. Seconds; ``total`` is counted from the first attempt, and no attempt starts after it.

    The wait before retry n is drawn from the upper half of ``wait_initial * 2 ** (n - 1)``, at most ``wait_max``.
    A Retry-After is waited for in full, with up to a tenth more, lest all who were sent away come back at once.
    """

    attempts: int = 6
    wait_initial: float = 0.5
    wait_max: float = 30.0
    total: float = 900.0


async def with_retries(
    attempt: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    on_retry: Callable[[CallError, float], None],
    *,
    chance: Callable[[], float] = random.random,
) -> T:
    """Call ``attempt`` until it returns, or fails for good, or the policy ends it.

    ``on_retry`` gets each failure that will be retried and the seconds until then, before the wait: pause the
    endpoint there. RefusedError and InDoubtError are retried; everything else passes through at once. The error
    raised at the end is an InDoubtError when any attempt was in doubt: the call may have been paid, whatever the last
    attempt met.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + policy.total
    doubtful = False
    tries = 0
    while True:
        tries += 1
        try:
            return await attempt()
        except (RefusedError, InDoubtError) as error:
            failed = error
        doubtful = doubtful or isinstance(failed, InDoubtError)
        wait = min(policy.wait_max, policy.wait_initial * 2.0 ** min(tries - 1, 60)) * (1 + chance()) / 2
        left = end - loop.time()
        asked = failed.retry_after
        if asked is not None:
            wait = max(wait, min(asked * (1 + chance() / 10), max(asked, left)))
        if tries >= policy.attempts:
            raise _last(failed, doubtful, f"gave up after {tries} attempts") from failed
        if wait > left:
            if asked is not None and asked > left:
                clock = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(time.time() + asked))
                why = f"the server asks to be left alone for {asked:.0f} s: come back at {clock}"
            else:
                why = f"gave up after {policy.total:g} s and {tries} attempts"
            raise _last(failed, doubtful, why) from failed
        on_retry(failed, wait)
        await asyncio.sleep(wait)


def _last(failed: CallError, doubtful: bool, why: str) -> CallError:
    kind = InDoubtError if doubtful else RefusedError
    return kind(f"{failed} ({why})", status=failed.status, retry_after=failed.retry_after)
