"""The settings of a project: the file ``flowrun.toml`` in the folder of a flow, or above it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .files import read_plain_text
from .settings import check_names

NAME = "flowrun.toml"
KNOWN = ("model", "endpoints", "lint", "exclude")


def project_settings(source: str) -> tuple[Path | None, dict[str, Any]]:
    """Return the file of a flow's project and its settings. None and no settings if there is no file.

    ``source`` is the path of the flow file. Raises UsageError if the project's file is not valid.
    """
    path = project_file(source)
    return path, {} if path is None else settings_in(path)


def settings_in(path: Path) -> dict[str, Any]:
    """Read the file of a project. Raises UsageError if it is not valid."""
    # Few projects have this file.
    import tomllib

    name = shown(str(path))
    try:
        found = tomllib.loads(text := read_plain_text(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not a file of settings: {error}") from None
    if unknown := next((key for key in found if key not in KNOWN), None):
        from .toml_lines import line_of

        name = f"{name}, line {line_of(text, (unknown,))}"
    check_names(found, KNOWN, name, "a project sets")
    model = found.get("model", "any")
    if not isinstance(model, str) or not model.strip():
        raise UsageError(f'{name}: `model` must be a text, such as "openai:gpt-4o-mini"')
    return found


def project_model(source: str) -> str:
    """Return the model that a flow's project names for asks without a model. "" if it names none.

    ``source`` is the path of the flow file. Raises UsageError if the project's file is not valid.
    """
    _, settings = project_settings(source)
    return str(settings.get("model", "")).strip()


def project_file(source: str) -> Path | None:
    """Find the file of a flow's project. The search ends at the top of the repository, and below the user's home.

    ``source`` is the path of the flow file, or a folder. A file above the flow's folder counts only if its owner is
    this user or the owner of that folder: in a shared folder, any user may have put it there.
    """
    if not source or not os.path.exists(source):
        return None
    folder = Path(os.path.realpath(source))
    folder = folder if folder.is_dir() else folder.parent
    owners = {folder.stat().st_uid, *_own_number()}
    home = os.path.realpath(os.environ.get("HOME") or "/")
    for place in (folder, *folder.parents):
        if place != folder and str(place) in (home, "/"):
            return None
        path = place / NAME
        if path.is_file() and (place == folder or path.stat().st_uid in owners):
            return path
        if (place / ".git").exists():
            return None
    return None


def home_of(source: str) -> str:
    """Return a word that is the same for flow files of the same project: the folder, or the path of a link."""
    return source if os.path.islink(source) else os.path.dirname(source) or "."


def project_places(folders: Iterable[str]) -> set[str]:
    """Return the paths at which the file of a project may be, or may appear, for flows in these folders."""
    found: set[str] = set()
    for folder in folders:
        real = Path(os.path.realpath(folder))
        for place in (real, *real.parents):
            found.add(str(place / NAME))
            if (place / ".git").exists():
                break
    return found


def _own_number() -> Iterator[int]:
    """Yield the number of this user, if the system numbers its users."""
    if hasattr(os, "getuid"):
        yield os.getuid()
