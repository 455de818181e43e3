"""The files that a run reads, as far as its plan and inputs show. flowrun writes no output over one of these files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from flowrun.dsl import plan as p

from ..documents.stored_rows import StoredRows
from ..files.files import Files
from ..values.functions import FUNCTIONS
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json


def files_read(plan: p.Plan, values: Mapping[str, Json], folder: Path, allowed: tuple[Path, ...] = ()) -> list[Path]:
    """Find the files that a run reads: the flow, its imports, its Python modules, and the files of its functions.

    If a function gets a path that is not a constant, every text in the inputs counts as a path.
    """
    found = [folder / os.path.basename(plan.source)] if plan.source else []
    found += [folder / name.rpartition(":")[0] for name in plan.flows if ":" in name]
    for extern in plan.externs.values():
        module = extern.target.partition(":")[0].replace(".", "/")
        found += [folder / f"{module}.py", folder / module / "__init__.py"]
    found += [value.path for value in values.values() if isinstance(value, StoredRows)]
    files = Files(folder, allowed)
    names, open_ended = names_read(p.as_data(plan))
    if open_ended:
        names += dict.fromkeys(_texts(list(values.values())))
    for name in names:
        if "*" not in name and "?" not in name and "[" not in name:
            found.append(folder / name)
            continue
        with suppress(UsageError, OSError, ValueError):
            found += [folder / one for one in files.glob(name)]
    return found


def names_read(data: Json) -> tuple[list[str], bool]:
    """Find the constant paths and patterns that the flow's functions get, and whether there are others."""
    names: list[str] = []
    open_ended = False
    todo = [data]
    while todo:
        one = todo.pop()
        if isinstance(one, list):
            todo += one
        elif isinstance(one, dict):
            todo += one.values()
            function = FUNCTIONS.get(str(one.get("function")))
            if function is None or not function.spec.reads or not isinstance(one.get("args"), dict):
                continue
            first = one["args"].get(function.spec.params[0].name)
            if isinstance(first, dict) and first.get("kind") == p.Constant("").kind:
                names.append(str(first.get("value")))
            else:
                open_ended = True
    return names, open_ended


def _texts(values: list[Json]) -> Iterator[str]:
    todo = list(values)
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            # A longer text, or a text of several lines, is not the name of a file.
            if len(one) < 4096 and "\n" not in one:
                yield one
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list):
            todo += one
