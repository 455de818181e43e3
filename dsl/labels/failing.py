"""The marks of what ends a body before it has sent all of its requests, if the block around it goes on without it."""

from __future__ import annotations

from collections.abc import Mapping, Set

from .marks import Reach, control, union

MOST_STEPS = 64
"""The most steps of a body that are told apart. In a longer one, each step is taken to end all others."""


def endings(parts: Mapping[str, Reach], before: Mapping[str, Set[str]], leaves: Set[str]) -> Mapping[str, Reach]:
    """Return for each step of a body the marks of what can fail before the step has sent all of its requests.

    ``parts`` has all marks of each step and of the steps inside it, ``before`` the steps that are finished before it
    begins. A step of ``leaves`` keeps none of its own requests back when it fails.
    """
    if not any(parts.values()):
        return {}
    if len(parts) > MOST_STEPS:
        return dict.fromkeys(parts, control(union(*parts.values())))

    def ends(other: str, name: str) -> bool:
        return name not in leaves if other == name else name not in before.get(other, ())

    return {name: control(union(*(parts[other] for other in parts if ends(other, name)))) for name in parts}
