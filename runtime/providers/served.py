"""What the hosted providers share: one deadline for a call, and asking in another way when a server objects."""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import AnswerError
from ..metering import Rates, Usage
from .endings import ONLY_REASONING
from .endpoints import Endpoint
from .failures import RejectedError, spoiled, unforeseen
from .http import HttpClient
from .protocol import Answer, Message, Progress, Reply, Request
from .silence import Silence
from .streams import Stream
from .structured import Shape, clean, unfence

# How the servers say that they do not know a parameter, as against a value of it that is merely wrong.
_UNKNOWN = re.compile(
    r"unsupported|not support|not permitted|unrecognized|unknown|deprecated|extra (?:inputs|fields)|unexpected|"
    r"only the default|not enabled|unavailable|not available",
    re.IGNORECASE,
)

PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it goes out; ``mode`` is how its shape is asked for, and ``samples`` how many answers."""

    path: str
    body: dict[str, Any]
    samples: int
    shape: Shape | None = None
    mode: str = PLAIN
    stream: Stream | None = None


class ServedProvider(ABC):
    """A provider behind HTTP. It learns what its server does not take, and remembers that for the rest of the run.

    What is learnt lowers ``samples`` to 1 where a server answers fewer than asked; the caller asks for the missing.
    A rejected request is not paid, so asking in another way is part of the same attempt, under the same deadline. A
    way of asking for a shape that was refused for one schema is not tried again for another.
    """

    modes: Sequence[str] = (PLAIN,)
    """Ways to ask for a shape, the best first; ``plain`` says it in words and comes last."""
    optional: Sequence[str] = ()
    """Parameters that a request can do without, named alike in Request and on the wire."""
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
        self._refused: set[str] = set()

    async def start(self) -> None:
        if self._client is None:
            self._client = HttpClient.join()

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.leave()

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        await self.start()
        assert self._client is not None
        client = self._client
        deadline = asyncio.get_running_loop().time() + request.timeout
        silence = client.silence(self._at)
        with silence.asking():
            while True:
                call = self._call(request, min(samples, self.samples))
                try:
                    data, rates = await client.post(
                        self._at, call.path, call.body, deadline, idempotency_key, call.stream
                    )
                except RejectedError as rejected:
                    refused = self._objection(rejected, call)
                    if refused is None:
                        raise
                    self._concede(refused, rejected.sentence)
                else:
                    return await self._read(data, call, rates, silence, deadline)

    async def _ended(self, data: dict[str, Any], call: Call, silence: Silence, deadline: float) -> dict[str, Any]:
        """The reply; where its server is known never to say why an answer ended, with a good end in each answer."""
        return data

    @abstractmethod
    def _call(self, request: Request, samples: int) -> Call:
        """Put the request into the server's words, without what it is known to refuse."""

    @abstractmethod
    def _answers(self, data: dict[str, Any], call: Call) -> Iterator[Answer]:
        """Read the samples, as the model wrote them. Raises AnswerError where there can be none."""

    @abstractmethod
    def _usage(self, data: dict[str, Any]) -> Usage:
        """Read what is billed, all samples together."""

    async def _read(
        self, data: dict[str, Any], call: Call, rates: Rates | None, silence: Silence, deadline: float
    ) -> Reply:
        usage = Usage()
        try:
            usage = self._usage(data)
            data = await self._ended(data, call, silence, deadline)
            answers = tuple([self._shaped(answer, call) for answer in self._answers(data, call)])
            if all(_hollow(answer) for answer in answers):
                why = f": {answers[0].said}" if answers and answers[0].said else ""
                raise AnswerError(f"{self.model}: {self._at.host} sent an empty answer{why}")
        except AnswerError as error:
            # It is paid: the bill and the whole of what came go with it.
            raise spoiled(self._at, str(error), error.text or _text_of(data), usage, rates) from None
        except Exception as mistake:  # noqa: BLE001 (whatever came, this call fails by it, and no other)
            raise spoiled(self._at, unforeseen(self._at, mistake), _text_of(data), usage, rates) from None
        if len(answers) < call.samples:
            self.samples = 1
        return Reply(answers[: call.samples], usage, rates)

    def _shaped(self, answer: Answer, call: Call) -> Answer:
        text = answer.text
        if call.shape is not None and answer.finish == "stop" and text:
            shaped = None if call.mode == PLAIN else call.shape.unwrap(text)
            if shaped is None and call.mode != PLAIN and call.mode == self.modes[0]:
                # A server that enforces the shape cannot send this: it passed the parameter over in silence.
                self._concede(call.mode, "the answer has another form than was asked for")
            text = unfence(text) if shaped is None else shaped
            text = text.strip() if call.shape.choices else text
        kept, why = self._at.keepable(clean(text))
        if why:
            # A server that sends the key back does so every time.
            return Answer("", "filtered", why)
        return Answer(kept, answer.finish, self._at.quote(answer.said))

    def _optional(self, request: Request) -> dict[str, Any]:
        return {
            name: value
            for name in self.optional
            if (value := getattr(request, name)) is not None and name not in self._refused
        }

    def _streams(self, request: Request) -> bool:
        return request.stream and "stream" not in self._refused

    def _mode(self, shape: Shape | None) -> str:
        return next(mode for mode in self.modes if mode == PLAIN or mode not in self._refused) if shape else PLAIN

    def _objection(self, rejected: RejectedError, call: Call) -> str | None:
        """What of this call the server would do without, as far as it can be told from its sentence."""
        if call.stream is not None and unknown(rejected, "stream"):
            return "stream"
        return next((name for name in self.optional if self._holds(call, name) and unknown(rejected, name)), None)

    def _holds(self, call: Call, name: str) -> bool:
        return name in call.body

    def _concede(self, refused: str, why: str) -> None:
        if refused not in self._refused and refused != PLAIN:
            self._refused.add(refused)
            self._progress(f"{self.model}: going on without {refused} ({self._at.quote(why)})")


def unknown(rejected: RejectedError, parameter: str) -> bool:
    """Whether the server objects to the parameter itself; a value out of its range is the user's to mend."""
    said = rejected.sentence
    named = rejected.parameter == parameter or re.search(rf"(?<!\w){re.escape(parameter)}(?!\w)", said)
    return bool(named and _UNKNOWN.search(said))


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
