"""The protocol of a provider. A provider turns a request into answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from flowrun.dsl import dataclass

from ..vocabulary.call import Answer, Reply, Request
from ..vocabulary.errors import AnswerError
from ..vocabulary.receipt import Receipt
from ..vocabulary.usage import DETAILS, Rates, TokenDetail, Usage
from .records import NoRecords, Records

if TYPE_CHECKING:
    from .named_endpoints import NamedEndpoint


class Provider(Protocol):
    """A provider serves one model over one endpoint.

    Attributes:
        model: the full name, ``provider:name``, as reports show it.
        endpoint: the key by which models share a limiter; the base URL for a server.
        samples: the most answers that one request may ask for; 1 if the endpoint has no such parameter.
        concurrency: the number of requests in flight at first, if the flow sets none; 1 is a ceiling, too.

    A provider may also have ``identity``, the name of the model in the keys of answers. Without it, that is the address
    of the model.

    A provider may also have ``caches_from``: the smallest number of a prompt's tokens for which its server charges less
    when it reads the prompt again. It is only for servers that do this without being asked. ``keeps_from`` is the same
    number for servers that keep a prompt only up to the ``cuts`` of its messages. ``tells_beginning`` says that the
    server surely streams: a request for whose answer others wait then tells when the answer begins.

    ``keeps_prompts`` says that its server keeps prompts for any other reason, such as speed. With any of these,
    requests whose prompts begin alike are sent one after another.

    A provider may also have ``bounded`` with the value True. Then ``concurrency`` is a ceiling, whatever its number,
    and it may change while the provider starts.

    A provider may also have ``check_access``, a coroutine function without parameters. It is awaited before the first
    request of a run to any endpoint, and raises a UsageError that says what is missing, such as credentials.

    A provider may also have ``traffic``, a Traffic that it keeps up to date. Then the limiter knows how many requests
    still wait for a connection, and how far away the server is.
    """

    model: str
    endpoint: str
    samples: int
    concurrency: int

    async def start(self) -> None:
        """Get ready: load a model, or open a session. It is called once, before the first request."""

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        """Make one attempt at a request. The key is the same for every attempt at one request; "" for no key.

        Raises: RefusedError, InDoubtError, PermanentError, AnswerError.
        """

    async def close(self) -> None:
        """Release everything that ``start`` took. This is safe at any time, and more than once."""


_NUMBERS, _LISTS = (int, float), (tuple, list)
"""Kinds of values. A union would be made anew for each reply."""


def fault_of(reply: object) -> str:
    """Return what is wrong with the shape of a reply that a provider of somebody else's returned; "" if nothing is."""
    if not isinstance(reply, Reply):
        return f"it returned no Reply, but an object of the type {type(reply).__name__}"
    if not isinstance(reply.answers, _LISTS):
        return f"the answers of its Reply are no tuple, but of the type {type(reply.answers).__name__}"
    for answer in reply.answers:
        if not isinstance(answer, Answer) or not isinstance(answer.text, str):
            return "an answer of its Reply is no Answer with a text"
        if answer.more is not None and not _is_object(answer.more):
            return "the further facts (`more`) of an answer are no JSON object"
    if fault := _fault_of_usage(reply.usage):
        return fault
    if reply.receipt is not None and not _is_receipt(reply.receipt):
        return "the receipt of its Reply is no Receipt with two texts"
    if reply.rates is not None and not isinstance(reply.rates, Rates):
        return f"the rates of its Reply are no Rates, but of the type {type(reply.rates).__name__}"
    return ""


def drop_faults(error: AnswerError) -> None:
    """Take from the error of somebody else's provider what has the wrong shape: the reply is spoilt all the same."""
    if error.usage is not None and _fault_of_usage(error.usage):
        error.usage = None
    if not _is_receipt(error.receipt):
        error.receipt = None
    if not isinstance(error.finish, str):
        error.finish = ""
    if error.more is not None and not _is_object(error.more):
        error.more = None


def _fault_of_usage(usage: object) -> str:
    if not isinstance(usage, Usage):
        return f"the usage of its Reply is no Usage, but of the type {type(usage).__name__}"
    counts = [usage.input_tokens, usage.output_tokens]
    if (detail := usage.detail) is not None:
        if not isinstance(detail, TokenDetail):
            return f"the detail of its usage is no TokenDetail, but of the type {type(detail).__name__}"
        counts += [getattr(detail, name) for name in DETAILS]
    if not isinstance(usage.tier, str) or not isinstance(usage.doubt, str):
        return "the tier or the doubt of its usage is no text"
    for tokens in (*counts, usage.whole):
        if tokens is not None and not isinstance(tokens, _NUMBERS):
            return f"the tokens of its Reply are no number, but of the type {type(tokens).__name__}"
    return ""


def _is_receipt(receipt: object) -> bool:
    return isinstance(receipt, Receipt) and isinstance(receipt.served, str) and isinstance(receipt.id, str)


def _is_object(more: object) -> bool:
    """Tell whether a value is an object that JSON can express."""
    import json  # few answers have further facts

    try:
        return isinstance(more, dict) and bool(json.dumps(more, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return False


Progress = Callable[[str], None]
"""A function that shows a person one line about a slow start, such as a download or a model that loads."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The surroundings of a provider: environment variables, a function that takes reports of progress, and records.

    A provider may ask ``records`` for the record of its model and keep it as its attribute ``record``. Then its run
    starts with the pace and the lessons of earlier runs, and leaves its own to later runs. ``endpoints`` are the
    endpoints that the flow and its user have declared, by name.
    """

    environ: Mapping[str, str]
    progress: Progress = lambda line: None
    records: Records = field(default_factory=NoRecords)
    endpoints: Mapping[str, NamedEndpoint] = field(default_factory=dict)
