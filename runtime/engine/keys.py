"""The journal key of an answer. It covers everything that the answer depends on: one key means one question."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b

from ..vocabulary.call import schema_text
from ..vocabulary.json_value import Json
from .decisions import Call

_fresh_key = blake2b(digest_size=16).copy
# A copy takes half the time of a new one.


def key_of(call: Call, endpoint: str, model: str = "") -> bytes:
    """Make a call's key from its endpoint, model, parameters, messages, answer form, and sample number.

    ``model`` is the name of the model there, if the flow calls it by another name; "" if it does not.

    A call that is repeated because its answer did not fit has a key of its own. The place of a call in the flow does
    not matter: a user may rename steps and insert rows. Images count by their digests.
    """
    request = call.request
    sizes, texts = _head(
        *call.sample,
        repr(request.temperature),
        request.max_tokens,
        request.seed,
        request.choices,
        endpoint,
        model or call.model,
        "" if request.schema is None else schema_text(request.schema),
        _written(request.options) if request.options else "",
    )
    for message in request.messages:
        sizes = f"{sizes} {len(message.role)} {_size(message.text)}"
        texts = f"{texts}{message.role}{message.text}"
        for image in message.images:
            # A message without images has the key that it always had.
            sizes = f"{sizes} {image.at}-{image.until}"
            texts = f"{texts}{image.digest}"
    key = _fresh_key()
    key.update(f"{sizes}\n{texts}".encode("utf-8", "surrogatepass"))
    return key.digest()


@lru_cache(maxsize=256, typed=True)
def _head(
    number: int,
    again: int,
    temperature: str,
    max_tokens: int | None,
    seed: int | None,
    choices: tuple[str, ...],
    endpoint: str,
    model: str,
    schema: str,
    further: str,
) -> tuple[str, str]:
    """Return the sizes of the parts that the calls of one step share, and these parts."""
    options = f"1 {number} {again} {temperature} {max_tokens} {seed} {len(choices)}{further}"
    parts = [options, endpoint, model, *choices, schema]
    return " ".join([str(_size(part)) for part in parts]), "".join(parts)


def _written(options: Mapping[str, Json]) -> str:
    """Write the further options of a request as canonical JSON."""
    return " " + json.dumps(options, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _size(text: str) -> int:
    """Return the bytes of a text. They come first, so that two different lists of parts never have the same bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
