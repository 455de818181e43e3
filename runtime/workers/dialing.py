"""The way of a worker to its driver on another machine: three streams, each opened with the worker's ticket."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from .gate import STREAMS, shown_ticket, watch

SECONDS = 10.0
"""The seconds that a connection may take."""


def dial(hosts: Sequence[str], port: int, ticket: str) -> list[socket.socket]:
    """Open the streams of a worker, in the order of ``STREAMS``. Raises OSError if no host of the driver answers."""
    ends: list[socket.socket] = []
    try:
        for at in range(len(STREAMS)):
            end = _connected(hosts, port)
            ends.append(end)
            watch(end)
            end.sendall(shown_ticket(ticket, STREAMS[at : at + 1]))
            end.settimeout(None)
    except OSError:
        for end in ends:
            end.close()
        raise
    return ends


def _connected(hosts: Sequence[str], port: int) -> socket.socket:
    failed = OSError("the driver has no address")
    for host in hosts:
        try:
            return socket.create_connection((host, port), SECONDS)
        except OSError as error:
            failed = error
    raise failed
