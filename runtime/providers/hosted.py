"""The base of the hosted providers. One deadline covers an attempt and the other forms of a rejected request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..vocabulary.call import Answer, Reply, Request
from ..vocabulary.errors import AnswerError
from ..vocabulary.receipt import Receipt
from ..vocabulary.traffic import Traffic
from ..vocabulary.usage import NO_USAGE, Rates, Usage
from .answer_forms import shaped
from .bodies import text_of
from .capabilities import Capabilities
from .endings import hollow
from .endpoints import HttpEndpoint, record_of
from .failures import RejectedError, spoiled, unforeseen
from .further_options import SendsOptions, asks_for, own_fields
from .posts import PLAIN, Post
from .protocol import Surroundings
from .records import for_shape
from .rejections import SAMPLES, SHAPE, is_named
from .structured import Shape, shape
from .trials import Lesson, Trial, turn

if TYPE_CHECKING:
    from asyncio import Lock

    from .http import HttpClient
    from .silence import Silence


class ServedProvider(SendsOptions, ABC):
    """A provider behind HTTP. It learns which parts of a request its server refuses, and keeps them in its record.

    It learns by trial: it sends a rejected request again without a part that the server may object to, unless the
    rejection names another cause. A rejected request is not paid, so a trial belongs to the same attempt and deadline.
    Other requests that are rejected in that time wait for its result. ``samples`` falls to the number that the server
    gives in one reply; the caller asks for the missing answers.
    """

    modes: Sequence[str] = (PLAIN,)
    """Modes of asking for a shape, the best first; ``plain`` asks in words and comes last."""
    optional: Sequence[str] = ()
    """Parameters that a request may leave out; their names are the same in Request and on the wire."""
    keywords: frozenset[str] = frozenset()
    """Keywords of JSON Schema that the server's strict mode takes besides those of the structure."""
    caches_from: int | None = None
    named: tuple[str, str] = ("model", "id")
    """Fields of a reply with the model that answered, and with the server's name for the reply."""

    def __init__(self, endpoint: HttpEndpoint, surroundings: Surroundings, *, samples: int, concurrency: int) -> None:
        self.model = endpoint.model
        self.endpoint = endpoint.base_url
        self.record = record_of(endpoint, surroundings.records)
        self.samples = 1 if "n" in endpoint.lacks else min(samples, self.record.most or samples)
        self.concurrency = concurrency
        self._at = endpoint
        self._name = endpoint.model.partition(":")[2]
        self._progress = surroundings.progress
        self._client: HttpClient | None = None
        self._recalled = set(self.record.refused)
        self._known = Capabilities(self.modes, self.record, endpoint.lacks)
        self._trying: Lock | None = None

    @property
    def identity(self) -> str:
        """The name of the model in the keys of answers."""
        return self._at.identity

    @property
    def account(self) -> str:
        """The name of the variable with the key, "" without one."""
        return self._at.key_variable

    @property
    def traffic(self) -> Traffic:
        return self._at.traffic

    async def start(self) -> None:
        if self._client is None:
            # The import is here, because the declaration of a provider is also read by commands that send nothing.
            from asyncio import Lock

            from .http import HttpClient

            self._client, self._trying = HttpClient.join(), self._trying or Lock()

    async def check_access(self) -> None:
        """Find the credentials, if requests are signed. Raises: UsageError, which says what is missing."""
        if self._at.signer is not None:
            await self._at.signer.ready()

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.leave(self._at)

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        if self._client is None:
            await self.start()
        client = self._client
        assert client is not None
        silence, descriptors = client.silence(self._at), client.descriptors
        if not descriptors.take():
            if lack := descriptors.told():
                self._progress(f"{self.model}: {lack}")
            await descriptors.wait()
        # The wait for a descriptor of this machine is no part of the attempt.
        deadline = client.time() + request.timeout
        try:
            await self.check(request)
            with silence.asking():
                return await self._asked(request, samples, deadline, idempotency_key)
        finally:
            descriptors.leave()

    async def _asked(self, request: Request, samples: int, deadline: float, key: str) -> Reply:
        assert self._trying is not None
        form = shape(request, self.keywords)
        while True:
            version = self._known.version
            lacks = self._known.lacks(form, request.messages)
            if self._recalled:
                self._tell_recalled(request, form)
            call = self._call(request, form, min(samples, self.samples), lacks)
            try:
                return await self._sent(call, request, deadline, key)
            except RejectedError as rejected:
                async with turn(self._trying, deadline, rejected):
                    # Another request may have learnt something in the meantime that helps this request too.
                    if self._known.version == version:
                        return await self._tried(request, call, rejected, lacks, deadline, key)

    async def _sent(self, call: Post, request: Request, deadline: float, key: str) -> Reply:
        assert self._client is not None
        post = self._client.post
        data, rates, request_id = await post(self._at, call.path, call.body, deadline, key, call.stream)
        return await self._read(data, call, request, rates, deadline, request_id)

    async def _tried(
        self, request: Request, call: Post, rejected: RejectedError, lacks: frozenset[str], deadline: float, key: str
    ) -> Reply:
        """Send a rejected request again and again, each time without another part that the server may object to."""
        first, asked, parts = rejected, call.samples, self._parts(call, lacks)
        if self._known.fruitless(first, parts, call.form) or self._further.objects(first, request):
            raise first
        trial = Trial(asked, lacks, self._known.served, self._known.proven(call.form, call.mode, asked))
        while trial.objected(rejected, self._parts(call, trial.lacks), None if call.mode == PLAIN else call.mode):
            call = self._call(request, call.form, trial.samples, trial.lacks)
            try:
                reply = await self._sent(call, request, deadline, key)
            except RejectedError as again:
                rejected = again
            except AnswerError:
                # The reply is no answer, but the server took the request.
                trial.taken()
                self._learn(trial.lessons, call, asked)
                raise
            else:
                trial.taken()
                self._learn(trial.lessons, call, asked)
                return reply
        self._known.give_up(first, parts, call.form, moved=bool(trial.lessons))
        # A later objection may be to the substitute for a part, so only the parts that the server named are believed.
        self._learn([lesson for lesson in trial.lessons if is_named(lesson.part, lesson.rejected)], call, asked)
        raise rejected

    def _learn(self, lessons: Sequence[Lesson], call: Post, asked: int) -> None:
        for lesson in lessons:
            if not self._known.learn(lesson, call.form, asked):
                continue
            why = self._at.quote(lesson.rejected.sentence)
            if lesson.part == SAMPLES:
                self._lower(lesson.samples)
                answers = "1 answer" if self.samples == 1 else f"{self.samples} answers"
                self._progress(f"{self.model}: continuing with at most {answers} per request ({why})")
            for name in sorted(lesson.without):
                self._progress(f"{self.model}: continuing without {name} ({why})")

    async def _ended(self, data: dict[str, Any], call: Post, silence: Silence, deadline: float) -> dict[str, Any]:
        """Return the reply, with a good end put into each answer if its server is known never to name an end."""
        return data

    @abstractmethod
    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Post:
        """Write the request in the server's form, without the parameters and modes in ``lacks``."""

    @abstractmethod
    def _answers(self, data: dict[str, Any], call: Post) -> Iterator[Answer]:
        """Read the samples, as the model wrote them. Raises AnswerError where the reply can hold none."""

    @abstractmethod
    def _usage(self, data: dict[str, Any]) -> Usage:
        """Read the billed usage of all samples together."""

    def _receipt(self, data: dict[str, Any], request_id: str) -> Receipt | None:
        """Read the model that answered, if it is not the one asked for, and the id that the server's support asks for.

        That is the id in the headers, or else the reply's own.
        """
        model, own = self.named
        name = data.get(model)
        served = "" if name == self._name.removeprefix("models/") else self._at.name(name)
        found = self._at.name(request_id) or self._at.name(data.get(own))
        return Receipt(served, found) if served or found else None

    async def _read(
        self,
        data: dict[str, Any],
        call: Post,
        request: Request,
        rates: Rates | None,
        deadline: float,
        request_id: str,
    ) -> Reply:
        assert self._client is not None
        usage, receipt, finish = NO_USAGE, None, ""
        try:
            receipt = self._receipt(data, request_id)
            usage = self._usage(data)
            data = await self._ended(data, call, self._client.silence(self._at), deadline)
            found = [shaped(answer, call, self._at, self.modes[0]) for answer in self._answers(data, call)]
            answers = tuple([answer for answer, _ in found])
            if all(map(hollow, answers)):
                why = f": {answers[0].said}" if answers and answers[0].said else ""
                finish = answers[0].finish if answers else ""
                raise AnswerError(f"{self.model}: {self._at.host} sent an empty answer{why}")
        except AnswerError as error:
            # The reply is paid for, so the error carries its usage and its whole text.
            text = error.text or text_of(data)
            unusable = spoiled(self._at, str(error), text, usage, rates, final=error.final)
            unusable.receipt, unusable.finish = receipt, finish
            raise unusable from None
        except Exception as mistake:  # noqa: BLE001 (whatever came, this call fails by it, and no other)
            unread = spoiled(self._at, unforeseen(self._at, mistake), text_of(data), usage, rates)
            unread.receipt = receipt
            raise unread from None
        self._count(len(answers), call.samples)
        if call.form is not None:
            self._hear(call.form, [fits for _, fits in found if fits is not None], call, request)
        return Reply(answers[: call.samples], usage, rates, receipt)

    def _count(self, came: int, asked: int) -> None:
        """Learn how many samples the server gives. It may give fewer than were asked for, and not say so."""
        if came == asked <= self._known.served == self.record.served:
            return
        if came < asked and asked > self._known.served:
            self._lower(came)
        self._known.served = self.record.served = max(self._known.served, min(came, asked))

    def _lower(self, samples: int) -> None:
        self.samples = self.record.ceiling = max(1, min(self.samples, samples))

    def _tell_recalled(self, request: Request, form: Shape | None) -> None:
        """Report the parts of this request that earlier runs found refused, each of them once."""
        ways = {name: {name} for name in self.optional if asks_for(request, name)}
        if form is not None:
            ways |= {mode: {mode, for_shape(mode, form.key)} for mode in self.modes}
        for name in [name for name, parts in ways.items() if self._recalled & parts]:
            self._recalled -= ways[name]
            self._progress(
                f"{self.model}: continuing without {name} ({self._at.host} did not take it in an earlier run)"
            )

    def _hear(self, form: Shape, fits: Sequence[bool], call: Post, request: Request) -> None:
        """Learn from answers of another form that the server ignores a mode, and report a mode that is given up."""
        if fits:
            given_up = self._known.hear(form, call.mode, request.messages, fits=any(fits))
            if given_up:
                self._progress(f"{self.model}: continuing without {given_up} (the server silently ignores it)")

    def _optional(self, request: Request, lacks: frozenset[str]) -> dict[str, Any]:
        given = {}
        for name in own_fields(self.optional):
            value = getattr(request, name)
            if value is not None and name not in lacks:
                given[name] = value
        return given

    def _streams(self, request: Request, lacks: frozenset[str]) -> bool:
        return request.stream and "stream" not in lacks and "logprobs" not in request.options

    def _mode(self, form: Shape | None, lacks: frozenset[str]) -> str:
        return next(mode for mode in self.modes if mode == PLAIN or mode not in lacks) if form else PLAIN

    def _parts(self, call: Post, lacks: frozenset[str]) -> list[str]:
        """Return the parts of a call, made without ``lacks``, that the server might refuse, the likeliest first."""
        parts = [SAMPLES] if call.samples > 1 else []
        if call.mode != PLAIN:
            parts.append(SHAPE)
        parts += [name for name in self.optional if self._holds(call, name)]
        return [*parts, "stream"] if call.stream is not None else parts

    def _holds(self, call: Post, name: str) -> bool:
        return name in call.body
