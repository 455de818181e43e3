"""The number of a call among the samples that ask the same."""

from __future__ import annotations

from dataclasses import dataclass

from flowrun.dsl import plan as p

from .frames import Frame


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: one of several calls that ask the same, known by the block's run, the step and its index.

    If repeats are nested, every sample of all of them has its own ``index``. ``patient``: all these repeats prefer
    cheap samples to fast ones.
    """

    run: int
    step: str
    index: int
    patient: bool = False


def sample_of(frame: Frame, step: str) -> Sample | None:
    """Work out the sample that a call of this step is; None outside of every repeat."""
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
