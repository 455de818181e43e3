"""The keys in the environment of a run. What a run notes for its user must not carry one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from flowrun.dsl import pattern

from .secret import Secret, secret

_NAMED = pattern(r"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS|BEARER_TOKEN_BEDROCK)(?:_\d+)?\Z", re.IGNORECASE)


def is_key_name(name: str) -> bool:
    """Tell whether the name of a variable says that it holds a key."""
    return _NAMED.search(name) is not None


def keys_in(environ: Mapping[str, str], others: Collection[str] = ()) -> tuple[Secret, ...]:
    """Return the real keys among the variables whose names say that they hold one, such as OPENAI_API_KEY.

    ``others`` are the names of further variables with a key.
    """
    values = {value.strip() for name, value in environ.items() if _NAMED.search(name) or name in others}
    return tuple(found for value in sorted(values) if (found := secret(value)).real)
