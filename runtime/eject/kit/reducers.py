"""The rules that make one value of the results of a block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from fractions import Fraction
from statistics import mean, median
from typing import Any

from flowrun.runtime.reducers.merge import merged
from flowrun.runtime.vocabulary.tokens import estimate

from .blocks import ended, no_result
from .failures import NoResult
from .fields import get
from .prompts import shown

Merge = Callable[[list[Any]], Coroutine[Any, Any, Any]]


def present(results: Sequence[Any], by: str | None = None) -> list[Any]:
    """Return the results that are there, or a field of each."""
    found = [one for one in results if one is not None]
    return found if by is None else [get(one, by) for one in found]


def flattened(results: Sequence[Any]) -> list[Any]:
    return [item for items in results if items is not None for item in items]


def concatenated(results: Sequence[Any], separator: str = "\n\n") -> str:
    return separator.join(str(text) for text in results if text is not None)


def merged_records(results: Sequence[Any], empty: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return one record made of all records, or ``empty`` where there are none."""
    records = present(results)
    if not records:
        if empty is not None:
            return {name: list(value) if isinstance(value, list) else value for name, value in empty.items()}
        raise no_result(results, "the list of results is empty")
    return merged(records)


def numbers_of(results: Sequence[Any], by: str | None) -> list[Fraction]:
    return [Fraction(one) for one in present(results, by) if one is not None]


def summed(results: Sequence[Any], by: str | None = None) -> float:
    found = [one for one in present(results, by) if one is not None]
    total = sum(numbers_of(results, by), Fraction(0))
    return int(total) if all(isinstance(one, int) for one in found) else float(total)


def averaged(results: Sequence[Any], by: str | None = None) -> float:
    found = numbers_of(results, by)
    if not found:
        raise no_result(results, "the list of results is empty, so it has no mean")
    return float(mean(found))


def middle(results: Sequence[Any], by: str | None = None) -> float:
    found = numbers_of(results, by)
    if not found:
        raise no_result(results, "the list of results is empty, so it has no median")
    return float(median(found))


def ranked(results: Sequence[Any], by: str, order: str = "high", top: int | None = None) -> list[Any]:
    """Return the results by a number, the highest first, and those without it last."""
    sign = 1 if order == "low" else -1
    found = present(results)
    numbered = sorted((one for one in found if get(one, by) is not None), key=lambda one: sign * one[by])
    return [*numbered, *(one for one in found if get(one, by) is None)][:top]


def best_of(results: Sequence[Any], by: str, order: str = "high") -> Any:
    found = ranked(results, by, order, 1)
    if not found:
        raise no_result(results, "the list of results is empty")
    return found[0]


def nothing(results: Sequence[Any], empty: Any) -> Any:
    """Return the value of an ask that got no results: the empty text or list, if the type has it."""
    if getattr(results, "last", None) is not None:
        raise no_result(results, "every element failed")
    if empty is None:
        raise NoResult("the block has no results")
    return empty


async def tree(results: Sequence[Any], fan_in: int, merge: Merge, empty: Any) -> Any:
    """Merge neighbours, so many at a time, until one value is left. All merges of a level run side by side."""
    if not results:
        return nothing(results, empty)
    level: list[Any] = list(results)
    while len(level) > 1:
        level = await merged_level([level[at : at + fan_in] for at in range(0, len(level), fan_in)], merge)
    return level[0]


async def tree_by_tokens(results: Sequence[Any], size: int, merge: Merge, empty: Any) -> Any:
    """Merge neighbours of up to so many tokens in all, but at least two, until one value is left."""
    if not results:
        return nothing(results, empty)
    level: list[Any] = list(results)
    while len(level) > 1:
        groups: list[list[Any]] = [[]]
        held = 0
        for value in level:
            tokens = estimate(shown(value))
            if len(groups[-1]) > 1 and held + tokens > size:
                groups.append([])
                held = 0
            groups[-1].append(value)
            held += tokens
        level = await merged_level(groups, merge)
    return level[0]


async def merged_level(groups: list[list[Any]], merge: Merge) -> list[Any]:
    """Merge each group that has more than one value."""
    merges = [asyncio.ensure_future(merge(group)) for group in groups if len(group) > 1]
    await ended(merges)
    made = [task.result() for task in merges]
    return [made.pop(0) if len(group) > 1 else group[0] for group in groups]


async def folded(
    results: Sequence[Any], merge: Callable[[Any, Any], Coroutine[Any, Any, Any]], empty: Any, *begin: Any
) -> Any:
    """Add one result after another to a value, which begins with the first result unless it is given."""
    values = [*begin, *results]
    if not values:
        return nothing(results, empty)
    value = values[0]
    for following in values[1:]:
        value = await merge(value, following)
    return value
