"""The key of an answer: all that it depends on, so that it is used again for the same question and no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from .decisions import Call

_SIZE = 16


def key_of(call: Call, endpoint: str) -> bytes:
    """Of the endpoint, the model, the parameters, the messages, the form of the answer, and which sample it is.

    An answer that was no answer is asked for again under a key of its own. Where in the flow a call stands does not
    matter: steps may be renamed, and rows put between rows.
    """
    request = call.request
    choices = len(request.choices)
    head = (
        f"1 {call.sample} {call.again} {request.temperature!r} {request.max_tokens} {request.seed} {choices}",
        endpoint,
        call.model,
        *request.choices,
        "" if request.schema is None else schema_text(request.schema),
    )
    parts = [*head, *(text for message in request.messages for text in (message.role, message.text))]
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    # Lengths first: no two lists of parts have the same bytes.
    lengths = " ".join(str(len(part)) for part in encoded)
    return blake2b(b"".join((lengths.encode(), b"\n", *encoded)), digest_size=_SIZE).digest()


class _Same:
    """A schema by its identity, for a map asks with the same one a million times."""

    __slots__ = ("schema",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.schema is other.schema

    def __hash__(self) -> int:
        return id(self.schema)


def schema_text(schema: Mapping[str, Any]) -> str:
    """A schema as JSON; that of many calls is written once."""
    return _schema_text(_Same(schema))


@lru_cache(maxsize=256)
def _schema_text(same: _Same) -> str:
    return json.dumps(same.schema, sort_keys=True)
