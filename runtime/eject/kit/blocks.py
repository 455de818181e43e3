"""The blocks of a flow: steps side by side, maps, repeats and rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from math import floor
from typing import Any

from .failures import Failure, NoResult, failure_of

Body = Callable[[int], Coroutine[Any, Any, Any]]


class Results(list[Any]):
    """The results of a block in their order. ``last`` is the failure of a result that the block goes on without."""

    last: Failure | None = None


def start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Begin a step beside the others. Who needs its value awaits the task."""
    task = asyncio.ensure_future(work)
    # A step may fail before anybody awaits it.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def ended(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait for all steps of a body. If one fails, the others are cancelled and the body fails."""
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        await cancelled(tasks)
        raise


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def each(total: int, body: Body, errors: str = "fail", share: float | None = None, at_once: int = 0) -> Results:
    """Run a body for each of so many numbers, side by side, and return the results in order.

    ``errors``: a failed body makes the block fail, is left out (skip), or gives None (none). At most the ``share`` may
    be left out.
    """
    found: dict[int, Any] = {}
    results, lost = Results(), 0
    places = asyncio.Semaphore(at_once or max(1, total))

    async def one(number: int) -> Any:
        async with places:
            return await body(number)

    numbers = {asyncio.ensure_future(one(number)): number for number in range(total)}
    open_ = set(numbers)
    try:
        while open_:
            done, open_ = await asyncio.wait(open_, return_when=asyncio.FIRST_COMPLETED)
            for task, error in [(task, task.exception()) for task in done]:
                if error is None:
                    found[numbers[task]] = task.result()
                    continue
                if not isinstance(error, Exception):
                    raise error
                failure = failure_of(error)
                if errors == "fail":
                    raise failure
                lost += 1
                if results.last is None or results.last.abstains or not failure.abstains:
                    results.last = failure
                if share is not None and lost > floor(total * share + 1e-9):
                    raise type(failure)(*failure.args) if type(failure) is Failure else failure
                if errors == "none":
                    found[numbers[task]] = None
    finally:
        await cancelled(open_)
    results += [found[number] for number in sorted(found)]
    return results


def no_result(results: Sequence[Any], said: str) -> Failure:
    """Return the failure of a rule that finds no value among the results."""
    last = getattr(results, "last", None)
    return Failure(said) if last is not None and not last.abstains else NoResult(said)


async def first_of(total: int, body: Body, at_once: int = 0) -> Any:
    """Return the result that comes first, and take the others back."""
    left = list(range(total))[::-1]
    running: set[asyncio.Task[Any]] = set()
    last: Failure | None = None
    try:
        while left or running:
            while left and len(running) < (at_once or total):
                running.add(asyncio.ensure_future(body(left.pop())))
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task, error in [(task, task.exception()) for task in done]:
                if error is None:
                    if task.result() is not None:
                        return task.result()
                    continue
                if not isinstance(error, Exception):
                    raise error
                failure = failure_of(error)
                if last is None or last.abstains or not failure.abstains:
                    last = failure
    finally:
        await cancelled(running)
    said = "none of the samples gave an answer"
    raise Failure(said) if last is not None and not last.abstains else NoResult(said)


async def rounds(most: int, body: Callable[[int, Any], Awaitable[tuple[Any, bool, Any]]], otherwise: str) -> Any:
    """Run a body until it is good, at most so many times. It gets its number and the value of the round before.

    It returns its value, whether it is good, and its rank. ``otherwise``: the block fails, or has the last value or the
    best one.
    """
    value, best = None, None
    for number in range(most):
        value, good, rank = await body(number, value)
        if good:
            return value
        if otherwise == "best" and (best is None or rank > best[0]):
            best = (rank, value)
    if otherwise == "fail":
        raise NoResult(f"none of the {most} rounds was good enough")
    return value if best is None else best[1]


Place = tuple[int, int]
"""The number of a sample and of all samples, or that of a round and 0."""


def sampled(*places: Place) -> int:
    """Return the number that a seed grows by, different for each sample and round. The innermost place comes last."""
    index, scale, rounds = 0, 1, 0
    for number, samples in reversed(places):
        if samples:
            index += number * scale
            scale *= samples
        else:
            rounds = (rounds + number) * (rounds + number + 1) // 2 + number if number else rounds * (rounds + 1) // 2
    return index + rounds * scale
