"""The further options of the requests of one model, and the facts beside its answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as fields_of
from functools import cache
from typing import TYPE_CHECKING, Any

from flowrun.dsl import dataclass

from ..vocabulary.call import Request
from ..vocabulary.errors import PermanentError
from ..vocabulary.json_value import Json
from .failures import RejectedError
from .structured import clean

if TYPE_CHECKING:
    from .endpoints import HttpEndpoint
    from .option_forms import Api

_VAGUE = frozenset({"type", "display", "generationConfig", "output_config", "metadata"})
"""Fields that a sentence may name for another reason."""
_WIRE = {"safety_identifier": "user"}
"""Options by their other names on the wire."""


@dataclass(frozen=True, slots=True)
class FurtherOptions:
    """The further options of a model, in the words of the API at a host.

    The words are loaded for the first request that has options.
    """

    name: str
    host: str
    model: str

    @property
    def api(self) -> Api:
        from .option_bodies import api_of

        return api_of(self.name, self.host)

    def check(self, request: Request, model: str) -> None:
        """Raise PermanentError if the model does not take an option that the answer needs. Nothing is sent then."""
        from .option_bodies import refusals

        found = refusals(self.api, self.model, settings_of(request))
        for name, why in found.items():
            if name == "logprobs":
                continue  # the answer is the same without them
            raise PermanentError(f"{model} does not take `{name}`: {why}")

    def write(self, body: dict[str, Any], request: Request, lacks: frozenset[str]) -> None:
        """Add the options of a request to its body."""
        from .option_bodies import fields

        fields(self.api, self.model, request.options, lacks, into=body)

    def objects(self, rejected: RejectedError, request: Request) -> bool:
        """Tell whether a server objects to an option without which the request would mean something else."""
        if not request.options:
            return False
        from .option_bodies import fields, names_in
        from .option_names import DROPPABLE

        firm = {name: value for name, value in request.options.items() if name not in DROPPABLE}
        names = {*names_in(fields(self.api, self.model, firm))} - _VAGUE
        return any(_names(rejected, name) for name in names)


class SendsOptions:
    """The part of a provider behind HTTP that sends further options. ``api`` is the name of its API in ``APIS``."""

    api = "openai"
    model: str
    _at: HttpEndpoint
    _name: str
    _progress: Callable[[str], None]

    async def check(self, request: Request) -> None:
        """Check the options and the images of a request. Raises PermanentError if one cannot be sent."""
        if request.options:
            self._further.check(request, self.model)
        for message in request.messages:
            if message.images:
                from .images import ready  # few requests have images

                await ready(request, self.model, self.api, self._progress)
                return

    @property
    def _further(self) -> FurtherOptions:
        return FurtherOptions(self.api, self._at.host, self._name)


def _names(rejected: RejectedError, name: str) -> bool:
    """Tell whether a server names a field, in any spelling: `thinkingLevel` is also `thinking_level` and two words.

    A name that is a common word must stand in quotes, before a colon or behind a word for a field.
    """
    words = re.sub(r"_|(?<=[a-z])(?=[A-Z])", "[ _]?", re.escape(name))
    alone = rf"(?<![a-z0-9]){words}(?![a-z0-9])"
    said = rejected.sentence[:4096]
    if re.search(alone, rejected.parameter, re.IGNORECASE):
        return True
    if words == name:
        alone = (
            rf"""['"`.]{words}['"`]|(?<![a-z0-9]){words}\s*:|\b(?:parameter|argument|field|option|supplied):? {alone}"""
        )
    return bool(re.search(alone, said, re.IGNORECASE))


def settings_of(request: Request) -> dict[str, Json]:
    """Return the further options of a request with the others that they may conflict with."""
    more = {"temperature": request.temperature, "max_tokens": request.max_tokens}
    return {**request.options, **{name: value for name, value in more.items() if value is not None}}


def asks_for(request: Request, name: str) -> bool:
    """Tell whether a request has an option, by its name on the wire."""
    return getattr(request, name, None) is not None or _WIRE.get(name, name) in request.options


@cache
def own_fields(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that are fields of a request. The others are further options."""
    own = {one.name for one in fields_of(Request)}
    return tuple(name for name in names if name in own)


def thinks(request: Request) -> bool:
    """Tell whether a request asks its model to reason."""
    return bool(request.options.get("reasoning", "none") != "none")


def kept_facts(more: Mapping[str, Json] | None, at: HttpEndpoint) -> Mapping[str, Json] | None:
    """Return the facts beside an answer as they may be kept. Reasoning with the key in it is left out."""
    text = more.get("reasoning") if more else None
    if more is None or not isinstance(text, str):
        return more
    found, why = at.keepable(clean(text))
    return {**more, "reasoning": f"({why.replace('the answer', 'the reasoning', 1)})" if why else found}
