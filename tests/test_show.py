"""`flowrun show`: the tree of a run, one call as it was sent, lists of calls, and their JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from flowrun.runtime.cli.views.differences import run_figures
from flowrun.runtime.cli.views.screen import Screen
from flowrun.runtime.cli.views.table import width_of
from flowrun.runtime.pages.head import figures_of
from flowrun.runtime.plans.run_calls import RunCalls
from flowrun.runtime.vocabulary.call_record import Tokens
from flowrun.runtime.vocabulary.run_record import EndRecord, LossRecord, RunRecord
from support import run_records as made
from support.harness import planned
from support.shown import Show, shower, texts_of

RUNS: dict[str, RunRecord] = {
    "letters": made.letters(),
    "one": made.one_call(),
    "empty": made.empty_run(),
    "killed": made.killed_run(),
    "resumed": made.resumed_run(),
    "hostile": made.hostile_run(),
    "tree": made.tree_run(),
}
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Show:
    return shower(capsys, monkeypatch)


def row(text: str, name: str) -> list[str]:
    """The cells of the row of a step."""
    [line] = [line for line in text.splitlines() if line.startswith(f"{name}  ")]
    return re.split(r"\s{2,}", line.lstrip("│├└─ "))


def test_the_tree_of_a_run_folds_its_elements(show: Show) -> None:
    ran = show(["show"], RUNS["letters"])
    assert ran.code == 0
    head, *_ = ran.out.splitlines()
    assert head.startswith("run swift-otter-1a2b · letters · partial · ")
    assert head.endswith("· 12.5 s · 13 calls (1 failed, 1 reused) · $0.00232")
    assert row(ran.out, "notes") == ["notes", "3 × map letter", "done", "9", "1 failed, 1 lost", "1.7 s", "$0.00016"]
    assert row(ran.out, "├─ polished")[1:4] == ["flow polish", "done", "3"]
    assert row(ran.out, "├─ verdict")[-1] == "2 votes, 2 split, mean agreement 0.67"
    assert row(ran.out, "├─ money")[1:4] == ["ask", "reused", "1"]
    assert row(ran.out, "│  ├─ long")[-2:] == ["1.99 s", "$0.00002"]
    assert "lost notes[1].polished.draft: the server refused the key (HTTP 401)" in ran.out
    assert ran.out.splitlines()[-1] == "value: Go on."


def test_one_vote_is_told_in_full(show: Show) -> None:
    out = show(["show", "last", "notes[0].verdict"], RUNS["letters"]).out
    assert "SPAM (2 of 3); NOT 1; agreement 0.67, margin 1" in out
    assert [line.split()[0] for line in out.splitlines()[-3:]] == [f"notes[0].verdict[{n}].ask" for n in range(3)]


def test_an_element_by_its_label_has_its_vote(show: Show) -> None:
    out = show(["show", "last", "notes.letter-2"], RUNS["letters"]).out
    assert "SPAM (2 of 3); NOT 1; agreement 0.67, margin 1" in out


def test_without_known_prices_there_are_no_costs(show: Show) -> None:
    free = made.record([made.call("hello", answers=(made.answer("x", cost=None),))], plan=planned(made.ONE))
    assert "cost" not in show(["show"], free).out
    assert "cost" not in show(["show", "--slowest", "1"], free).out
    assert "cost      unknown: the model has no known price\n" in show(["show", "last", "hello"], free).out


def test_a_killed_run_tells_what_it_reached(show: Show) -> None:
    out = show(["show"], RUNS["killed"]).out
    assert row(out, "notes")[2:5] == ["open", "2", "1 open"]
    assert row(out, "advice")[1:] == ["fanout", "not reached"]
    assert "value:" not in out
    running = replace(RUNS["killed"], status="running")
    assert row(show(["show"], running).out, "notes")[2] == "running"


def test_a_step_of_an_unfinished_run_is_done_if_another_step_went_on_from_it(show: Show) -> None:
    calls = [*made.element(0), made.call("advice.legal.long")]
    record = made.record(calls, end=EndRecord(), status="killed", ended=None)
    out = show(["show"], record).out
    assert row(out, "notes")[2] == row(out, "├─ polished")[2] == row(out, "│  └─ draft")[2] == "done"
    assert row(out, "advice")[2] == row(out, "├─ legal")[2] == "begun"
    assert row(out, "│  ├─ long")[2] == "done"
    # Without the step behind the map, more elements may have been due.
    out = show(["show"], replace(record, calls=record.calls[:-1])).out
    assert {row(out, name)[2] for name in ("notes", "├─ polished", "│  └─ draft", "├─ verdict")} == {"begun"}


def test_a_run_without_calls(show: Show) -> None:
    ran = show(["show"], RUNS["empty"])
    assert ran.code == 0
    assert "the run made no call" in ran.out
    assert row(ran.out, "notes") == ["notes", "0 × map letter", "not reached"]


def test_a_failed_step_is_marked(show: Show) -> None:
    end = EndRecord(losses=(LossRecord("advice.money", "no money", fatal=True),))
    failed = made.unanswered("advice.money", "failed", made.attempt("x", "refused"), reason="no money")
    record = made.record([failed], end=end, status="failed")
    out = show(["show"], record).out
    assert row(out, "├─ money")[2] == row(out, "advice")[2] == "failed"
    painted = show(["show"], record, screen=Screen(100, 40, colour=True)).out
    assert re.search("\x1b\\[31m├─ money.*\x1b\\[0m", painted)


def test_a_call_is_shown_as_it_was_sent(show: Show) -> None:
    out = show(["show", "last", "advice.legal.ask"], RUNS["letters"]).out
    assert out.splitlines()[0] == "advice.legal.ask  answered"
    assert "model     openai:gpt-4o-mini at https://api.openai.com/v1, served by gpt-4o-mini-2026-01-01\n" in out
    assert "settings  temperature 0.7, max_tokens 200\n" in out
    assert "cost      $0.00212\n" in out
    assert "tokens    80 read (60 cached), 10 written\n" in out
    assert "request   req_7\n" in out
    assert "── user\nShorter: The law is long.\n" in out
    assert "── answer 1 of 2\n???\nspoilt: the answer is no sentence\n" in out
    told = "── user, added in attempt 2\nThat answer cannot be used: it is no sentence.\n"
    assert f"── assistant, added in attempt 2\n???\n{told}\n── answer 2 of 2\nThe law is short.\n" in out
    tokens = "40 read (30 cached), 5 written"
    assert f"1  spoilt at 6 s, 500 ms long, {tokens}, $0.00002: the answer is no sentence\n" in out
    assert f"2  answered at 6.5 s, 500 ms long, {tokens}, $0.0021\n" in out


def test_the_tokens_of_a_call_are_those_of_all_its_answers_or_unknown(show: Show) -> None:
    attempts = (made.attempt("a", "spoilt", answer=0), made.attempt("b", answer=1))
    answers = (made.answer("no", error="it does not fit", tokens=Tokens()), made.answer("yes"))
    out = show(["show", "last", "hello"], made.record([made.call("hello", answers=answers, attempts=attempts)])).out
    assert "tokens    unknown: the server did not report those of 1 of 2 answers\n" in out
    assert "2  answered at 0 ms, 900 ms long, 40 read (30 cached), 5 written, $0.00002\n" in out
    alone = show(["show", "last", "hello"], made.record([made.call("hello")])).out
    assert "tokens    40 read (30 cached), 5 written\n" in alone
    assert "1  answered at 0 ms, 900 ms long\n" in alone


def test_the_attempts_tell_their_reasons_and_waits(show: Show) -> None:
    out = show(["show", "last", "advice.legal.long"], RUNS["letters"]).out
    assert "1  refused at 2 s, 100 ms long: the server is busy (HTTP 429)\n" in out
    assert "before it waited 2 s for the pause that the server asked for, 15 ms for a place at the endpoint\n" in out


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (0, "its answer: SPAM\nSPAM (2 of 3); NOT 1; agreement 0.67, margin 1\n  SPAM: 2 of 3\n  NOT: 1 of 3\n"
            "it voted for the winner; agreement 0.67"),
        (1, "it voted for another answer than the winner; agreement 0.67"),
    ],
)  # fmt: skip
def test_a_sample_tells_its_vote(sample: int, said: str, show: Show) -> None:
    out = show(["show", "last", f"notes.0.verdict.{sample}.ask"], RUNS["letters"]).out
    assert "── vote notes[0].verdict\n" in out
    assert said in out


def test_a_cancelled_sample_gave_no_ballot(show: Show) -> None:
    out = show(["show", "last", "notes[1].verdict[2].ask"], made.letters(3, lost=None)).out
    assert "its answer: none, the call is cancelled\n" in out
    assert out.endswith("it gave no ballot\n")


def test_samples_that_were_cancelled_before_they_were_sent_are_no_calls(show: Show) -> None:
    sent, never = made.attempt("b", "cancelled"), made.attempt("c", "unsent", None, None)
    calls = [
        made.call("x.a"),
        made.unanswered("x.b", "cancelled", sent),
        made.unanswered("x.c", "cancelled", never),
        made.unanswered("x.d", "cancelled"),
    ]
    run = made.record(calls)
    assert " · 2 calls (1 cancelled) and 2 unsent" in show(["show"], run).out.splitlines()[0]
    assert [run_figures(RunCalls(run))[name] for name in ("calls", "cancelled")] == [2, 1]
    assert figures_of(run).calls == 2


def test_roles_and_values_are_told_apart(show: Show) -> None:
    from flowrun.runtime.vocabulary.call import Message, Request

    request = Request(
        (Message("system", "Be short."), Message("user", "Who?"), Message("assistant", "I?"), Message("user", "Yes")),
        schema={"type": "object"},
        seed=7,
    )
    answer = made.answer('{"a": 1}', value={"a": 1}, finish="length", more={"reasoning": "because"})
    record = made.record([made.call("hello", request=request, answers=(answer,))], plan=planned(made.ONE))
    out = show(["show", "last", "hello"], record).out
    assert re.findall(r"^── (.*)$", out, re.MULTILINE) == [
        "system", "user", "assistant", "user", "answer, ended by length", "value", "reasoning", "attempts",
    ]  # fmt: skip
    assert 'settings  seed 7, schema {"type": "object"}\n' in out
    assert '── value\n{\n  "a": 1\n}\n── reasoning\nbecause\n' in out


def test_a_reused_answer_cost_nothing(show: Show) -> None:
    out = show(["show", "last", "advice.money"], RUNS["letters"]).out
    assert "cost      $0: the answer came from the journal\n" in out


def test_a_call_of_an_old_journal_has_no_prompt_and_no_times(show: Show) -> None:
    old = made.call("hello", request=None, attempts=(made.attempt("1", began=None, ended=None),))
    out = show(["show", "last", "hello"], made.record([old], plan=planned(made.ONE), endpoints={})).out
    assert "the prompt is not known\n" in out
    assert "1  answered\n" in out
    assert "time      not recorded\n" in out


def test_an_element_is_found_by_its_label(show: Show) -> None:
    by_label = show(["show", "last", "notes.letter-2.polished.draft"], RUNS["letters"]).out
    assert by_label == show(["show", "last", "notes[2].polished.draft"], RUNS["letters"]).out
    assert "element   letter-2\n" in by_label


def test_a_step_without_calls_is_shown(show: Show) -> None:
    ran = show(["show", "last", "notes.both"], RUNS["letters"])
    assert (ran.code, row(ran.out, "both")) == (0, ["both", "value", "done"])


def test_an_unknown_path_is_refused(show: Show) -> None:
    ran = show(["show", "last", "notes[0].polished.drft"], RUNS["letters"])
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "flowrun: the run swift-otter-1a2b has no path `notes[0].polished.drft`: `notes[0].polished` exists; "
        "did you mean `draft`?\n"
    )


# Lists


def paths(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()[1:]]


def test_the_failed_the_slowest_and_the_dearest_calls(show: Show) -> None:
    letters = RUNS["letters"]
    assert paths(show(["show", "--failed"], letters).out) == ["notes[1].polished.draft"]
    assert paths(show(["show", "--slowest", "2"], letters).out) == ["advice.legal.long", "advice.legal.ask"]
    assert paths(show(["show", "--dearest", "1"], letters).out) == ["advice.legal.ask"]
    slowest = paths(show(["show", "last", "notes", "--slowest", "99"], letters).out)
    assert len(slowest) == 9
    assert slowest[0] == "notes[0].polished.draft"
    both = show(["show", "--grep", "letter 2", "--dearest", "1"], letters).out
    assert both == "notes[2].polished.draft user: Polish: Dear bank, this is letter 2.\n" \
        "notes[2].polished.draft answer: Polished letter 2.\n"  # fmt: skip


def test_nothing_to_list_is_told(show: Show) -> None:
    for words, said in (
        (["--failed"], "no call failed"),
        (["--grep", "zebra"], "no call holds `zebra` in its prompt or answer"),
        (["--slowest", "3"], "no call has a known time"),
    ):
        ran = show(["show", *words], made.empty_run())
        assert (ran.code, ran.out, ran.err) == (0, "", f"flowrun: {said}\n")


def test_grep_prints_the_lines_with_their_paths(show: Show) -> None:
    out = show(["show", "--grep", "NOT?"], RUNS["letters"]).out
    assert out.splitlines()[0] == "notes[0].verdict[0].ask user: SPAM or NOT?"
    assert len(out.splitlines()) == 6
    assert show(["show", "--grep", "not?"], RUNS["letters"]).out == out


def test_the_calls_of_one_model(show: Show) -> None:
    record = made.record([made.call("advice.money"), made.call("advice.legal.long", model="anthropic:large")])
    assert row(show(["show", "--model", "large"], record).out, "advice")[3] == "1"
    assert row(show(["show", "--model", "anthropic:large"], record).out, "├─ money")[2] == "not needed"
    ran = show(["show", "--model", "anthropic:lrge"], record)
    assert (ran.code, ran.err) == (
        2,
        "flowrun: the run swift-otter-1a2b made no call to `anthropic:lrge`; did you mean `anthropic:large`?\n",
    )


# JSON


def test_json_has_the_run_its_tree_and_its_calls(show: Show) -> None:
    data: dict[str, Any] = json.loads(show(["show", "--json"], RUNS["letters"]).out)
    assert data["version"] == 1
    assert (data["run"]["id"], data["run"]["status"], data["run"]["value"]) == ("swift-otter-1a2b", "partial", "Go on.")
    assert data["run"]["losses"][0]["path"] == "notes[1].polished.draft"
    assert data["run"]["votes"]["notes[0].verdict"]["agreement"] == pytest.approx(2 / 3)
    assert [one["path"] for one in data["steps"]] == ["notes", "advice"]
    assert (data["steps"][0]["elements"], data["steps"][0]["lost"]) == (3, 1)
    assert len(data["calls"]) == 13
    second = data["calls"][1]
    assert (second["path"], second["vote"]) == ("notes[0].verdict[0].ask", "notes[0].verdict")
    assert second["messages"] == [{"role": "user", "text": "SPAM or NOT?\nPolished letter 0."}]


@pytest.mark.parametrize("name", RUNS)
def test_every_path_in_the_json_leads_to_its_call(name: str, show: Show) -> None:
    data = json.loads(show(["show", "--json"], RUNS[name]).out)
    calls = RunCalls(RUNS[name])
    found = [at for call in data["calls"] for at in calls.find(call["path"])]
    assert found == calls.in_order(range(len(RUNS[name].calls)))
    one = (
        json.loads(show(["show", "last", data["calls"][-1]["path"], "--json"], RUNS[name]).out)
        if data["calls"]
        else None
    )
    assert one is None or one["calls"] == data["calls"][-1:]


def test_json_follows_the_filters(show: Show) -> None:
    data = json.loads(show(["show", "last", "advice", "--dearest", "2", "--json"], RUNS["letters"]).out)
    assert [one["path"] for one in data["calls"]] == ["advice.legal.ask", "advice.legal.long"]
    assert [one["path"] for one in data["steps"]] == ["advice"]
    assert json.loads(show(["show", "--failed", "--json"], RUNS["one"]).out)["calls"] == []


# Screens


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("size", [(20, 8), (40, 10), (80, 24), (200, 60)])
def test_no_line_is_wider_than_the_terminal_and_the_tree_fits_its_height(
    name: str, size: tuple[int, int], show: Show
) -> None:
    record = RUNS[name]
    screen = Screen(*size)
    for words in (["show"], ["show", "--slowest", "50"], ["show", "--failed"]):
        out = show(words, record, screen=screen).out
        wide = [line for line in out.splitlines() if width_of(line) > size[0] and not re.match("lost|note|…", line)]
        assert wide == []
    assert len(show(["show", "--slowest", "99"], record, screen=screen).out.splitlines()) <= max(size[1], 8)


def test_a_low_terminal_gets_a_part_and_says_so(show: Show) -> None:
    record = made.letters(200, lost=None)
    out = show(["show", "last", "notes"], record, screen=Screen(80, 24)).out
    assert len(out.splitlines()) <= 24
    assert re.search(r"… and \d+ more calls; a pipe gets all", out)
    assert "more" not in show(["show", "last", "notes"], record, screen=Screen()).out
    tree = show(["show"], record, screen=Screen(80, 12)).out
    assert "more steps; `flowrun show RUN PATH` shows a part" in tree
    assert len(tree.splitlines()) <= 12


def test_a_wide_terminal_shows_more(show: Show) -> None:
    narrow = show(["show"], RUNS["letters"], screen=Screen(40, 40)).out
    wide = show(["show"], RUNS["letters"], screen=Screen(160, 40)).out
    assert "2 votes" not in narrow
    assert "2 votes, 2 split, mean agreement 0.67" in wide
    assert "done" in narrow


def test_a_long_text_is_cut_on_a_terminal_alone(show: Show) -> None:
    text = "start " + "x" * (1 << 20) + " end"
    record = made.record([made.call("hello", text, prompt="a\n" * 5000)], plan=planned(made.ONE))
    screen = show(["show", "last", "hello"], record, screen=Screen(80, 24)).out
    assert len(screen) < 20_000
    assert re.search(r"… and [\d,]+ more characters; a pipe, such as `\| less`, gets all", screen)
    pipe = show(["show", "last", "hello"], record, screen=Screen()).out
    assert text in pipe
    assert "a\n" * 5000 in pipe


@pytest.mark.parametrize("screen", [None, Screen(80, 24), Screen(200, 50, colour=True)], ids=["pipe", "80", "colour"])
def test_hostile_texts_are_inert_everywhere(screen: Screen | None, show: Show) -> None:
    record = RUNS["hostile"]
    commands = [["show"], ["show", "last", "notes"], ["show", "--slowest", "20"], ["show", "--grep", "e"]]
    commands += [["show", "last", f"notes[{number}].polished.draft"] for number in range(len(made.HOSTILE))]
    commands += [["show", "--json"]]
    for words in commands:
        ran = show(words, record, screen=screen)
        plain = re.sub("\x1b\\[[0-9;]*m", "", ran.out) if screen is not None and screen.colour else ran.out
        assert ran.code == 0
        assert not STEERING.search(plain), words
    assert set(made.HOSTILE) <= set(texts_of(json.loads(ran.out)))
