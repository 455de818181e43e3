"""The waiting of a run, in words for its closing line and as figures for `--json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..providers.addresses import hostname_of
from ..vocabulary.amounts import time_text
from ..vocabulary.waits import BlockWaits, Cause, EndpointWaits, Waits

LEAST_SECONDS = 1.0
"""Nobody changes a flow for a shorter time."""
LEAST_SHARE = 0.25
"""With a smaller share of the run, most of its time is that of the model, and less waiting would change little."""


def waiting(waits: Waits, seconds: float) -> str:
    """Write the greatest cause of waiting in a run of this many seconds. "" if it is not worth telling."""
    found = max(_told(waits), default=(0.0, ""), key=lambda one: one[0])
    if found[0] < max(LEAST_SECONDS, LEAST_SHARE * seconds):
        return ""
    return f"{time_text(1000 * found[0])} of {time_text(1000 * max(seconds, found[0]))} {found[1]}"


def _told(waits: Waits) -> Iterator[tuple[float, str]]:
    """Yield the seconds of each cause, with words for it."""
    hosts = [hostname_of(one.endpoint) for one in waits.endpoints]
    for one, host in zip(waits.endpoints, hosts, strict=True):
        name = host if hosts.count(host) == 1 else one.endpoint
        for cause, seconds in one.seconds.items():
            if seconds:
                yield seconds, _in_words(cause, one, name)
    for block in waits.blocks:
        yield block.seconds, _in_block(block)


def _in_words(cause: Cause, waits: EndpointWaits, host: str) -> str:
    match cause:
        case Cause.WIDTH:
            return f"waiting for places at {host} ({_width(waits)}"
        case Cause.SHARE:
            return f"waiting for a share of the `concurrency` at {host}, which {waits.runs:,} runs shared"
        case Cause.RATE if waits.paced and waits.runs > 1:
            return f"waiting for the rate at {host}, which `rpm` or `tpm` sets and {waits.runs:,} runs shared"
        case Cause.RATE if waits.paced:
            return f"waiting for the rate at {host}, which `rpm` or `tpm` of the model sets"
        case Cause.RATE:
            return f"waiting for the rate that {host} allows; only its operator can raise it"
        case Cause.RETRY_AFTER:
            return f"in pauses that {host} asked for (Retry-After); only its operator can allow more"
        case Cause.OUTAGE:
            return f"waiting until {host} serves again"
        case Cause.BACKOFF:
            return f"waiting to send failed requests to {host} again"
        case Cause.BUDGET:
            return (
                "waiting for room in the budget, which holds back the highest cost of each call under way; "
                "a higher budget or a lower `max_tokens` lets more calls run side by side"
            )


def _width(waits: EndpointWaits) -> str:
    least, most = waits.narrowest, waits.widest
    at_once = f"{most:,} at once" if least == most else f"{least:,} to {most:,} at once"
    if waits.ceiling is not None and least >= waits.ceiling:
        return f"{at_once}, by `concurrency` of the model)"
    if waits.next is not None:
        return f"{at_once}); next run begins at {waits.next:,}"
    if waits.ceiling is not None:
        return f"{at_once}, and `concurrency` of the model allows {waits.ceiling:,})"
    return f"{at_once})" + ("; set `concurrency` on the model if it takes more" if most > 1 else "")


def _in_block(waits: BlockWaits) -> str:
    return f"waiting in `{waits.block}`, which opens {waits.concurrency:,} at once by its own `concurrency`"


def waiting_figures(waits: Waits) -> dict[str, Any]:
    """Return the waiting as `--json` prints it: in seconds, by endpoint and cause, and by block."""
    return {
        "waiting": {
            one.endpoint: {
                "models": list(one.models),
                **{cause.value: round(one.seconds.get(cause, 0.0), 3) for cause in Cause},
                "at_once": {"least": one.narrowest, "most": one.widest, "next": one.next},
                "runs": one.runs,
            }
            for one in waits.endpoints
        },
        "waiting_in_blocks": {
            one.block: {"concurrency": one.concurrency, "seconds": round(one.seconds, 3)} for one in waits.blocks
        },
    }
