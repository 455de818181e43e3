"""The provider that needs no key: a small language model on this machine's own processor."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from ...vocabulary.errors import UsageError
from ..protocol import Provider, Surroundings
from ..traits import ProviderSpec, Traits
from .models import MODELS


def open_embedded(name: str, surroundings: Surroundings) -> Provider:
    """Return the provider for ``embedded`` (an empty name) or ``embedded:name``. Nothing is downloaded or loaded yet.

    $FLOWRUN_GGUF, a path to a .gguf file, replaces the default model's weights.

    Raises: UsageError, for a name that no model has.
    """
    from .provider import EmbeddedProvider

    model = MODELS.get(name)
    if model is None:
        near = get_close_matches(name, [known for known in MODELS if known], n=1, cutoff=0.5)
        guess = f"did you mean embedded:{near[0]}? " if near else ""
        known = " and ".join(f"{model.name} ({model.title})" for model in MODELS.values())
        raise UsageError(
            f"there is no model embedded:{name}; {guess}the models are {known}; for your own weights, use "
            "embedded and set FLOWRUN_GGUF to the path of a .gguf file"
        )
    own = surroundings.environ.get("FLOWRUN_GGUF", "") if name == "" else ""
    return EmbeddedProvider(model, surroundings, own_weights=own or None)


class _Embedded(ProviderSpec):
    """The declaration of the embedded provider, whose places depend on the machine."""

    def single(self, environ: Mapping[str, str]) -> bool:
        from .cores import measures

        return not measures(environ)


PROVIDER = _Embedded(
    name="embedded",
    title="A small model inside flowrun, without a key",
    example="embedded:tiny",
    open=open_embedded,
    traits=Traits(
        local=True,
        bare=True,
        concurrency=1,
        api="embedded",
        lacks=frozenset({"batch", "images", "service_tier", "user", "verbosity"}),
    ),
    nameless=True,
)
