"""Words inside the records and lists of the last stage, and of branches, mean what the other values say."""

from __future__ import annotations

import pytest

from flowrun import Source
from flowrun.dsl import FlowError, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.testing import malformed, run_scripted

HEAD = """type P = { kind: spam | fine, n: int }

flow f(q: text) {
  x = """
ASK = 'ask "{{ q }}" ->'
BAD = [malformed("?")] * 3


def flow(node: str) -> str:
    return f"{HEAD}{node}\n  return x\n}}\n"


@pytest.mark.parametrize(
    ("node", "value"),
    [
        (f"cascade {{ {ASK} P else {{ kind: fine, n: 2 }} }}", {"kind": "fine", "n": 2}),
        (f"cascade {{ {ASK} [spam | fine] else [fine, spam] }}", ["fine", "spam"]),
        (
            f"cascade {{ {ASK} {{ of: [P] }} else {{ of: [{{ kind: spam, n: 0 }}] }} }}",
            {"of": [{"kind": "spam", "n": 0}]},
        ),
        (f'match q == "b" {{ true = {ASK} P  false = {{ kind: spam, n: 3 }} }}', {"kind": "spam", "n": 3}),
    ],
)
def test_a_word_in_a_record_means_a_choice(node: str, value: object) -> None:
    made = make_plan(check_flow(Source(flow(node)), catalog()))
    read = plan.from_json(plan.to_json(made))
    assert read == made
    verify(read)
    replies = {"x.stage1": BAD} if "cascade" in node else {}
    result = run_scripted(Source(flow(node)), {"q": "a"}, replies=replies)
    assert (result.status, result.value) == ("done", value)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (f"cascade {{ {ASK} P else {{ kind: spm, n: 2 }} }}", "`spm` is not one of spam | fine"),
        (f"cascade {{ {ASK} text else {{ kind: spam, n: 2 }} }}", "the name `spam` is unknown"),
        (
            f"cascade {{ {ASK} P else {{ kind: spam, n: 2 }} when last.n > 1 else {ASK} P }}",
            "the name `spam` is unknown",
        ),
    ],
)
def test_other_words_are_refused(node: str, said: str) -> None:
    with pytest.raises(FlowError) as raised:
        check_flow(Source(flow(node)), catalog())
    assert said in [one.message for one in raised.value.diagnostics]
