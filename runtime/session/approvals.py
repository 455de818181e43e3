"""The endpoints of projects that the user has approved: a file in the user's own configuration folder.

It has a digest for each set of endpoints. A project that changes its endpoints is asked for again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..experience.private_file import ForeignFileError, locked, read, write
from ..files.settings import settings_file
from ..providers.declared_endpoints import DeclaredEndpoints
from ..providers.endpoint_tables import digest_of
from ..vocabulary.errors import DiskError
from ..vocabulary.quoting import shown

NAME = "approved.json"
_VERSION = 1


def approvals_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the file with the approvals."""
    return settings_file(environ).parent / NAME


def is_approved(declared: DeclaredEndpoints, environ: Mapping[str, str]) -> bool:
    """Tell whether the user has approved the endpoints of a project as they are."""
    return digest_of(declared.project) in _read(approvals_file(environ))


def approve(declared: DeclaredEndpoints, environ: Mapping[str, str]) -> None:
    """Keep that the user approves the endpoints of a project. Raises DiskError if it cannot be kept."""
    path = approvals_file(environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(path):
            projects = _read(path) | {digest_of(declared.project): os.path.abspath(declared.file or "")}
            write(path, json.dumps({"version": _VERSION, "projects": projects}, indent=1) + "\n")
    except (OSError, ForeignFileError) as error:
        raise DiskError(f"the approval cannot be kept in {shown(str(path))}: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    """Return the approved digests, each with the file that had it. A file that is not valid approves nothing."""
    with suppress(ForeignFileError, ValueError, RecursionError):
        found = json.loads(read(path) or "{}")
        projects = found.get("projects") if isinstance(found, dict) else None
        return projects if isinstance(projects, dict) else {}
    return {}
