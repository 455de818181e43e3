"""The record of a model at an endpoint: the lessons of earlier runs, and those that this run adds."""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

from flowrun.dsl import dataclass

from ..vocabulary.pace import Pace


@dataclass(eq=False, slots=True)
class Record:
    """The record of one model at one endpoint.

    ``refused`` are the parts of a request that the server refuses. A part ``mode:digest`` is a mode that it refuses for
    one shape. ``most`` is the greatest number of samples that earlier runs got in one reply, if the server refused or
    withheld more; 0 without such a limit. ``ceiling`` is the limit that this run found, 0 for none, and ``served`` the
    greatest number that this run got. ``pace`` is the pace of the endpoint in earlier runs, ``shown`` that in this run.
    """

    refused: set[str] = field(default_factory=set)
    most: int = 0
    ceiling: int = 0
    served: int = 1
    pace: Pace = Pace()
    shown: Pace | None = None

    @property
    def found(self) -> int:
        """The limit of samples for later runs, as this run found it. 0 if it found none."""
        if self.ceiling > 1 and self.served == 1:
            # The search for the limit has not ended.
            return 0
        return min(self.ceiling, self.served)


class Records(Protocol):
    """The records of earlier runs. Implementations keep neither the account nor any secret part of the address."""

    def record(self, address: str, account: str, model: str) -> Record:
        """Return the record of a model. ``account`` is the text that tells one account from another, such as the key.

        The run may change the record.
        """


class NoRecords:
    """The records of a run that learns from no other run."""

    def record(self, address: str, account: str, model: str) -> Record:
        return Record()


@lru_cache(maxsize=256)
def for_shape(mode: str, key: str) -> str:
    """Return the name of the part that asks in ``mode`` for the shape with this key."""
    return f"{mode}:{blake2b(key.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"
