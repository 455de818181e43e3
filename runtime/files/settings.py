"""The settings of the user: the file ``settings.toml`` in the user's own configuration folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import did_you_mean

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

KNOWN = ("allow_hosts", "endpoints")


def settings_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the user's own settings. It is never in the flow's folder, which may come from anybody."""
    base = environ.get("XDG_CONFIG_HOME", "").strip() or os.path.join(environ.get("HOME") or "~", ".config")
    return Path(os.path.expanduser(base), "flowrun", "settings.toml")


def user_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the user's settings. Raises UsageError if the file exists but cannot be read, or has an unknown setting."""
    path = settings_file(environ)
    try:
        text = path.read_text(encoding="utf-8-sig")
        # Few users have this file.
        import tomllib

        found = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"the settings {shown(str(path))} cannot be read: {error}") from None
    check_names(found, KNOWN, f"the settings {shown(str(path))}", "a user sets")
    return found


def check_names(found: Mapping[str, Any], known: tuple[str, ...], where: str, who: str) -> None:
    """Check that a table has only known settings. Raises UsageError, with a guess."""
    for key in found:
        if key not in known:
            guess = did_you_mean(key, known) or f"{who} {', '.join(f'`{one}`' for one in known)}"
            raise UsageError(f"{where}: there is no setting {shown(key)}; {guess}")
