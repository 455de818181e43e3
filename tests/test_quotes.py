"""Quoted evidence: an answer's quotes occur in their source, or the model is asked again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.dsl import types as t
from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.answers import read_answer
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.errors import PermanentError, PlanError
from support.harness import stage

PAGE = "The fee is\nnot refun-\ndable. It is due on 1\u00a0May."
FLOW = """
flow check(page: text) {
  found = ask "Is the fee refundable?\\n{{ page }}" -> { verdict: yes | no, words: quote of page } with retries: 2
  return { ..found, place: place_of(found.words, page) }
}
"""


def by_turn(*answers: Any) -> Any:
    texts = iter([one if isinstance(one, str) else json.dumps(one) for one in answers])
    return lambda request, number: next(texts)


def answer(words: str) -> dict[str, str]:
    return {"verdict": "no", "words": words}


def plan_of(text: str) -> p.Plan:
    return make_plan(check_flow(Source(text), catalog()))


def test_the_value_has_the_words_of_the_source_and_their_place() -> None:
    run = stage(FLOW, by_turn(answer("is not refundable. It")), {"page": PAGE})
    words = "is\nnot refun-\ndable. It"
    place = {"start": 8, "end": 31, "page": 1, "source": 0, "count": 1}
    assert run.outcome.value == {"verdict": "no", "words": words, "place": place}
    assert PAGE[8:31] == words


def test_the_model_hears_of_a_wrong_quote_and_is_asked_again() -> None:
    run = stage(
        FLOW, by_turn(answer("is refundable"), answer("is … refundable"), answer("due on 1 May")), {"page": PAGE}
    )
    assert run.outcome.value["words"] == "due on 1\u00a0May"
    first, second, third = [request.messages for request in run.provider.calls]
    assert [message.role for message in second[len(first) :]] == ["assistant", "user"]
    assert "the quote at `words` does not occur word for word in `page`" in second[-1].text
    assert "Expected: { verdict: yes | no, words: quote of page }" in second[-1].text
    assert "the quote at `words` leaves words out: copy one passage of `page` without gaps" in third[-1].text


def test_wrong_quotes_end_at_the_retries() -> None:
    run = stage(FLOW, by_turn(*[answer("is refundable")] * 3), {"page": PAGE})
    assert len(run.provider.calls) == 3
    assert "does not occur word for word in `page` (3 times)" in str(run.outcome.failures)


def test_the_schema_tells_what_a_quote_is() -> None:
    run = stage(FLOW, by_turn(answer("due")), {"page": PAGE})
    schema = run.provider.calls[0].schema
    assert schema is not None
    assert schema["properties"]["words"] == {
        "type": "string",
        "description": "one passage copied word for word from `page`, with no word changed or left out",
    }
    described = t.Record((t.Field("words", t.Quote("page"), "the words of the contract"),))
    assert t.json_schema(described)["properties"]["words"]["description"] == (
        "the words of the contract: one passage copied word for word from `page`, with no word changed or left out"
    )


def test_a_ballot_with_a_wrong_quote_is_discarded() -> None:
    text = """
    flow vote(page: text) {
      v = repeat 3 {
        ask "{{ page }}" -> { verdict: yes | no, words: quote of page }
      } reduce majority(by: verdict)
      return { v, counted: votes(v).counted, discarded: votes(v).discarded }
    }
    """
    said = [{"verdict": "yes", "words": "is refundable"}, answer("due on"), answer("not refundable")]
    run = stage(text, by_turn(*said), {"page": PAGE})
    assert run.outcome.value == {"v": {"verdict": "no", "words": "due on"}, "counted": 2, "discarded": 1}


SHAPES = {
    "a list": ("[quote of page]", ["The fee", "is not"], ["The fee", "is\nnot"]),
    "a missing one": ("{ words: quote of page? }", {"words": None}, {"words": None}),
    "one left out": ("{ words: quote of page? }", {}, {"words": None}),
    "deep": (
        "{ claims: [{ claim: text, words: [quote of page]? }] }",
        {"claims": [{"claim": "x", "words": ["It is"]}, {"claim": "y"}]},
        {"claims": [{"claim": "x", "words": ["It is"]}, {"claim": "y", "words": None}]},
    ),
    "alone": ("quote of page", '"not refundable"', "not refun-\ndable"),
    "alone without JSON": ("quote of page", "not refundable", "not refun-\ndable"),
    "text beside it": (
        "{ a: text, b: quote of page }",
        {"a": "is  due", "b": "is  due"},
        {"a": "is  due", "b": "is due"},
    ),
}


@pytest.mark.parametrize(("type_", "said", "value"), SHAPES.values(), ids=SHAPES)
def test_a_quote_stands_anywhere_in_a_type(type_: str, said: Any, value: Any) -> None:
    run = stage(f'flow f(page: text) {{ a = ask "{{{{ page }}}}" -> {type_} return a }}', by_turn(said), {"page": PAGE})
    assert run.outcome.value == value


def test_the_name_of_the_source_is_looked_up_where_the_ask_stands() -> None:
    text = """
    type Claim = { words: quote of page }
    flow inner(page: text) {
      found = ask "{{ page }}" -> Claim
      return found.words
    }
    flow outer(pages: [text]) {
      direct = map page in pages at most 9 { ask "{{ page }}" -> Claim } reduce collect
      called = map one in pages at most 9 { inner(page: one) } reduce collect
      return { direct, called }
    }
    """
    run = stage(
        text, lambda request, number: json.dumps({"words": request.messages[0].text[:3]}), {"pages": ["one 1", "two 2"]}
    )
    assert run.outcome.value == {"direct": [{"words": "one"}, {"words": "two"}], "called": ["one", "two"]}


def test_a_quote_of_another_element_does_not_count() -> None:
    text = """
    flow f(pages: [text]) {
      a = map page in pages at most 9 { ask "{{ page }}" -> { q: quote of page } } reduce collect with errors: none
      return a
    }
    """
    run = stage(text, lambda request, number: '{"q": "alpha"}', {"pages": ["alpha", "beta"]})
    assert run.outcome.value == [{"q": "alpha"}, None]


def test_a_reducer_quotes_the_results_and_the_text_behind_a_section() -> None:
    text = """
    flow f(doc: document) {
      notes = map part in split(doc, by: page) at most 9 {
        found = ask "{{ part }}" -> { q: quote of doc }
        found.q
      } reduce ask "{{ results }}" -> { best: quote of results }
      return { notes, place: place_of(notes.best, doc) }
    }
    """
    answers = by_turn({"q": "one"}, {"q": "two"}, {"best": "two"})
    run = stage(text, answers, {"doc": "page one\fpage two"})
    place = {"start": 14, "end": 17, "page": 2, "source": 0, "count": 1}
    assert run.outcome.value == {"notes": {"best": "two"}, "place": place}


def test_a_field_of_a_record_is_a_source() -> None:
    text = """
    type Mail = { id: int, body: text }
    flow f(mails: [Mail]) {
      a = map mail in mails at most 9 { ask "{{ mail.body }}" -> { q: quote of mail.body } } reduce collect
      return a
    }
    """
    mails = [{"id": 1, "body": "pay “me”"}, {"id": 2, "body": "pay 'you'"}]
    answers = by_turn({"q": 'pay "me"'}, {"q": "pay 'you'"})
    assert stage(text, answers, {"mails": mails}).outcome.value == [{"q": "pay “me”"}, {"q": "pay 'you'"}]


def test_place_of_refuses_words_that_do_not_occur() -> None:
    text = """
    flow f(page: text, words: text, maybe: text?) {
      a = place_of(words, page)
      b = place_of(maybe, page)
      return { a, b }
    }
    """
    run = stage(text, by_turn(), {"page": "one two", "words": "two", "maybe": None})
    assert run.outcome.value["b"] is None
    assert run.outcome.value["a"]["start"] == 4
    failed = stage(text, by_turn(), {"page": "one two", "words": "three", "maybe": None})
    assert failed.outcome.failures
    assert "words that do not occur in its source: `three`" in str(failed.outcome.failures)


# Plans


def test_a_plan_keeps_the_quote_and_its_values_are_texts() -> None:
    plan = plan_of(FLOW)
    ask = plan.steps[0].node
    assert isinstance(ask, p.Ask)
    assert t.quotes_of(ask.answer) == ("page",)
    assert not t.quotes_of(plan.steps[0].type)
    assert p.from_json(p.to_json(plan)) == plan
    verify(plan)


def test_an_edited_plan_must_wait_for_the_source() -> None:
    plan = plan_of(
        'flow f(x: text) { page = ask "{{ x }}" note = text "{{ page }}" '
        'a = ask "{{ note }}" -> { q: quote of page } return a }'
    )
    text = p.to_json(plan)
    assert '"needs":["note","page"]' in text
    with pytest.raises(PlanError, match="`a` mentions `page` and does not wait for it"):
        verify(p.from_json(text.replace('"needs":["note","page"]', '"needs":["note"]')))
    with pytest.raises(PlanError, match="mentions `gone`"):
        verify(p.from_json(text.replace('"source":"page"', '"source":"gone"')))


def test_a_source_that_is_a_step_is_there_in_time() -> None:
    text = """
    flow f(x: text) {
      page = ask "Write about {{ x }}"
      note = text "Read: {{ page }}"
      a = ask "{{ note }}" -> { q: quote of page }
      return a
    }
    """
    run = stage(text, by_turn("some words here", {"q": "words here"}), {"x": "y"})
    assert run.outcome.value == {"q": "words here"}


# Journals


@pytest.mark.parametrize("broken", [False, True])
async def test_a_resumed_run_has_the_same_quotes(tmp_path: Path, broken: bool) -> None:
    path = tmp_path / "f.flow"
    path.write_text(
        'flow f(page: text) { a = ask "A {{ page }}" -> { q: quote of page } '
        'b = ask "B {{ a.q }} {{ page }}" -> { q: quote of page } return { a, b } }'
    )
    journal = tmp_path / "journal.db"

    def first(request: Any, number: int) -> Scripted | str:
        if request.messages[0].text.startswith("A"):
            return '{"q": "is not refundable"}'
        return Scripted(PermanentError("gone")) if broken else '{"q": "The fee"}'

    options = RunOptions(opener=lambda *_: ScriptedProvider(first), journal=journal)
    await run_async(path, {"page": PAGE}, options=options)
    again = ScriptedProvider(lambda request, number: '{"q": "The fee"}')
    result = await resume_async("last", journal=journal, options=RunOptions(opener=lambda *_: again))
    assert result.value == {"a": {"q": "is\nnot refun-\ndable"}, "b": {"q": "The fee"}}
    assert len(again.calls) == int(broken)


def test_a_text_beside_a_quote_keeps_its_blanks() -> None:
    assert read_answer('" a  b "', t.Quote("page")) == " a  b "


def test_folds_and_trees_quote_what_their_prompt_shows() -> None:
    text = """
    flow f(pages: [text]) {
      folded = map one in pages at most 9 {
        text "{{ one }}"
      } reduce fold ask "{{ so_far }} + {{ next }}" -> quote of next
      merged = map one in pages at most 9 {
        text "{{ one }}"
      } reduce by 2 ask "{{ results | join(' / ') }}" -> quote of results
      return { folded, merged }
    }
    """
    run = stage(
        text, lambda request, number: json.dumps(request.messages[0].text.split()[-1]), {"pages": ["a 1", "b 2", "c 3"]}
    )
    assert run.outcome.value == {"folded": "3", "merged": "3"}
