"""The provider for Azure OpenAI: the v1 API, or the classic one with the deployment and a version in the address.

learn.microsoft.com/azure, "Azure OpenAI in Microsoft Foundry Models v1 API" and "REST API reference". The variables are
those that OpenAI's SDK for Azure reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from flowrun.dsl import pattern

from ..vocabulary.call import SAMPLES, Request
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .addresses import is_loopback
from .cloud_services import CloudService
from .endpoints import endpoint
from .openai import CAPS, OpenAIProvider
from .posts import Post
from .protocol import Provider, Surroundings
from .services import Service
from .structured import Shape
from .traits import Traits
from .vocabulary import openai_tokens

_VERSIONS = ("AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION")
_DATED = pattern(r"\d{4}-\d{2}-\d{2}(?:-preview)?")
_OF_V1 = frozenset({"", "v1", "latest"})
_PREVIEW = "preview"


def opened(name: str, surroundings: Surroundings) -> Provider:
    environ, model = surroundings.environ, f"{PROVIDER.name}:{name}"
    base, version = _located(environ), _version(environ)
    if not base:
        raise UsageError(
            f"{model} needs the address of your resource: set AZURE_OPENAI_ENDPOINT to "
            "https://RESOURCE.openai.azure.com"
        )
    service: Service = PROVIDER
    key, token = (environ.get(variable, "").strip() for variable in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"))
    if token and not key:
        service = replace(
            PROVIDER, key_variables=("AZURE_OPENAI_AD_TOKEN",), key_header="Authorization", key_prefix="Bearer "
        )
    elif not key and not is_loopback(base):
        raise UsageError(f"{model} needs a key: set AZURE_OPENAI_API_KEY, or AZURE_OPENAI_AD_TOKEN to a token of Entra")
    at = endpoint(service, name, environ)
    provider = AzureProvider(at, surroundings, samples=SAMPLES, concurrency=PROVIDER.places(environ))
    if _DATED.fullmatch(version):
        provider.path = f"/deployments/{quote(name, safe='')}/chat/completions?api-version={version}"
    elif version == _PREVIEW:
        provider.path = f"/chat/completions?api-version={version}"
    return provider


class AzureProvider(OpenAIProvider):
    """A provider for the Chat Completions of Azure, where a deployment stands for a model.

    A prompt that the content filter blocks is rejected with the code ``content_filter``, and is not sent again.
    """

    path = "/chat/completions"

    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Post:
        return replace(super()._call(request, form, samples, lacks), path=self.path)

    def _cap(self, lacks: frozenset[str]) -> str:
        # Reasoning models take only the first name, and the oldest versions only the second.
        return next(name for name in CAPS if name not in lacks)


def _version(environ: Mapping[str, str]) -> str:
    """Return the version of the API that the user has set. Raises: UsageError, if it is none."""
    for variable in _VERSIONS:
        if version := environ.get(variable, "").strip():
            if version in _OF_V1 or version == _PREVIEW or _DATED.fullmatch(version):
                return version
            raise UsageError(
                f"{variable} is {shown(version)}, which is no version of the API such as 2024-10-21; without the "
                "variable, flowrun uses v1"
            )
    return ""


def _located(environ: Mapping[str, str]) -> str:
    """Return the address of the API at the user's resource, whichever of its addresses the user has copied."""
    given = environ.get("AZURE_OPENAI_ENDPOINT", "").strip()
    base = given.partition("/openai/")[0].partition("/api/projects/")[0].rstrip("/").removesuffix("/openai")
    version = next((version for name in _VERSIONS if (version := environ.get(name, "").strip())), "")
    return base and base + ("/openai" if _DATED.fullmatch(version) else "/openai/v1")


PROVIDER = CloudService(
    name="azure",
    title="Azure OpenAI, by the name of a deployment",
    example="azure:DEPLOYMENT",
    base_url="https://RESOURCE.openai.azure.com",
    base_variable="AZURE_OPENAI_ENDPOINT",
    key_variables=("AZURE_OPENAI_API_KEY",),
    key_header="api-key",
    traits=Traits(
        price_list="azure",
        tokens=openai_tokens,
        concurrency=64,
        api="openai",
        lacks=frozenset({"batch"}),
        least_kept=lambda name: AzureProvider.caches_from,
    ),
    located=_located,
    settings=("AZURE_OPENAI_AD_TOKEN", *_VERSIONS),
    open=opened,
)
