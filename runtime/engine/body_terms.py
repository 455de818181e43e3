"""The terms for bodies of maps and repeats that run elsewhere, such as in another process."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally


@dataclass(frozen=True, eq=False, slots=True)
class BodyScope:
    """The facts that all bodies of one run of a block share. One object stands for them, so they are sent once.

    ``number`` is unique in the run. ``step`` is the name of the block's step in the flow with the key ``flow``, "" for
    the plan's own flow. ``path`` is the path of the block. ``values`` and ``tallies`` are those of the names around the
    block that its bodies mention. ``patient`` samples should be cheap rather than fast. ``items`` is the number of
    items of a panel.
    """

    number: int
    step: str
    values: Mapping[str, Json]
    tallies: Mapping[str, Tally]
    flow: str = ""
    path: str = ""
    patient: bool = True
    items: int = 0


@dataclass(frozen=True, slots=True)
class LaunchBody:
    """Run a body elsewhere, and report its end. Such bodies have numbers of their own.

    ``index`` is the number of the body in its block, and ``path`` its path. ``given`` has the element of a map or of a
    panel.
    ``coming`` bodies of the block are sure to come after those that begin together with this one.
    """

    number: int
    scope: BodyScope
    index: int
    given: Mapping[str, Json]
    path: str
    coming: int = 0


@dataclass(frozen=True, slots=True)
class CancelBody:
    """Cancel a body that runs elsewhere. With ``keep``, its requests under way may finish, because they are paid."""

    number: int
    keep: bool = False
