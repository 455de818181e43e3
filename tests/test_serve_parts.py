"""The parts of a server by themselves: its budget, the runs that it remembers, the words of a flow."""

from __future__ import annotations

import pytest

from flowrun.dsl import Source
from flowrun.runtime import load
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.serve.comments import descriptions
from flowrun.runtime.serve.run import End, EndedRuns, Run
from flowrun.runtime.serve.server_budget import ServerBudget, SpentError
from flowrun.runtime.serve.tools import Tool, Wanted, checked_files, tools_of
from flowrun.runtime.vocabulary.errors import UsageError


def test_a_purse_never_gives_more_than_it_has() -> None:
    purse = ServerBudget(Budget(10, 1.0))
    own = Budget(4, 0.5)
    first, second = purse.take(own), purse.take(own)
    assert first == second == Budget(4, 0.5, rest=True)
    with pytest.raises(SpentError, match="held by runs that go on") as held:
        purse.take(own)
    assert held.value.held
    purse.settle(first, 3, 0.1)
    # 10 - 3 - 4 = 3 calls are left, and $0.40: less than a run may want, and some of it is held.
    with pytest.raises(SpentError):
        purse.take(own)
    purse.settle(second, 4, 0.5)
    last = purse.take(own)
    assert last is not None and last.calls == 3 and last.money == pytest.approx(0.4)


def test_a_purse_that_is_spent_says_so() -> None:
    purse = ServerBudget(Budget(2, None))
    purse.settle(purse.take(Budget(2, None)), 2, 0.0)
    with pytest.raises(SpentError, match="the total budget of 2 calls is spent") as spent:
        purse.take(Budget(1, None))
    assert not spent.value.held


def test_a_purse_without_a_limit_changes_nothing() -> None:
    purse = ServerBudget(None)
    assert purse.take(None) is None
    assert purse.take(Budget(3, None)) == Budget(3, None)
    purse.must_bound([("f", None)])


@pytest.mark.parametrize("own", [None, Budget(3, None)])
def test_a_flow_without_a_budget_of_the_kind_is_refused(own: Budget | None) -> None:
    with pytest.raises(UsageError, match="has no budget in dollars"):
        ServerBudget(Budget(None, 5.0)).must_bound([("f", own)])


@pytest.fixture
def tool(tmp_path: object) -> Tool:
    from pathlib import Path

    path = Path(str(tmp_path)) / "a.flow"
    path.write_text('flow f() {\n  return "x"\n}\n')
    return tools_of(Wanted(model="openai:gpt-4o-mini"), checked_files([path]))["f"]


async def test_only_the_last_runs_that_ended_are_kept(tool: Tool) -> None:
    ended, runs = EndedRuns(most=3, most_bytes=100), [Run(tool) for _ in range(5)]
    for run in runs:
        run.end = End("done", True, "x", "", b"x" * 10)
    gone = [one for run in runs for one in ended.keep(run)]
    assert gone == runs[:2]
    assert [ended.find(run.id) for run in runs] == [None, None, *runs[2:]]
    large = Run(tool)
    large.end = End("done", True, "x", "", b"x" * 90)
    assert ended.keep(large) == runs[2:4]
    assert ended.find(large.id) is large and ended.find(runs[4].id) is runs[4]


async def test_a_run_is_stopped_when_the_last_one_leaves(tool: Tool) -> None:
    run = Run(tool)
    with run.followed():
        with run.followed():
            pass
        assert run.stop.why is None
    assert run.stop.why is not None
    alone = Run(tool, detached=True)
    with alone.followed():
        pass
    assert alone.stop.why is None


def test_comments_describe_flows_and_parameters() -> None:
    text = """\
# The licence of the file.

# What the flow does,
# in two lines.
flow f(
  # The first.
  a: text,
  b: text, # The second.
  c: text, d: text, # Both of them.
  e: text
) {
  return a
}

flow g(a: text) { # no description
  return a
}
"""
    checked = load(Source(text))
    said, about = descriptions(checked, "f")
    assert said == "What the flow does,\nin two lines."
    assert about == {"a": "The first.", "b": "The second.", "c": "", "d": "", "e": ""}
    assert descriptions(checked, "g") == ("", {"a": ""})


def test_the_head_of_a_file_describes_its_only_flow() -> None:
    head, flow = "# What it does,\n# at once.\n#\n#   flowrun f.flow\n\n\n", 'flow f() {\n  return "x"\n}\n'
    assert descriptions(load(Source(head + flow)), "f")[0] == "What it does,\nat once."
    assert descriptions(load(Source(f"{head}# Its own.\n{flow}")), "f")[0] == "Its own."
    assert descriptions(load(Source(head + flow + flow.replace("f()", "g()"))), "g")[0] == ""
    assert descriptions(load(Source("\n" + flow)), "f")[0] == ""


def test_a_change_of_a_file_is_told_once(tool: Tool) -> None:
    from pathlib import Path

    assert not tool.told_of_change()
    Path(tool.plan.source).write_text("")
    assert tool.told_of_change()
    assert not tool.told_of_change()
