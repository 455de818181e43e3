"""The lints. Each reports code that is allowed but is probably a mistake.

Each lint is a file of its own that binds a ``Lint``. They run in the order of their codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from .lint import Find, Lint

_BLOCKS = "map repeat fanout"
WORDS = {
    "batch_race": "batch",
    "blind_rounds": "until",
    "constant_check": "check",
    "constant_condition": "when where until",
    "constant_match": "match",
    "empty_map": "map",
    "even_vote": _BLOCKS,
    "few_tokens": "max_tokens",
    "forgotten_class": "when",
    "free_text_vote": _BLOCKS,
    "frozen_repeat": "repeat",
    "idle_batch_option": "batch",
    "idle_confidence": "confidence",
    "idle_items": "over",
    "idle_same": "same",
    "idle_stage": "cascade",
    "idle_weight": "weight",
    "late_text": "map",
    "lines_of_a_text": "lines",
    "long_reasoning": "reasoning",
    "many_votes": "repeat",
    "one_at_a_time": "concurrency",
    "provider_limits": "model",
    "same_for_each": "map",
    "single_branch": "fanout",
    "single_repeat": "repeat",
    "stopped_value": "stop",
    "two_choices": "top_p",
    "unbounded_map": "map",
    "unrelated_stage": "cascade",
    "uncounted_samples": "together",
    "unread_results": _BLOCKS,
    "unread_source": "quote import",
    "unserved": "model",
    "untested_ask": "test",
    "unused_branch": "fanout",
    "unused_element": "map over",
    "unused_endpoint": "endpoint",
    "unused_model": "model",
    "unused_place": "map",
    "unused_setup": "setup",
    "unused_text": "text prompt",
    "vote_on_quotes": "quote import",
    "warm_reasoning": "reasoning",
    "whole_document": "split",
    "wide_map": "concurrency",
    "zero_division": "/",
}
"""The words of which a file must have one, for a lint to find something in it. Without them the lint is not loaded.

A lint that is not here looks at every file.
"""

_TOOLS = frozenset({"cases", "lengths", "lint", "parts", "settings"})
"""The modules of this folder that only help the lints."""


def lints_for(text: str, *, near: bool = False) -> list[Find]:
    """Return the lints that may find something in the text of a file.

    If ``near`` is True, they are those that still hold when the file has an error elsewhere.
    """
    names = [name for name in _names() if name not in WORDS or any(word in text for word in WORDS[name].split())]
    return [lint.find for lint, _ in _found(names).values() if lint.near or not near]


@cache
def lint_pages() -> dict[str, str]:
    """Return the page of each lint without its title, by code."""
    return {code: module.__doc__ or "" for code, (_, module) in _found(_names()).items()}


@cache
def _names() -> tuple[str, ...]:
    return tuple(info.name for info in iter_modules(__path__) if info.name not in _TOOLS)


def _found(names: Iterable[str]) -> dict[str, tuple[Lint, ModuleType]]:
    """Load the modules with these names. Return their lints in the order of the codes."""
    found: dict[str, tuple[Lint, ModuleType]] = {}
    for name in names:
        module = import_module(f".{name}", __name__)
        for lint in vars(module).values():
            if isinstance(lint, Lint) and found.setdefault(lint.code, (lint, module))[1] is not module:
                raise TypeError(f"two lints report {lint.code}: {found[lint.code][1].__name__} and {module.__name__}")
    return dict(sorted(found.items()))
