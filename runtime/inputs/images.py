"""The images among the inputs of a flow: paths on the command line and in rows, and bytes from Python."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import ImageValue, types

from ..documents.value_words import described
from ..files.images import digest_of, facts_of, read_image
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown

_NO_NAME = "the name of the image is empty; a type `image?` takes none"
MOST_KEPT = 1024 * 1024
"""The most bytes of an image without a file. A journal keeps them with the inputs."""


def image_file(path: Path, name: str = "") -> ImageValue:
    """Read an image that the user names. The bytes of a pipe are kept, because it cannot be read again."""
    if path.exists() and not path.is_file() and not path.is_dir():
        from ..files.files import read_plain_bytes

        return image_bytes(read_plain_bytes(path), name or shown(str(path)))
    return read_image(path, name)


def image_bytes(data: bytes, name: str) -> ImageValue:
    """Return the image of some bytes, which have no file. Raises InputError."""
    facts = facts_of(data, name)
    if len(data) > MOST_KEPT:
        raise InputError(
            f"{name} has {len(data) / 1024**2:.1f} MiB, and an image that is no file may have 1 MiB: save it, and give "
            "its Path"
        )
    return ImageValue({**facts, "data": b64encode(data).decode()})


def placed(value: Json, type_: types.Type, folder: Path | None, where: str = "") -> Json:
    """Read the images that the texts of ``as_paths`` name.

    They are relative to ``folder``, and inside of it: rows may come from anybody. Without a folder the user has
    written them, relative to the current one. Raises InputError, which names the row.
    """
    match types.unwrapped(type_):
        case types.IMAGE if isinstance(value, str):
            if value.strip():
                return _at(value, folder, where)
            if isinstance(type_, types.Optional):
                return None
            raise InputError(f"{where}: {_NO_NAME}" if where else _NO_NAME)
        case types.ListOf(item) if isinstance(value, list):
            return [placed(one, item, folder, f"item {number}") for number, one in enumerate(value, 1)]
        case types.Union() as union if isinstance(value, Mapping):
            member = union.member(value.get(union.tag))
            return value if member is None else placed(value, member, folder, where)
        case types.Record(fields) if isinstance(value, Mapping):
            kinds = {field.name: field.type for field in fields}
            return {
                name: placed(one, kinds[name], folder, ", ".join(filter(None, (where, f"field `{name}`"))))
                for name, one in value.items()
            }
    return value


def _at(given: str, folder: Path | None, where: str) -> ImageValue:
    path = Path(given) if folder is None else folder / given
    before = f"{where}: " if where else ""
    if folder is not None and not _inside(path, folder):
        raise InputError(
            f"{before}{shown(given)} is outside of the folder of the rows, {shown(str(folder))}: rows name images in "
            "their own folder and below"
        )
    try:
        return image_file(path, shown(given))
    except InputError as error:
        raise InputError(f"{before}{error}") from None


def _inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def from_python(value: Any, type_: types.Type, name: str) -> Any:
    """Return a value from Python with an image in each place where its type has one.

    An image is given by the ``Path`` of its file, by its bytes, or as an image of Pillow. Raises InputError.
    """
    if not types.holds_image(type_):
        return value
    match types.unwrapped(type_):
        case types.IMAGE:
            return value if value is None else _of_python(value, name)
        case types.ListOf(item) if isinstance(value, (list, tuple)):
            return [from_python(one, item, f"{name}[{at}]") for at, one in enumerate(value)]
        case types.Union() as union if isinstance(value, Mapping):
            member = union.member(value.get(union.tag))
            return value if member is None else from_python(value, member, name)
        case types.Record(fields) if isinstance(value, Mapping):
            kinds = {field.name: field.type for field in fields}
            return {
                key: from_python(one, kinds[key], f"{name}.{key}") if key in kinds else one
                for key, one in value.items()
            }
    return value


def _of_python(value: Any, name: str) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return image_bytes(bytes(value), shown(name))
    if isinstance(value, Path | ImageValue):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("image"), str):
        return again(value, shown(name))
    if hasattr(value, "save") and hasattr(value, "size") and hasattr(value, "mode"):
        from io import BytesIO

        out = BytesIO()
        value.save(out, "PNG")
        return image_bytes(out.getvalue(), shown(name))
    told = f"; write `pathlib.Path({value[:80]!r})`" if isinstance(value, str) else ""
    raise InputError(f"{shown(name)} must be an image, its Path or its bytes; found {described(value)}{told}")


def again(record: Mapping[str, Json], name: str) -> ImageValue:
    """Return the image that a record of an earlier run tells of. Raises InputError if its file has changed."""
    from base64 import b64decode

    data, path = record.get("data"), record.get("path")
    try:
        if isinstance(data, str) and data:
            found = image_bytes(b64decode(data, validate=True), name)
        elif isinstance(path, str) and path:
            found = read_image(Path(path))
        else:
            raise InputError(f"{name} tells of an image, and neither its `path` nor its `data`")
    except ValueError:
        raise InputError(f"{name} has `data` that is no base64") from None
    if found["image"] != record["image"]:
        changed = shown(str(path)) if path else name
        raise InputError(f"{changed} has changed: its digest is no longer {str(record['image'])[:19]}…")
    return found


def check_unchanged(value: Json, name: str) -> None:
    """Raise InputError if the file of an image among the inputs of an earlier run has changed, or is gone."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, ImageValue):
            path = one.get("path")
            if isinstance(path, str) and path and os.path.lexists(path):
                from ..files.files import read_plain_bytes

                if digest_of(read_plain_bytes(Path(path))) != one["image"]:
                    raise InputError(
                        f"{shown(path)}, an image of `{name}`, has changed since the run began: restore the old file, "
                        "or start a new run"
                    )
            elif isinstance(path, str) and path:
                raise InputError(f"{shown(path)}, an image of `{name}`, is gone: restore the file, or start a new run")
        elif isinstance(one, list):
            todo.extend(one)
        elif isinstance(one, dict):
            todo.extend(one.values())
