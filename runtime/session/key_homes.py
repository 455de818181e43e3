"""The hosts that the keys of well-known services belong to. A flow may name another host for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..providers import NO_ENDPOINTS, all_own
from ..providers.addresses import host_of, hostname_of
from ..providers.homes import sent_by
from ..providers.named_endpoints import NamedEndpoint

_HOMES = {
    "AWS_ACCESS_KEY_ID": "amazonaws.com",
    "AWS_BEARER_TOKEN_BEDROCK": "amazonaws.com",
    "AWS_SECRET_ACCESS_KEY": "amazonaws.com",
    "AWS_SESSION_TOKEN": "amazonaws.com",
    "AZURE_OPENAI_API_KEY": "azure.com",
    "COHERE_API_KEY": "cohere.com",
    "CO_API_KEY": "cohere.com",
    "DEEPSEEK_API_KEY": "deepseek.com",
    "FIREWORKS_API_KEY": "fireworks.ai",
    "GH_TOKEN": "github.com",
    "GITHUB_TOKEN": "github.com",
    "GROQ_API_KEY": "groq.com",
    "HF_TOKEN": "huggingface.co",
    "HUGGINGFACE_API_KEY": "huggingface.co",
    "MISTRAL_API_KEY": "mistral.ai",
    "OPENROUTER_API_KEY": "openrouter.ai",
    "TOGETHER_API_KEY": "together.xyz",
    "XAI_API_KEY": "x.ai",
}
"""The domains of the services whose clients read a variable by this name."""


def is_foreign(
    variable: str, address: str, environ: Mapping[str, str], users: Mapping[str, NamedEndpoint] = NO_ENDPOINTS
) -> bool:
    """Tell whether a variable holds the key of a well-known service, and the address is not that service's.

    A server that the user has set for the service by its own variable, such as OPENAI_BASE_URL, is a home of its key.
    ``users`` are the endpoints in the user's own settings.
    """
    homes = [*_own_homes(variable, environ), *(one.base_url for one in users.values() if variable in sent_by(one))]
    if variable in _HOMES:
        homes.append(f"https://{_HOMES[variable]}")
    return bool(homes) and not any(_at_home(address, home) for home in homes)


def _own_homes(variable: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the addresses of the services that flowrun knows and whose key the variable has."""
    for spec in all_own():
        if variable in getattr(spec, "key_variables", ()):
            yield from (one for one in (getattr(spec, "base_url", ""), spec.address(environ)) if one)


def _at_home(address: str, home: str) -> bool:
    """Tell whether an address is that of a home or of its subdomain. A key for https never goes out in plain text."""
    if home.lower().startswith("https:") and not address.lower().startswith("https:"):
        return False
    if host_of(address).lower() == host_of(home).lower():
        return True
    host, own = (hostname_of(host_of(one)).lower().rstrip(".") for one in (address, home))
    return own in _HOMES.values() and host.endswith(f".{own}")
