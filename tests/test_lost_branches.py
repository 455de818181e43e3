"""A fan-out whose rule spares branches has its value whichever of them is lost, and whenever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.harness import stage

BRANCHES = ("one", "two", "three")


def script(lost: str, first: bool) -> Callable[[Request, int], Scripted]:
    """The prompt is the branch's own name; the lost one fails before or behind the answers of the others."""

    def reply(request: Request, number: int) -> Scripted:
        name = request.messages[0].text
        if name == lost:
            return Scripted(PermanentError("no"), 0.5 if first else 5.0)
        return Scripted("aye", 1.0)

    return reply


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("lost", BRANCHES)
@pytest.mark.parametrize("rule", ["first", "majority"])
def test_whichever_branch_is_lost(rule: str, lost: str, first: bool) -> None:
    answer = "" if rule == "first" else " -> aye | nay"
    branches = " ".join(f'{name} = ask "{name}"{answer}' for name in BRANCHES)
    ran = stage(f"flow f() {{ v = fanout {{ {branches} }} reduce {rule} return v }}\n", script(lost, first))
    assert ran.outcome.value == "aye", ran.outcome.failures
    assert ran.outcome.complete


def test_where_all_branches_are_lost_the_race_has_no_winner() -> None:
    branches = " ".join(f'{name} = ask "{name}"' for name in BRANCHES)
    text = f"flow f() {{ v = fanout {{ {branches} }} reduce first return v }}\n"
    ran = stage(text, lambda request, number: Scripted(PermanentError("no"), 1.0 + number))
    assert not ran.outcome.complete
    assert [failure.path for failure in ran.outcome.failures] != []


def test_a_lost_branch_in_a_map_loses_no_element() -> None:
    text = """flow f(xs: [text]) {
      out = map x in xs { fanout { a = ask "a {{ x }}" b = ask "b {{ x }}" } reduce first } reduce collect
      return out
    }"""

    def reply(request: Request, number: int) -> Scripted:
        name = request.messages[0].text
        return Scripted(PermanentError("no"), 0.1) if name.startswith("b") else Scripted(name, 1.0)

    ran = stage(text, reply, {"xs": ["1", "2"]})
    assert ran.outcome.value == ["a 1", "a 2"]
