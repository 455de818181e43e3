"""The form of values in prompts, and the meter that bounds their text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from flowrun.dsl import ImageValue

from ..vocabulary.errors import FlowrunError
from .candidates import Candidates
from .image_values import is_shown, plain_mark
from .rules import FileText

MOST_CHARACTERS = 16 << 20
MOST_ROUNDS = 5_000_000
"""The most turns of all loops of one template together."""


class PromptError(FlowrunError):
    """A template cannot be filled in with the values that it got."""


METER = "#meter"
"""The name under which a template finds its meter. No name of a flow looks like this."""
FENCES = "#fences"
"""The name under which a template finds the marks of foreign texts."""
IMAGES = "#images"
"""The name under which a template finds the images of its message."""


class Meter:
    """The counts of one rendering: the text that it has built, and the turns of its loops."""

    def __init__(self) -> None:
        self.characters = 0
        self.rounds = 0

    def grow(self, characters: int) -> None:
        self.characters += characters
        if self.characters > MOST_CHARACTERS:
            raise PromptError(
                f"this prompt is longer than {MOST_CHARACTERS:,} characters: split its values with split()"
            )

    def count(self, values: Iterable[Any]) -> Iterator[Any]:
        if values is None or isinstance(values, (int, float)):
            raise PromptError(f"a `for` of a template needs a list, and this is {shown(values)}")
        for value in values:
            self.rounds += 1
            if self.rounds > MOST_ROUNDS:
                raise PromptError(
                    f"the loops of this template run more than {MOST_ROUNDS:,} rounds: use a shorter list"
                )
            yield value


def shown(value: Any) -> str:
    """Write a value as a prompt shows it."""
    if ImageValue.made and is_shown(value):
        return plain_mark(value)
    if isinstance(value, FileText):
        value = value["text"]
    if isinstance(value, str):
        return value
    measure(value)
    return value.block() if isinstance(value, Candidates) else json.dumps(value, ensure_ascii=False, default=absent)


def absent(value: Any) -> None:
    """Return None for a missing field inside of a list. Raise TypeError for anything else."""
    from jinja2 import Undefined

    if not isinstance(value, Undefined):
        raise TypeError(f"a Python {type(value).__name__} is not data")


def measure(value: Any) -> None:
    """Raise PromptError if a value would be written out too long. Its parts may be one object many times over."""
    meter = Meter()
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, list):
            todo.extend(part)
        elif isinstance(part, dict):
            todo.extend((*part, *part.values()))
        meter.grow(len(part) if isinstance(part, str) else 1)
