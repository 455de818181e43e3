"""The functions of values, one table for expressions and templates: `trim(x)` and `{{ x | trim }}`.

A function depends only on its arguments. It calls nothing, reads nothing, and what it takes is never code.
"""

from __future__ import annotations

from . import elements, group, lengths, letters, numbers, order, parts, texts
from .function import ValueFunction

VALUE_FUNCTIONS: dict[str, ValueFunction] = {
    one.name: one
    for family in (letters, parts, lengths, texts, numbers, elements, order, group)
    for one in family.FUNCTIONS
}
"""The functions by the names that they have as filters."""
CALLED: dict[str, ValueFunction] = {one.called: one for one in VALUE_FUNCTIONS.values() if one.called}
"""The functions by the names that they have in expressions."""
