"""Ejected programs and their originals, run against the same answers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from flowrun.dsl import Checked, plan
from flowrun.runtime.cli.eject import program_of

from .oracle import CORRECTED, SPOILT, Form, Key, Oracle
from .random_runs import CHECKED

Json = Any


def module_of(text: str, name: str = "ejected") -> ModuleType:
    """Return a program as a module, without running it."""
    module = ModuleType(name)
    # Its data classes look their module up.
    sys.modules[name] = module
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module


@dataclass
class Ejected:
    """An ejected program whose models answer by an oracle. ``bodies`` are its requests, in the order of sending.

    ``before`` has for each request the requests that had their answers before it was sent.
    """

    text: str
    oracle: Oracle
    bodies: list[Json] = field(default_factory=list)
    asked: Counter[Key] = field(default_factory=Counter)

    def run(self, inputs: Mapping[str, Json], flow: str) -> Json:
        """Return the value of the flow, or the exception that it ends with."""
        module = self.module = module_of(self.text)
        failure = module.__dict__["Failure"]

        def post(model: Any, body: Json, options: Any) -> str:
            self.bodies.append(body)
            key, turn = key_of(body)
            self.asked[key] += 1
            if self.oracle.refuses(key, "m" if model.name == "m" else f"openai:{model.name}"):
                raise failure("no")
            return text_of(self.oracle, key, form_of(body), turn)

        if "post" in module.__dict__:
            module.__dict__["post"] = post
        try:
            return asyncio.run(module.__dict__[flow](**inputs))
        except Exception as error:  # noqa: BLE001
            return error


def key_of(body: Json) -> tuple[Key, int]:
    messages, turn = body["messages"], 0
    if len(messages) > 2 and messages[-1]["content"].startswith(CORRECTED):
        said = messages[-2]["content"]
        turn = int(said.removeprefix(SPOILT)) + 1 if said.startswith(SPOILT) else CHECKED
        messages = messages[:-2]
    return (tuple((one["role"], one["content"]) for one in messages), body.get("seed")), turn


def form_of(body: Json) -> Form:
    """Return the form of an answer as the oracle knows it, from the form that the request demands."""
    if "response_format" not in body:
        return Form()
    schema = body["response_format"]["json_schema"]["schema"]
    properties = schema.get("properties", {})
    if list(properties) == ["answer"] and schema["required"] == ["answer"]:
        schema = properties["answer"]
        if schema.get("type") == "string" and "enum" in schema:
            return Form(choices=tuple(schema["enum"]))
    return Form(schema=schema)


def text_of(oracle: Oracle, key: Key, form: Form, turn: int) -> str:
    if CHECKED > turn < oracle.turns(key, form):
        return f"{SPOILT}{turn}"
    value = oracle.says(key, form, again=turn == CHECKED)
    return value if form.choices or form.schema is None else json.dumps(value)


def ejected_text(checked: Checked, made: plan.Plan, folder: Path) -> str:
    return program_of(made, checked, "openai:m", folder)
