"""Child processes that work on foreign data: what they are given of the environment, and of the standard streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_NAMES = {"PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV"}
_PREFIXES = ("LC_", "LD_", "DYLD_", "OMP_", "GOMP_", "GGML_", "PYTHON")


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a child needs. A library that parses foreign data has no use for the keys of providers."""
    return {name: value for name, value in environ.items() if name in _NAMES or name.startswith(_PREFIXES)}


def claim_stdout() -> int:
    """The pipe to the parent, for messages alone: what a library prints would be taken for one, and goes to stderr."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return pipe
