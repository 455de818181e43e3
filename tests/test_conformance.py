"""The conformance suites: what flowrun has itself keeps them, and what does not keep them is told so in a sentence."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.dsl import ReducerSpec, types
from flowrun.runtime.documents import Reader
from flowrun.runtime.documents.reading import READERS
from flowrun.runtime.providers import open_provider, own_names
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.reducers import REDUCERS, Gathering, Rule, Setting
from flowrun.runtime.splitters import SPLITTERS, Splitter
from flowrun.runtime.vocabulary.call import Message, Reply, Request
from flowrun.runtime.vocabulary.errors import PermanentError
from flowrun.testing import NonconformityError, check_provider, check_reader, check_reducer, check_splitter
from support.bedrock_server import converse
from support.served_forms import chat, claude, environ, google
from support.vertex_server import VertexServer

Json = Any
TIMED = {"first"}
"""Rules whose value is a matter of time."""


@pytest.mark.parametrize("name", REDUCERS.own)
def test_own_reducers_keep_the_rules(name: str) -> None:
    args = {"judge": None} if name == "consistent" else None
    check_reducer(REDUCERS[name], args, timed=name in TIMED)


@pytest.mark.parametrize("name", SPLITTERS.own)
def test_own_splitters_keep_the_rules(name: str) -> None:
    check_splitter(SPLITTERS[name])


@pytest.mark.parametrize("name", READERS.registry.own)
def test_own_readers_keep_the_rules(name: str) -> None:
    check_reader(READERS.registry[name])


# Providers, at a server that speaks the forms of the hosted ones, and refuses what it does not know


@pytest.fixture
async def server(faults: Any) -> AsyncIterator[Any]:
    async def reply(request: web.Request) -> web.StreamResponse:
        path, body = request.path, faults.seen[-1]
        if "slow" in json.dumps(body):
            await faults.closing.wait()
        if path.endswith("/chat/completions"):
            data, status = chat(*["Hello."] * body.get("n", 1))
        elif path.endswith("/messages"):
            data, status = claude("Hello.")
        elif path.endswith("/converse"):
            data, status = converse({"text": "Hello."})[::-1]
        elif ":generateContent" in path:
            data, status = google(*["Hello."] * body.get("generationConfig", {}).get("candidateCount", 1))
        else:
            data, status = {"error": {"message": "there is no such call"}}, 404
        return web.json_response(data, status=status)

    faults.replies.append(reply)
    yield faults


SLOW = Request((Message("user", "slow"),))


@pytest.mark.parametrize("name", [name for name in own_names() if name != "embedded"])
async def test_own_providers_keep_the_rules(name: str, server: Any, tmp_path: Path) -> None:
    async with VertexServer().serving() as tokens:
        given = Surroundings({**tokens.environ(tmp_path), **environ(server), "OPENAI_API_KEY": "ok"})
        await check_provider(lambda: open_provider(f"{name}:m", given), slow=SLOW)


@pytest.mark.embedded
@pytest.mark.slow
async def test_the_embedded_provider_keeps_the_rules() -> None:
    await check_provider(lambda: open_provider("embedded:tiny", Surroundings(os.environ)))


@pytest.mark.parametrize("name", [name for name in own_names() if name != "embedded"])
@pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500, 503])
async def test_own_providers_fail_by_the_rules(name: str, status: int, faults: Any, tmp_path: Path) -> None:
    faults.json({"error": {"message": "no"}}, status)
    async with VertexServer().serving() as tokens:
        given = Surroundings({**tokens.environ(tmp_path), **environ(faults), "OPENAI_API_KEY": "ok"})
        await check_provider(lambda: open_provider(f"{name}:m", given), answers=False)


# Objects that break the rules


class Fickle(Gathering):
    """Its value is that of the result that arrived last."""

    def value(self) -> Json:
        return list(self.results.values())[-1] if self.results else None


class Greedy(Gathering):
    def wanted(self, launched: int) -> int:
        return self.setting.most


class Failing(Gathering):
    def value(self) -> Json:
        return self.in_order()[0]


class Opaque(Gathering):
    def value(self) -> Json:
        return {"a set": {1}}


class Changing(Gathering):
    def add(self, index: int, value: Json) -> None:
        super().add(index, value)
        if isinstance(value, list):
            value.append("x")


class Wavering(Gathering):
    @property
    def decided(self) -> bool:
        return len(self.results) == 1


class Late(Gathering):
    @property
    def decided(self) -> bool:
        return len(self.results) >= 1

    def value(self) -> Json:
        return len(self.results)


def rule_of(make: Callable[[Setting], Any], **more: Any) -> Rule:
    return Rule(ReducerSpec("odd", (), lambda given: types.JSON, "an odd one", **more), make)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (rule_of(Fickle), "depends on the order in which they arrive"),
        (rule_of(Greedy), "it wants 5 more of 5 samples, with 5 launched"),
        (rule_of(Failing), "something else than a ReduceError: IndexError"),
        (rule_of(Opaque), "its value is no plain data"),
        (rule_of(Changing), "it changes the results"),
        (rule_of(Wavering), "it is decided, and then no longer"),
        (rule_of(Late), "a late result changes its value"),
        (rule_of(Gathering, votes=True), "it must also do without failed results"),
        (replace(rule_of(Gathering), spec=replace(rule_of(Gathering).spec, name="no word")), "its name is no word"),
        (replace(rule_of(Gathering), spec=replace(rule_of(Gathering).spec, summary=" ")), "it has no summary"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_reducer_that_breaks_a_rule(rule: Rule, said: str) -> None:
    with pytest.raises(NonconformityError) as caught:
        check_reducer(rule)
    assert said in str(caught.value)


def test_a_sound_reducer_passes() -> None:
    check_reducer(rule_of(Gathering))


COUNT = iter(range(10**9))


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (lambda text, args: text.split()[:3], "not the text, in order and without a loss, for"),
        (lambda text, args: text.split()[::-1], "not the text, in order"),
        (lambda text, args: [text], "a blank piece, for a blank text"),
        (lambda text, args: tuple(text.split()), "it returns no list of texts"),
        (lambda text, args: [text[0]], "it fails for an empty text: IndexError"),
        (lambda text, args: [text] * (next(COUNT) % 2), "other pieces the second time"),
    ],
)
def test_a_splitter_that_breaks_a_rule(split: Callable[[str, Mapping[str, Any]], Any], said: str) -> None:
    with pytest.raises(NonconformityError) as caught:
        check_splitter(Splitter("odd", (), split, "an odd one"))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (Reader("odd", (".odd",), lambda data, name: data.decode()), "it raises UnicodeDecodeError"),
        (Reader("odd", ("odd",), lambda data, name: "x"), "its suffix 'odd' does not begin with a point"),
        (Reader("odd", (".odd",), lambda data, name: f"{next(COUNT)}"), "differently the second time"),
        (Reader("odd", (".odd",), lambda data, name: "\ud800"), "parts that are no characters"),
        (Reader("odd", (".odd",), lambda data, name: None), "it returns no text"),  # type: ignore[arg-type, return-value]
        (Reader("odd", (".odd",), lambda data, name: "y"), "it does not read 'x' in"),
    ],
)
def test_a_reader_that_breaks_a_rule(reader: Reader, said: str) -> None:
    with pytest.raises(NonconformityError) as caught:
        check_reader(reader, {b"x": "x"})
    assert said in str(caught.value)


class Deaf(ScriptedProvider):
    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        try:
            return await super().complete(request, samples, idempotency_key)
        except asyncio.CancelledError:
            raise PermanentError("cancelled") from None


class Once(ScriptedProvider):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


class Generous(ScriptedProvider):
    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        return await super().complete(request, samples + 1, idempotency_key)


def always(request: Request, number: int) -> Scripted:
    return Scripted("yes", 5.0 if "slow" in request.messages[-1].text else 0)


def broken(request: Request, number: int) -> Scripted:
    raise KeyError("choices")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Deaf(always), "ends otherwise than by CancelledError"),
        (lambda: Once(always), "cannot be closed twice"),
        (lambda: Generous(always), "it gives 2 answers where 1 are asked for"),
        (lambda: ScriptedProvider(broken), "something else than a CallError: KeyError"),
        (lambda: ScriptedProvider(always, model=""), "`model` is no text"),
        (lambda: ScriptedProvider(always, samples=0), "`samples` is no number of 1 or more"),
        (lambda: ScriptedProvider(lambda *_: Scripted(PermanentError("no"))), "it does not answer: no"),
    ],
)
async def test_a_provider_that_breaks_a_rule(make: Callable[[], ScriptedProvider], said: str) -> None:
    with pytest.raises(NonconformityError) as caught:
        await check_provider(make, slow=SLOW)
    assert said in str(caught.value)


async def test_a_sound_provider_passes() -> None:
    await check_provider(lambda: ScriptedProvider(always, samples=4), slow=SLOW)
