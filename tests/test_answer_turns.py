"""A run gives out the answers of its journal in turns: they fill no memory, and a signal is heard in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, resume_async, run_async
from flowrun.runtime.engine.decisions import NOTHING, Call, Decision, Finish, HandOn, Known, Launch, Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.plans.streaming import handed_on
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.session import run as session
from flowrun.runtime.session.run import Stop
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer
from support.harness import functions, planned

FLOW = """
flow each(rows: [text]) {
  out = map row in rows {
    answer = ask "{{ row }}"
    answer
  } reduce collect
  return out
}
"""
ROWS = [f"{number}" for number in range(20)]


class Ran:
    """A run of the map. The journal has answers to the first ``known`` elements, and a model echoes the others."""

    def __init__(self, known: int, turn: int | None) -> None:
        def find(call: Call) -> Known:
            text = call.request.messages[-1].text
            return Known(b"k", Answer(text)) if int(text) < known else NOTHING

        plan = planned(FLOW)
        context = Context({}, ModelValue("m", "m"), functions, known=find)
        self.state = State(plan, {"rows": ROWS}, context, handed=handed_on(plan), turn=turn)
        self.results: list[Any] = []
        self.sizes: list[int] = []
        self.sent_in_pause = False
        self.calls: list[Call] = []
        self.outcome: Outcome | None = None
        self.take(self.state.begin())
        while self.state.paused or self.calls:
            if self.state.paused:
                self.take(self.state.go_on())
            else:
                call = self.calls.pop(0)
                self.take(self.state.answered(call.number, Answer(call.request.messages[-1].text)))

    def take(self, decisions: list[Decision]) -> None:
        self.sizes.append(len(self.state.events))
        self.state.events.clear()
        for decision in decisions:
            match decision:
                case HandOn(value):
                    self.results.append(value)
                case Launch(call):
                    self.calls.append(call)
                    self.sent_in_pause |= self.state.paused
                case Finish(outcome):
                    self.outcome = outcome


@pytest.mark.parametrize("turn", [1, 3, 20, None])
@pytest.mark.parametrize("known", [0, 1, 13, 20])
def test_turns_change_neither_the_results_nor_the_end(turn: int | None, known: int) -> None:
    ran = Ran(known, turn)
    assert ran.results == ROWS
    assert ran.outcome is not None
    assert (ran.outcome.complete, ran.outcome.value, ran.outcome.failures) == (True, 20, ())
    assert not ran.sent_in_pause, "a call is sent before the answers of the journal were taken"


def test_a_turn_has_few_events_and_decisions() -> None:
    # The first turn also opens the elements.
    assert max(Ran(20, 2).sizes[1:]) <= 10
    assert len(Ran(20, 2).sizes) >= 10
    assert len(Ran(20, None).sizes) == 1


async def test_a_stop_is_heard_while_answers_are_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_TURN", 2)
    (tmp_path / "each.flow").write_text(FLOW, encoding="utf-8")
    provider = ScriptedProvider(lambda request, number: "yes")
    stop, done = Stop(), 0

    def stopping(event: e.Event) -> None:
        nonlocal done
        done += isinstance(event, e.ElementFinished)
        if done and stop.why is None:
            asyncio.get_running_loop().call_soon(stop)

    def options(**more: Any) -> RunOptions:
        return RunOptions(
            journal=tmp_path / "journal.db",
            environ={"FLOWRUN_MODEL": "openai:m"},
            opener=lambda model, around: provider,
            **more,
        )

    whole = await run_async(tmp_path / "each.flow", {"rows": ROWS}, options=options())
    assert (whole.value, len(provider.calls)) == (["yes"] * 20, 20)
    stopped = await resume_async("last", options=options(stop=stop, on_event=stopping))
    assert stopped.status == "stopped"
    assert 1 <= done < 20
    again = await resume_async("last", options=options())
    assert (again.value, again.status, len(provider.calls)) == (whole.value, "done", 20)
