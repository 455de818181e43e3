"""The batch APIs of a run: which of its models are asked through one, and the submissions of earlier parts of it.

Runs without a batch API load nothing of this but the module itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from flowrun.dsl import plan as p

from ..dispatch.endpoint import Endpoint
from ..dispatch.ledger import NoLog, RunLog
from ..dispatch.scheduler import Scheduler
from ..journal.store import Journal
from ..plans.wanted_models import asks_of
from ..providers.addresses import without_secrets
from ..values.expressions import ModelValue
from ..vocabulary.amounts import count_text
from ..vocabulary.errors import CallError, UsageError
from ..vocabulary.submission import GatheringTimes, SubmissionMoved

if TYPE_CHECKING:
    from ..dispatch.gathering import Gathering
    from ..dispatch.submission_book import Submission, SubmissionBook
    from ..limits import Limiter

NONE: Mapping[str, bool] = MappingProxyType({})
PACE = GatheringTimes()
"""The pace of all batch APIs."""
PATIENCE = 14 * 24 * 3600.0
"""The seconds within which a line may be tried again. Those of a live call would end before the first result."""


class Batches:
    """The batch APIs of one run. ``models`` are those with one; True if they are asked so without saying it.

    ``book`` has the submissions; it is None if the run asks no batch API.
    """

    def __init__(
        self,
        book: SubmissionBook | None = None,
        models: Mapping[str, bool] = NONE,
        gatherings: Collection[Gathering] = (),
    ) -> None:
        self.book = book
        self.models = models
        self._gatherings = gatherings

    def keep(self, log: NoLog) -> None:
        """Let a run find its lines by the log, and write its submissions there."""
        if self.book is not None and isinstance(log, RunLog):
            self.book.keep(log.run)
            log.keep(self.book)

    def leave(self, scheduler: Scheduler, *, wait: bool) -> None:
        """Let a run end that cannot read its results, and one that only waits for batch APIs and shall not ``wait``."""
        for one in self._gatherings:
            one.halt = scheduler.stop
        if self.book is not None and not wait:
            from ..dispatch.leaving import Leaving

            Leaving(scheduler)

    def held(self, journal: Journal | None) -> int:
        """Count the lines of all runs whose answers can be read at a batch API."""
        if self.book is None or journal is None:
            return 0
        return sum(
            bool(self.book.key_of(one)) for found in journal.index.doubts().values() for one in found if not one.ended
        )


class Models(Protocol):
    """The models of a run: those that its flow declares, the default one, and their endpoints by address."""

    @property
    def declared(self) -> Mapping[str, ModelValue]: ...
    @property
    def default(self) -> ModelValue: ...
    @property
    def endpoints(self) -> Mapping[str, Endpoint]: ...


def batch_addresses(plan: p.Plan, models: Models, *, everywhere: bool) -> dict[str, bool]:
    """Return the models that are asked through a batch API; True for those that need not say so.

    Raises UsageError if a model has no batch API, and the flow asks it through one.
    """
    from ..providers.submissions import lacks_batch

    asked, perhaps = _asked(plan, models)
    for address in sorted(asked):
        if why := lacks_batch(models.endpoints[address].provider):
            raise UsageError(f"{address} {why}: take `batch: true` away from its model")
    wanted = set(models.endpoints) if everywhere else perhaps
    can = {one for one in wanted if not lacks_batch(models.endpoints[one].provider)}
    if everywhere and not can | asked:
        raise UsageError("no model of this run has a batch API: leave --batch out")
    return dict.fromkeys(sorted(asked | can), everywhere)


def _asked(plan: p.Plan, models: Models) -> tuple[set[str], set[str]]:
    """Return the models that the flow asks through a batch API for certain, and those that it may ask so."""
    asked = {one.address for one in models.declared.values() if dict(one.options).get("batch") is True}
    perhaps: set[str] = set()
    for step in plan.walk():
        option = step.options.get("batch")
        if option is None or option == p.Constant(False):
            continue
        for ask in asks_of(step):
            name = ask.model.name if isinstance(ask.model, p.Ref) else ""
            if ask.model is not None and name not in models.declared:
                perhaps |= set(models.endpoints)
            elif not ask.person:
                one = models.default if ask.model is None else models.declared[name]
                (asked if option == p.Constant(True) else perhaps).add(one.address)
    return asked & models.endpoints.keys(), perhaps


async def open_batches(
    plan: p.Plan,
    models: Models,
    journal: Journal | None,
    tell: Callable[..., None],
    publish: Callable[[SubmissionMoved], None],
    *,
    everywhere: bool,
    wait: bool,
) -> Batches:
    """Open the batch APIs of a run, and find the submissions whose ids an earlier part of a run could not write.

    Raises UsageError, if a model has none; CallError, if the list of submissions cannot be read.
    """
    if journal is None and not wait:
        raise UsageError("a run that does not wait for batch APIs needs a journal, from which it is resumed")
    found = batch_addresses(plan, models, everywhere=everywhere)
    if not found:
        return Batches()
    from ..dispatch.gathering import Gathering
    from ..dispatch.submission_book import SubmissionBook
    from ..providers.submissions import api_of, served_by

    def moved(submission: Submission, state: str, done: int) -> None:
        publish(SubmissionMoved(submission.tag, submission.model, len(submission.keys), state, done))

    book, gatherings = SubmissionBook(journal), list[Gathering]()
    for address in found:
        live = models.endpoints[address]
        served = served_by(live.provider)
        assert served is not None
        gathering = Gathering(served, api_of(served), book, tell, moved, PACE)
        gatherings.append(gathering)
        live.batch = Endpoint(
            gathering, _limiter(gathering.concurrency), replace(live.policy, total=PATIENCE), live=live
        )
        await _find_lost(gathering, book, tell)
    return Batches(book, found, gatherings)


async def _find_lost(gathering: object, book: SubmissionBook, tell: Callable[[str], None]) -> None:
    from ..dispatch.gathering import Gathering
    from ..dispatch.submission_search import found_id

    assert isinstance(gathering, Gathering)
    lost = [
        one for one in book.lost if (one.model, one.endpoint) == (gathering.model, without_secrets(gathering.endpoint))
    ]
    for one in lost:
        gathering.api.wire.start()
        try:
            found = await found_id(gathering.api, one, book.ids, tell)
        except CallError as error:
            raise UsageError(
                f"{error}: a submission of {count_text(len(one.keys), 'line')} may be at the batch API, and its list "
                "cannot be read; nothing is sent, so run the command again later"
            ) from None
        finally:
            await gathering.api.wire.close()
        if found is None:
            many = count_text(len(one.keys), "line")
            tell(f"{one.model}: a submission of {many} is not in the batch API's list: its calls are in doubt")
        else:
            book.find(one, found)
            tell(f"{one.model}: found the submission of {count_text(len(one.keys), 'line')} in the batch API's list")


def _limiter(places: int) -> Limiter:
    """Make the limiter of a batch API. It only counts: the state of the live server says nothing about it."""
    from ..limits import EndpointTerms, Limiter, Place, Verdict
    from ..vocabulary.usage import Rates

    class Counting(Limiter):
        def release(
            self, place: Place, verdict: Verdict = Verdict.NEUTRAL, used: int | None = None, who: Hashable = None
        ) -> None:
            super().release(place, verdict if verdict is Verdict.OK else Verdict.NEUTRAL, used, who)

        def learn(self, rates: Rates) -> None:
            return None

        def pause(self, seconds: float) -> None:
            return None

    return Counting(places, EndpointTerms(start=places))
