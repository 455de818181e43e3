"""The shop's side of refunds.flow. A real one would call the shop's service."""

from __future__ import annotations


def refund(order: str, reason: str) -> str:
    """Say which order is paid back, and why."""
    return f"order {order} is paid back: {reason}"
