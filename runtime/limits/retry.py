"""The retry rules. They decide by the class of a failure when a request is tried again.

flowrun has its own rules because time must be the event loop's. tenacity, and stamina which builds on it, use the clock
of the process, so a virtual clock cannot test them. They also do not know a Retry-After that is too long to wait for.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flowrun.dsl import ATTEMPTS, dataclass

from ..vocabulary.errors import CallError, InDoubtError, RefusedError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The policy for retries: the number of attempts, and the waits in seconds.

    ``total`` is counted from the first attempt, and no attempt starts after it. The wait before retry n is random,
    between half and all of ``wait_initial * 2 ** (n - 1)``, and at most ``wait_max``. A Retry-After is waited for in
    full, with up to a tenth more, so that refused requests do not all come back at once. The bounds of a plan assume
    the usual number of attempts.
    """

    attempts: int = ATTEMPTS
    wait_initial: float = 0.5
    wait_max: float = 30.0
    total: float = 900.0


def _chance() -> float:
    import random  # a run without failures needs none

    return random.random()


@dataclass(eq=False, slots=True)
class Retries:
    """The attempts at one request. The first began at ``began``, a time of the event loop.

    ``made`` counts all attempts. ``tries`` counts those that seem to have failed because of the request itself.
    """

    policy: RetryPolicy
    began: float
    tries: int = 0
    made: int = 0
    doubtful: bool = False
    chance: Callable[[], float] = _chance

    def after(self, failed: CallError, ended: float, *, since: float | None = None, shared: bool = False) -> float:
        """Return the seconds to wait, from ``ended``, until the next attempt.

        If ``shared`` is True, all requests fail in the same way, so the failure uses up no attempt. The total time is
        then counted from ``since``.

        Raises the request's failure if there is no other attempt. A failure that is neither a refusal nor in doubt is
        raised at once. If any attempt was in doubt, the final failure is an InDoubtError, because the call may have
        been paid, however the last attempt ended.
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
        """Count an attempt whose reply answered other calls but not this one. It may have been billed.

        Return the final failure if it was the last attempt, None otherwise.
        """
        self.made += 1
        self.tries += 1
        if self.tries < self.policy.attempts:
            return None
        said = (
            "the server answered only other calls of the same request, and this call may have been paid "
            f"(gave up after {self.made} "
        )
        return InDoubtError(f"{said}attempts)")

    def last(self, failed: CallError, why: str) -> CallError:
        """Make the failure of the whole request from the failure of its last attempt."""
        kind = InDoubtError if self.doubtful else RefusedError
        final = kind(f"{failed} ({why})", status=failed.status, retry_after=failed.retry_after)
        # Each earlier attempt is already settled.
        final.doubtful = failed.doubtful
        return final


def come_back(seconds: float) -> str:
    """Write a sentence: the server wants a pause of this many seconds, and the time when to come back."""
    clock = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(time.time() + seconds))
    return f"the server asks for a pause of {seconds:.0f} s: run the flow again at {clock}"
