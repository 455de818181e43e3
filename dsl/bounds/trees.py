"""The merges of a tree of asks, and its levels."""

from __future__ import annotations


def merges(leaves: float, fan_in: int) -> int:
    """Return the number of merges in a tree over this many leaves."""
    count, left = 0, int(leaves)
    while left > 1:
        whole, rest = divmod(left, fan_in)
        count += whole + (rest > 1)
        left = whole + (rest > 0)
    return count


def levels(leaves: float, fan_in: int) -> int:
    """Return the number of levels in such a tree. The merges of different levels follow one another."""
    count, left = 0, int(leaves)
    while left > 1:
        left = -(-left // fan_in)
        count += 1
    return count
