"""The files of a flow at a worker on another machine. A file whose content is there, too, is taken from there."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

from ..dispatch.read_pool import Args, ReadPool
from ..externs.threads import Raised, Threads
from ..files.files import Files, read_plain_bytes
from ..files.images import digest_of
from ..journal.wire import Frames, framed
from ..vocabulary.errors import InputError
from ..vocabulary.image import Image
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell
from .questions import LOST

PART = 1 << 20
"""The most bytes of a file in one message."""


class FileStream:
    """The worker's end of the stream of files. Threads ask one after another."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._frames = Frames()
        self._asking = threading.Lock()

    def ask(self, question: dict[str, Json]) -> dict[str, Any]:
        """Put a question to the driver. Raises InputError. If the driver is gone, this process ends at once."""
        with self._asking:
            try:
                self._end.sendall(framed(question))
                while data := self._end.recv(1 << 18):
                    for answer in self._frames.feed(data):
                        if "error" in answer:
                            raise InputError(answer["error"])
                        return dict(answer)
            except OSError:
                pass
        os._exit(LOST)

    def image(self, image: Image) -> bytes:
        """Fetch the bytes of an image. Raises InputError."""
        found = bytearray()
        while True:
            part = self.ask({"image": image.path, "digest": image.digest, "at": len(found)})
            found += base64.b64decode(part["data"])
            if len(found) >= part["size"]:
                return bytes(found)


class Mirror(Files):
    """The files of a flow that have come here, below the folder ``root``. Paths are those of the driver."""

    def __init__(self, folder: Path, allowed: tuple[Path, ...], root: str) -> None:
        super().__init__(folder, allowed)
        self.root = os.path.realpath(root)

    def resolve(self, path: str) -> Path:
        if os.path.isabs(path) and not Path(path).is_relative_to(self.root):
            path = os.path.join(self.root, *Path(path).parts[1:])
        return super().resolve(path)


class FarReadPool(ReadPool):
    """The reads of a worker on another machine. Before a read, the files come here, unless they are here already."""

    def __init__(self, files: Mirror, stream: FileStream, tell: Tell) -> None:
        super().__init__(files, tell)
        self._mirror = files
        self._stream = stream
        self._fetching = Threads(1, "flowrun-fetch")
        self._have: dict[str, str] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._fetching.close()

    async def read(self, function: str, args: Args, slow: Any) -> Json:
        path = args.get("pattern" if function == "files" else "path")
        if isinstance(path, str):
            try:
                await self._fetching.run(lambda: self._fetch(path, glob=function == "files"))
            except Raised as raised:
                raise raised.error from None
        return await super().read(function, args, slow)

    def _fetch(self, path: str, *, glob: bool) -> None:
        for name, real, size, digest in self._stream.ask({"list": path, "glob": glob})["files"]:
            if self._have.get(name) == digest:
                continue
            place = self._mirror.resolve(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f".{place.name}.part")
            if not _same(Path(real), size, digest) or not _copied(Path(real), part, digest):
                self._take(name, size, digest, part)
            os.replace(part, place)
            self._have[name] = digest

    def _take(self, name: str, size: int, digest: str, part: Path) -> None:
        found = sha256()
        with part.open("wb") as file:
            while file.tell() < size:
                data = base64.b64decode(self._stream.ask({"get": name, "at": file.tell()})["data"])
                if not data:
                    break
                found.update(data)
                file.write(data)
        if found.hexdigest() != digest:
            raise InputError(f"{name} has changed while it was read")


def _same(path: Path, size: int, digest: str) -> bool:
    """Tell whether a file of this machine has this content."""
    try:
        if not path.is_file() or path.stat().st_size != size:
            return False
        with path.open("rb") as file:
            found = sha256()
            while data := file.read(PART):
                found.update(data)
    except OSError:
        return False
    return found.hexdigest() == digest


def _copied(path: Path, to: Path, digest: str) -> bool:
    try:
        shutil.copyfile(path, to)
    except OSError:
        return False
    return _same(to, to.stat().st_size, digest)


class FileDesk:
    """The driver's side: it tells workers which files a flow may read, and sends them."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._digests: dict[str, tuple[tuple[int, int, int], str]] = {}
        self._last: tuple[str, bytes] = ("", b"")

    def answer(self, question: dict[str, Any]) -> dict[str, Json]:
        """Answer a question of a worker, outside of the event loop."""
        try:
            if "list" in question:
                path = question["list"]
                names = self._files.matching(path) if question["glob"] else [path]
                return {"files": [self._told(name) for name in names]}
            if "image" in question:
                data, size = self._part(question["image"], question["at"], _image(question["digest"]))
            else:
                data, size = self._part(question["get"], question["at"], self._files.read_bytes)
            return {"data": base64.b64encode(data).decode(), "size": size}
        except (InputError, OSError) as error:
            return {"error": str(error)}

    def _part(self, name: str, at: int, read: Callable[[str], bytes]) -> tuple[bytes, int]:
        """Return a part of a file, and the size of the whole. The file that is being sent is kept until its end."""
        data = self._last[1] if at and self._last[0] == name else read(name)
        self._last = (name, data) if at + PART < len(data) else ("", b"")
        return data[at : at + PART], len(data)

    def _told(self, name: str) -> list[Json]:
        real = self._files.resolve(name)
        try:
            stat = real.stat()
            known = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        except OSError:
            known = (0, 0, 0)
        kept = self._digests.get(name)
        if kept is None or kept[0] != known or known == (0, 0, 0):
            data = self._files.read_bytes(name)
            kept = self._digests[name] = (known, sha256(data).hexdigest())
            return [name, str(real), len(data), kept[1]]
        return [name, str(real), known[0], kept[1]]


def _image(digest: str) -> Callable[[str], bytes]:
    """Return what reads the image with this digest. Its user has named the file, so it may lie anywhere."""

    def read(name: str) -> bytes:
        data = read_plain_bytes(Path(name))
        if digest_of(data) != digest:
            raise InputError(f"{shown(name)} has changed since the run read it: start a new run")
        return data

    return read
