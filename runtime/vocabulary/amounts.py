"""Times, dollars, sizes and counts in words.

Dollars have three forms on purpose. ``money_text`` writes what was paid, with three significant figures. ``bound_text``
writes the bounds of a plan, which may only be rounded outwards. ``limit_text`` writes a limit and what is left of it,
to the cent, as users write limits.
"""

from __future__ import annotations

from math import ceil, floor, isfinite, log10

UNKNOWN = "?"
LARGEST = 10**15
"""The largest number of a plan that is written with its digits."""


def figures(value: float) -> str:
    """Write a number with three significant figures, without an exponent and without zeros at its end."""
    if not value or not isfinite(value):
        return "0" if not value else UNKNOWN
    digits = max(0, 2 - floor(log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money_text(dollars: float | None) -> str:
    """Write dollars: ``$0.0021``, ``$1.20``. An amount that is not zero is never written as zero."""
    if dollars is None:
        return UNKNOWN
    text = figures(abs(dollars))
    whole, _, cents = text.partition(".")
    return f"{'−' if dollars < 0 else ''}${whole}.{cents}0" if len(cents) == 1 else f"{'−' * (dollars < 0)}${text}"


def ceiling_text(dollars: float) -> str:
    """Write dollars that are an upper bound: rounded up to three significant figures."""
    if dollars <= 0 or not isfinite(dollars):
        return money_text(dollars)
    step = 10.0 ** (floor(log10(dollars)) - 2)
    # A sum of floats may lie just above a step that it means.
    return money_text(ceil(dollars / step - 1e-6) * step)


def bound_text(dollars: float, *, up: bool = False) -> str:
    """Write a bound to the cent, and a small one to a hundredth of a cent. Round down, or with ``up`` round up."""
    if dollars > LARGEST:
        return "more than $10^15"
    digits = 2 if dollars >= 0.1 or float(round(dollars * 100, 6)).is_integer() else 4
    scaled = round(dollars * 10**digits, 6)
    rounded = (ceil(scaled) if up else floor(scaled)) / 10**digits
    return f"${rounded:,.{digits}f}" if rounded else "$0"


def limit_text(dollars: float) -> str:
    """Write a limit to the cent, but below ten cents with two significant figures."""
    if dollars == 0 or dollars >= 0.0995:
        return f"${dollars:,.2f}"
    return f"${dollars:.2g}" if dollars >= 0.0001 else f"${dollars:.1e}"


def apart_text(less: float, more: float) -> tuple[str, str]:
    """Write two different limits with as many digits as it takes to tell them apart."""
    found = limit_text(less), limit_text(more)
    for digits in range(3, 13):
        if found[0] != found[1]:
            break
        found = f"${less:,.{digits}f}", f"${more:,.{digits}f}"
    return found


def time_text(milliseconds: float | None) -> str:
    """Write a time: ``812 ms``, ``1.23 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 0:
        return f"−{time_text(-milliseconds)}"
    if milliseconds < 999.5:
        return f"{figures(milliseconds)} ms"
    seconds = milliseconds / 1000
    if seconds < 119.95:
        return f"{figures(seconds)} s"
    whole = round(seconds)
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def count_text(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: ``1 call``, ``2 retries``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size_text(count: int) -> str:
    """Write a number of bytes, in three figures."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{amount:.3g} {units[0]}"


def decimal_size_text(count: int) -> str:
    """Write the size of a download in decimal units, as package indexes do: ``1.1 GB``, ``98 MB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
