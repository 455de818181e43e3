"""Random flows through batch APIs: the answers are those of the live API, and the account is the server's bill."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_batch_apis import Place, at

from flowrun.dsl import FlowError
from flowrun.runtime import run_async
from flowrun.runtime.api import resume_async
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.errors import UsageError
from support import batch_server
from support.few_cases import some
from support.keeping_server import fitting
from support.random_checks import Trial

__all__ = ["at"]
Json = Any


@pytest.fixture
def bills(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Let the server answer by the schema of a request. Return the tokens in and out that it bills."""
    billed: list[tuple[int, int]] = []

    def reply(body: Json) -> Json:
        prompt, form = batch_server.prompt_of(body), body.get("response_format")
        pick, count = int(hashlib.sha256(prompt.encode()).hexdigest()[:6], 16), body.get("n", 1)
        text = json.dumps(fitting(form["json_schema"]["schema"], pick)) if form else f"words {pick}"
        billed.append((len(prompt), count * min(10, body.get("max_completion_tokens", body.get("max_tokens", 10)))))
        message = {"role": "assistant", "content": text}
        return {
            "id": "reply",
            "choices": [{"index": number, "message": message, "finish_reason": "stop"} for number in range(count)],
            "usage": {"prompt_tokens": billed[-1][0], "completion_tokens": billed[-1][1]},
        }

    monkeypatch.setitem(batch_server.REPLIES, "openai", reply)
    return billed


def figures(result: Result) -> tuple[int, ...]:
    use = result.summary.whole
    return use.input_tokens, use.output_tokens, use.sent, use.refused, use.answered, use.cancelled


@pytest.mark.parametrize("seed", some(range(24), 4))
async def test_a_random_flow_has_its_live_answers_and_pays_its_bill(
    at: Place, bills: list[tuple[int, int]], seed: int
) -> None:
    trial = Trial.drawn(seed)
    try:
        plan = trial.plan
    except FlowError:
        return
    environ = {"OPENAI_BASE_URL": f"{at.url}/v1", "HOME": str(at.folder)}

    def opener(model: str, around: Surroundings) -> Provider:
        return open_provider("openai:m", Surroundings(environ))

    at.does.fail = at.does.expire = 0.2
    options = replace(at.options(model="openai:m"), opener=opener)
    journal: Path = at.folder / "j.db"
    live = await run_async(plan, **trial.inputs, options=options)
    bills.clear()
    try:
        found = await run_async(plan, **trial.inputs, options=replace(options, batch=True, journal=journal))
    except UsageError as none:
        assert "no model of this run has a batch API" in str(none)
        return
    assert found.status == live.status
    if "reduce first" not in trial.text:
        assert found.value == live.value
    use = found.summary.whole
    if not use.cancelled:
        assert (use.input_tokens, use.output_tokens) == tuple(map(sum, zip(*bills, strict=True))) or not bills
    again = await resume_async("last", journal, options=replace(options, model=None))
    assert figures(again) == figures(found)
