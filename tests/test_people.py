"""Questions to people from Python: who answers, what is left open, and what else goes on meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flowrun import Question, RunError, RunOptions, resume_async, run, run_async
from flowrun.runtime.api import Result
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from support.patience import PATIENCE

FLOW = """flow look(topics: [text]) budget 3 calls {
  ok = ask human "Begin?" -> yes | no | text
  drafts = map topic in topics {
    draft = ask "Write about {{ topic }}"
    good = ask human "Is {{ draft }} good?" -> bool
    { draft, good }
  } reduce collect
  grade = ask human "How good?" -> 1..5 when ok == yes
  return { ok, drafts, grade }
}
"""


def options(journal: Path | None = None, **given: Any) -> RunOptions:
    providers: dict[str, ScriptedProvider] = {}

    def opener(address: str, surroundings: object) -> ScriptedProvider:
        assert address != "human"
        return providers.setdefault(address, ScriptedProvider(lambda request, number: "a draft", model=address))

    return RunOptions(opener=opener, model="scripted:m", journal=journal, **given)


def flow(folder: Path, text: str = FLOW) -> str:
    path = folder / "look.flow"
    path.write_text(text, encoding="utf-8")
    return str(path)


def answers(**by_path: Any) -> Any:
    def answer(question: Question) -> Any:
        return by_path.get(question.path.rpartition(".")[2])

    return answer


def test_a_function_answers(tmp_path: Path) -> None:
    asked: list[Question] = []

    def person(question: Question) -> Any:
        asked.append(question)
        return {"ok": "yes", "grade": 4}.get(question.path, True)

    result = run(flow(tmp_path), topics=["cats", "dogs"], options=options(ask_person=person))
    good = {"draft": "a draft", "good": True}
    assert result.value == {"ok": "yes", "drafts": [good, good], "grade": 4}
    assert sorted(one.path for one in asked) == ["drafts[0].good", "drafts[1].good", "grade", "ok"]
    assert {one.path: one.choices for one in asked}["ok"] == ("yes", "no")
    account = result.summary.account
    # The budget allows three calls, and people make none.
    assert (account.calls, account.answered, account.requests, account.people) == (2, 2, 2, 4)
    assert account.input_tokens == 6
    assert [one["model"] for one in result.calls].count("human") == 4


async def test_an_async_function_answers_and_other_work_goes_on(tmp_path: Path) -> None:
    began = asyncio.Event()

    async def person(question: Question) -> Any:
        if question.path == "ok":
            # Both drafts are written while this question waits.
            await asyncio.wait_for(began.wait(), PATIENCE)
            return "yes"
        if question.path == "grade":
            return "3"
        began.set()
        return "true"

    result = await run_async(flow(tmp_path), topics=["cats", "dogs"], options=options(ask_person=person))
    assert result.value["grade"] == 3


def test_open_questions_are_told_and_resumed(tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    with pytest.raises(RunError, match=r"2 questions to people are open: `ok`, `drafts\[0\].good`") as told:
        run(flow(tmp_path), topics=["cats"], options=options(journal))
    result = told.value.result
    assert (result.status, result.ok, result.summary.calls) == ("open", False, 1)
    assert [(one.path, one.text) for one in result.questions] == [
        ("ok", "Begin?"),
        ("drafts[0].good", "Is a draft good?"),
    ]
    result = asyncio.run(resume_async("last", options=_resumed(journal, answers(good=False))))
    assert (result.status, [one.path for one in result.questions]) == ("open", ["ok"])
    result = asyncio.run(resume_async("last", options=_resumed(journal, answers(ok="no"))))
    assert result.value == {"ok": "no", "drafts": [{"draft": "a draft", "good": False}], "grade": None}
    assert (result.questions, result.summary.calls, result.summary.recalled) == ((), 0, 2)
    # The same question is not asked again in another run.
    again = run(flow(tmp_path), topics=["cats"], options=options(journal))
    assert again.value == result.value


def _resumed(journal: Path, person: Any) -> RunOptions:
    given = options(journal, ask_person=person)
    return RunOptions(opener=given.opener, journal=journal, ask_person=person)


@pytest.mark.parametrize(
    ("person", "said"),
    [
        (lambda question: 7, 'expected 1..5, and the answer is "7"'),
        (lambda question: 1 // 0, "`ask_person` failed \\(ZeroDivisionError"),
        (lambda question: object(), "`ask_person` failed \\(TypeError"),
    ],
)
def test_a_function_that_gives_no_answer_fails_the_step(tmp_path: Path, person: Any, said: str) -> None:
    path = flow(tmp_path, 'flow f() {\n  grade = ask human "How good?" -> 1..5\n  return grade\n}\n')
    with pytest.raises(RunError, match=said):
        run(path, options=options(ask_person=person))


async def test_a_question_that_nobody_answers_in_time_fails(tmp_path: Path) -> None:
    async def person(question: Question) -> Any:
        await asyncio.sleep(60)

    heard: list[e.Event] = []
    path = flow(
        tmp_path,
        'flow f(names: [text]) {\n  xs = map n in names { ask human "{{ n }}?" -> bool with timeout: 0.05s } '
        "reduce collect\n    with errors: skip\n  return xs\n}\n",
    )
    result = await run_async(path, names=["a", "b"], options=options(ask_person=person, on_event=heard.append))
    assert (result.status, result.value) == ("partial", [])
    assert {one.reason for one in result.losses} == {"nobody answered within 0.05 s"}
    kinds = [type(one).__name__ for one in heard if getattr(one, "number", 0) < 0]
    assert sorted(kinds) == sorted(["RequestStarted", "AttemptFailed", "RequestFailed"] * 2)
    assert result.summary.questions == 0


async def test_a_vote_that_is_decided_withdraws_its_questions(tmp_path: Path) -> None:
    withdrawn: list[str] = []

    async def person(question: Question) -> Any:
        if question.path.startswith("ok[2]"):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                withdrawn.append(question.path)
                raise
        await asyncio.sleep(0.01)
        return True

    path = flow(
        tmp_path,
        'flow f() {\n  ok = repeat 3 { ask human "Fine?" -> bool } reduce majority with launch: latency\n'
        "  return ok\n}\n",
    )
    heard: list[e.Event] = []
    result = await run_async(path, options=options(ask_person=person, on_event=heard.append))
    assert result.value is True
    assert len([one for one in heard if isinstance(one, e.RequestFinished)]) == 2
    assert len([one for one in heard if isinstance(one, e.RequestCancelled)]) == len(withdrawn) == 1


async def test_a_scripted_provider_stands_for_a_person(tmp_path: Path) -> None:
    person = ScriptedProvider(lambda request, number: Scripted("yes", 0.01))
    path = flow(
        tmp_path,
        'flow f() {\n  d = ask "Write"\n  ok = ask human "Fine? {{ d }}" -> yes | no\n  return { d, ok }\n}\n',
    )
    result = await run_async(path, options=options(ask_person=person))
    assert result.value == {"d": "a draft", "ok": "yes"}
    assert [one.messages[0].text for one in person.calls] == ["Fine? a draft"]


async def test_a_race_ends_without_the_person(tmp_path: Path) -> None:
    async def person(question: Question) -> Any:
        await asyncio.sleep(60)

    path = flow(
        tmp_path,
        'flow f() {\n  first = fanout {\n    model = ask "Fine?"\n    person = ask human "Fine?"\n  } reduce first\n'
        "  return first\n}\n".replace("model =", "machine ="),
    )
    result = await asyncio.wait_for(run_async(path, options=options(ask_person=person)), PATIENCE)
    assert (result.value, result.summary.whole.people) == ("a draft", 0)
    # The same holds for a question that is left open.
    left: Result = await asyncio.wait_for(run_async(path, options=options()), PATIENCE)
    assert (left.status, left.value) == ("done", "a draft")


@pytest.mark.parametrize(
    "body",
    [
        '{ d = ask m "Write {{ n }}" ok = ask human "{{ d }}?" -> bool { d, ok } }',
        '{ chain { d = ask m "Write {{ n }}" inner(d: d) } }',
        '{ repeat 3 { d = ask m "Write {{ n }}" ask human "{{ d }}?" -> bool } reduce collect }',
    ],
)
def test_questions_hold_no_place_of_other_elements(tmp_path: Path, body: str) -> None:
    path = flow(
        tmp_path,
        'model m = "scripted:m" with concurrency: 2\n\nflow inner(d: text) {\n  ok = ask human "{{ d }}?" -> bool\n'
        "  return ok\n}\n\n"
        f"flow f(names: [text]) {{\n  xs = map n in names {body} reduce collect\n  return xs\n}}\n",
    )
    names = [f"name {number}" for number in range(150)]
    with pytest.raises(RunError) as told:
        run(path, names=names, options=options())
    each = 3 if "repeat" in body else 1
    assert len(told.value.result.questions) == told.value.result.summary.calls == 150 * each


def test_a_map_with_concurrency_has_as_many_open_questions(tmp_path: Path) -> None:
    path = flow(
        tmp_path,
        'flow f(names: [text]) {\n  xs = map n in names { ask human "{{ n }}?" -> bool } reduce collect '
        "with concurrency: 5\n  return xs\n}\n",
    )
    with pytest.raises(RunError) as told:
        run(path, names=[str(number) for number in range(20)], options=options())
    assert len(told.value.result.questions) == 5


def test_the_calls_are_the_same_with_and_without_a_journal(tmp_path: Path) -> None:
    def rows(journal: Path | None) -> list[dict[str, Any]]:
        given = options(journal, ask_person=answers(ok="yes", good=True, grade="2"))
        result = run(flow(tmp_path), topics=["cats"], options=given)
        own = [{**row, "ms": 0, "began": 0, "ended": 0, "attempts": len(row["attempts"])} for row in result.calls]
        return sorted(own, key=lambda row: str(row["path"]))

    kept, told = rows(None), rows(tmp_path / "run.db")
    assert [one["path"] for one in kept] == ["drafts[0].draft", "drafts[0].good", "grade", "ok"]
    for one, other in zip(kept, told, strict=True):
        same = [name for name in one if name not in ("key", "answers", "id", "ids")]
        assert {name: one[name] for name in same} == {name: other[name] for name in same}
        assert (one["answer"], one["tokens"], one["cost"]) == (other["answer"], other["tokens"], other["cost"])
    assert [(one["model"], one["value"], one["cost"]) for one in kept][1:3] == [("human", True, 0), ("human", 2, 0)]


async def test_a_question_has_a_span(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from support.traced import Traced, orphans

    traced = Traced()
    given = options(ask_person=answers(ok="yes", good=True, grade=None), on_event=traced.telemetry())
    result = await run_async(flow(tmp_path), topics=["cats"], options=given)
    assert result.status == "open"
    assert orphans(traced.spans) == []
    asked = traced.named("chat human")
    assert sorted(traced.above(one)[0] for one in asked) == ["ask good", "ask grade", "ask ok"]
    assert {(one.attributes or {})["gen_ai.provider.name"] for one in asked} == {"human"}


def test_answers_of_people_count_in_no_budget_of_a_resumed_run(tmp_path: Path) -> None:
    path = flow(
        tmp_path,
        'flow part(n: text) budget 1 calls {\n  a = ask human "First {{ n }}?" -> bool\n'
        '  b = ask human "Second {{ n }}?" -> bool\n  c = ask "Third {{ a }} {{ b }}"\n  return { a, b, c }\n}\n\n'
        'flow f() budget 1 calls {\n  x = part(n: "x")\n  return x\n}\n',
    )
    journal = tmp_path / "run.db"
    with pytest.raises(RunError):
        run(path, options=options(journal, ask_person=answers(a=True)))
    result = asyncio.run(resume_async("last", options=_resumed(journal, answers(b=False))))
    assert result.value == {"a": True, "b": False, "c": "a draft"}
    whole = result.summary.whole
    assert (whole.calls, whole.requests, whole.people) == (1, 1, 2)
    again = asyncio.run(resume_async("last", options=_resumed(journal, answers())))
    assert (again.summary.whole.calls, again.summary.whole.requests, again.summary.whole.people) == (1, 1, 2)
