"""When a request is tried again, by the class of its failure. Ours, for time must be the loop's.

tenacity, and stamina on it, count elapsed time by the process's clock, so a virtual clock cannot test them, and they
know no Retry-After that is too long to wait for.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from flowrun.dsl import ATTEMPTS

from ..vocabulary.errors import CallError, InDoubtError, RefusedError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long. Seconds; ``total`` is counted from the first attempt, and no attempt starts after it.

    The wait before retry n is drawn from the upper half of ``wait_initial * 2 ** (n - 1)``, at most ``wait_max``.
    A Retry-After is waited for in full, with up to a tenth more, lest all who were sent away come back at once.
    What a plan says of attempts holds for the usual number of them.
    """

    attempts: int = ATTEMPTS
    wait_initial: float = 0.5
    wait_max: float = 30.0
    total: float = 900.0


@dataclass(eq=False, slots=True)
class Retries:
    """The attempts at one request, of which the first began at ``began``, a time of the loop's.

    ``made`` counts them; ``tries`` are those that failed for the request's own sake, as far as anybody can tell.
    """

    policy: RetryPolicy
    began: float
    tries: int = 0
    made: int = 0
    doubtful: bool = False
    chance: Callable[[], float] = random.random

    def after(self, failed: CallError, ended: float, *, since: float | None = None, shared: bool = False) -> float:
        """The seconds to wait, from ``ended``, until the next attempt.

        Where all requests are treated alike the failure is ``shared``: it uses up no attempt. The total time is then
        that of all of them, counted from ``since``.

        Raises the request's failure where there is none: at once what is neither refused nor in doubt. At the end it
        is an InDoubtError when any attempt was in doubt: the call may have been paid, whatever the last attempt met.
        """
        if not isinstance(failed, RefusedError | InDoubtError):
            raise failed
        policy = self.policy
        self.made += 1
        self.tries += not shared
        self.doubtful = self.doubtful or failed.doubtful
        wait = min(policy.wait_max, policy.wait_initial * 2.0 ** min(self.made - 1, 60)) * (1 + self.chance()) / 2
        left = (self.began if since is None else since) + policy.total - ended
        asked = failed.retry_after
        if asked is not None:
            wait = max(wait, min(asked * (1 + self.chance() / 10), max(asked, left)))
        if self.tries >= policy.attempts:
            raise self.last(failed, f"gave up after {self.made} attempt{'s' * (self.made > 1)}") from failed
        if wait > left:
            if asked is not None and asked > left:
                why = come_back(asked)
            else:
                why = f"gave up after {policy.total:g} s and {self.made} attempts"
            raise self.last(failed, why) from failed
        return wait

    def spent(self) -> InDoubtError | None:
        """Count an attempt that brought answers to others, and may have been billed; the failure if it was the last."""
        self.made += 1
        self.tries += 1
        if self.tries < self.policy.attempts:
            return None
        said = f"no answer came with those to the same request, and it may have been paid (gave up after {self.made} "
        return InDoubtError(f"{said}attempts)")

    def last(self, failed: CallError, why: str) -> CallError:
        """The failure of the whole request, after one of its attempts."""
        kind = InDoubtError if self.doubtful else RefusedError
        final = kind(f"{failed} ({why})", status=failed.status, retry_after=failed.retry_after)
        # Each attempt before this one has been settled by itself.
        final.doubtful = failed.doubtful
        return final


def come_back(seconds: float) -> str:
    """Why a request fails whose server wants to be left alone for longer than anybody waits."""
    clock = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(time.time() + seconds))
    return f"the server asks to be left alone for {seconds:.0f} s: come back at {clock}"
