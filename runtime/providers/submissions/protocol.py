"""The protocol of a batch API. A submission has lines; each line is a request under a custom id, its key."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

from flowrun.dsl import dataclass

from ...vocabulary.errors import InDoubtError
from .transport import Transport


@dataclass(frozen=True, slots=True)
class SubmissionLine:
    """A request of a submission: its key, the path of the live API, and the body that the live API would get."""

    key: str
    path: str
    body: dict[str, Any]

    @property
    def size(self) -> int:
        """The bytes of the line, about."""
        return len(json.dumps(self.body, ensure_ascii=False).encode("utf-8", "replace")) + 256


@dataclass(frozen=True, slots=True)
class SubmissionState:
    """The state of a submission, in the server's ``word``. ``done`` of its lines have ended, 0 if it does not tell.

    ``refused`` is the reason if the server took none of its lines. ``broken`` says that it ended before its time, so
    that lines without a result were not run. ``files`` are the ids of its results, and ``input`` that of its lines.
    """

    word: str
    ended: bool
    done: int = 0
    refused: str = ""
    broken: bool = False
    files: tuple[str, ...] = ()
    input: str = ""


@dataclass(frozen=True, slots=True)
class LineResult:
    """The result of a line: the ``body`` of its reply, or None and the reason ``why`` it has none.

    A line without a reply was not paid. ``id`` is the server's id for the request.
    """

    key: str
    body: dict[str, Any] | None = None
    why: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A submission in the server's list. ``made`` is in seconds of the epoch; ``tag`` is "" if the API keeps none."""

    id: str
    tag: str = ""
    made: float = 0.0
    lines: int = 0


class SubmissionApi(ABC):
    """A batch API for one model. Every method raises CallError.

    ``most_lines`` and ``most_bytes`` limit a submission; they are those of the API or lower. ``tags`` is True if the
    list of submissions has the tag of each.
    """

    most_lines = 50_000
    most_bytes = 64 * 1024 * 1024
    tags = True

    def __init__(self, transport: Transport, name: str) -> None:
        self.wire = transport
        self.name = name

    def kept(self, id_: str) -> str:
        """Return an id that a server gave, if it may be kept. Raises InDoubtError if it is too long, or has the key."""
        if not id_ or self.wire.endpoint.name(id_) != id_:
            raise InDoubtError(f"{self.wire.endpoint.model}: the batch API named no fit id; it may have been paid")
        return id_

    @abstractmethod
    async def submit(self, tag: str, lines: Sequence[SubmissionLine]) -> str:
        """Submit lines. Return the id of the submission. Raises InDoubtError if the server may have taken them."""

    @abstractmethod
    async def look(self, id_: str) -> SubmissionState:
        """Ask for the state of a submission."""

    @abstractmethod
    def results(self, id_: str, state: SubmissionState, keys: Sequence[str]) -> AsyncIterator[LineResult]:
        """Read the results of a submission that has ended, in any order. ``keys`` are those of its lines, in order."""

    @abstractmethod
    def listed(self) -> AsyncIterator[Listed]:
        """Read the list of submissions, the latest first."""

    async def tidy(self, state: SubmissionState) -> None:  # noqa: B027 (an API without files has nothing to delete)
        """Delete the file of lines of a submission whose results were read. Its results stay at the server."""


def part(id_: str) -> str:
    """Write an id that a server gave as a part of a path."""
    return quote(id_, safe="")


def text_in(data: object, *names: str) -> str:
    """Return the text at a path of fields. "" if there is none."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, str) else ""


def number_in(data: object, *names: str) -> int:
    """Return the number at a path of fields, which may be written as a text. 0 if there is none."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    if isinstance(data, str) and data.isdecimal():
        return int(data)
    return data if type(data) is int and data > 0 else 0


def objects_in(data: object, *names: str) -> list[dict[str, Any]]:
    """Return the objects of the list at a path of fields."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
