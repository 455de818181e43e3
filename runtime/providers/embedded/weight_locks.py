"""The locks beside a file of weights. They tell which processes fetch it and which use it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...files.locks import BINARY, hold
from ...vocabulary.errors import UsageError
from .models import LocalModel

_SAFE: int = getattr(os, "O_CLOEXEC", 0) | BINARY


class Use:
    """The mark of a process that uses a file of weights. It ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._handle: int | None = None
        try:
            self._handle = os.open(use_of(path), os.O_RDWR | os.O_CREAT | _SAFE, 0o600)
            hold(self._handle, shared=True, wait=True)  # waits for a removal, which takes an instant
        except OSError:  # a folder that only others may write: nobody here can remove the weights either
            self.end()

    def end(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@contextmanager
def alone(path: Path, model: LocalModel, does: str) -> Iterator[None]:
    """Hold a lock that nobody else holds. Raises: UsageError, if a process holds it, which ``does`` something."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | _SAFE, 0o600)
    try:
        try:
            hold(handle)
        except BlockingIOError:
            raise UsageError(
                f"a run {does} the weights of {model.name} at the moment: wait for its end, or stop it"
            ) from None
        yield
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Tell whether a process holds the lock."""
    try:
        handle = os.open(path, os.O_RDONLY | _SAFE)
    except OSError:
        return False
    try:
        hold(handle)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def lock_of(path: Path) -> Path:
    """Return the lock of a process that fetches a file of weights."""
    return path.with_name(path.name + ".lock")


def use_of(path: Path) -> Path:
    """Return the lock that all processes share which use a file of weights."""
    return path.with_name(path.name + ".used")
