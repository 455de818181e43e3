"""The beginning of a run as its journal has it: its plan, inputs, files, settings, and the places of its models.

Rows of format 2 name plan and inputs by the key of a content. Rows of format 1 hold them, and know no places.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flowrun.dsl import pattern

from ..vocabulary.errors import DiskError
from ..vocabulary.json_value import Json
from .index import Index, Run
from .rows import damaged

if TYPE_CHECKING:
    from ..vocabulary.run_record import EndpointRecord

_KEY = pattern(r"[0-9a-f]{32}")


class RowSource(Protocol):
    """A journal whose rows can be read: a ``Journal`` or a ``JournalReader``."""

    path: Path
    index: Index

    def body(self, number: int) -> Json: ...

    def part(self, number: int, name: str) -> str: ...


class RecordedBeginning:
    """The beginning of a run. Each part is read when it is asked for, so the journal must still be open then.

    Every part raises DiskError if its rows are damaged.
    """

    def __init__(self, source: RowSource, run: Run) -> None:
        self._source = source
        self._run = run

    @cached_property
    def plan_text(self) -> str:
        """The plan as JSON text, for ``plan.from_json``; "null" if the journal has none."""
        found = self._source.part(self._run.given, "plan")
        return self._source.part(_row_of(self._source, found), "json") if _KEY.fullmatch(found) else found

    @cached_property
    def plan(self) -> dict[str, Any]:
        return self._record("plan", json.loads(self.plan_text))

    @cached_property
    def inputs(self) -> dict[str, Json]:
        """The inputs. A text or rows that stayed in their file are None here or missing: see ``given_files``."""
        found = self._body.get("inputs")
        if isinstance(found, str):
            found = content_of(self._source, found).get("json")
        return self._record("inputs", found)

    @cached_property
    def files(self) -> dict[str, Any]:
        """The files that the inputs stayed in, by the place of the input, with their ``path`` and ``sha256``."""
        return self._record("files", self._body.get("files", {}))

    @cached_property
    def settings(self) -> dict[str, Any]:
        return self._record("settings", self._body.get("settings"))

    @cached_property
    def models(self) -> dict[str, EndpointRecord]:
        """The places of the models by address, as the last part of the run opened them. Empty in format 1."""
        from ..vocabulary.run_record import EndpointRecord

        found: Json = self.first_models
        if self._run.stretch > self._run.given:
            resumed = self._source.body(self._run.stretch)
            found = resumed.get("models", found) if isinstance(resumed, dict) else found
        return {
            address: EndpointRecord(str(one.get("name", "")), str(one.get("url", "")), str(one.get("model", "")))
            for address, one in self._record("models", found).items()
            if isinstance(one, dict)
        }

    @cached_property
    def first_models(self) -> dict[str, Json]:
        """The places of the models when the run began, as the journal writes them."""
        found = json.loads(self._source.part(self._run.given, "models"))
        return self._record("models", {} if found is None else found)

    @cached_property
    def _body(self) -> dict[str, Any]:
        return self._record("body", self._source.body(self._run.given))

    def _record(self, name: str, found: Json) -> dict[str, Any]:
        if not isinstance(found, dict):
            raise DiskError(f"row {self._run.given} of the journal does not have a valid run (its {name} is no record)")
        return found


def recorded_beginning(source: RowSource, run: Run) -> RecordedBeginning:
    """Return the beginning of a run, in every format. Raises DiskError if the run has none."""
    if not run.given:
        raise DiskError(f"the run {run.id} ended before its first call, and the journal has no plan of it")
    return RecordedBeginning(source, run)


def content_of(source: RowSource, key: str) -> Mapping[str, Json]:
    """Read the body of a content by its key in hexadecimal. Raises DiskError, if it is missing or damaged."""
    found = source.body(_row_of(source, key))
    if not isinstance(found, dict):
        raise damaged(source.path, f"the content {key} is not a record")
    return found


def _row_of(source: RowSource, key: str) -> int:
    try:
        return source.index.contents[bytes.fromhex(key)]
    except (KeyError, ValueError):
        raise damaged(source.path, f"the content {key[:40]!r} is missing") from None
