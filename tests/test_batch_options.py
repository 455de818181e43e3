"""Batch APIs with options, images and endpoints by name: the lines are the live bodies, and refusals are sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_batch_apis import Place, live
from test_batch_apis import at as at  # noqa: PLC0414 (a fixture)

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.providers import images
from flowrun.runtime.vocabulary.errors import UsageError
from support import batch_routes, batch_server
from support.azure_server import KEY
from support.images import png
from support.vertex_server import VertexServer

PRICES = "batch: true, input_price: 10, output_price: 100, max_tokens: 2000"
SORTS = """
model cheap = "{model}" with {prices}, {options}
flow sorts(rows: [text]) {{
  out = map row in rows {{
    a = ask cheap "Is it good? {{{{ row }}}}" -> yes | no
    {{ a, sure: sure(a) }}
  }} reduce collect
  return out
}}
"""
PICTURES = """
model cheap = "{model}" with {prices}
flow sorts(pictures: [image]) {{
  out = map one in pictures {{ ask cheap user "Is it good? {{{{ one }}}}" -> yes | no }} reduce collect
  return out
}}
"""
MADE = [
    ("openai:m", 'reasoning: low, top_p: 0.9, stop: "END", verbosity: low, user: "u", extra: { metadata: { a: 1 } }'),
    ("openai:m", "service_tier: flex, presence_penalty: 0.5, seed: 7"),
    ("anthropic:claude-opus-4-7", 'reasoning: low, stop: ["END", "STOP"], user: "u"'),
    ("anthropic:claude-haiku-4-5", "reasoning: tokens(1024), service_tier: standard_only, extra: { a: { b: 1 } }"),
    ("gemini:gemini-2.5-flash", 'reasoning: tokens(512), top_p: 0.9, stop: "END", extra: { labels: { a: "b" } }'),
]


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """All bodies that the live APIs get."""
    found: list[Any] = []

    def heard(reply: Any) -> Any:
        def told(body: Any) -> Any:
            found.append(body)
            return reply(body)

        return told

    for api, reply in [*batch_server.REPLIES.items()]:
        monkeypatch.setitem(batch_server.REPLIES, api, heard(reply))
    monkeypatch.setattr(batch_routes, "generate_reply", heard(batch_server.generate_reply))
    return found


def sorted_json(found: list[Any]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in found)


@pytest.mark.parametrize(("model", "options"), MADE)
async def test_the_lines_have_the_options_of_the_live_bodies(
    at: Place, bodies: list[Any], model: str, options: str
) -> None:
    text = SORTS.format(model=model, options=options, prices=PRICES)
    rows = [f"row {number}" for number in range(6)]
    expected = await at.run(live(text), rows)
    assert expected.status == "done", expected.failures
    asked = sorted_json(bodies)
    found = await at.run(text, rows)
    assert found.status == "done" and found.value == expected.value
    (batch,) = at.server.batches.values()
    assert len(asked) == 6 and sorted_json([body for _, body in batch.lines]) == asked
    assert all(sure["sure"] is None for sure in found.value or ())


@pytest.mark.parametrize("model", ["openai:m", "anthropic:claude-haiku-4-5", "gemini:gemini-2.5-flash"])
async def test_the_lines_have_the_images_of_the_live_bodies(at: Place, bodies: list[Any], model: str) -> None:
    for number in range(3):
        (at.folder / f"{number}.png").write_bytes(png(20 + number))
    pictures = [at.folder / f"{number}.png" for number in range(3)]
    text = PICTURES.format(model=model, prices=PRICES)
    path = at.folder / "a.flow"
    values = []
    for one in (live(text), text):
        path.write_text(one)
        values.append((await run_async(path, {"pictures": pictures}, options=at.options())).value)
    assert values[0] == values[1] is not None
    (batch,) = at.server.batches.values()
    assert sorted_json([body for _, body in batch.lines]) == sorted_json(bodies[:3])


async def test_an_image_that_cannot_be_sent_fails_its_call_unsent(at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(images.LIMITS, "openai", images.ImageLimits(request=300))
    (at.folder / "a.png").write_bytes(png(900, 900))
    path = at.folder / "a.flow"
    path.write_text(PICTURES.format(model="openai:m", prices=PRICES))
    found = await run_async(path, {"pictures": [at.folder / "a.png"]}, options=at.options())
    assert "MiB of images in a request" in found.failures[0].reason
    assert at.log == []


MINE = 'endpoint mine = "{url}/v1" key "MINE_KEY"{more}\nmodel cheap = "mine:m" with {prices}\n'


async def by_name(at: Place, more: str = "") -> Any:
    text = SORTS.format(model="mine:m", options="top_p: 0.9", prices=PRICES)
    endpoint = MINE.format(url=at.url, more=more, prices=PRICES).splitlines()[0]
    path = at.folder / "a.flow"
    path.write_text(f"{endpoint}\n{text}")
    environ = {"HOME": str(at.folder), "MINE_KEY": "mine-planted-0123456789"}
    return await run_async(path, {"rows": ["a", "b"]}, options=RunOptions(environ=environ, learn=False, journal=None))


async def test_an_endpoint_of_the_flow_has_a_batch_api(at: Place) -> None:
    found = await by_name(at)
    assert found.status == "done" and at.count("line") == 2 and at.count("live") == 0
    assert found.summary.cost == pytest.approx(2 * 0.001)


async def test_an_endpoint_that_lacks_batches_is_refused_in_a_sentence(at: Place) -> None:
    with pytest.raises(UsageError, match="mine:m has no batch API: take `batch: true` away from its model"):
        await by_name(at, " with lacks: [batch]")
    assert at.log == []


CLOUDS = ["azure:m", "bedrock:amazon.nova-lite-v1:0", "vertex:gemini-2.5-flash", "vertex:claude-haiku-4-5"]


@pytest.mark.parametrize("model", CLOUDS)
async def test_the_batches_of_clouds_are_refused_in_a_sentence(model: str, tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
        "AZURE_OPENAI_API_KEY": KEY,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:9",
        "AWS_REGION": "us-east-1",
        "AWS_BEARER_TOKEN_BEDROCK": "bedrock-planted-0123456789",
        **VertexServer(url="http://127.0.0.1:9").environ(tmp_path),
    }
    path = tmp_path / "a.flow"
    path.write_text(SORTS.format(model=model, options="temperature: 1", prices=PRICES))
    with pytest.raises(UsageError, match=f"{model} has no batch API: take `batch: true` away from its model"):
        await run_async(path, {"rows": ["a"]}, options=RunOptions(environ=environ, learn=False))
