"""The surroundings of a flow file that the checks and answers need: prices, pages of codes, settings of the project."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from flowrun.dsl import Diagnostic, explain_link, ide, make_plan

from ..files.project import project_file
from ..session.loading import lints_of
from ..vocabulary.errors import UsageError


def price_in_words(address: str) -> str:
    """Return the price of a model for a million tokens, in words. "" if it is not known."""
    from ..costs.prices import price  # few hovers are about models
    from ..vocabulary.amounts import money_text

    found = price(address, os.environ)
    if found is None:
        return ""
    if not found.input and not found.output:
        return "free"
    read, written = found.usual or (found.input, found.output)
    words = f"{money_text(read * 1e6)} for a million tokens of input, {money_text(written * 1e6)} of output"
    return words if found.usual is None else f"{words}; long prompts cost more"


class Worlds:
    """The prices and tokens of models, for the bounds of a view. They are worked out once for each view."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[ide.View, Any] = WeakKeyDictionary()

    def of(self, view: ide.View) -> Any:
        """Return the world of a view. None if the file has errors or no flow."""
        if view not in self._known:
            self._known[view] = self._world(view)
        return self._known[view]

    def _world(self, view: ide.View) -> Any:
        errors = any(one.severity == "error" for one in view.findings)
        if view.checked is None or errors or not view.fresh or not view.checked.file.flows:
            return None
        from ..forecast.estimate import world_of  # loads the readers of documents

        return world_of(make_plan(view.checked.settled), os.environ)


def page_of(code: str) -> str:
    """Return the address of the page of a code. "" while the project has no site."""
    return explain_link(code)


def as_set(findings: Sequence[Diagnostic], source: str) -> tuple[Diagnostic, ...]:
    """Return the findings that the project's settings of lints let through. ``source`` is the path of the flow."""
    lints = None
    with suppress(UsageError):  # a file of settings that is not valid is told at its own place
        lints = lints_of(source)
    if lints is None:
        return tuple(findings)
    return tuple(one for one in findings if lints.apply((one,), one.span.source.name))


def project_fault(source: str) -> tuple[str, str] | None:
    """Return the file of a flow's project and what is wrong with it. None if there is no file, or nothing wrong."""
    path = project_file(source)
    if path is None:
        return None
    from ..providers.endpoint_tables import check_project  # few projects have settings

    try:
        check_project(source)
        lints_of(source)
    except UsageError as error:
        return str(path), str(error)
    return None


def paths_below(folder: Path, most: int = 500) -> Sequence[str]:
    """Return the names in a folder, those of folders with a ``/`` at their end. Hidden ones are left out."""
    try:
        with os.scandir(folder) as entries:
            shown = [one for one in entries if not one.name.startswith(".")]
            names = [f"{one.name}/" if one.is_dir() else one.name for one in shown]
    except OSError:
        return ()
    return sorted(names)[:most]
