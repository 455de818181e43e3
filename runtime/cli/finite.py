"""A range of numbers on a command line. `nan` is no number, and lies in no range."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """The numbers of a range, without `nan` and without an endless one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if not isfinite(found):
            self.fail(f"{value} is not a number of the range.", param, ctx)
        return found
