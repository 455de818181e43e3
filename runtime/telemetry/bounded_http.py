"""The HTTP session of the exporters of OTLP. A receiver cannot fill the memory or hold an exporter for long."""

from __future__ import annotations

import io
import time
from typing import Any

import requests

_MOST = 64 * 1024
"""The bytes of a reply that are read. The reply to an export has no more than a few words."""
_LONGEST = 2.0
"""The seconds in which a body must have come after its head."""


class BoundedSession(requests.Session):
    """A session that reads a bounded part of each reply.

    It fails at a redirect, because the exporters take one for success.
    """

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = super().send(request, **{**options, "stream": True})
        if 300 <= response.status_code < 400:
            response.close()
            raise requests.exceptions.InvalidURL(
                f"the receiver answered {response.status_code} and names another address: "
                f"{response.headers.get('Location', '')}"
            )
        body = _beginning(response.raw)
        # A connection whose reply was read to its end is back in the pool already.
        response.close()
        response.raw = io.BytesIO(body)
        return response


def _beginning(raw: Any) -> bytes:
    body, until = bytearray(), time.monotonic() + _LONGEST
    while len(body) < _MOST and time.monotonic() < until:
        part = raw.read1(_MOST)
        if not part:
            break
        body += part
    return bytes(body[:_MOST])
