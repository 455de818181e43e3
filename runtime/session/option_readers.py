"""Readers of the options that come from Python. They return an option in its usual form, or refuse it in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from ..documents.value_words import described
from ..files.folders import must_be_folder
from ..journal.address import JournalAddress, is_address, place_of
from ..limits.retry import RetryPolicy
from ..vocabulary.errors import UsageError

MOST_WORKERS = 256
"""The most worker processes of a run."""


def flag(given: object, name: str) -> bool:
    if not isinstance(given, bool):
        raise _refused(name, "True or False", given)
    return given


def flag_or_none(given: object, name: str) -> bool | None:
    return None if given is None else flag(given, name)


def worker_count(given: object, name: str) -> int:
    """Read a number of worker processes."""
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= MOST_WORKERS:
        raise _refused(name, f"a whole number from 0 to {MOST_WORKERS}", given)
    return given


def engine(given: object, name: str) -> str:
    """Read the name of an engine."""
    if not isinstance(given, str):
        raise _refused(name, '"ray" or "ray=HOST:6379"', given)
    if given:
        from .engines import address_of  # few runs have an engine

        address_of(given)
    return given


def path(given: object, name: str) -> Path | None:
    return None if given is None else _path(given, name, "the path of a file")


def journal_place(given: object, name: str) -> Path | None:
    """Read the place of a journal: the path of a file, or the URL of a database."""
    if isinstance(given, str | JournalAddress) and is_address(given):
        return place_of(given)
    return path(given, name)


def folders(given: object, name: str) -> tuple[Path, ...]:
    wanted = "the path of a folder, or several"
    places = tuple(_path(one, name, wanted) for one in _several(given, name, wanted, (str, bytes, os.PathLike)))
    for place in places:
        must_be_folder(place, f"`{name}`", f"{name}={{!r}}")
    return places


def hosts(given: object, name: str) -> tuple[str, ...]:
    wanted = 'a host such as "api.openai.com", or several'
    names: list[str] = []
    for one in _several(given, name, wanted, (str, bytes)):
        if not isinstance(one, str):
            raise _refused(name, wanted, one)
        names.append(one)
    return tuple(names)


def function(given: object, name: str) -> Callable[..., Any] | None:
    return None if given is None else needed_function(given, name)


def any_function(given: object, name: str) -> Callable[..., Any] | None:
    """Return a function, which may be an `async` one."""
    if given is not None and not callable(given):
        raise _refused(name, "a function", given)
    return given


def needed_function(given: object, name: str) -> Callable[..., Any]:
    if not callable(given):
        raise _refused(name, "a function", given)
    if iscoroutinefunction(given) or iscoroutinefunction(getattr(given, "__call__", None)):  # noqa: B004
        way = ": write a plain function that puts each value into an asyncio.Queue, and await the queue"
        raise UsageError(
            f"`{name}` takes a plain function, and {_name_of(given)} is an `async` function, "
            "which flowrun would not await"
            f"{way if name.startswith('on_') else ''}"
        )
    return given


def functions(given: object, name: str) -> tuple[Callable[..., Any], ...]:
    wanted = "a function, or several"
    several = (given,) if callable(given) else _several(given, name, wanted, (str, bytes))
    return tuple(needed_function(one, name) for one in several)


def variables(given: object, name: str) -> Mapping[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not all(isinstance(one, str) for pair in given.items() for one in pair):
        raise UsageError(f"`{name}` must be a mapping of texts to texts, like os.environ")
    return given


def retries(given: object, name: str) -> RetryPolicy | None:
    """Read a policy for retries. Its attempts are a whole number from 1, and its times are in seconds."""
    if given is None:
        return None
    if not isinstance(given, RetryPolicy):
        raise _refused(name, "a RetryPolicy", given)
    attempts: object = given.attempts
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        raise UsageError(f"the attempts of `{name}` must be a whole number from 1; found {described(attempts)}")
    for part in ("wait_initial", "wait_max", "total"):
        seconds: object = getattr(given, part)
        # A comparison with NaN is false.
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
            raise UsageError(f"`{part}` of `{name}` must be a number of seconds; found {described(seconds)}")
    return given


def of_kind(kind: type, wanted: str = "") -> Callable[[object, str], object]:
    """Make the reader of an option that is an object of one class, or None. ``wanted`` describes it in messages."""

    def read(given: object, name: str) -> object:
        if given is not None and not isinstance(given, kind):
            raise _refused(name, wanted or f"a {kind.__name__}", given)
        return given

    return read


def _path(given: object, name: str, wanted: str) -> Path:
    if not isinstance(given, str | os.PathLike) or isinstance(written := os.fspath(given), bytes):
        raise _refused(name, wanted, given)
    if not written or "\0" in written:
        raise UsageError(
            f"`{name}` must be {wanted}; found {'a text with a zero byte' if written else 'an empty text'}"
        )
    return Path(written)


def _several(given: object, name: str, wanted: str, single: tuple[type, ...]) -> Iterable[object]:
    """Return a list of values: those of a collection, or a single value."""
    if isinstance(given, single):
        return (given,)
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise _refused(name, wanted, given)
    return given


def _refused(name: str, wanted: str, given: object) -> UsageError:
    return UsageError(f"`{name}` must be {wanted}; found {described(given)}")


def _name_of(given: object) -> str:
    return f"`{getattr(given, '__qualname__', type(given).__qualname__)}`"
