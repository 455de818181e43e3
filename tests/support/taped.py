"""Cassettes of flows whose models are a function: made in the process, with no server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import plan as p
from flowrun.dsl import test_plan as tp
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.session.loading import load, plan_of
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.usage import Usage
from flowrun.testing.answer_book import Scripted
from flowrun.testing.bench import Bench, Setting
from flowrun.testing.cassette import Cassette, Line, key_of, options_of
from flowrun.testing.places import Spot
from flowrun.testing.player import sample_of
from flowrun.testing.runner import play

NOWHERE = tp.Place("flow", 1, 1, 1, 2, "")


def taped(flow: Path, answer: Callable[[str], str], **inputs: Any) -> Cassette:
    """Run the last flow of a file, and keep the answer to each prompt. Writes nothing."""
    plan = plan_of(load(flow))
    cassette = Cassette(plan.flow)
    keys: dict[tuple[str, int], str] = {}

    def other(call: Call, spot: Spot) -> Scripted:
        place = spot.path, sample_of(spot)
        key = keys.setdefault(place, key_of(call.request))
        asked = tuple((one.role, one.text) for one in call.messages)
        text = answer(call.messages[-1].text)
        options, bill = options_of(call.request), Usage(7, 3)
        model = call.model or "openai:m"
        cassette.add(Line(*place, call.sample.again, key, model, asked, text, usage=bill, options=options))
        return Scripted(Answer(text))

    given: Mapping[str, p.Expr] = {name: p.Constant(value) for name, value in inputs.items()}
    test = tp.Test("taped", plan.flow, NOWHERE, given=tp.Givens(given))
    assert play(test, Setting(Bench(plan), flow.parent, other=other)).outcome.complete
    return cassette


def tape(path: Path, flow: Path, answer: Callable[[str], str], **inputs: Any) -> Path:
    """Write the cassette of such a run into a file."""
    path.write_text("".join(taped(flow, answer, **inputs).text()), encoding="utf-8")
    return path
