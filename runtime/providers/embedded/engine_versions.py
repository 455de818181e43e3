"""The versions of the engine with which the tests of the embedded model ran. The extra `local` has the same range."""

from __future__ import annotations

OLDEST = "2026.8.10229"
BELOW = "2026.11"


def beside_range(version: str) -> str:
    """Return a sentence about a version that is outside of the tested range. "" for one inside."""
    if _numbers(OLDEST) <= _numbers(version) < _numbers(BELOW):
        return ""
    return (
        f"xllamacpp {version} is installed, and flowrun is tested with {OLDEST} and later versions below {BELOW}; "
        "pip install 'flowrun-dsl[local]' installs one of them"
    )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version. A part that is no number counts as 0."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))
