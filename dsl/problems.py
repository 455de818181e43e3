"""The problems of files, in order and without a text that may be a secret."""

from __future__ import annotations

from collections.abc import Sequence

from .diagnostics import Diagnostic

SECRETS = frozenset({"F0682", "F0683"})
"""The errors about a text that may be a secret. No diagnostic of the file shows such a text."""


def in_order(problems: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return each problem once, in the order of the text."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.sort_key))


def hidden(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the problems so that none of them shows a text that may be a secret."""
    if not any(one.code in SECRETS or "endpoint" in one.span.source.text for one in found):
        return tuple(found)
    from .checking.endpoints import masked

    return tuple(masked(found, SECRETS))
