"""The shared tools of tests of runs: scripts that go by the words of a prompt, and a state without a run."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

from flowrun.runtime.engine.state import State
from flowrun.runtime.providers.scripted import Script, Scripted
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import CallError, PermanentError

from .harness import Run

Json = Any
QUICK = settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)
BROKEN = PermanentError("the key is wrong")


def state_of(text: str, inputs: dict[str, Json] | None = None) -> State:
    return Run(text, inputs=inputs).state


def by_prompt(replies: dict[str, str | CallError], seconds: float = 1.0) -> Script:
    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(next((value for key, value in replies.items() if key in prompt), "x"), seconds)

    return script
