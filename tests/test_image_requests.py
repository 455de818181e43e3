"""Images on the wire: the parts of each API, their order, and what a provider does not take."""

from __future__ import annotations

import builtins
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.engine.ceilings import believable, ceiling_of, rough_ceiling_of
from flowrun.runtime.files.images import facts_of
from flowrun.runtime.providers import images
from flowrun.runtime.providers.protocol import Provider
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import PermanentError
from flowrun.runtime.vocabulary.image import Image
from flowrun.runtime.vocabulary.image_tokens import most_tokens
from flowrun.runtime.vocabulary.usage import Usage
from support.hosted import LINES, chat, claude, google, opening
from support.images import animated, gif, png

TEXT = "Before <a> between <b>"


@pytest.fixture
def provider(faults: Any) -> Callable[[str], Provider]:
    images._kept.clear()
    return opening(faults.url)


def image_of(data: bytes, at: int = 0, until: int = 0, path: str = "") -> Image:
    facts = facts_of(data, "x")
    kept = "" if path else b64encode(data).decode()
    width, height = int(str(facts["width"])), int(str(facts["height"]))
    return Image(str(facts["image"]), str(facts["type"]), width, height, len(data), at, until, path, kept)


def request(*found: Image, text: str = TEXT) -> Request:
    return Request((Message("system", "Be brief."), Message("user", text, found)))


TWO = request(image_of(png(4), 7, 10), image_of(png(5), 19, 22))
A, B = (b64encode(png(size)).decode() for size in (4, 5))


async def test_chat_completions_take_data_urls(faults: Any, provider: Any) -> None:
    faults.json(chat("x"))
    served = provider("openai")
    await served.complete(TWO)
    await served.close()
    assert faults.seen[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Before "},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{A}", "detail": "high"}},
                {"type": "text", "text": " between "},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{B}", "detail": "high"}},
            ],
        },
    ]


async def test_messages_take_base64_sources_and_no_blank_texts(faults: Any, provider: Any) -> None:
    faults.json(claude("x"))
    served = provider("anthropic")
    await served.complete(request(image_of(png(4), 0, 1), image_of(png(5), 3, 4), text="a  b!"))
    await served.close()
    assert faults.seen[0]["system"] == "Be brief."
    (message,) = faults.seen[0]["messages"]
    source = {"type": "base64", "media_type": "image/png"}
    assert message["content"] == [
        {"type": "image", "source": {**source, "data": A}},
        {"type": "image", "source": {**source, "data": B}},
        {"type": "text", "text": "!"},
    ]


async def test_generate_content_takes_inline_data(faults: Any, provider: Any) -> None:
    faults.json(google("x"))
    served = provider("gemini")
    await served.complete(TWO)
    await served.close()
    (content,) = faults.seen[0]["contents"]
    assert content["parts"] == [
        {"text": "Before "},
        {"inlineData": {"mimeType": "image/png", "data": A}},
        {"text": " between "},
        {"inlineData": {"mimeType": "image/png", "data": B}},
    ]
    assert faults.seen[0]["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


async def test_words_about_a_shape_come_behind_the_images(faults: Any, provider: Any) -> None:
    faults.json({"error": {"message": "response_format is not supported", "param": "response_format"}}, 400)
    faults.json(chat('["a"]'))
    served = provider("openai")
    await served.complete(replace(TWO, schema={"type": "array", "items": {"type": "string"}}))
    await served.close()
    parts = faults.seen[-1]["messages"][-1]["content"]
    assert [one["type"] for one in parts] == ["text", "image_url", "text", "image_url", "text"]
    assert "JSON" in parts[-1]["text"]


@pytest.fixture
def no_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "can_scale", lambda: False)


@pytest.mark.parametrize(
    ("name", "found", "said"),
    [
        ("openai", replace(image_of(png(4)), width=9000), "has 9000 × 3"),
        ("anthropic", replace(image_of(png(4)), size=4 * 1024 * 1024), "has 4.0 MiB, and it takes 3.8 MiB"),
        ("gemini", image_of(gif()), "is a GIF, which it does not take"),
        ("openai", image_of(animated()), "is an animated GIF, of which it takes one picture"),
    ],
)
@pytest.mark.usefixtures("no_pillow")
async def test_what_a_provider_does_not_take_is_not_sent(
    faults: Any, provider: Any, name: str, found: Image, said: str
) -> None:
    served = provider(name)
    with pytest.raises(PermanentError) as raised:
        await served.complete(request(found))
    await served.close()
    assert said in str(raised.value)
    assert "flowrun-dsl[images]" in str(raised.value)
    assert not faults.seen


@pytest.mark.usefixtures("no_pillow")
async def test_many_images_have_limits_of_their_own(faults: Any, provider: Any) -> None:
    served = provider("anthropic")
    with pytest.raises(PermanentError, match=r"takes 100 images in a request, and this one has 101"):
        await served.complete(request(*[image_of(png(4))] * 101))
    wide = image_of(png(2001, 3))
    with pytest.raises(PermanentError, match=r"2000 pixels a side in a request of 21 images"):
        await served.complete(request(*[wide] * 21))
    await served.close()
    assert not faults.seen


async def test_a_file_that_has_changed_is_named_and_not_sent(faults: Any, provider: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(4))
    found = image_of(png(4), path=str(path))
    path.write_bytes(png(5))
    served = provider("openai")
    with pytest.raises(PermanentError, match=r"a\.png` has changed"):
        await served.complete(request(found))
    path.unlink()
    with pytest.raises(PermanentError, match=r"there is no file"):
        await served.complete(request(found))
    await served.close()
    assert not faults.seen


async def test_a_large_image_is_scaled_down_and_told_once(faults: Any, provider: Any) -> None:
    pytest.importorskip("PIL")
    faults.json(chat("x"))
    faults.json(chat("x"))
    served = provider("openai")
    wide = image_of(png(8100, 81))
    await served.complete(request(wide))
    await served.complete(request(wide))
    await served.close()
    url = faults.seen[0]["messages"][1]["content"][0]["image_url"]["url"]
    assert url.startswith("data:image/jpeg;base64,")
    assert facts_of(b64decode(url.partition(",")[2]), "x")["width"] == 8000
    assert len([line for line in LINES if "it is sent with 8000 × 80 pixels" in line]) == 1


async def test_many_images_are_scaled_further_down(faults: Any, provider: Any) -> None:
    pytest.importorskip("PIL")
    faults.json(claude("x"))
    served = provider("anthropic")
    await served.complete(request(*[image_of(png(2100, 21))] * 21, text=""))
    await served.close()
    blocks = faults.seen[0]["messages"][0]["content"]
    sides = {facts_of(b64decode(one["source"]["data"]), "x")["width"] for one in blocks}
    assert (len(blocks), sides) == (21, {2000})


async def test_a_gif_for_gemini_becomes_another_type(faults: Any, provider: Any) -> None:
    pillow = pytest.importorskip("PIL.Image")
    import io

    out = io.BytesIO()
    pillow.new("RGB", (6, 4), "red").save(out, "GIF")
    faults.json(google("x"))
    served = provider("gemini")
    await served.complete(request(image_of(out.getvalue()), text=""))
    await served.close()
    assert faults.seen[0]["contents"][0]["parts"][0]["inlineData"]["mimeType"] == "image/jpeg"


async def test_an_animated_gif_is_sent_as_its_first_picture(faults: Any, provider: Any) -> None:
    pytest.importorskip("PIL")
    faults.json(chat("x"))
    faults.json(chat("x"))
    served = provider("openai")
    for data, kind in ((animated(2), "jpeg"), (animated(1), "gif")):
        await served.complete(request(image_of(data), text=""))
        url = faults.seen[-1]["messages"][-1]["content"][0]["image_url"]["url"]
        assert url.startswith(f"data:image/{kind};base64,")
    await served.close()
    said = "is an animated GIF, of which it takes one picture: it is sent with 1 × 1 pixels"
    assert [said in line for line in LINES] == [True]
    faults.json(claude("x"))
    served = provider("anthropic")
    await served.complete(request(image_of(animated(2)), text=""))
    await served.close()
    assert faults.seen[-1]["messages"][0]["content"][0]["source"]["media_type"] == "image/gif"


async def test_a_damaged_image_that_must_be_scaled_is_named(faults: Any, provider: Any) -> None:
    pytest.importorskip("PIL")
    served = provider("openai")
    damaged = png(8100, 4).replace(b"IDAT", b"IDAX")
    with pytest.raises(PermanentError, match=r"is damaged: it cannot be decoded"):
        await served.complete(request(image_of(damaged)))
    await served.close()
    assert not faults.seen


async def test_a_text_loads_nothing_about_images(faults: Any, provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = builtins.__import__

    def guarded(name: str, *rest: Any) -> Any:
        assert "image_parts" not in name
        return before(name, *rest)

    monkeypatch.setattr(builtins, "__import__", guarded)
    faults.json(chat("x"))
    served = provider("openai")
    await served.complete(request())
    await served.close()
    assert faults.seen[0]["messages"][1]["content"] == TEXT


async def test_a_request_has_a_limit_for_all_its_images(
    faults: Any, provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(images.LIMITS["openai"], request=len(A) + len(B) - 1)
    monkeypatch.setitem(images.LIMITS, "openai", small)
    served = provider("openai")
    with pytest.raises(PermanentError, match="ask about fewer images at a time"):
        await served.complete(TWO)
    await served.close()
    assert not faults.seen


def test_a_budget_counts_images_at_their_most() -> None:
    square = replace(image_of(png(4), 7, 10), width=1024, height=1024)
    plain, pictured = request(), request(square)
    assert ceiling_of(pictured, "openai:gpt-4o").read - ceiling_of(plain, "openai:gpt-4o").read == 765
    rough = rough_ceiling_of(pictured).read - rough_ceiling_of(plain).read
    assert rough == most_tokens(1024, 1024) >= 765
    # A server may report as many tokens as the image has at most, and no more.
    assert believable(Usage(14_000, 1), pictured, 1).input_tokens == 14_000
    assert believable(Usage(14_000, 1), plain, 1).input_tokens is None
