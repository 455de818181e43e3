"""Listeners that need only some events are spared the others; all other listeners get every event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import types
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.cli.progress import LiveDisplay, ProgressLines, watcher
from flowrun.runtime.outputs.forms import Form
from flowrun.runtime.session.listeners import Listeners, to_all
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.partial_listener import PartialListener
from flowrun.runtime.vocabulary.quoting import json_line, json_text

STARTED, FINISHED = e.StepStarted("a", "ask"), e.StepFinished("a", "value")
NOTICE = e.Notice("told", urgent=True)


class Only(PartialListener):
    def __init__(self, *kinds: type) -> None:
        self.kinds = kinds
        self.got: list[e.Event] = []

    def hears(self, kind: type) -> bool:
        return kind in self.kinds

    def __call__(self, event: e.Event) -> None:
        self.got.append(event)


def test_each_event_goes_to_all_that_hear_it_in_order() -> None:
    got: list[tuple[str, e.Event]] = []
    notices, none = Only(e.Notice), Only()
    publish = to_all(
        [
            lambda event: got.append(("first", event)),
            Listeners([notices, none]),
            lambda event: got.append(("last", event)),
        ]
    )
    for event in (STARTED, NOTICE, FINISHED, NOTICE, STARTED):
        publish(event)
    assert got == [(who, event) for event in (STARTED, NOTICE, FINISHED, NOTICE, STARTED) for who in ("first", "last")]
    assert notices.got == [NOTICE, NOTICE]


def test_a_listener_of_all_events_beside_a_partial_one_hears_for_both() -> None:
    got: list[e.Event] = []
    both = Listeners([Only(e.Notice), got.append])
    assert both.hears(e.StepStarted)
    assert not Listeners([Only(e.Notice)]).hears(e.StepStarted)
    to_all([both])(STARTED)
    assert got == [STARTED]


def test_a_quiet_command_still_hears_urgent_notices(capsys: pytest.CaptureFixture[str]) -> None:
    publish = to_all([Listeners([watcher(quiet=True)])])
    for event in (STARTED, FINISHED, NOTICE, e.Notice("not urgent")):
        publish(event)
    assert capsys.readouterr().err == "told\n"


def test_a_live_display_hears_of_elements_and_of_no_step_that_begins() -> None:
    display = LiveDisplay()
    assert display.hears(e.ElementFinished)
    assert not display.hears(e.StepStarted)


@pytest.mark.parametrize("kind", [ProgressLines, Summary])
def test_the_events_that_are_spared_change_no_count(kind: type) -> None:
    listener = kind()
    for event in (STARTED, e.ElementFinished("a[0]")):
        assert not listener.hears(type(event))
    for heard in (e.StepFinished, e.RequestStarted, e.RequestFinished, e.Notice, e.ElementLost, e.RunFinished):
        assert listener.hears(heard)


@given(value=st.recursive(st.text() | st.integers() | st.floats(allow_nan=False), st.lists))
def test_a_line_of_an_answer_is_its_json_on_one_line(value: object) -> None:
    assert json_line(value) == json_text(value, indent=None)
    assert Form("x.jsonl", types.JSON).row(value) == json_line(value) + "\n"


@pytest.mark.parametrize("text", ["\x7f", "1m\x9b", "\u202e", "\u2069", "é\x80"])
def test_a_line_has_no_character_that_controls_a_terminal(text: str) -> None:
    assert json_line([text]) == json_text([text], indent=None)
    assert text[-1] not in json_line([text])
