"""The Python functions of a flow. flowrun finds them before the run and calls them with plain data.

Their values must have the types that the flow declares. A function runs in a thread of its own, a coroutine function on
the event loop. A thread cannot be stopped, so a call that is given up may leave a thread behind. Such a thread does not
keep the program from ending.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from importlib import invalidate_caches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowrun.dsl import plan as p

from ..values.expressions import ModelValue
from ..vocabulary.errors import FlowrunError, InputError, UsageError, told
from ..vocabulary.json_value import Json
from .threads import Raised, Threads

if TYPE_CHECKING:
    from .modules import Function

WORKERS = 32
"""The most functions that may run at once; the others wait for a thread."""
# Python does not write longer numbers.
_BITS = 14_000


class ExternError(FlowrunError):
    """A Python function raised an exception, or its value does not have the type that the flow declares."""


def used_externs(plan: p.Plan) -> dict[str, p.Extern]:
    """Return the externs that a plan calls, by their key."""
    names: dict[str, None] = {}
    for step in plan.walk():
        node = step.node
        if isinstance(node, p.ExternCall):
            names[node.extern] = None
        elif isinstance(node, (p.Map, p.Repeat, p.Fanout)) and node.reduce.called is not None:
            names[node.reduce.called] = None
    return {name: plan.externs[name] for name in names}


def permit(plan: p.Plan, allowed: bool) -> None:
    """Raise UsageError if a plan calls Python functions and the user has not allowed it. Nothing is imported."""
    used = used_externs(plan)
    if used and not allowed:
        listed = ", ".join(f"`{name}` ({extern.target})" for name, extern in used.items())
        raise UsageError(
            f"the flow `{plan.flow}` wants to run Python functions: {listed}; "
            "if you trust it, allow them with --allow-python (from Python: RunOptions(allow_python=True))"
        )


class Externs:
    """The Python functions of a plan's externs, ready to be called."""

    def __init__(self, functions: Mapping[str, tuple[p.Extern, Function]]) -> None:
        self._functions = functions
        self._context = copy_context()
        self._threads = Threads(WORKERS)

    async def call(self, name: str, args: Mapping[str, Json]) -> Json:
        """Call an extern. Return its value as plain data of the extern's type. Raises ExternError."""
        extern, function = self._functions[name]
        try:
            given = {param: _plain(value) for param, value in args.items()}
        except ExternError as error:
            raise ExternError(f"the arguments of `{name}`: {error}") from None
        call = partial(self._context.copy().run, function, **given)
        try:
            if _is_async(function):
                value = await self._wait(call)
            else:
                value = await self._threads.run(call)
                if inspect.isawaitable(value):
                    value = await self._wait(lambda: value)
        except Raised as raised:
            raise ExternError(f"`{name}` failed: {told(raised.error)}") from None
        return _checked(value, extern, name)

    async def _wait(self, begin: Callable[[], Awaitable[Any]]) -> Any:
        task = asyncio.get_running_loop().create_task(_settled(begin), context=self._context.copy())
        try:
            value, error = await task
        finally:
            task.cancel()
        if error is not None:
            raise Raised(error)
        return value

    def close(self) -> None:
        self._threads.close()


@contextmanager
def opened(plan: p.Plan, folder: Path) -> Iterator[Externs]:
    """Open the externs that a plan calls. Modules are looked for in the flow's folder first, then on Python's path.

    Raises UsageError if a function is missing, or does not take the arguments that the flow gives.
    """
    used = used_externs(plan)
    if not used:
        yield Externs({})
        return
    folder = folder.resolve()
    home = str(folder)
    invalidate_caches()
    sys.path.insert(0, home)
    try:
        from .modules import found

        functions = {name: (extern, found(name, extern, folder)) for name, extern in used.items()}
    finally:
        with suppress(ValueError):
            sys.path.remove(home)
    # A running function may import from the folder, too, but modules there hide no modules that others look for.
    added = home not in sys.path
    if added:
        sys.path.append(home)
    externs = Externs(functions)
    try:
        yield externs
    finally:
        externs.close()
        if added:
            with suppress(ValueError):
                sys.path.remove(home)


# Calling


def _is_async(function: Function) -> bool:
    if inspect.isclass(function):
        return False
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


async def _settled(begin: Callable[[], Awaitable[Any]]) -> tuple[Any, BaseException | None]:
    """Await the result of a function. Return its exception as a value. Only flowrun's own cancellation is raised."""
    try:
        return await begin(), None
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return None, error
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a person's function may raise anything)
        return None, error


def _checked(value: Any, extern: p.Extern, name: str) -> Json:
    from ..inputs.inputs import check_value

    where = f"the value of `{name}`"
    try:
        return check_value(_plain(value), extern.type, where)
    except InputError as error:
        raise ExternError(str(error)) from None
    except ExternError as error:
        raise ExternError(f"{where}: {error}") from None
    except Exception as error:  # noqa: BLE001 (reading a dict of a person's own making may raise anything)
        raise ExternError(f"{where} cannot be read: {told(error)}") from None


def _plain(value: Any) -> Json:
    """Copy a value into plain lists, dicts, texts and numbers. Raises ExternError if it contains anything else."""
    from ..documents.rows import check_depth

    try:
        check_depth(value)
    except ValueError as error:
        raise ExternError(str(error)) from None
    return _copied(value, {})


def _copied(value: Any, known: dict[int, tuple[Any, Json]]) -> Json:
    if value is None or isinstance(value, bool):
        return value
    match value:
        case str():
            return str.__str__(value)
        case int():
            if value.bit_length() > _BITS:
                raise ExternError("it contains a number of thousands of digits")
            return int(value)
        case float():
            return float(value)
        case ModelValue():
            raise ExternError(f"`{value.name}` is a model, and an extern takes plain data")
        case Mapping() | list() | tuple():
            # A part that occurs in many places is copied once: copies of copies could be endless.
            if id(value) not in known:
                copy: Json
                if isinstance(value, Mapping):
                    copy = {
                        str.__str__(key) if isinstance(key, str) else key: _copied(one, known)
                        for key, one in value.items()
                    }
                else:
                    copy = [_copied(one, known) for one in value]
                known[id(value)] = value, copy
            return known[id(value)][1]
    raise ExternError(
        f"a Python {type(value).__name__} is not plain data (texts, numbers, true, false, none, lists, dicts)"
    )
