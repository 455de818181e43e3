"""The options of a run: everything that a caller sets besides the flow and its inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..costs.written_budget import Budget, budget_of
from ..limits.retry import RetryPolicy
from ..providers import open_provider
from .endpoints import OpenProvider, default_model_name
from .given import flag, folders, function, functions, hosts, needed_function, of_kind, path, retries, variables
from .hosts import Ask
from .listeners import Listeners
from .resume import RunSettings
from .run import Listener, Parts, Stop

Json = Any
AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What a run may read, reach and call besides the flow's own folder and the hosts that the user has named.

    ``allow_read`` is a folder that the flow may read, or several. ``allow_host`` is a host that models named by the
    flow may be at, or several. ``allow_python`` lets flowrun import and call the flow's externs. ``ask_hosts`` is asked
    about the hosts that are not allowed: it gets them as ``Reach`` and returns True to allow them all.
    """

    allow_read: AnyPath | Iterable[AnyPath] = ()
    allow_host: str | Iterable[str] = ()
    allow_python: bool = False
    ask_hosts: Ask | None = None


@dataclass(frozen=True, kw_only=True)
class JournalOptions:
    """Where a run keeps its answers, and which of them it takes.

    ``journal`` is a file; without one the run keeps nothing. A call with an answer in it is not sent again, unless
    ``fresh``. ``ask_doubtful``: a run that is resumed sends the calls in doubt again, those that were under way when
    it was ended and may have been paid; otherwise they fail.
    """

    journal: AnyPath | None = None
    fresh: bool = False
    ask_doubtful: bool = True


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What ends a run, or an attempt of it.

    ``budget`` replaces the flow's own: a ``Budget``, or a text such as "$2.50, 400 calls". ``policy`` is that of
    retries. ``stop`` is a switch that stops the run.
    """

    budget: Budget | str | None = None
    policy: RetryPolicy | None = None
    stop: Stop | None = None


@dataclass(frozen=True, kw_only=True)
class Display:
    """What is told of a run while it goes on.

    ``on_event`` is a function that takes every event, or several functions. One that raises does not end the run: when
    the run is over, a RuntimeWarning names it. ``on_result`` takes the results of a list one by one, in order, if the
    flow returns the list of a map unchanged; the ``Result`` does not keep them then.
    """

    on_event: Listener | Iterable[Listener] = ()
    on_result: Callable[[Json], None] | None = None


@dataclass(frozen=True, kw_only=True)
class RunOptions(Permissions, JournalOptions, Limits, Display):
    """The options of a run: ``Permissions``, ``JournalOptions``, ``Limits``, ``Display``, and the model.

    ``model`` is the model of asks that name none; without it, the variable FLOWRUN_MODEL or the embedded model is.
    ``environ`` stands for the environment variables of the process. ``opener`` makes the provider of an address; a
    caller who gives it vouches for the hosts. One object may serve many runs.

    Raises: UsageError, for an option of the wrong type.
    """

    model: str | None = None
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    opener: OpenProvider = open_provider

    def __post_init__(self) -> None:
        # An iterator can be read once, and the options may serve many runs.
        for name, read in _READERS.items():
            object.__setattr__(self, name, read(getattr(self, name), name))

    @property
    def surroundings(self) -> Mapping[str, str]:
        """The environment variables."""
        return os.environ if self.environ is None else self.environ

    def settings(self) -> RunSettings:
        """Return the part that the journal keeps."""
        return RunSettings(
            model=self.model or default_model_name(self.surroundings),
            allow_read=folders(self.allow_read, "allow_read"),
            allow_host=hosts(self.allow_host, "allow_host"),
            budget=budget_of(self.budget),
            fresh=self.fresh,
        )

    def parts(self, listeners: Listeners, remarks: Iterable[str] = ()) -> Parts:
        """Return the part that the journal does not keep; ``remarks`` are those of the readers of the inputs."""
        return Parts(
            (listeners,),
            self.surroundings,
            self.opener,
            self.policy or RetryPolicy(),
            self.stop or Stop(),
            self.ask_hosts,
            self.on_result,
            tuple(remarks),
        )

    def listeners(self) -> Listeners:
        return Listeners(functions(self.on_event, "on_event"))


_READERS: dict[str, Callable[[object, str], object]] = {
    "model": of_kind(str, 'a text such as "openai:gpt-4o-mini"'),
    "allow_read": folders,
    "allow_host": hosts,
    "allow_python": flag,
    "ask_hosts": function,
    "journal": path,
    "fresh": flag,
    "ask_doubtful": flag,
    "budget": lambda given, name: budget_of(given),
    "policy": retries,
    "stop": of_kind(Stop),
    "on_event": functions,
    "on_result": function,
    "environ": variables,
    "opener": needed_function,
}
