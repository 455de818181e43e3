"""The numbering of the nodes in a tree that was not made by the parser."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from itertools import count
from typing import Any

from ..source import Span
from .declarations import File


def number_nodes(file: File) -> None:
    """Give every node of a new tree its number, in the order of the text. The parser numbers its own trees."""
    next_number = count().__next__
    todo: list[Any] = [file]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple):
            todo.extend(reversed(part))
        elif is_dataclass(part) and not isinstance(part, Span):
            if hasattr(part, "number"):
                object.__setattr__(part, "number", next_number())
            todo.extend(getattr(part, field.name) for field in reversed(fields(part)))
