"""The requests of an ejected program: those of Chat Completions, as the runner writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrun.dsl import CORRECTIONS, RETRIES, EjectError, FunctionSpec, WireModel, WireOptions, types

from ..plans.sent_options import further
from ..providers import is_own, own_spec, service_at
from ..providers.addresses import host_of
from ..providers.named_endpoints import NamedEndpoint
from ..providers.services import Service
from ..providers.structured import OPENAI_KEYWORDS, shape
from ..values.functions import FUNCTIONS
from ..vocabulary.call import Message, Request, Schema

_API = "openai"
_WORDS = types.Choice | types.OpenChoice


class ChatWire:
    """The requests of models behind Chat Completions. ``declared`` are endpoints of the user and the project."""

    def __init__(self, declared: Mapping[str, NamedEndpoint]) -> None:
        self.declared = declared
        self.functions: Mapping[str, FunctionSpec] = {name: one.spec for name, one in FUNCTIONS.items()}

    def _service(self, address: str) -> tuple[Service, str]:
        provider, _, name = address.partition(":")
        service: object = None
        if is_own(provider):
            service = own_spec(provider)
        elif provider in self.declared:
            service = service_at(self.declared[provider])
        if not isinstance(service, Service) or service.api != _API or service.key_header != "Authorization":
            raise EjectError(
                f"`{address}` is not asked by Chat Completions, and an ejected program speaks nothing else",
                "name a model such as `openai:gpt-5.4-mini`, or one of a server that speaks the same",
            )
        if service.named is not None and (service.named.headers or service.named.others):
            raise EjectError(f"the endpoint of `{address}` has headers or replicas, which have no plain form")
        return service, name

    def model(self, address: str) -> WireModel:
        service, name = self._service(address)
        return WireModel(name, service.base_url, service.base_variable, tuple(service.key_variables))

    def form(self, type_: types.Type) -> tuple[Mapping[str, Any] | None, bool]:
        plain = isinstance(type_, _WORDS) or type_ == types.TEXT
        choices = type_.options if isinstance(type_, types.Choice) else ()
        schema = None if plain else Schema(types.json_schema(type_))
        found = shape(Request((Message("user", ""),), choices=choices, schema=schema), OPENAI_KEYWORDS)
        if found is None:
            return None, False
        answer = {
            "name": "answer",
            "strict": found.strict is not None,
            "schema": found.schema if found.strict is None else found.strict,
        }
        return {"type": "json_schema", "json_schema": answer}, found.wrapped

    def options(self, address: str, values: Mapping[str, Any], *, ballot: bool) -> WireOptions:
        service, name = self._service(address)
        body = {one: values[one] for one in ("max_tokens", "temperature") if one in values}
        if sent := further(values):
            from ..providers.option_bodies import api_of, fields, refusals

            api = api_of(_API, host_of(service.base_url))
            for option, why in refusals(api, name, {**sent, **body}).items():
                raise EjectError(f"`{address}` does not take `{option}`: {why}")
            fields(api, name, sent, into=body)
        retries = values.get("retries")
        tries = 0 if ballot else int(values.get(CORRECTIONS, RETRIES if retries is None else retries))
        sends = None if retries is None else int(retries) + 1
        return WireOptions(body, tries, float(values.get("timeout", 600.0)), sends)
