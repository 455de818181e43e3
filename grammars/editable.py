"""A light finder for an editable installation.

setuptools puts a module into the wheel that finds the folders of the checkout. Python loads it at every start, and it
loads pathlib and more, which takes longer than the rest of Python's own start. The module here loads nothing until
flowrun is imported.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import re
from pathlib import Path
from zipfile import ZipFile

_MAPPING = re.compile(rb"^MAPPING\b[^=\n]*= (\{.*\})$", re.MULTILINE)
_FINDER = '''\
"""Finds the packages of an editable flowrun in its checkout."""

import sys

FOLDERS = {folders!r}


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in FOLDERS:
            return None
        from importlib.machinery import ModuleSpec, SourceFileLoader

        file = FOLDERS[name] + "/__init__.py"
        spec = ModuleSpec(name, SourceFileLoader(name, file), origin=file, is_package=True)
        spec.submodule_search_locations = [FOLDERS[name]]
        spec.has_location = True
        return spec


def install():
    if Finder not in sys.meta_path:
        sys.meta_path.append(Finder)
'''


def finder(folders: dict[str, str]) -> str:
    """Return the text of a module that finds these packages, each in its folder."""
    return _FINDER.format(folders=folders)


def lighten(wheel: Path) -> bool:
    """Replace the finder of an editable wheel. Return False, and leave the wheel as it is, if it has no such finder."""
    with ZipFile(wheel) as old:
        entries = [(info, old.read(info)) for info in old.infolist()]
    for at, (info, data) in enumerate(entries):
        if info.filename.startswith("__editable__") and (found := _MAPPING.search(data)):
            text = finder(ast.literal_eval(found[1].decode())).encode()
            entries[at] = (info, text)
            line = _record_line(info.filename, text)
            break
    else:
        return False
    with ZipFile(wheel, "w") as new:
        for info, data in entries:
            is_record = info.filename.endswith(".dist-info/RECORD")
            new.writestr(info, _updated(data, line) if is_record else data)
    return True


def _updated(record: bytes, line: bytes) -> bytes:
    """Replace the line of a file in RECORD."""
    start = line.partition(b",")[0] + b","
    return b"".join(line + b"\n" if one.startswith(start) else one for one in record.splitlines(keepends=True))


def _record_line(name: str, data: bytes) -> bytes:
    """Return the line of a file in RECORD, by the specification of binary distributions."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}".encode()
