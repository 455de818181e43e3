"""The journal key of an answer. It covers everything that the answer depends on: one key means one question."""

from __future__ import annotations

from hashlib import blake2b

from ..vocabulary.call import schema_text
from .decisions import Call

_SIZE = 16


def key_of(call: Call, endpoint: str) -> bytes:
    """Make a call's key from its endpoint, model, parameters, messages, answer form, and sample number.

    A call that is repeated because its answer did not fit has a key of its own. The place of a call in the flow does
    not matter: a user may rename steps and insert rows.
    """
    request = call.request
    choices, (number, again) = len(request.choices), call.sample
    head = (
        f"1 {number} {again} {request.temperature!r} {request.max_tokens} {request.seed} {choices}",
        endpoint,
        call.model,
        *request.choices,
        "" if request.schema is None else schema_text(request.schema),
    )
    parts = list(head)
    for message in request.messages:
        parts += (message.role, message.text)
    whole = "".join(parts)
    # The lengths in bytes come first, so that two different lists of parts never have the same bytes.
    sizes = [len(part if part.isascii() else part.encode("utf-8", "surrogatepass")) for part in parts]
    text = f"{' '.join(map(str, sizes))}\n{whole}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_SIZE).digest()
