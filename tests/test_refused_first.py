"""Runs that are refused before a provider looks for what it needs: weights of a gigabyte, tokens of a cloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.errors import UsageError
from support.images import png

IMAGES = 'flow f(picture: image) { a = ask "What is this? {{ picture }}" return a }\n'
TWO = 'flow f() { a = ask "One." b = ask "Two. {{ a }}" return b }\n'


class Looking(ScriptedProvider):
    """A provider that counts how often it looked for what it needs."""

    looks = 0

    async def check_access(self) -> None:
        Looking.looks += 1


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (IMAGES, {"model": "embedded"}, "embedded reads no images"),
        (TWO, {"budget": "1 calls"}, "at least 2 calls, and its budget allows 1"),
        (TWO, {"batch": True}, "no model of this run has a batch API"),
    ],
    ids=["image", "budget", "batch"],
)
async def test_what_no_model_can_serve_is_refused_before_a_provider_looks(
    text: str, options: dict[str, object], said: str, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(png(4))
    inputs = {"picture": tmp_path / "a.png"} if text == IMAGES else {}
    given: dict[str, object] = {"model": "x:y", "opener": lambda name, around: Looking(["Hello."] * 2)}
    Looking.looks = 0
    with pytest.raises(UsageError, match=said):
        await run_async(flow(text), **inputs, options=RunOptions(**given | options))  # type: ignore[arg-type]
    assert Looking.looks == 0
    if text == TWO:
        await run_async(flow(text), options=RunOptions(**given))  # type: ignore[arg-type]
        assert Looking.looks == 1
