"""A source distribution that is the same, byte for byte, whoever makes it on whatever machine.

setuptools writes the times, owners and modes of the files of the machine. With SOURCE_DATE_EPOCH set
(https://reproducible-builds.org/specs/source-date-epoch/) the archive is written again: its files in the order of their
names, of this time, of nobody, and with one of two modes.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path


def level(archive: Path) -> bool:
    """Write an archive again. Return False, and leave it as it is, if no time is given."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not given.isdecimal():
        return False
    moment = int(given)
    with tarfile.open(archive, "r:gz") as old:
        entries = [(info, old.extractfile(info) if info.isfile() else None) for info in old.getmembers()]
        content = {info.name: (info, file.read() if file else b"") for info, file in entries}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as new:
        for name, (info, data) in sorted(content.items()):
            made = tarfile.TarInfo(name)
            made.type, made.size, made.mtime = info.type, len(data), moment
            made.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
            new.addfile(made, io.BytesIO(data))
    with open(archive, "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=moment) as packed:
        packed.write(raw.getvalue())
    return True
