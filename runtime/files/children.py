"""Child processes that work on foreign data: their environment and their standard streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_NAMES = {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV"}
_NEEDED = {"SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PATHEXT", "COMSPEC"}
"""The variables without which Windows starts no program, or Python finds no folders."""
_PREFIXES = ("LC_", "LD_", "DYLD_", "OMP_", "GOMP_", "GGML_", "PYTHON")


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a child process needs. Libraries that parse foreign data must not see the keys."""
    known = _NAMES | _NEEDED
    return {name: value for name, value in environ.items() if name in known or name.startswith(_PREFIXES)}


def claim_stdout() -> int:
    """Return the pipe to the parent, and send everything else that is printed to stderr.

    Otherwise the parent would take the output of a library for a message.
    """
    pipe = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return pipe
