"""The options of a run: everything that a caller sets besides the flow and its inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flowrun.dsl import Catalog, dataclass

from ..costs.written_budget import Budget, budget_of
from ..limits.retry import RetryPolicy
from ..providers import open_provider
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.question import Question
from .endpoints import OpenProvider
from .hosts import Ask
from .listeners import Listener, Listeners
from .option_readers import (
    engine,
    flag,
    flag_or_none,
    folders,
    function,
    functions,
    hosts,
    journal_place,
    needed_function,
    of_kind,
    retries,
    variables,
    worker_count,
)
from .people import asks_by, person_given
from .run import Parts, Stop
from .run_rows import RunSettings

if TYPE_CHECKING:
    from ..providers.scripted import ScriptedProvider

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """The files, hosts and code that a run may use.

    The flow's own folder and the hosts that the user has named are always allowed. ``allow_read`` is a folder that the
    flow may read, or several. ``allow_host`` is a host where models named by the flow may be, or several.
    ``allow_python`` lets flowrun import and call the flow's externs. ``ask_hosts`` is a function that gets the hosts
    that are not allowed, as ``Reach`` objects. It returns True to allow all of them; the endpoints that a project
    declares are then approved for later runs, too.
    """

    allow_read: AnyPath | Iterable[AnyPath] = ()
    allow_host: str | Iterable[str] = ()
    allow_python: bool = False
    ask_hosts: Ask | None = None


@dataclass(frozen=True, kw_only=True)
class JournalOptions:
    """The file that keeps the answers of a run, and the use of answers that it already has.

    ``journal`` is a file; without it the run keeps nothing. A call whose answer is in the journal is not sent again,
    unless ``fresh`` is True. A call is in doubt if it was under way when a run ended, since it may have been paid. If
    ``ask_doubtful`` is True, a resumed run sends such calls again; otherwise they fail.
    """

    journal: AnyPath | None = None
    fresh: bool = False
    ask_doubtful: bool = True


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits that end a run or an attempt.

    ``budget`` replaces the flow's own budget. It is a ``Budget``, or a text such as "$2.50, 400 calls". ``policy`` sets
    the retries. ``stop`` is a switch that stops the run.
    """

    budget: Budget | str | None = None
    policy: RetryPolicy | None = None
    stop: Stop | None = None


@dataclass(frozen=True, kw_only=True)
class Display:
    """The functions that hear of events and results while the run goes on.

    ``on_event`` is a function that takes every event, or several functions. If one raises, the run goes on, and a
    RuntimeWarning names the function at the end. If the flow returns the list of a map unchanged, ``on_result`` takes
    its results one by one, in order. The ``Result`` then does not keep them. ``progress`` says whether the progress of
    the run is shown: in the cell of a notebook, or else as lines on the standard error. None means in notebooks only.
    If ``live`` is True, a server on 127.0.0.1 shows the page of the run until its end, and the standard error has its
    address.
    """

    on_event: Listener | Iterable[Listener] = ()
    on_result: Callable[[Json], None] | None = None
    progress: bool | None = None
    live: bool = False


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """The use of batch APIs, which take half the price and up to 24 hours.

    If ``batch`` is True, all models that have a batch API are asked through it. Without ``wait`` the run ends with the
    status ``submitted`` when it only waits for such an API. A resumed run then reads the answers.
    """

    batch: bool = False
    wait: bool = True


@dataclass(frozen=True, kw_only=True)
class Engines:
    """The processes that run a flow.

    With ``workers`` of 2 or more, so many processes of this machine run the elements of maps and the samples of
    repeats. 0 and 1 mean no further process. The answers, the journal and the report are the same.

    ``engine`` names what places these processes: "" this machine, "ray" a Ray cluster that is started for the run, and
    "ray=HOST:6379" the cluster at this address. Then ``workers`` of 0 takes as many as the cluster has CPUs. The nodes
    have the keys of models in their own environment, unless ``send_keys`` is True.
    """

    workers: int = 0
    engine: str = ""
    send_keys: bool = False


@dataclass(frozen=True, kw_only=True)
class RunOptions(Permissions, JournalOptions, Limits, Display, BatchOptions, Engines):
    """The options of a run, in groups, and its model.

    The groups are ``Permissions``, ``JournalOptions``, ``Limits``, ``Display``, ``BatchOptions`` and ``Engines``.

    ``model`` is the model of asks that name none. Without it flowrun takes the variable FLOWRUN_MODEL, or else the
    embedded model. ``environ`` replaces the environment variables of the process. If ``learn`` is True, the run starts
    with the widths and abilities of endpoints that earlier runs found, and keeps its own in the user's cache.
    ``opener`` makes the provider of an address. A caller who sets it is responsible for the hosts, and the flow may
    name any provider. ``catalog`` lists the reducers, splitters and providers that the flow may use; None for the
    installed ones. ``ask_person`` is a function that puts a ``Question`` to a person and returns the answer. None
    leaves the question open, and then the run ends with the status ``open``. One object may serve many runs.

    Raises: UsageError, for an option of the wrong type.
    """

    model: str | None = None
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    learn: bool = True
    opener: OpenProvider = open_provider
    catalog: Catalog | None = None
    ask_person: Callable[[Question], Any] | ScriptedProvider | None = None

    def __post_init__(self) -> None:
        # The options may serve many runs, and an iterator can be read only once.
        for name, read in _READERS.items():
            object.__setattr__(self, name, read(getattr(self, name), name))

    @property
    def surroundings(self) -> Mapping[str, str]:
        """The environment variables that the run sees."""
        return os.environ if self.environ is None else self.environ

    def settings(self, source: str = "") -> RunSettings:
        """Return the options that the journal keeps. ``source`` is the path of the flow file.

        Raises UsageError if the file of the flow's project is not valid.
        """
        model, of_project = self.model, False
        if not model:
            from ..providers.default_model import model_without_option

            found = model_without_option(self.surroundings, source)
            model, of_project = found.name, found.of_project
        return RunSettings(
            model=model,
            of_project=of_project,
            allow_read=folders(self.allow_read, "allow_read"),
            allow_host=hosts(self.allow_host, "allow_host"),
            budget=budget_of(self.budget),
            fresh=self.fresh,
            batch=self.batch,
        )

    def parts(self, listeners: Listeners, remarks: Iterable[str] = ()) -> Parts:
        """Return the options that the journal does not keep. ``remarks`` come from the readers of the inputs.

        Raises UsageError if the options exclude each other.
        """
        if self.send_keys and not self.engine:
            raise UsageError("`send_keys` is for the nodes of a cluster: give an `engine`, or leave it out")
        return Parts(
            (listeners,) if listeners else (),
            self.surroundings,
            self.opener,
            self.policy or RetryPolicy(),
            self.stop or Stop(),
            self.ask_hosts,
            self.on_result,
            tuple(remarks),
            self.learn,
            ask_person=None if self.ask_person is None else asks_by(self.ask_person),
            wait=self.wait,
            workers=self.workers,
            engine=self.engine,
            send_keys=self.send_keys,
        )

    def listeners(self) -> Listeners:
        return Listeners(functions(self.on_event, "on_event"))


_READERS: dict[str, Callable[[object, str], object]] = {
    "model": of_kind(str, 'a text such as "openai:gpt-4o-mini"'),
    "allow_read": folders,
    "allow_host": hosts,
    "allow_python": flag,
    "ask_hosts": function,
    "journal": journal_place,
    "fresh": flag,
    "ask_doubtful": flag,
    "budget": lambda given, name: budget_of(given),
    "policy": retries,
    "stop": of_kind(Stop),
    "on_event": functions,
    "on_result": function,
    "progress": flag_or_none,
    "live": flag,
    "batch": flag,
    "wait": flag,
    "workers": worker_count,
    "engine": engine,
    "send_keys": flag,
    "environ": variables,
    "learn": flag,
    "opener": needed_function,
    "catalog": of_kind(Catalog),
    "ask_person": person_given,
}
