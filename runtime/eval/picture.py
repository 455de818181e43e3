"""The picture of a calibration: agreement against accuracy, as one SVG."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from .calibration import Calibration

SIDE, LEFT, TOP = 220, 44, 12
_LARGEST = 9.0


def calibration_svg(found: Calibration, title: str) -> str:
    """Draw the groups of votes. On the diagonal the agreement of votes is how often they are right.

    A dot is a group: the more votes it has, the larger it is. Its line is the 95 % interval of its accuracy. ``title``
    is HTML already.
    """
    wide, high = LEFT + SIDE + 20, TOP + SIDE + 40
    parts = "".join((*_axes(), *_groups(found)))
    return (
        f'<svg class="calibration" role="img" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">'
        f"<title>{title}</title>{parts}</svg>"
    )


def _axes() -> Iterator[str]:
    right, bottom = LEFT + SIDE, TOP + SIDE
    yield f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="currentColor" opacity="0.4"/>'
    yield (
        f'<line x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{TOP}" stroke="currentColor" opacity="0.4" '
        'stroke-dasharray="4 4"/>'
    )
    for tenths in (0, 5, 10):
        share = tenths / 10
        yield _text(_x(share), bottom + 16, "middle", f"{share:g}")
        yield _text(LEFT - 6, _y(share) + 4, "end", f"{share:g}")
    yield _text(LEFT + SIDE / 2, bottom + 32, "middle", "agreement")
    yield (
        f'<text x="12" y="{TOP + SIDE / 2:.0f}" text-anchor="middle" font-size="12" fill="currentColor" '
        f'transform="rotate(-90 12 {TOP + SIDE / 2:.0f})">accuracy</text>'
    )


def _text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="12" fill="currentColor">{words}</text>'


def _groups(found: Calibration) -> Iterator[str]:
    for group in found.groups:
        x, share = _x(group.agreement), group.share
        yield (
            f'<line x1="{x:.1f}" y1="{_y(share.low):.1f}" x2="{x:.1f}" y2="{_y(share.high):.1f}" '
            'stroke="currentColor" opacity="0.6"/>'
        )
        size = 2.5 + (_LARGEST - 2.5) * sqrt(share.rows / found.votes)
        yield (
            f'<circle cx="{x:.1f}" cy="{_y(share.value):.1f}" r="{size:.1f}" fill="currentColor">'
            f"<title>{group.words}: {share.right} of {share.rows} right</title></circle>"
        )


def _x(share: float) -> float:
    return LEFT + SIDE * share


def _y(share: float) -> float:
    return TOP + SIDE * (1 - share)
