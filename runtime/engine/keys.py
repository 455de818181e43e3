"""The key of an answer. It holds all that the answer depends on, so the answer is reused for the same question only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from .decisions import Call

_SIZE = 16


def key_of(call: Call, endpoint: str) -> bytes:
    """Make a call's key from its endpoint, model, parameters, messages, form of the answer, and number of the sample.

    A call that is repeated because its answer did not fit has a key of its own. The place of a call in the flow does
    not matter: steps may be renamed, and rows put between rows.
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
    """A schema that is compared by its identity: that is quick, and a map uses the same schema a million times."""

    __slots__ = ("schema",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.schema is other.schema

    def __hash__(self) -> int:
        return id(self.schema)


def schema_text(schema: Mapping[str, Any]) -> str:
    """Write a schema as JSON. The text of a schema that many calls share is made once."""
    return _schema_text(_Same(schema))


@lru_cache(maxsize=256)
def _schema_text(same: _Same) -> str:
    return json.dumps(same.schema, sort_keys=True)
