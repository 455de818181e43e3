"""The weights that lie on this machine, the runs that use them, and their removal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from flowrun.dsl import dataclass

from ...files.folders import cache_folder
from ...vocabulary.errors import UsageError
from .models import LocalModel
from .weight_locks import alone, is_locked, lock_of, use_of
from .weights import is_verified, stamp_of

State = Literal["verified", "not verified", "absent"]


@dataclass(frozen=True, slots=True)
class Held:
    """The weights of a model, and their place on this machine. ``used`` is True while a run uses or fetches them."""

    model: LocalModel
    path: Path
    state: State
    used: bool

    def as_row(self) -> dict[str, Any]:
        one = self.model
        return {
            "model": one.name,
            "title": one.title,
            "bytes": one.size,
            "licence": one.licence,
            "sha256": one.sha256,
            "path": str(self.path),
            "state": self.state,
            "used": self.used,
        }


def held(model: LocalModel, environ: Mapping[str, str]) -> Held:
    """Find the weights of a model on this machine."""
    path = path_of(model, environ)
    state: State = "verified" if is_verified(path, model) else "not verified" if path.is_file() else "absent"
    return Held(model, path, state, is_locked(use_of(path)) or is_locked(lock_of(path)))


def path_of(model: LocalModel, environ: Mapping[str, str]) -> Path:
    """Return the place of the weights of a model."""
    return cache_folder(environ) / "models" / model.file


def remove(model: LocalModel, environ: Mapping[str, str]) -> int:
    """Remove the weights of a model. Return the bytes that this frees, 0 if there were none.

    Raises: UsageError, if a run uses or fetches them, or if they cannot be removed.
    """
    path = path_of(model, environ)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise UsageError(f"{path} cannot be removed: {error.strerror or error}") from error
    try:
        with alone(lock_of(path), model, "fetches"), alone(use_of(path), model, "uses"):
            path.unlink(missing_ok=True)
            stamp_of(path).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be removed: {error.strerror or error}") from error
    return size
