"""The workers of a run: whether it can have any, what they are told about it, and the scheduler that uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flowrun.dsl import plan as p
from flowrun.dsl import types

from ..account.summary import Summary
from ..costs.lease_book import BudgetBook, LeaseBook
from ..dispatch.attempt_events import Publish
from ..dispatch.endpoint import Endpoint
from ..dispatch.leases import LOCAL, DeskSharer, LeaseDesk, Leases
from ..dispatch.ledger import NoLog, RunLog
from ..dispatch.scheduler import Scheduler
from ..engine.scopes import Context
from ..journal.index import Index
from ..limits import LimiterMaker
from ..plans.placing import placeable, shares_requests
from ..providers import open_provider
from ..providers.addresses import host_of
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.pace import Pace
from ..vocabulary.partial_listener import CallShowing
from ..vocabulary.waits import Waits
from ..workers import beginning
from ..workers.driver import DrivingScheduler
from ..workers.event_forms import unheard_names
from ..workers.hub import Hub
from ..workers.known_keys import KnownKeys
from ..workers.lost_rows import body_of
from ..workers.notices import News
from ..workers.paces import joined as joined_pace
from ..workers.process import Started, start
from ..workers.waits import joined
from .listeners import reads_prompts
from .models import Models
from .one_process import OneProcess
from .parts import Parts
from .run_rows import RunSettings, settings_row
from .sum_listeners import adding, both

PACKAGE = "flowrun-dsl"
NO_BLOCK = "it is no map and no repeat"
INSIDE = "it is inside another block"


def version_here() -> str:
    return version(PACKAGE)


def digest_of(text: str) -> str:
    """Return the digest of a plan's text, by which the driver knows that a worker has the same plan."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Workers(OneProcess):
    """The workers of one run, and the leases of its limits. ``leases`` are those of the driver itself.

    ``begin`` starts them.

    Raises: UsageError, if an option of the run cannot go to another process.
    """

    def __init__(self, plan: p.Plan, settings: RunSettings, parts: Parts, *, resumed: bool) -> None:
        if parts.opener is not open_provider:
            raise UsageError(
                "an `opener` is a function of this process, and worker processes open models themselves: leave out "
                "`opener`, or `workers` and `engine`"
            )
        self._parts = parts
        self._plan = plan
        self._settings = settings
        self._resumed = resumed
        self._steps: frozenset[str] = frozenset()
        self._told: dict[str, Json] = {}
        self._count = 0
        self._desk = LeaseDesk(LeaseBook())
        self.leases: Leases
        self.hub: Hub | None = None

    @property
    def wanted(self) -> bool:
        """True if the flow may have something to do for workers."""
        return not all(self._reasons(frozenset()).values())

    def begin(self, count: int) -> None:
        """Start so many workers, if there is anything to do for them."""
        self._count = count
        self.leases = self._desk.local(count + 1)
        if self.wanted:
            self.hub = Hub(count, self.starter(), self._desk, self.leases)
            if not self._early:
                # The processes load their modules while the run opens its endpoints.
                self.hub.team.start()

    def starter(self) -> Callable[[], Started]:
        """Return the function that starts a worker."""
        return partial(start, self._parts.environ)

    def told(self, models: Models) -> dict[str, Json]:
        """Return what else the workers are told at the beginning."""
        return {}

    @property
    def _early(self) -> bool:
        """True if the driver may run bodies itself until a worker is ready.

        Functions of `extern` may end a process, and the end of a budget is told when all processes have come to it: so
        such runs begin when the workers are ready.
        """
        given, plan = self._settings.budget, self._plan
        limits = [plan.calls_limit, plan.money_limit]
        limits += [limit for one in plan.flows.values() for limit in (one.calls_limit, one.money_limit)]
        budget = given is not None or any(limit is not None for limit in limits)
        return beginning.MOST_HERE > 0 and not plan.externs and not budget

    def limiter_at(self, endpoint: str) -> LimiterMaker:
        return partial(self.leases.limiter, endpoint)

    def settle(self, models: Models, tell: Callable[[str], None]) -> None:
        local = frozenset(name for name, one in models.endpoints.items() if not host_of(one.provider.endpoint))
        reasons = self._reasons(local, models.default.address)
        self._steps = frozenset(name for name, reason in reasons.items() if not reason)
        if self._steps and self.hub is not None:
            self.hub.queue.together = frozenset(
                one.name for one in _blocks(self._plan) if shares_requests(self._plan, one)
            )
        self._told = self.told(models)
        if self._steps:
            self.places = self._count
            return
        if self.hub is not None:
            self.hub.team.close()
            self.hub = None
        tell(_remark(reasons))

    def _reasons(self, local: frozenset[str], default: str = "") -> dict[str, str]:
        """Return the reasons why blocks run in the driver, by the names of the steps; "" for those that do not."""
        return {step.name: self._reason(step, local, default) for step in _blocks(self._plan)}

    def _placing(self, step: p.Step) -> bool:
        """Tell whether the bodies of a step run in workers."""
        return self.hub is not None and step.name in self._steps and any(one is step for one in _blocks(self._plan))

    def _reason(self, step: p.Step, local: frozenset[str], default: str) -> str:
        if self._settings.batch:
            return "its bodies ask through a batch API"
        flows = self._plan.flows.values()
        if self._resumed and any(one.calls_limit is not None or one.money_limit is not None for one in flows):
            return "a flow inside has a budget of its own, and the run goes on"
        return placeable(self._plan, step, local, default)

    async def greet(
        self,
        settings: RunSettings,
        values: Mapping[str, Json],
        log: NoLog,
        context: Context,
        publish: Publish,
        summary: Summary,
        *,
        priced: bool,
    ) -> Context:
        self._desk.book.budget = BudgetBook(context.calls_limit, context.money_limit, *context.spent_within(""))
        self._desk.book.join(LOCAL)
        if self.hub is None:
            return self._budgeted(context)
        add = adding((summary, *self._parts.on_event))
        given: Sequence[object] = self._parts.on_event
        shows = next((one for one in given if isinstance(one, CallShowing)), None)
        plan = p.to_json(self._plan)
        settings = replace(settings, folder=settings.folder or (Path(self._plan.source).parent), reads=(), taken={})
        row = settings_row(self._plan, settings)
        policy = self._parts.policy
        kinds = {param.name for param in self._plan.params if types.holds_model(param.type)}
        common: dict[str, Json] = {
            "version": version_here(),
            "digest": digest_of(plan),
            "plan": plan,
            "settings": row,
            "learn": self._parts.learn,
            "policy": [policy.attempts, policy.wait_initial, policy.wait_max, policy.total],
            "values": {name: value for name, value in values.items() if name in kinds},
            "zero": log.clock.zero,
            "unheard": unheard_names(context.unheard),
            "whole": any(reads_prompts(one) for one in self._parts.on_event),
            "doubtful": context.ask_doubtful,
            "budget": [context.calls_limit, context.money_limit],
            "priced": priced,
            "fold": add is not None,
            "holders": self._count + 1,
            "run": _run_row(log),
            **self._told,
        }
        # A run that starts no worker does not sort the keys of its journal.
        known = cache(lambda: _known(log, fresh=settings.fresh).text())

        def hello(number: int) -> dict[str, Json]:
            room = shows is not None and shows.has_room
            return {**common, "known": known(), "hello": number, "now": log.clock.now(), "shown": room}

        news = News(publish if add is None else both(publish, add), shows)
        await self.hub.greet(log, news, hello, early=self._early)
        answered = _answered(log) if self._resumed else None
        placed = replace(context, placing=self._placing)
        return self._budgeted(
            placed if answered is None else replace(placed, stays=lambda path: _key(path) in answered)
        )

    def _budgeted(self, context: Context) -> Context:
        """Let the driver share the budget of the run with the workers."""
        calls, money = context.calls_limit, context.money_limit
        return replace(context, ledger=self.leases.budget(calls, money)) if (calls, money) != (None, None) else context

    def sharer(self, endpoint: Endpoint) -> DeskSharer:
        return DeskSharer(self._desk, endpoint.provider.endpoint)

    def linger(self, models: Models, requests: Sequence[tuple[str, float]]) -> None:
        now, book = asyncio.get_running_loop().time(), self._desk.book
        for model, seconds in requests:
            at = models.endpoints[model].provider.endpoint if model in models.endpoints else ""
            if at in book.endpoints:
                book.endpoints[at].shares.keep(1, now + seconds)

    def scheduler(self, *given: Any) -> Scheduler:
        return Scheduler(*given) if self.hub is None else DrivingScheduler(self.hub, *given)

    def waits(self, own: Waits) -> Waits:
        return own if self.hub is None else joined(own, [waits for waits, _ in self.hub.team.ends])

    def pace(self, endpoint: Endpoint) -> Pace:
        own, at = super().pace(endpoint), endpoint.provider.endpoint
        return own if self.hub is None else joined_pace(own, [one[at] for _, one in self.hub.team.ends if at in one])

    def close(self) -> None:
        self.leases.close()
        self._desk.close()
        if self.hub is not None:
            self.hub.team.close()


def _blocks(plan: p.Plan) -> list[p.Step]:
    """Return the steps of the plan's own flow and of the flows that it calls."""
    return [*plan.steps, *(step for flow in plan.flows.values() for step in flow.steps)]


def _remark(reasons: Mapping[str, str]) -> str:
    """Say why no worker is started."""
    found = [f"`{name}`: {why}" for name, why in reasons.items() if why not in (NO_BLOCK, INSIDE)]
    because = f" ({'; '.join(found[:3])})" if found else ": it has no map and no repeat"
    return f"this flow has nothing that worker processes can run{because}; it runs in one process"


def _run_row(log: NoLog) -> Json:
    if not isinstance(log, RunLog):
        return None
    return {"id": log.name, "number": log.run, "flow": log.flow, "source": log.source, "fresh": log.fresh}


def _key(path: str) -> bytes:
    return blake2b(path.encode(), digest_size=8).digest()


def _answered(log: NoLog) -> KnownKeys:
    """Return the paths of the bodies that have answers in the journal. They run where the journal is."""
    found = KnownKeys()
    if isinstance(log, RunLog):
        paid = log.journal.index.paid
        places = (one.place for key in paid for one in paid[key] if one.run == log.run)
        found.add({_key(body_of(place)) for place in places})
    return found


def _known(log: NoLog, *, fresh: bool) -> KnownKeys:
    """Return the keys that a worker asks for. A fresh run takes no answers of other runs."""
    if not isinstance(log, RunLog):
        return KnownKeys()
    index: Index = log.journal.index
    return KnownKeys() if fresh and log.run not in index.runs else KnownKeys.of(index)
