"""The XML parts inside of zip files, as office programs write them.

Sizes are limited, and declared entities are refused.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from xml.parsers import expat

from ..vocabulary.errors import InputError

MOST_XML = 64 * 1024 * 1024
"""The most bytes of one unpacked part. A book of a thousand pages has fewer."""
DEEPEST = 500
_OLD = b"\xd0\xcf\x11\xe0"
Attributes = Mapping[str, str]


class Archive:
    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        if data.startswith(_OLD):
            raise InputError(f"{name} has a password or an older format; save it again as .docx without a password")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
            raise InputError(
                f"{name} is damaged or incomplete: a .docx file is a zip file, and this file is not"
            ) from None

    def read(self, part: str) -> bytes | None:
        """Return the bytes of a part. None if the archive has no such part."""
        try:
            info = self._zip.getinfo(part)
        except KeyError:
            return None
        try:
            with self._zip.open(info) as file:
                data = file.read(MOST_XML + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError):
            raise InputError(f"{self.name} is damaged: its part `{part[:80]}` cannot be unpacked") from None
        except (NotImplementedError, RuntimeError):
            raise InputError(f"{self.name} has an unknown compression; save it again as .docx") from None
        if len(data) > MOST_XML:
            raise InputError(
                f"{self.name} has more than {MOST_XML // 1024**2} MiB of text, which is the limit; "
                "split it into smaller files"
            )
        return data

    def parse(
        self,
        part: str,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> bool:
        """Parse a part and call the functions for its tags and texts. Return False if the archive has no such part.

        Tags and attributes are given without their namespace.
        """
        data = self.read(part)
        if data is None:
            return False
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        depth = 0

        def opened(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > DEEPEST:
                raise InputError(f"{self.name} is damaged: its part `{part[:80]}` is nested too deeply")
            start(_local(tag), {_local(key): value for key, value in attributes.items()})

        def closed(tag: str) -> None:
            nonlocal depth
            depth -= 1
            if end:
                end(_local(tag))

        def refused(*_: Any) -> None:
            raise InputError(
                f"{self.name} declares a document type, which no office program writes; save it again as .docx"
            )

        parser.StartElementHandler = opened
        parser.EndElementHandler = closed
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = refused
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            if expat.errors.messages.get(error.code) == expat.errors.XML_ERROR_NO_MEMORY:
                raise MemoryError from None
            raise InputError(f"{self.name} is damaged: its part `{part[:80]}` is not XML") from None
        except (ValueError, LookupError):
            raise InputError(f"{self.name} is damaged: its part `{part[:80]}` is not XML") from None
        return True


def unpacked_size(data: bytes) -> int:
    """Return the unpacked size of all parts in bytes, as the archive declares it. 0 if the data is not an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return 0


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
