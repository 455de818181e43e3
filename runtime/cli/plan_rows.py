"""The file of `flowrun plan --inputs`: rows of flows with their inputs and limits, as TOML or JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import dataclass, did_you_mean, types
from flowrun.dsl import plan as p

from ..files.files import read_plain_text
from ..files.toml_lines import line_of
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .plan_limits import Limits

_LIMITS = ("max_calls", "max_attempts", "max_cost")
_ROW = ("file", "flow", "inputs", "model", "first", *_LIMITS)
_TOP = ("plan", *_LIMITS)


@dataclass(frozen=True, slots=True)
class Row:
    """The inputs and the limits of one flow. ``where`` names the row in messages.

    ``flow`` is "" for the last flow of the file. ``inputs`` has the values as the file has them.
    """

    where: str
    file: Path
    flow: str
    inputs: Mapping[str, Any]
    limits: Limits
    model: str | None = None
    first: int | None = None
    folder: Path = Path()

    def texts(self, plan: p.Plan) -> dict[str, str]:
        """Return the inputs as a command line would have them. Raises UsageError for an unknown one."""
        params = {one.name: one for one in plan.params}
        found = {}
        for name, value in self.inputs.items():
            if name not in params:
                guess = did_you_mean(name, params) or "its parameters: " + (", ".join(params) or "none")
                raise UsageError(f"{self.where}: the flow `{plan.flow}` has no parameter {shown(name)}; {guess}")
            found[name] = _text(value, params[name].type, self.folder)
        return found


class _File:
    """A file of rows, with the places of its settings for messages."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = read_plain_text(path)
        try:
            if path.suffix == ".toml":
                import tomllib

                self.found: Any = tomllib.loads(self.text)
            elif path.suffix == ".json":
                self.found = json.loads(self.text)
            else:
                raise UsageError(f"{shown(str(path))}: --inputs takes a .toml or a .json file")
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{shown(str(path))} cannot be read: {error}") from None

    def where(self, *keys: str, nth: int = 0) -> str:
        name = shown(str(self.path))
        if self.path.suffix == ".toml":
            return f"{name}, line {line_of(self.text, keys, nth=nth)}"
        return f"{name}, plan {nth + 1}" if keys[:1] == ("plan",) else name

    def names(self, table: Any, known: tuple[str, ...], keys: tuple[str, ...], nth: int = 0) -> Mapping[str, Any]:
        """Check that a table has only known settings. Raises UsageError."""
        if not isinstance(table, Mapping):
            raise UsageError(f"{self.where(*keys, nth=nth)}: a table of settings must be here: {', '.join(known)}")
        for key in table:
            if key not in known:
                guess = did_you_mean(key, known) or "the settings are " + ", ".join(f"`{one}`" for one in known)
                raise UsageError(f"{self.where(*keys, key, nth=nth)}: there is no setting {shown(key)}; {guess}")
        return table

    def limits(self, table: Mapping[str, Any], usual: Limits, keys: tuple[str, ...], nth: int = 0) -> Limits:
        """Read the limits of a table; ``usual`` has those that the table leaves out. Raises UsageError."""
        found: dict[str, Any] = {}
        for name in _LIMITS:
            value = table.get(name)
            money = name == "max_cost"
            fits = type(value) is int or (money and type(value) is float)
            if value is not None and not (fits and 0 <= value < 1e15):
                what = "a number of dollars" if money else "a whole number"
                raise UsageError(f"{self.where(*keys, name, nth=nth)}: `{name}` must be {what}, 0 or more")
            found[name] = getattr(usual, name) if value is None else value
        return Limits(**found)


def read_rows(path: Path, usual: Limits) -> tuple[list[Row], Limits]:
    """Read the rows, and the limits of flows without a row. ``usual`` are the limits of the command line.

    Raises UsageError, with the line of the mistake.
    """
    file = _File(path)
    top = file.names(file.found, _TOP, ())
    limits = file.limits(top, usual, ())
    rows = top.get("plan", [])
    if not isinstance(rows, list):
        raise UsageError(f"{file.where('plan')}: `plan` must be a list of tables: write [[plan]] above each")
    return [_row(file, one, nth, limits) for nth, one in enumerate(rows)], limits


def _row(file: _File, found: Any, nth: int, usual: Limits) -> Row:
    table = file.names(found, _ROW, ("plan",), nth)

    def refuse(name: str, must: str) -> UsageError:
        return UsageError(f"{file.where('plan', name, nth=nth)}: `{name}` must be {must}")

    for name in ("file", "flow", "model"):
        if name in table and (not isinstance(table[name], str) or not table[name].strip()):
            raise refuse(name, "a text")
    if "file" not in table:
        raise refuse("file", "given: the path of a flow file, from the folder of this file")
    if "first" in table and (type(table["first"]) is not int or table["first"] < 1):
        raise refuse("first", "a whole number from 1")
    inputs = table.get("inputs", {})
    if not isinstance(inputs, Mapping):
        raise refuse("inputs", 'a table, such as { email = "You have won!" }')
    folder = file.path.parent
    return Row(
        file.where("plan", nth=nth),
        folder / table["file"],
        table.get("flow", ""),
        inputs,
        file.limits(table, usual, ("plan",), nth),
        table.get("model"),
        table.get("first"),
        folder,
    )


def _text(value: Any, type_: types.Type, folder: Path) -> str:
    """Return a value as a command line would have it. Paths lead from the folder of the file of rows."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, default=str)
    if value.startswith("@") and not value.startswith("@@"):
        return f"@{os.path.join(folder, value[1:])}"
    inner = types.unwrapped(type_)
    by_path = isinstance(inner, types.ListOf | types.Record | types.Union) or inner in (
        types.DOCUMENT,
        types.IMAGE,
        types.JSON,
    )
    if not by_path or "://" in value or "\n" in value or value.lstrip()[:1] in ("[", "{", ""):
        return value
    return os.path.join(folder, value)
