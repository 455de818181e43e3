"""Cases of a test of which an ordinary run takes a few. The others are marked `slow`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest


def few(cases: Mapping[str, Any] | Iterable[Any], *ordinary: Any) -> list[Any]:
    """Make the parameters of a test. The cases of a mapping have their names as ids, and ``ordinary`` names some."""
    named = [(name, cases[name]) for name in cases] if isinstance(cases, Mapping) else [(one, one) for one in cases]
    unknown = [one for one in ordinary if one not in [name for name, _ in named]]
    assert not unknown, f"no cases: {unknown}"
    return [
        pytest.param(
            *(one if isinstance(one, tuple) else (one,)),
            id=name if isinstance(cases, Mapping) else None,
            marks=() if name in ordinary else pytest.mark.slow,
        )
        for name, one in named
    ]


def some(cases: Iterable[Any], of: int, first: int = 0) -> list[Any]:
    """Return all cases, for `parametrize`. One of ``of`` is an ordinary one, from ``first`` on; the others are slow."""
    return [
        case
        if number % of == first
        else pytest.param(*(case if isinstance(case, tuple) else [case]), marks=pytest.mark.slow)
        for number, case in enumerate(cases)
    ]
