"""The provider for Vertex AI of Google Cloud: Gemini models, and Anthropic's.

cloud.google.com/vertex-ai, "Generate content with the Gemini API" and "Use Anthropic's Claude models".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from flowrun.dsl import pattern

from ..vocabulary.call import SAMPLES, Request
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .anthropic import LACKS, MOST_WRITTEN, AnthropicProvider
from .breakpoints import least_kept
from .cloud_services import CloudService
from .endpoints import endpoint
from .gemini import GeminiProvider, caches_from
from .google_tokens import project_of, signer_of
from .posts import Post
from .protocol import Provider, Surroundings
from .structured import Shape
from .traits import Traits

_LOCATION = pattern(r"global|us|eu|[a-z]+(?:-[a-z]+)+\d{1,2}")
_PROJECT = pattern(r"[a-z0-9][a-z0-9.:-]*")
_LOCATIONS = ("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION")
_VERSION = "vertex-2023-10-16"


def opened(name: str, surroundings: Surroundings) -> Provider:
    environ, model = surroundings.environ, f"{PROVIDER.name}:{name}"
    variable, location = _location(environ)
    if not location:
        raise UsageError(
            f"{model} needs a location: set GOOGLE_CLOUD_LOCATION to one that serves it, such as europe-west4, or to "
            "global"
        )
    if not _LOCATION.fullmatch(location):
        raise UsageError(f"{variable} is {shown(location)}, which is no location such as europe-west4 or global")
    publisher, _, short = name.rpartition("/")
    if not short:
        raise UsageError(f"{model} names no model: write one as in vertex:gemini-2.5-flash")
    if publisher not in ("", "google", "anthropic", "endpoints"):
        raise UsageError(
            f"{model} is a model of {shown(publisher)}: flowrun asks Vertex AI for models of Google and Anthropic, "
            "as in vertex:gemini-2.5-flash, and for an endpoint of your own, as in vertex:endpoints/ID"
        )
    at = endpoint(PROVIDER, name, environ)
    project = project_of(environ)
    at = replace(at, signer=signer_of(environ, model, project))
    if not project:
        raise UsageError(f"{model} needs a project of Google Cloud: set GOOGLE_CLOUD_PROJECT to its id")
    if not _PROJECT.fullmatch(project):
        raise UsageError(f"GOOGLE_CLOUD_PROJECT is {shown(project)}, which is no id of a project")
    place = f"/v1/projects/{quote(project)}/locations/{location}"
    places = PROVIDER.places(environ)
    if _is_claude(name):
        claude = VertexClaude(at, surroundings, samples=1, concurrency=places)
        claude.path = f"{place}/publishers/anthropic/models/{quote(short, safe='@')}"
        return claude
    gemini = VertexGemini(at, surroundings, samples=SAMPLES, concurrency=places)
    kind = "endpoints" if publisher == "endpoints" else "publishers/google/models"
    gemini.path = f"{place}/{kind}/{quote(short, safe='@')}"
    gemini.caches_from = caches_from(short)
    return gemini


class VertexGemini(GeminiProvider):
    """A provider for generateContent on Vertex AI. Requests and replies are those of the Gemini API."""

    api = "vertex"
    path = ""

    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Post:
        call = super()._call(request, form, samples, lacks)
        verb = "generateContent" if call.stream is None else "streamGenerateContent?alt=sse"
        return replace(call, path=f"{self.path}:{verb}")


class VertexClaude(AnthropicProvider):
    """A provider for Anthropic's models on Vertex AI. The address names the model, the body the version of the API."""

    api = "vertex-claude"
    path = ""

    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Post:
        call = super()._call(request, form, samples, lacks)
        verb = "rawPredict" if call.stream is None else "streamRawPredict"
        body = {name: value for name, value in call.body.items() if name != "model"}
        return replace(call, path=f"{self.path}:{verb}", body={"anthropic_version": _VERSION, **body})


def _is_claude(name: str) -> bool:
    return name.startswith(("anthropic/", "claude"))


def _location(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable that names the location, and the location; "" if none does."""
    found = ((name, value) for name in _LOCATIONS if (value := environ.get(name, "").strip()))
    return next(found, (_LOCATIONS[0], ""))


def _located(environ: Mapping[str, str]) -> str:
    if own := environ.get("GOOGLE_VERTEX_BASE_URL", "").strip():
        return own
    _, location = _location(environ)
    match location:
        case "global":
            return "https://aiplatform.googleapis.com"
        case "us" | "eu":
            return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com" if _LOCATION.fullmatch(location) else ""


_OF_NONE = frozenset({"service_tier", "batch"})
"""The parts of requests that flowrun sends to no model at Vertex AI: it has tiers in a header only, and batches in a
bucket."""
_TRAITS = Traits(
    price_list="google",
    price_variable="GOOGLE_VERTEX_BASE_URL",
    concurrency=32,
    api="vertex",
    lacks=_OF_NONE | {"verbosity", "user"},
    least_kept=lambda name: caches_from(name.rpartition("/")[2]),
)
_CLAUDE = replace(
    _TRAITS,
    shares_prompt=False,
    most_written=MOST_WRITTEN,
    api="vertex-claude",
    lacks=_OF_NONE | LACKS,
    least_kept=least_kept,
)

PROVIDER = CloudService(
    name="vertex",
    title="Google Cloud Vertex AI (Gemini, Claude)",
    example="vertex:gemini-2.5-flash",
    base_url="https://europe-west4-aiplatform.googleapis.com",
    base_variable="GOOGLE_VERTEX_BASE_URL",
    key_variables=(),
    key_header="",
    traits=_TRAITS,
    of_model=lambda name: _CLAUDE if _is_claude(name) else _TRAITS,
    versions=("/v1",),
    located=_located,
    settings=("GOOGLE_CLOUD_PROJECT", *_LOCATIONS, "GOOGLE_APPLICATION_CREDENTIALS"),
    open=opened,
)
