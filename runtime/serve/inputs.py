"""The inputs of a flow from a client, which is not the user of this machine.

A client names a file only as ``{"path": …}``, in a folder that the user allows. A text is never taken for a path, and
no value is a URL.
"""

from __future__ import annotations

import asyncio
import binascii
import os
from base64 import b64decode
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import ImageValue, dataclass, types
from flowrun.dsl import plan as p

from ..documents.paged import PAGED
from ..documents.reading import read_document, read_document_bytes, read_plain_document
from ..files.files import Files
from ..files.images import facts_of
from ..inputs.images import image_bytes
from ..inputs.python_values import plain_inputs
from ..session.images import paged_inputs
from ..session.loading import checked_inputs
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown

_FORMS = '{"path": "report.pdf"} or {"base64": "…", "name": "report.pdf"}'


@dataclass(frozen=True, slots=True)
class Inputs:
    """The reader of a client's inputs. Files are in one of ``folders``; ``models`` may be named."""

    folders: tuple[Path, ...]
    models: Collection[str]

    async def read(self, plan: p.Plan, given: Mapping[str, Any], remarks: list[str]) -> dict[str, Json]:
        """Return the inputs with the types of the flow's parameters. Raises InputError."""
        # Documents and images are read in a thread, because the event loop serves others.
        if any(_may_be_file(param.type) for param in plan.params):
            return await asyncio.to_thread(self._read, plan, given, remarks)
        return self._read(plan, given, remarks)

    def _read(self, plan: p.Plan, given: Mapping[str, Any], remarks: list[str]) -> dict[str, Json]:
        known = {param.name: param.type for param in plan.params}
        plain = plain_inputs(given)
        with paged_inputs(plan):
            made = {
                name: self._made(value, known[name], name) if name in known else value for name, value in plain.items()
            }
            return checked_inputs(plan, made, tell=remarks.append)

    def _made(self, value: Json, type_: types.Type, where: str) -> Json:
        """Return a value with the documents and images that it names."""
        match types.unwrapped(type_), value:
            case types.Simple("document"), dict():
                return self._document(value, where)
            case types.Simple("image"), _ if value is not None:
                return self._image(value, where)
            case types.Simple("model"), str() if value not in self.models:
                names = ", ".join(map(shown, sorted(self.models))) or "none"
                raise InputError(f"`{where}`: {shown(value)} is no model that a client may choose: {names}")
            case types.ListOf(item), list():
                return [self._made(one, item, f"{where}[{at}]") for at, one in enumerate(value)]
            case types.Union() as union, dict():
                member = union.member(value.get(union.tag))
                return value if member is None else self._made(value, member, where)
            case types.Record(fields), dict():
                kinds = {field.name: field.type for field in fields}
                return {
                    name: self._made(one, kinds[name], f"{where}.{name}") if name in kinds else one
                    for name, one in value.items()
                }
        return value

    def _document(self, value: dict[str, Json], where: str) -> Json:
        try:
            if (path := _path_in(value)) is not None:
                files = self._files(path)
                if PAGED.get():
                    return read_plain_document(files.resolve(path))
                return read_document(files, path)
            data, name = _bytes_in(value)
            if PAGED.get() and name.lower().endswith(".pdf"):
                raise InputError('this flow looks at the pages of a PDF: give it as {"path": "report.pdf"}')
            return read_document_bytes(data, name)
        except InputError as error:
            raise InputError(f"`{where}`: {error}") from None

    def _image(self, value: Json, where: str) -> ImageValue:
        try:
            if not isinstance(value, dict):
                raise InputError(f"an image is given as {_FORMS}")
            if (path := _path_in(value)) is not None:
                files = self._files(path)
                facts = facts_of(files.read_bytes(path), shown(path))
                return ImageValue({**facts, "path": str(files.resolve(path))})
            data, name = _bytes_in(value)
            return image_bytes(data, shown(name or where))
        except InputError as error:
            raise InputError(f"`{where}`: {error}") from None

    def _files(self, path: str) -> Files:
        """Return the files of the first allowed folder that has a regular file at a path.

        They are read below the folder, so that a link that comes later leads nowhere. Raises InputError for all others.
        """
        if not self.folders:
            raise InputError(
                "this server lets its clients name no file: send its text or its bytes, or let the user of the "
                "server add --allow-read DIR"
            )
        for folder in self.folders:
            try:
                files = Files(folder)
                if files.resolve(path).is_file():
                    return files
            except (InputError, OSError):
                continue
        # The server says the same of a missing and of a forbidden file, so nobody learns which files exist elsewhere.
        raise InputError(f"there is no file {shown(path)} in the folders that the server allows")


def _path_in(value: Mapping[str, Json]) -> str | None:
    path = value.get("path")
    if path is None:
        return None
    if not isinstance(path, str) or set(value) != {"path"}:
        raise InputError(f"a file is given as {_FORMS}")
    return path


def _bytes_in(value: Mapping[str, Json]) -> tuple[bytes, str]:
    data, name = value.get("base64"), value.get("name", "")
    if not isinstance(data, str) or not isinstance(name, str) or not set(value) <= {"base64", "name"}:
        raise InputError(f"a file is given as {_FORMS}")
    try:
        return b64decode(data, validate=True), os.path.basename(name)
    except (binascii.Error, ValueError):
        raise InputError("the field `base64` is no base64") from None


def _may_be_file(type_: types.Type) -> bool:
    inner = types.unwrapped(type_)
    return types.any_part(inner, lambda one: one in (types.DOCUMENT, types.IMAGE))
