"""Runs over the endpoints of a flow: requests go where the flow says, with the key that belongs there alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.session.hosts import Reach
from flowrun.runtime.session.key_homes import is_foreign
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.testing import FaultServer
from support.command_line import chat, command
from support.hosted import claude

KEY = "lab-planted-0123456789-secret"
OTHER = "sk-planted-9876543210-other"
TALK = 'model m = "lab:llama"\nflow f() { a = ask m "hi" with retries: 0 return a }\n'


async def test_a_request_goes_to_the_endpoint_with_its_key(faults: Any, flow: Callable[[str], Path]) -> None:
    faults.json(chat("yes"))
    path = flow(f'endpoint lab = "{faults.url}/v1" key "LAB_KEY"\n{TALK}')
    environ = {"LAB_KEY": KEY, "OPENAI_API_KEY": OTHER, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    ran = await command("a.flow", folder=path.parent, FLOWRUN_JOURNAL="j.db", **environ)
    assert (ran.code, ran.out) == (0, "yes\n")
    assert faults.paths == ["/v1/chat/completions"]
    assert faults.seen[0]["model"] == "llama"
    assert faults.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert OTHER not in json.dumps(faults.headers)
    for one in path.parent.rglob("*"):
        assert not one.is_file() or KEY.encode() not in one.read_bytes()
    again = await command("a.flow", folder=path.parent, FLOWRUN_JOURNAL="j.db", **environ)
    assert (again.code, again.out, len(faults.seen)) == (0, "yes\n", 1)
    shown = await command("show", "last", "a", folder=path.parent, FLOWRUN_JOURNAL="j.db")
    assert shown.code == 0
    assert f"lab:llama at {faults.url}/v1" in shown.out


async def test_an_endpoint_without_a_key_gets_none(faults: Any, flow: Callable[[str], Path]) -> None:
    faults.json(claude("yes"))
    path = flow(f'endpoint lab = "{faults.url}" with kind: anthropic\n{TALK}')
    ran = await command("a.flow", folder=path.parent, OPENAI_API_KEY=OTHER, ANTHROPIC_API_KEY=OTHER)
    assert (ran.code, ran.out) == (0, "yes\n")
    assert faults.paths == ["/v1/messages"]
    assert OTHER not in json.dumps(faults.headers)


async def test_a_missing_key_is_named_before_anything_is_sent(faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow(f'endpoint lab = "{faults.url}/v1" key "LAB_KEY"\n{TALK}')
    ran = await command("a.flow", folder=path.parent, OPENAI_API_KEY=OTHER)
    assert ran.code == 2
    assert "LAB_KEY" in ran.err
    assert faults.seen == []


FAR = 'endpoint lab = "https://lab.invalid/v1" key "VARIABLE"\n' + TALK


async def reaches(text: str, flow: Callable[[str], Path], tmp_path: Path, **given: Any) -> list[Reach]:
    asked: list[Reach] = []

    def no(found: Any) -> bool:
        asked.extend(found)
        return False

    keys = {"LAB_KEY": KEY, "OPENAI_API_KEY": OTHER, "GROQ_API_KEY": OTHER, "HOME": str(tmp_path)}
    environ = keys | {"HTTPS_PROXY": "http://127.0.0.1:9"} | given.pop("environ", {})
    try:
        result = await run_async(flow(text), options=RunOptions(environ=environ, ask_hosts=no, **given))
    except UsageError as error:
        assert asked
        assert all(one.host in str(error) for one in asked)
        assert all(name in str(error) for one in asked for name in one.variables)
    else:
        assert result.status == "failed" or not asked
    return asked


async def test_the_host_and_the_variable_are_asked_for(flow: Callable[[str], Path], tmp_path: Path) -> None:
    text = FAR.replace("VARIABLE", "LAB_KEY")
    assert await reaches(text, flow, tmp_path) == [Reach("lab:llama", "lab.invalid", ("LAB_KEY",))]
    assert await reaches(text, flow, tmp_path, allow_host="lab.invalid") == []
    # The model of the command line is one that the flow describes.
    found = await reaches(text.replace("ask m", "ask"), flow, tmp_path, model="lab:other")
    assert found == [Reach("lab:other", "lab.invalid", ("LAB_KEY",))]


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "GROQ_API_KEY"])
async def test_the_key_of_a_service_needs_a_permission_of_its_own(
    variable: str, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    wanted = [Reach("lab:llama", "lab.invalid", (variable,), foreign=True)]
    text = FAR.replace("VARIABLE", variable)
    assert await reaches(text, flow, tmp_path) == wanted
    assert await reaches(text, flow, tmp_path, allow_host="lab.invalid") == wanted
    assert await reaches(text, flow, tmp_path, allow_host="*.invalid") == wanted
    assert await reaches(text, flow, tmp_path, allow_host="LAB_KEY@lab.invalid") == wanted
    assert await reaches(text, flow, tmp_path, allow_host=f"{variable}@other.invalid") == wanted
    assert await reaches(text, flow, tmp_path, allow_host=f"{variable}@lab.invalid") == []
    with pytest.raises(UsageError, match=rf"--allow-host {variable}@lab\.invalid"):
        await run_async(flow(text), options=RunOptions(environ={variable: OTHER, "HOME": str(tmp_path)}))


async def test_the_key_of_a_service_is_asked_for_on_this_machine_too(
    faults: FaultServer, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    faults.json(chat("yes"))
    text = f'endpoint lab = "{faults.url}/v1" key "OPENAI_API_KEY"\n{TALK}'
    host = faults.url.removeprefix("http://")
    assert await reaches(text, flow, tmp_path) == [Reach("lab:llama", host, ("OPENAI_API_KEY",), foreign=True)]
    assert faults.seen == []
    # A server that the user has set for OpenAI's clients is a home of the key.
    assert await reaches(text, flow, tmp_path, environ={"OPENAI_BASE_URL": f"{faults.url}/v1"}) == []
    assert faults.headers[0]["Authorization"] == f"Bearer {OTHER}"


@pytest.mark.parametrize(
    ("variable", "address", "foreign"),
    [
        ("OPENAI_API_KEY", "https://api.openai.com/v1", False),
        ("OPENAI_API_KEY", "http://api.openai.com/v1", True),
        ("OPENAI_API_KEY", "https://api.openai.com.evil/v1", True),
        ("OPENAI_API_KEY", "https://api.anthropic.com/v1", True),
        ("ANTHROPIC_API_KEY", "https://api.anthropic.com", False),
        ("GROQ_API_KEY", "https://api.groq.com/openai/v1", False),
        ("GROQ_API_KEY", "https://groq.com.evil", True),
        ("AWS_SECRET_ACCESS_KEY", "https://gpu", True),
        ("LAB_KEY", "https://gpu", False),
    ],
)
def test_a_key_has_its_homes(variable: str, address: str, foreign: bool) -> None:
    assert is_foreign(variable, address, {}) is foreign


def test_a_home_over_tls_in_capital_letters_is_one() -> None:
    environ = {"OPENAI_BASE_URL": "HTTPS://lab.example/v1"}
    for address, foreign in (("https://lab.example/v1", False), ("http://lab.example/v1", True)):
        assert is_foreign("OPENAI_API_KEY", address, environ) is foreign


async def test_requests_go_to_all_addresses(flow: Callable[[str], Path], tmp_path: Path) -> None:
    async with FaultServer().serving() as first, FaultServer().serving() as second:
        first.json(chat("one"))
        second.json(chat("two"))
        path = flow(
            f'endpoint lab at ["{first.url}/v1", "{second.url}/v1"] key "LAB_KEY"\nmodel m = "lab:x"\n'
            'flow f(xs: [text]) { a = map x in xs { ask m "{{ x }}" } reduce collect return a }\n'
        )
        words = json.dumps([f"w{number}" for number in range(40)])
        ran = await command("a.flow", "--xs", words, folder=tmp_path, LAB_KEY=KEY, FLOWRUN_JOURNAL="j.db")
        assert ran.code == 0
        assert len(first.seen) + len(second.seen) == 40
        assert min(len(first.seen), len(second.seen)) >= 15
        assert first.headers[0]["Authorization"] == second.headers[0]["Authorization"] == f"Bearer {KEY}"
        # The answers are those of the first address.
        path.write_text(path.read_text().replace(f', "{second.url}/v1"', ""))
        ran = await command("a.flow", "--xs", words, folder=tmp_path, LAB_KEY=KEY, FLOWRUN_JOURNAL="j.db")
        assert (ran.code, len(first.seen) + len(second.seen)) == (0, 40)


async def test_an_address_that_is_down_is_left_out(flow: Callable[[str], Path], tmp_path: Path) -> None:
    async with FaultServer().serving() as there:
        there.json(chat("one"))
        flow(
            f'endpoint lab at ["http://127.0.0.1:9/v1", "{there.url}/v1"]\nmodel m = "lab:x"\n'
            'flow f(xs: [text]) { a = map x in xs { ask m "{{ x }}" } reduce collect return a }\n'
        )
        words = json.dumps([f"w{number}" for number in range(8)])
        ran = await command("a.flow", "--xs", words, folder=tmp_path)
        assert (ran.code, len(there.seen)) == (0, 8)


async def test_each_address_needs_its_permission(flow: Callable[[str], Path], tmp_path: Path) -> None:
    text = 'endpoint lab at ["https://a.invalid/v1", "https://b.invalid/v1"] key "LAB_KEY"\n' + TALK
    both = [Reach("lab:llama", host, ("LAB_KEY",)) for host in ("a.invalid", "b.invalid")]
    assert await reaches(text, flow, tmp_path) == both
    assert await reaches(text, flow, tmp_path, allow_host="a.invalid") == both[1:]
    assert await reaches(text, flow, tmp_path, allow_host=["a.invalid", "b.invalid"]) == []


LABEL = """\
endpoint lab = "{url}/v1" key "LAB_KEY"
model m = "lab:x"
flow label(mail: text) {
  k = ask m "Spam? {{ mail }}" -> yes | no
  return k
}
test "a mail" of label {
  mail = "win"
  cassette "label.cassette.jsonl"
  expect k == yes
}
"""


async def test_evaluations_tests_and_resumed_runs_use_the_endpoint(
    faults: FaultServer, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    faults.json(chat('{"answer": "yes"}'))
    flow(LABEL.replace("{url}", faults.url))
    (tmp_path / "rows.jsonl").write_text('{"mail": "a", "want": "yes"}\n')
    environ = {"LAB_KEY": KEY, "FLOWRUN_JOURNAL": "j.db"}
    ran = await command(
        "eval", "a.flow", "--rows", "rows.jsonl", "--answer", "want", "--json", folder=tmp_path, **environ
    )
    assert (ran.code, len(faults.seen)) == (0, 1), ran.err
    ran = await command("test", "a.flow", "--record", folder=tmp_path, **environ)
    assert (ran.code, len(faults.seen)) == (0, 2), ran.err
    ran = await command("test", "a.flow", folder=tmp_path, OPENAI_API_KEY=OTHER)
    assert (ran.code, len(faults.seen)) == (0, 2), ran.err
    faults.replies.clear()
    faults.json({"error": {"message": "later"}}, 401)
    ran = await command("a.flow", "--mail", "b", folder=tmp_path, **environ)
    assert (ran.code, len(faults.seen)) == (3, 3)
    assert KEY not in ran.err
    faults.replies.clear()
    faults.json(chat('{"answer": "no"}'))
    ran = await command("resume", "last", folder=tmp_path, **environ)
    assert (ran.code, ran.out, len(faults.seen)) == (0, "no\n", 4), ran.err
    assert {one["Authorization"] for one in faults.headers} == {f"Bearer {KEY}"}
    ran = await command("plan", "a.flow", "--mail", "b", "--json", folder=tmp_path, **environ)
    (planned,) = json.loads(ran.out)["plan"]["endpoints"]
    assert (planned["name"], planned["addresses"], planned["key"]) == ("lab", [f"{faults.url}/v1"], "LAB_KEY")


async def test_the_plan_tells_what_the_journal_has(faults: FaultServer, flow: Callable[[str], Path]) -> None:
    faults.json(chat("yes"))
    path = flow(f'endpoint lab = "{faults.url}/v1"\n{TALK}')
    ran = await command("a.flow", folder=path.parent, FLOWRUN_JOURNAL="j.db")
    assert ran.code == 0
    ran = await command("plan", "a.flow", folder=path.parent, FLOWRUN_JOURNAL="j.db")
    assert "a run makes no calls" in ran.out


async def test_a_flow_without_the_endpoint_does_not_know_it(faults: FaultServer, flow: Callable[[str], Path]) -> None:
    path = flow('flow f() { a = ask "hi" return a }\n')
    ran = await command("a.flow", "--model", "lab:x", folder=path.parent)
    assert ran.code == 2
    assert "no provider is called `lab`" in ran.err


async def test_the_model_of_the_command_line_may_be_at_the_endpoint(
    faults: FaultServer, flow: Callable[[str], Path]
) -> None:
    faults.json(chat("yes"))
    path = flow(f'endpoint lab = "{faults.url}/v1" key "LAB_KEY"\nflow f() {{ a = ask "hi" return a }}\n')
    ran = await command("a.flow", "--model", "lab:other", folder=path.parent, LAB_KEY=KEY)
    assert (ran.code, ran.out, faults.seen[0]["model"]) == (0, "yes\n", "other"), ran.err
    ran = await command("plan", "a.flow", "--model", "lab:other", folder=path.parent, LAB_KEY=KEY)
    assert ran.code == 0
    ran = await command("a.flow", "--model", "lap:other", folder=path.parent, LAB_KEY=KEY)
    assert (ran.code, len(faults.seen)) == (2, 1)
    assert "no provider is called `lap`" in ran.err
