"""The numbers of calls among the samples of the repeats and rounds around them."""

from __future__ import annotations

from ..decisions import Group
from ..frames import Frame


def sample_of(frame: Frame, step: str) -> tuple[Group | None, int] | None:
    """Return the group and the sample number of a call of this step. None outside of every repeat and of all rounds.

    If repeats are nested, each combination of their samples has its own number. The numbers of a round depend on no
    number of rounds. The samples of each item of a panel are a group.
    """
    within = frame.within
    if within is None or not within.around.sampled:
        return None
    serial, index, scale, patient, rounds = 0, 0, 1, True, 0
    around: Frame | None = frame
    while around is not None:
        block = around.block
        if block is not None and block.samples:
            step += f"[{around.index % block.items}]" if block.items and not serial else ""
            serial = serial or block.around.serial
            index += around.index * scale
            scale *= block.samples
            patient = patient and block.patient
        elif block is not None and block.counts_rounds:
            rounds = _paired(rounds, around.index)
        around = around.parent if block is None else block.frame
    return Group(serial, step, patient) if serial else None, index + rounds * scale


def _paired(inner: int, outer: int) -> int:
    """Return one number for two, which no other two have (G. Cantor's pairing)."""
    return (inner + outer) * (inner + outer + 1) // 2 + outer if outer else inner * (inner + 1) // 2
