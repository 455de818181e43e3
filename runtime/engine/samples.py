"""Which sample a call is, of those that ask the same."""

from __future__ import annotations

from dataclasses import dataclass

from flowrun.dsl import plan as p

from .frames import Frame


@dataclass(frozen=True, slots=True)
class Sample:
    """A call that is one of several that ask the same: the block's run, the step, and which sample it is.

    Where repeats stand inside each other, every sample of all of them has its own ``index``. ``patient``: they would
    all rather be cheap than fast.
    """

    run: int
    step: str
    index: int
    patient: bool = False


def sample_of(frame: Frame, step: str) -> Sample | None:
    """Which sample a call of this step is, or None outside of every repeat."""
    within = frame.within
    if within is None or not within.around.sampled:
        return None
    serial, index, scale, patient = 0, 0, 1, True
    for around in frame.enclosing():
        if around.run is not None and isinstance(around.run.step.node, p.Repeat):
            serial = serial or around.run.serial
            index += around.index * scale
            scale *= around.run.total
            patient = patient and around.run.launch == "cost"
    return Sample(serial, step, index, patient) if serial else None
