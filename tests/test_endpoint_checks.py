"""The check of an endpoint: one request where the server takes all, and few where it does not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.experience.store import open_store
from flowrun.testing import FaultServer
from support.command_line import Ran, command
from support.probed_server import chat_parts, chat_server, generate_server, messages_server

KEY = "sk-planted-0123456789-secret"
ALL = {
    "n": "served", "json_schema": "served", "stream": "served", "usage": "served", "seed": "taken",
    "logprobs": "served",
}  # fmt: skip


async def check(faults: FaultServer, folder: Path, *more: str, name: str = "openai:m", **environ: str) -> Ran:
    given = {"OPENAI_BASE_URL": f"{faults.url}/v1", "OPENAI_API_KEY": KEY, "FLOWRUN_CACHE": str(folder / "cache")}
    ran = await command("endpoints", "check", name, "--json", *more, folder=folder, **{**given, **environ})
    assert KEY not in ran.out + ran.err
    return ran


async def test_one_request_finds_all(faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server())
    ran = await check(faults, tmp_path)
    assert ran.code == 0
    assert json.loads(ran.out) == {
        "version": 1,
        "endpoint": "openai",
        "model": "m",
        "address": f"{faults.url}/v1",
        "key": "OPENAI_API_KEY",
        "abilities": ALL,
        "requests": 1,
        "input_tokens": 12,
        "output_tokens": 4,
        "kept": True,
    }
    assert len(faults.seen) == 1
    assert all(there for part, there in chat_parts(faults.seen[0]).items())
    assert f"openai:m at {faults.url}/v1, with the key in OPENAI_API_KEY" in ran.err
    assert "1 request, and at most 8 if the server refuses a part" in ran.err
    store = open_store({"FLOWRUN_CACHE": str(tmp_path / "cache")}, lambda line: None)
    assert store is not None
    entry = store.check(f"{faults.url}/v1", "openai:m")
    assert entry is not None
    assert entry.found == ALL


@pytest.mark.parametrize("part", ["n", "json_schema", "stream", "usage", "seed", "logprobs"])
@pytest.mark.parametrize("says", ["", "bad request"])
async def test_a_refused_part_is_told_apart(part: str, says: str, faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server([part], says=says))
    ran = await check(faults, tmp_path)
    found = json.loads(ran.out)
    assert found["abilities"] == {**ALL, part: "refused"} | ({"usage": "served"} if part == "stream" else {})
    assert found["requests"] == len(faults.seen)
    # A server that names the part costs one more request, another one a request for each part.
    assert len(faults.seen) == 2 if not says else len(faults.seen) <= 8
    assert ran.code == 0


@pytest.mark.parametrize("part", ["n", "json_schema", "stream", "usage", "logprobs"])
async def test_a_part_that_is_left_out_is_seen(part: str, faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server(ignores=[part]))
    found = json.loads((await check(faults, tmp_path)).out)
    assert found["abilities"] == {**ALL, part: "ignored"}
    assert len(faults.seen) == (2 if part in ("n", "json_schema", "logprobs") else 1)


async def test_everything_may_be_refused(faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server(ALL))
    found = json.loads((await check(faults, tmp_path)).out)
    assert set(found["abilities"].values()) <= {"refused", "served"}
    assert found["abilities"]["usage"] in ("refused", "served")
    assert found["requests"] == len(faults.seen) <= 8


async def test_another_name_of_the_limit_is_tried(faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server(["max_tokens"]))
    found = json.loads((await check(faults, tmp_path)).out)
    assert (found["abilities"], found["requests"]) == (ALL, 2)
    assert "max_completion_tokens" in faults.seen[1]


async def test_a_budget_ends_the_search(faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server(["seed"], says="bad request"))
    ran = await check(faults, tmp_path, "--budget", "2 calls")
    assert (ran.code, len(faults.seen)) == (4, 2)
    assert "unknown" in json.loads(ran.out)["abilities"].values()
    for budget, why in (("0 calls", "budget"), ("$0.01", "the price of `openai:m` is unknown"), ("x", "x")):
        ran = await check(faults, tmp_path, "--budget", budget)
        assert ran.code == 2
        assert why in ran.err
    assert len(faults.seen) == 2


async def test_later_runs_begin_with_what_the_check_found(
    faults: FaultServer, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    path = flow(
        'flow f() { a = repeat 3 { ask "hi" -> "red" | "blue" } reduce majority b = ask "x" with seed: 1 return a }\n'
    )
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "FLOWRUN_CACHE": str(tmp_path / "cache")}

    async def asked() -> tuple[bool, ...]:
        faults.seen.clear()
        await command(path.name, "--model", "openai:m", "--no-journal", folder=tmp_path, **environ)
        shapes = [body.get("response_format", {}).get("type") for body in faults.seen]
        return "json_schema" in shapes, *(any(name in body for body in faults.seen) for name in ("seed", "n"))

    faults.replies.append(chat_server())
    assert await asked() == (True, True, True)
    faults.replies[:] = [chat_server(["json_schema", "n", "seed"])]
    await check(faults, tmp_path)
    assert await asked() == (False, False, False)


async def test_the_other_apis_have_their_own_words(faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(messages_server)
    given = {"ANTHROPIC_BASE_URL": faults.url, "ANTHROPIC_API_KEY": KEY}
    found = json.loads((await check(faults, tmp_path, name="anthropic:c", **given)).out)
    wordless = dict.fromkeys(("n", "seed", "logprobs"), "wordless")
    assert found["abilities"] == {"json_schema": "served", "stream": "served", "usage": "served", **wordless}
    assert (found["requests"], found["input_tokens"], found["output_tokens"]) == (1, 9, 5)
    faults.replies[:] = [generate_server]
    given = {"GOOGLE_GEMINI_BASE_URL": faults.url, "GEMINI_API_KEY": KEY}
    found = json.loads((await check(faults, tmp_path, name="gemini:g", **given)).out)
    assert found["abilities"] == {**ALL, "n": "refused"}
    assert found["requests"] == 2


async def test_an_endpoint_of_a_flow_is_checked(faults: FaultServer, flow: Callable[[str], Path]) -> None:
    faults.replies.append(chat_server())
    path = flow(
        f'endpoint lab = "{faults.url}/v1" key "LAB_KEY"\nmodel m = "lab:x"\nflow f() {{ a = ask m "hi" return a }}\n'
    )
    folder = path.parent
    ran = await check(faults, folder, "--flow", "a.flow", name="lab", LAB_KEY=KEY)
    assert ran.code == 2
    assert "name one with --model" in ran.err
    ran = await check(faults, folder, "--flow", "a.flow", "--model", "x", name="lab", LAB_KEY=KEY)
    assert json.loads(ran.out)["abilities"] == ALL
    assert faults.headers[0]["Authorization"] == f"Bearer {KEY}"
    path.write_text(path.read_text().replace("LAB_KEY", "GROQ_API_KEY"))
    ran = await check(faults, folder, "--flow", "a.flow", "--model", "x", name="lab", GROQ_API_KEY=KEY)
    assert (ran.code, len(faults.seen)) == (2, 1)
    assert "--allow-host GROQ_API_KEY@" in ran.err


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere", "no provider is called"),
        ("embedded:tiny", "there is no server to ask"),
        ("anthropic", "needs a key"),
    ],
)
async def test_what_cannot_be_checked_is_told_first(name: str, why: str, faults: Any, tmp_path: Path) -> None:
    ran = await check(faults, tmp_path, name=name)
    assert ran.code == 2
    assert why in ran.err
    assert faults.seen == []


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_server_that_gives_no_answer_is_a_failure(status: int, faults: Any, tmp_path: Path) -> None:
    faults.json({"error": {"message": f"no, {KEY}"}}, status)
    ran = await check(faults, tmp_path)
    assert (ran.code, ran.out, len(faults.seen)) == (3, "", 1)
    assert "flowrun: " in ran.err


@pytest.mark.parametrize("reply", [{"choices": "x", "usage": [1]}, {"choices": []}, {}, {"choices": [3]}])
async def test_a_reply_that_is_no_answer_shows_nothing_and_nothing_is_kept(
    reply: Any, faults: Any, tmp_path: Path
) -> None:
    faults.json(reply)
    ran = await check(faults, tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert "sent no answer in the form of its API" in ran.err
    assert not (tmp_path / "cache" / "endpoints.json").exists()


async def test_a_server_that_refuses_a_plain_request_is_a_failure(faults: Any, tmp_path: Path) -> None:
    faults.json({"error": {"message": "bad request"}}, 400)
    ran = await check(faults, tmp_path)
    assert (ran.code, len(faults.seen)) == (3, 2)


async def test_the_findings_are_lines(faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server(["n"], ["logprobs"]))
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "OPENAI_API_KEY": KEY, "FLOWRUN_LEARN": "0"}
    ran = await command("endpoints", "check", "openai", "--model", "m", folder=tmp_path, **environ)
    assert ran.out.splitlines() == [
        "n            several samples in one request   no: the server refuses it",
        "json_schema  answers of a type (JSON Schema)  yes",
        "stream       answers in pieces                yes",
        "usage        counted tokens                   yes",
        "seed         repeatable sampling              taken; no reply can show that it works",
        "logprobs     probabilities of tokens          no: the server leaves it out",
        "3 requests · 24 tokens in, 8 out · not kept",
    ]


async def test_the_list_of_endpoints_shows_what_checks_found(faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server(["n"], ["logprobs"]))
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "FLOWRUN_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    assert "checked on" not in (await command("endpoints", folder=tmp_path, **environ)).out
    assert not (tmp_path / "cache").exists()
    await check(faults, tmp_path)
    faults.replies[:] = [messages_server]
    # The address of this API is kept without its version.
    other = {"ANTHROPIC_BASE_URL": f"{faults.url}/v1", "ANTHROPIC_API_KEY": KEY}
    await check(faults, tmp_path, name="anthropic:c", **other)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    ran = await command("endpoints", folder=tmp_path, **environ, **other)
    told = f"m refuses n; takes json_schema, stream, usage, seed; leaves out logprobs (checked on {day})"
    assert [line.strip() for line in ran.out.splitlines() if "checked on" in line] == [
        f"c takes json_schema, stream, usage (checked on {day})",
        told,
    ]
    assert KEY not in ran.out
    rows = await listed(tmp_path, **environ, **other)
    assert [one["abilities"]["n"] for one in rows["openai"]] == ["refused"]
    assert rows["openai"][0]["model"] == "m" and rows["openai"][0]["checked"].startswith(f"{day}T")
    assert [one["model"] for one in rows["anthropic"]] == ["c"]
    # What was found at one address does not hold at another, and nothing is read where learning is off.
    assert (await listed(tmp_path, **{**environ, "OPENAI_BASE_URL": f"{faults.url}/v2"}))["openai"] == []
    assert (await listed(tmp_path, **environ, FLOWRUN_LEARN="0"))["openai"] == []
    (tmp_path / "cache" / "endpoints.json").write_text("{")
    assert (await listed(tmp_path, **environ))["openai"] == []


async def listed(folder: Path, **environ: str) -> dict[str, Any]:
    ran = await command("endpoints", "--json", folder=folder, **environ)
    assert ran.code == 0
    return {row["name"]: row["checks"] for row in json.loads(ran.out)["endpoints"]}


async def test_a_server_that_counts_no_tokens_is_not_told_to_count_zero(faults: FaultServer, tmp_path: Path) -> None:
    faults.replies.append(chat_server(ignores=["usage"]))
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "OPENAI_API_KEY": KEY, "FLOWRUN_LEARN": "0"}
    ran = await command("endpoints", "check", "openai", "--model", "m", folder=tmp_path, **environ)
    assert ran.out.splitlines()[-1] == "1 request · tokens not counted · not kept"
