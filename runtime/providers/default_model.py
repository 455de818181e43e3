"""The model of asks that name none: from the environment, from the project of the flow, or the embedded model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..files.project import project_model
from . import DEFAULT_MODEL, MODEL_VARIABLE


class DefaultModel(NamedTuple):
    """A model, and whether the project's file names it. Such a model is no choice of the user, as that file may come
    from anybody."""

    name: str
    of_project: bool = False


def model_without_option(environ: Mapping[str, str], source: str) -> DefaultModel:
    """Return the model for asks that name none, where no option of the run sets it.

    ``source`` is the path of the flow file. Raises UsageError if the project's file is not valid.
    """
    if own := environ.get(MODEL_VARIABLE, "").strip():
        return DefaultModel(own)
    project = project_model(source)
    return DefaultModel(project, True) if project else DefaultModel(DEFAULT_MODEL)
