"""Cassettes: the real answers of a run, kept beside its flow, one JSON line for each answer.

The first line tells the format and the flow. The other lines are in the order of their places, so that a difference of
two versions is small. A cassette has no key, no header, and no user or password of an address.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from hashlib import blake2b
from typing import Any

from flowrun.dsl import dataclass
from flowrun.runtime.journal.row_usage import usage_fields
from flowrun.runtime.vocabulary.call import Request, schema_text
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.usage import NO_USAGE, Usage

from .secrets import SecretSearch

VERSION = 1
ENDS = ("stop", "length", "filtered", "unterminated", "other", "failed", "cancelled")
"""The ends of an answer. A line that is ``failed`` or ``cancelled`` has no answer: the run got none."""
_NUMBER = re.compile(r"(\d+)")
_USER = re.compile(r"//[^/@\s]*@")
_QUERY = re.compile(r"[?#].*")


Chain = tuple[str, int, str]
"""A call: its path, its sample and its key."""


@dataclass(frozen=True, slots=True)
class Line:
    """An answer to a call.

    ``path`` is the place of the call, ``sample`` its number in a vote, and ``again`` counts the answers before it that
    did not fit. ``key`` is the digest of the call's first request. ``messages`` are pairs of a role and a text.
    ``usage`` has the tokens, None where they are not known. ``error`` tells why the answer has no value.
    ``order`` is the rank of its arrival among all answers of its run, 0 if the outcome cannot depend on it.
    ``options`` are the options of the ask that its key has, as ``options_of`` returns them.
    """

    path: str
    sample: int
    again: int
    key: str
    model: str
    messages: tuple[tuple[str, str], ...]
    answer: str | None
    finish: str = "stop"
    usage: Usage = NO_USAGE
    error: str = ""
    order: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chain(self) -> Chain:
        """The call to which the answer belongs."""
        return self.path, self.sample, self.key

    def as_row(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "path": self.path,
            "sample": self.sample,
            "again": self.again,
            "key": self.key,
            "model": self.model,
            "messages": [{"role": role, "text": text} for role, text in self.messages],
            "answer": self.answer,
            "finish": self.finish,
            "usage": {"in": self.usage.input_tokens, "out": self.usage.output_tokens, **usage_fields(self.usage)},
        }
        if self.options:
            row["options"] = dict(self.options)
        if self.error:
            row["error"] = self.error
        if self.order:
            row["order"] = self.order
        return row


def key_of(request: Request) -> str:
    """Make the key of a call: a digest of its messages, the form of its answer and its options.

    The model is not part of it, because a test may leave the model open.
    """
    parts = [
        [[one.role, one.text] for one in request.messages],
        list(request.choices),
        "" if request.schema is None else schema_text(request.schema),
        [repr(request.temperature), request.max_tokens, request.seed],
    ]
    if request.options:
        parts.append(sorted(request.options.items()))
    return blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()


def options_of(request: Request) -> dict[str, Any]:
    """Return the options of a call that are in its key."""
    options = {"temperature": request.temperature, "max_tokens": request.max_tokens, "seed": request.seed}
    return {name: value for name, value in options.items() if value is not None} | dict(request.options)


def plain_model(address: str) -> str:
    """Return the address of a model without a user, a password and a query."""
    return _QUERY.sub("", _USER.sub("//", address))


class Cassette:
    """The lines of a cassette, in the order of their places. ``flow`` is the flow that was recorded first.

    ``played`` are the calls whose answers any test has taken.
    """

    def __init__(self, flow: str, lines: Iterable[Line] = ()) -> None:
        self.flow = flow
        self.played: set[Chain] = set()
        self._secrets = SecretSearch(os.environ)
        self.lines: dict[tuple[Chain, int, str], Line] = {}
        self._answers: dict[tuple[Chain, int], list[Line]] = {}
        self._by_key: dict[tuple[str, int], dict[Chain, None]] = {}
        self._at: dict[tuple[str, int], dict[Chain, None]] = {}
        for line in lines:
            self.add(line)

    def __iter__(self) -> Iterator[Line]:
        return iter(sorted(self.lines.values(), key=_order))

    def __len__(self) -> int:
        return len(self.lines)

    def answers(self, chain: Chain, again: int) -> Sequence[Line]:
        """Return the answers to a call, one of each model that was asked."""
        return self._answers.get((chain, again), ())

    def alike(self, key: str, sample: int) -> Iterable[Chain]:
        """Return the calls with the same question, at any place."""
        return self._by_key.get((key, sample), ())

    def at(self, path: str, sample: int) -> Iterable[Chain]:
        """Return the calls at a place."""
        return self._at.get((path, sample), ())

    def add(self, line: Line) -> None:
        """Add a line. Raises UsageError if it has what looks like a secret."""
        found = self._secrets.found_in(
            [*(text for _, text in line.messages), line.answer or "", line.error, *map(str, line.options.values())]
        )
        if found:
            raise UsageError(
                f"the call `{line.path}` has what looks like a secret ({found}), and a cassette is not secret: take it "
                "out of the prompt, or answer this call by a `reply`"
            )
        self._put(line)

    def _put(self, line: Line) -> None:
        chain, model = line.chain, line.model
        self.lines[chain, line.again, model] = line
        others = [one for one in self.answers(chain, line.again) if one.model != model]
        self._answers[chain, line.again] = [*others, line]
        self._by_key.setdefault((line.key, line.sample), {})[chain] = None
        self._at.setdefault((line.path, line.sample), {})[chain] = None

    def keep(self, chains: Iterable[Chain]) -> int:
        """Keep only the lines of these calls. Return how many were removed."""
        kept, lines = set(chains), [*self.lines.values()]
        for index in (self.lines, self._answers, self._by_key, self._at):
            index.clear()
        for line in lines:
            if line.chain in kept:
                self._put(line)
        return len(lines) - len(self.lines)

    def text(self) -> Iterator[str]:
        """Yield the lines of the file, in their order."""
        yield _written({"flowrun": "cassette", "version": VERSION, "flow": self.flow})
        for line in self:
            yield _written(line.as_row())


def _order(line: Line) -> tuple[object, ...]:
    parts = _NUMBER.split(line.path)
    natural = tuple((int(part), "") if at % 2 else (-1, part) for at, part in enumerate(parts))
    return natural, line.sample, line.key, line.again, line.model


def _written(row: Mapping[str, Any]) -> str:
    text = json.dumps(row, ensure_ascii=False, separators=(", ", ": "))
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(row, separators=(", ", ": "))
    return text + "\n"
