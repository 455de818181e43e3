"""Fields of records that may be missing: behind `??`, beside `none`, and in steps whose `when` finds them."""

from __future__ import annotations

from support.harness import Run

FLOW = """
flow f(a: { words: [text], limits: { low: int }? }?) {
  given = a.words ?? []
  low = (a.limits.low ?? 2) + 1
  bare = a.limits == none
  first = a.words when a != none else ["-"]
  shown = text "{{ a.words }}" when a != none else "none"
  return { given, low, bare, first, shown }
}
"""


def value_of(given: object) -> object:
    run = Run(FLOW, inputs={"a": given})
    outcome = run.go()
    assert outcome.complete, outcome.failures
    return outcome.value


def test_a_field_of_a_missing_record_takes_its_default() -> None:
    assert value_of(None) == {"given": [], "low": 3, "bare": True, "first": ["-"], "shown": "none"}


def test_a_field_of_a_record_that_is_there_is_taken() -> None:
    found = {"words": ["x"], "limits": {"low": 7}}
    assert value_of(found) == {"given": ["x"], "low": 8, "bare": False, "first": ["x"], "shown": '["x"]'}


def test_a_part_of_the_way_may_be_missing() -> None:
    assert value_of({"words": ["x"], "limits": None}) == {
        "given": ["x"],
        "low": 3,
        "bare": True,
        "first": ["x"],
        "shown": '["x"]',
    }


def test_rounds_gather_what_they_tried() -> None:
    flow = """
    flow f(topic: text) {
      final = chain up to 3 {
        word = ask "Not these: {{ last.words | default([]) }}"
        right = ask "Is this a word? {{ word }}" -> bool
        { words: (last.words ?? []) + [word], right }
      } until right
      return final.words
    }
    """
    said = ["a", "false", "b", "true"]
    run = Run(flow, lambda request, number: said[number], inputs={"topic": "x"})
    assert run.go().value == ["a", "b"]
    assert run.prompts[2] == 'Not these: ["a"]'


def test_a_match_on_the_round_before_has_a_branch_for_the_first_round() -> None:
    flow = """
    type Review = { verdict: pass | improve, feedback: text }

    flow f(topic: text) {
      final = chain up to 3 {
        draft = match last.review.verdict {
          none = ask "Write about {{ topic }}"
          improve = ask "Not {{ last.draft }}: {{ last.review.feedback }}"
          pass = last.draft
        }
        review = ask "Review {{ draft }}" -> Review
        { draft, review }
      } until review.verdict == pass
      return final.draft
    }
    """
    said = ["a", '{"verdict": "improve", "feedback": "longer"}', "b", '{"verdict": "pass", "feedback": ""}']
    run = Run(flow, lambda request, number: said[number], inputs={"topic": "tea"})
    assert run.go().value == "b"
    assert run.prompts[2] == "Not a: longer"
