"""The headers and the certificates of a declared endpoint.

In a header ``$NAME`` or ``${NAME}`` stands for an environment variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowrun.dsl import pattern

from ..vocabulary.errors import UsageError
from .addresses import check_text

if TYPE_CHECKING:
    from .named_endpoints import NamedEndpoint

_VARIABLE = pattern(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")


def variables_in(value: str) -> list[str]:
    """Return the names of the variables in the value of a header, each once."""
    return list(dict.fromkeys(found[1] or found[2] for found in _VARIABLE.finditer(value)))


def fill(value: str, environ: Mapping[str, str]) -> str:
    """Return the value of a header with the values of its variables."""
    return _VARIABLE.sub(lambda found: environ.get(found[1] or found[2], "").strip(), value)


def plain_part(value: str) -> str:
    """Return the value of a header without its variables."""
    return _VARIABLE.sub("", value)


def declared_headers(named: NamedEndpoint, environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers that an endpoint declares, and the variables in them with their values.

    Raises: UsageError, if such a variable is not set.
    """
    headers, hidden = {}, {}
    for header, value in named.headers.items():
        for variable in variables_in(value):
            found = environ.get(variable, "").strip()
            if not found:
                raise UsageError(f"the endpoint `{named.name}` sends {variable} in its header {header}: set {variable}")
            check_text(found, variable)
            hidden[variable] = found
        headers[header] = fill(value, environ)
    return headers, hidden


def certificates_of(named: NamedEndpoint) -> str:
    """Return the file with the certificates that a server is checked against; "" for those of the system.

    Raises: UsageError, for a file that has none.
    """
    if named.ca:
        import ssl  # few endpoints have certificates of their own

        try:
            ssl.create_default_context(cafile=named.ca)
        except ssl.SSLError:
            raise UsageError(
                f"the `ca` of the endpoint `{named.name}` has no certificates in the form of PEM"
            ) from None
        except OSError as error:
            raise UsageError(f"the `ca` of the endpoint `{named.name}` cannot be read: {error.strerror}") from None
    return named.ca
