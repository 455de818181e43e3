"""The conformance suite of providers."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable

from flowrun.runtime.providers.protocol import Provider, fault_of
from flowrun.runtime.vocabulary.call import Message, Reply, Request
from flowrun.runtime.vocabulary.errors import CallError, FlowrunError, mistake_in
from flowrun.runtime.vocabulary.usage import DETAILS, TokenDetail

from .faults import Faults, shown

_PATIENCE = 30.0
"""Each step of a provider must end within this many seconds."""
_SOON = 5.0
"""A cancelled request must end within this many seconds."""


async def check_provider(
    make: Callable[[], Provider], request: Request | None = None, *, slow: Request | None = None, answers: bool = True
) -> None:
    """Check that a provider keeps its rules.

    ``make`` opens a provider, and ``request`` is a question that it can answer.

    ``slow`` is a request whose answer takes more than a second; the suite cancels it. If ``answers`` is False, every
    request is expected to fail, and the suite checks only the errors.

    After ``start`` a provider answers with as many samples as were asked for, or fewer. Its usage figures are None, 0
    or more. A failure is a CallError with a sentence. A cancelled request ends at once. ``close`` may be called at any
    time and more than once; after it the provider refuses requests.

    Raises: NonconformityError.
    """
    request = request or Request((Message("user", "Say hello."),))
    provider = make()
    faults = Faults(f"the provider of {getattr(provider, 'model', provider)}")
    _check_figures(provider, faults)
    await _step(make().close, "it cannot be closed before it is started", faults)
    if await _step(provider.start, "it does not start", faults):
        for samples in sorted({1, max(1, min(2, provider.samples))}):
            await _complete(provider, request, samples, faults, answers)
        if slow is not None:
            await _cancelled(provider, slow, faults)
            await _complete(provider, request, 1, faults, answers)
    await _step(provider.close, "it cannot be closed", faults)
    await _step(provider.close, "it cannot be closed twice", faults)
    faults.finish()


def _check_figures(provider: Provider, faults: Faults) -> None:
    for name in ("model", "endpoint"):
        value = getattr(provider, name, None)
        faults.unless(isinstance(value, str) and value != "", f"`{name}` is no text: {shown(value)}")
    for name in ("samples", "concurrency"):
        value = getattr(provider, name, None)
        faults.unless(type(value) is int and value >= 1, f"`{name}` is no number of 1 or more: {shown(value)}")


async def _step(call: Callable[[], object], fault: str, faults: Faults) -> bool:
    """Await one step of the provider, and record its failure. Return whether it succeeded."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await call()  # type: ignore[misc]
    except TimeoutError:
        faults.add(f"{fault}: it takes more than {_PATIENCE:g} s")
    except FlowrunError as error:
        faults.add(f"{fault}: {error}")
    except Exception as error:  # noqa: BLE001 (whatever it raises is the finding)
        faults.add(f"{fault}: it raises {mistake_in(error)}")
    else:
        return True
    return False


async def _complete(provider: Provider, request: Request, samples: int, faults: Faults, answers: bool) -> None:
    before = repr(request)
    try:
        async with asyncio.timeout(_PATIENCE):
            reply = await provider.complete(request, samples, "flowrun-testing")
    except CallError as error:
        faults.unless(bool(str(error).strip()), "it fails without a sentence")
        faults.unless(error.retry_after is None or error.retry_after >= 0, "`retry_after` is negative")
        faults.unless(not answers, f"it does not answer: {error}")
        return None
    except Exception as error:  # noqa: BLE001 (whatever it raises is the finding)
        return faults.add(f"it raises something else than a CallError: {mistake_in(error)}")
    faults.unless(repr(request) == before, "it changes the request")
    if not faults.unless(isinstance(reply, Reply), f"it returns no Reply: {shown(reply)}"):
        return None
    count = len(reply.answers)
    faults.unless(1 <= count <= samples, f"it gives {count} answers where {samples} are asked for")
    if not faults.unless(not (fault := fault_of(reply)), f"its reply has a wrong shape: {fault}"):
        return None
    detail = reply.usage.detail or TokenDetail()
    figures = {
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        **{name: getattr(detail, name) for name in DETAILS},
    }
    for name, figure in figures.items():
        faults.unless(figure is None or (type(figure) is int and figure >= 0), f"the usage has {name}={figure!r}")
    try:
        same = pickle.loads(pickle.dumps(reply.answers)) == reply.answers
    except Exception as error:  # noqa: BLE001 (whatever it raises is the finding)
        return faults.add(f"its answers are no plain data: {mistake_in(error)}")
    faults.unless(bool(same), "its answers are no plain data: they do not survive being written down")
    return None


async def _cancelled(provider: Provider, slow: Request, faults: Faults) -> None:
    asked = asyncio.ensure_future(provider.complete(slow, 1, ""))
    await asyncio.sleep(0.2)
    if not faults.unless(not asked.done(), "the slow request is over before it can be cancelled"):
        asked.exception()
        return
    asked.cancel()
    done, _ = await asyncio.wait([asked], timeout=_SOON)
    if faults.unless(bool(done), f"a cancelled request does not end within {_SOON:g} s"):
        faults.unless(asked.cancelled(), "a cancelled request ends otherwise than by CancelledError")
