"""What the hosted providers share: one deadline for a call, and asking in another way when a server objects."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..vocabulary.call import Answer, Message, Reply, Request
from ..vocabulary.errors import AnswerError, RefusedError
from ..vocabulary.usage import Rates, Usage
from .capabilities import Capabilities
from .endings import ONLY_REASONING
from .endpoints import Endpoint
from .failures import RejectedError, spoiled, unforeseen
from .http import HttpClient
from .protocol import Progress
from .rejections import SAMPLES, SHAPE, is_named
from .silence import Silence
from .streams import Stream
from .structured import Shape, clean, shape, unfence
from .trials import Lesson, Trial

PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it goes out: ``samples`` is how many answers it asks for, ``form`` what shape they must have.

    ``mode`` is how that is asked for, and ``wrapped`` says that the server puts the value into an object.
    """

    path: str
    body: dict[str, Any]
    samples: int
    form: Shape | None = None
    mode: str = PLAIN
    stream: Stream | None = None
    wrapped: bool = False


class ServedProvider(ABC):
    """A provider behind HTTP. It learns what its server does not take, and remembers that for the rest of the run.

    It learns by trying: a request that is rejected for no other cause is sent again without what the server may have
    objected to. A rejected request is not paid, so that is part of the same attempt, under the same deadline; others
    that are rejected meanwhile wait for what comes of it. ``samples`` falls to what a server gives in one reply; the
    caller asks for the missing.
    """

    modes: Sequence[str] = (PLAIN,)
    """Ways to ask for a shape, the best first; ``plain`` says it in words and comes last."""
    optional: Sequence[str] = ()
    """Parameters that a request can do without, named alike in Request and on the wire."""
    keywords: frozenset[str] = frozenset()
    """Keywords of JSON Schema that its strict mode takes beside the structure."""
    caches_from: int | None = None

    def __init__(self, endpoint: Endpoint, *, samples: int, concurrency: int, progress: Progress) -> None:
        self.model = endpoint.model
        self.endpoint = endpoint.base_url
        self.samples = samples
        self.concurrency = concurrency
        self._at = endpoint
        self._name = endpoint.model.partition(":")[2]
        self._progress = progress
        self._client: HttpClient | None = None
        self._known = Capabilities(self.modes)
        self._trying = asyncio.Lock()

    async def start(self) -> None:
        if self._client is None:
            self._client = HttpClient.join()

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.leave()

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        await self.start()
        deadline = asyncio.get_running_loop().time() + request.timeout
        assert self._client is not None
        with self._client.silence(self._at).asking():
            return await self._asked(request, samples, deadline, idempotency_key)

    async def _asked(self, request: Request, samples: int, deadline: float, key: str) -> Reply:
        form = shape(request, self.keywords)
        while True:
            version = self._known.version
            lacks = self._known.lacks(form, request.messages)
            call = self._call(request, form, min(samples, self.samples), lacks)
            try:
                return await self._sent(call, request, deadline, key)
            except RejectedError as rejected:
                async with self._turn(deadline, rejected):
                    # What another request has found out meanwhile may be all that was wrong with this one.
                    if self._known.version == version:
                        return await self._tried(request, call, rejected, lacks, deadline, key)

    async def _sent(self, call: Call, request: Request, deadline: float, key: str) -> Reply:
        assert self._client is not None
        data, rates = await self._client.post(self._at, call.path, call.body, deadline, key, call.stream)
        return await self._read(data, call, request, rates, deadline)

    @asynccontextmanager
    async def _turn(self, deadline: float, rejected: RejectedError) -> AsyncIterator[None]:
        """One request at a time finds out what the server objects to."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._trying.acquire()
        except TimeoutError:
            said = f"{rejected} (its time was over while another request found out what the server takes)"
            raise RefusedError(said, status=rejected.status) from None
        try:
            yield
        finally:
            self._trying.release()

    async def _tried(
        self, request: Request, call: Call, rejected: RejectedError, lacks: frozenset[str], deadline: float, key: str
    ) -> Reply:
        """Send a rejected request again without what the server may have objected to, part after part."""
        first, asked, parts = rejected, call.samples, self._parts(call, lacks)
        if self._known.fruitless(first, parts, call.form):
            raise first
        trial = Trial(asked, lacks, self._known.served, self._known.proven(call.form, call.mode, asked))
        while trial.objected(rejected, self._parts(call, trial.lacks), None if call.mode == PLAIN else call.mode):
            call = self._call(request, call.form, trial.samples, trial.lacks)
            try:
                reply = await self._sent(call, request, deadline, key)
            except RejectedError as again:
                rejected = again
            except AnswerError:
                # It is no answer, but it was taken.
                trial.taken()
                self._learn(trial.lessons, call, asked)
                raise
            else:
                trial.taken()
                self._learn(trial.lessons, call, asked)
                return reply
        self._known.give_up(first, parts, call.form, moved=bool(trial.lessons))
        # Another objection may be to what stands in place of a part: only what was named is believed.
        self._learn([lesson for lesson in trial.lessons if is_named(lesson.part, lesson.rejected)], call, asked)
        raise rejected

    def _learn(self, lessons: Sequence[Lesson], call: Call, asked: int) -> None:
        for lesson in lessons:
            if not self._known.learn(lesson, call.form, asked):
                continue
            why = self._at.quote(lesson.rejected.sentence)
            if lesson.part == SAMPLES:
                self.samples = max(1, min(self.samples, lesson.samples))
                answers = "1 answer" if self.samples == 1 else f"{self.samples} answers"
                self._progress(f"{self.model}: going on with {answers} a request at most ({why})")
            for name in sorted(lesson.without):
                self._progress(f"{self.model}: going on without {name} ({why})")

    async def _ended(self, data: dict[str, Any], call: Call, silence: Silence, deadline: float) -> dict[str, Any]:
        """The reply; where its server is known never to say why an answer ended, with a good end in each answer."""
        return data

    @abstractmethod
    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Call:
        """Put the request into the server's words, without what it ``lacks``: parameters and ways to ask for a form."""

    @abstractmethod
    def _answers(self, data: dict[str, Any], call: Call) -> Iterator[Answer]:
        """Read the samples, as the model wrote them. Raises AnswerError where there can be none."""

    @abstractmethod
    def _usage(self, data: dict[str, Any]) -> Usage:
        """Read what is billed, all samples together."""

    async def _read(
        self, data: dict[str, Any], call: Call, request: Request, rates: Rates | None, deadline: float
    ) -> Reply:
        assert self._client is not None
        usage = Usage()
        try:
            usage = self._usage(data)
            data = await self._ended(data, call, self._client.silence(self._at), deadline)
            found = [self._shaped(answer, call) for answer in self._answers(data, call)]
            answers = tuple([answer for answer, _ in found])
            if all(_hollow(answer) for answer in answers):
                why = f": {answers[0].said}" if answers and answers[0].said else ""
                raise AnswerError(f"{self.model}: {self._at.host} sent an empty answer{why}")
        except AnswerError as error:
            # It is paid: the bill and the whole of what came go with it.
            text = error.text or _text_of(data)
            raise spoiled(self._at, str(error), text, usage, rates, final=error.final) from None
        except Exception as mistake:  # noqa: BLE001 (whatever came, this call fails by it, and no other)
            raise spoiled(self._at, unforeseen(self._at, mistake), _text_of(data), usage, rates) from None
        self._count(len(answers), call.samples)
        self._hear([fits for _, fits in found if fits is not None], call, request)
        return Reply(answers[: call.samples], usage, rates)

    def _count(self, came: int, asked: int) -> None:
        """A server may know of no more than one sample and pass over how many were asked for."""
        if came < asked and asked > self._known.served:
            self.samples = max(1, min(self.samples, came))
        self._known.served = max(self._known.served, min(came, asked))

    def _hear(self, fits: Sequence[bool], call: Call, request: Request) -> None:
        """A server may pass over the form that was asked for: learnt from the answers that had another."""
        if call.form is not None and fits:
            given_up = self._known.hear(call.form, call.mode, request.messages, fits=any(fits))
            if given_up:
                self._progress(f"{self.model}: going on without {given_up} (the server passes it over in silence)")

    def _shaped(self, answer: Answer, call: Call) -> tuple[Answer, bool | None]:
        """The answer as the protocol has it, and whether it came in the form that was asked for, where one was."""
        text, form, fits = answer.text, call.form, None
        if form is not None and answer.finish == "stop" and text:
            taken = form.unwrap(text) if call.wrapped else None
            text = unfence(text) if taken is None else taken
            # What enforces the form wraps the value, too.
            fits = form.holds(text) and (taken is not None or not call.wrapped or call.mode != self.modes[0])
            text = text.strip() if form.choices else text
        kept, why = self._at.keepable(clean(text))
        if why:
            # A server that sends the key back does so every time.
            return Answer("", "filtered", why), fits
        if kept is answer.text and not answer.said:
            return answer, fits
        return replace(answer, text=kept, said=self._at.quote(answer.said)), fits

    def _optional(self, request: Request, lacks: frozenset[str]) -> dict[str, Any]:
        return {
            name: value for name in self.optional if (value := getattr(request, name)) is not None and name not in lacks
        }

    def _streams(self, request: Request, lacks: frozenset[str]) -> bool:
        return request.stream and "stream" not in lacks

    def _mode(self, form: Shape | None, lacks: frozenset[str]) -> str:
        return next(mode for mode in self.modes if mode == PLAIN or mode not in lacks) if form else PLAIN

    def _parts(self, call: Call, lacks: frozenset[str]) -> list[str]:
        """The parts of a call without ``lacks`` that the server might not take, the likeliest first."""
        parts = [SAMPLES] if call.samples > 1 else []
        if call.mode != PLAIN:
            parts.append(SHAPE)
        parts += [name for name in self.optional if self._holds(call, name)]
        return [*parts, "stream"] if call.stream is not None else parts

    def _holds(self, call: Call, name: str) -> bool:
        return name in call.body


def count(data: Any, *names: str) -> int | None:
    """The sum of the named token counts; None where the server names none of them. One below nothing is none."""
    if not isinstance(data, dict):
        return None
    known = [value for name in names if type(value := data.get(name)) is int and value >= 0]
    return sum(known) if known else None


def told(messages: Sequence[Message], words: str) -> list[Message]:
    """The messages with ``words`` added to the last one that the user speaks."""
    out = list(messages)
    for index in range(len(out) - 1, -1, -1):
        if out[index].role == "user":
            out[index] = replace(out[index], text=f"{out[index].text}\n\n{words}")
            return out
    return [*out, Message("user", words)]


def _hollow(answer: Answer) -> bool:
    thought = answer.finish == "other" and answer.said.startswith(ONLY_REASONING)
    return not answer.text and (answer.finish == "stop" or thought)


def _text_of(data: dict[str, Any]) -> str:
    try:
        return json.dumps(data, ensure_ascii=False)
    except (ValueError, RecursionError):
        # A number of thousands of digits, or nothing but brackets.
        return ""
