"""Reasoning is kept apart from the answer: in the journal, in `show`, in exports and in the page, never in a key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.cli.views.probabilities import probabilities_text
from flowrun.runtime.pages.data import page_data
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Answer, Message, Request
from flowrun.runtime.vocabulary.call_record import AnswerRecord
from support.command_line import Ran, command
from support.hosted import ask, chat, claude, google
from support.page_records import call_of, run_of

KEY = "sk-local-0123456789abcdef"
FLOW = """
model deep = "openai:qwen3" with top_p: 0.9
flow f(claim: text) {
  verdict = ask deep "True? {{ claim }}" -> yes | no with reasoning: high, extra: { top_k: 4 }
  return verdict
}
"""


def thought(text: str, reasoning: str = "Water is wet, so yes.") -> dict[str, Any]:
    reply = chat(json.dumps({"answer": text}), reasoning_content=reasoning)
    reply["usage"]["completion_tokens_details"] = {"reasoning_tokens": 2}
    return reply


async def run(folder: Path, faults: Any, *arguments: str, text: str = FLOW) -> Ran:
    (folder / "f.flow").write_text(text, encoding="utf-8")
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "OPENAI_API_KEY": KEY, "FLOWRUN_JOURNAL": str(folder / "j.db")}
    return await command(*arguments, folder=folder, FLOWRUN_CACHE=str(folder / "cache"), **environ)


async def test_a_run_keeps_the_reasoning_beside_the_answer(faults: Any, tmp_path: Path) -> None:
    faults.json(thought("yes"))
    ran = await run(tmp_path, faults, "f.flow", "--claim", "rain is wet")
    assert (ran.code, ran.out) == (0, "yes\n"), ran.err
    (body,) = faults.seen
    assert (body["reasoning_effort"], body["top_p"], body["top_k"]) == ("high", 0.9, 4)
    shown = await run(tmp_path, faults, "show", "last", "verdict")
    assert "reasoning" in shown.out and "Water is wet, so yes." in shown.out
    assert 'reasoning "high", top_p 0.9, extra {"top_k": 4}' in shown.out
    assert "2 reasoning" in shown.out
    rows = json.loads((await run(tmp_path, faults, "show", "last", "--json")).out)
    (call,) = rows["calls"]
    assert call["options"] == {"reasoning": "high", "top_p": 0.9, "extra": {"top_k": 4}}
    assert call["answers"][0]["more"] == {"reasoning": "Water is wet, so yes."}
    assert (call["answers"][0]["text"], call["answers"][0]["value"]) == ("yes", "yes")
    exported = await run(tmp_path, faults, "journal", "export", "last")
    assert "Water is wet, so yes." in exported.out
    bare = await run(tmp_path, faults, "journal", "export", "last", "--without-texts")
    assert "Water" not in bare.out and "top_k" not in bare.out


async def test_an_answer_is_reused_only_for_the_same_options(faults: Any, tmp_path: Path) -> None:
    start = ("f.flow", "--claim", "rain is wet")
    faults.json(thought("yes"))
    await run(tmp_path, faults, *start)
    assert (await run(tmp_path, faults, *start)).out == "yes\n"
    assert len(faults.seen) == 1
    faults.json(thought("no"))
    assert (await run(tmp_path, faults, *start, text=FLOW.replace("top_k: 4", "top_k: 5"))).out == "no\n"
    faults.json(thought("no"))
    assert (await run(tmp_path, faults, *start, text=FLOW.replace("high", "low"))).out == "no\n"
    assert len(faults.seen) == 3


async def test_a_key_in_the_reasoning_is_not_kept(faults: Any, tmp_path: Path) -> None:
    faults.json(thought("yes", reasoning=f"My key is {KEY}, I think."))
    assert (await run(tmp_path, faults, "f.flow", "--claim", "x")).out == "yes\n"
    shown = await run(tmp_path, faults, "show", "last", "verdict")
    assert KEY not in shown.out
    assert "(the reasoning contains your key, so it is not saved" in shown.out
    assert KEY.encode() not in whole(tmp_path)


def whole(folder: Path) -> bytes:
    """All that the run has written."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_page_tells_the_options_and_the_reasoning() -> None:
    request = Request((Message("user", "True?"),), options={"reasoning": "high"})
    made = replace(call_of("verdict", "?"), request=request, answers=(AnswerRecord("yes", more={"reasoning": "hm"}),))
    data: Any = page_data(run_of([made]))
    assert data["requests"] == [{"options": {"reasoning": "high"}}]
    assert json.loads(data["strings"][data["answers"]["more"][0]]) == {"reasoning": "hm"}
    bare: Any = page_data(run_of([made]), texts=False)
    assert bare["requests"] == [{}]


DEFAULT = """
flow f(claim: text) {
  verdict = ask "True? {{ claim }}" -> yes | no with verbosity: low, service_tier: standard_only
  return verdict
}
"""


async def test_the_start_of_a_run_refuses_for_a_model_that_the_flow_leaves_open(faults: Any, tmp_path: Path) -> None:
    ran = await run(tmp_path, faults, "f.flow", "--claim", "x", "--model", "openai:qwen3", text=DEFAULT)
    assert ran.code == 2
    assert "`verdict`: openai:qwen3 does not take its `service_tier`: the tiers of Chat Completions are" in ran.err
    assert "Nothing was sent" in ran.err
    assert faults.seen == []


def opened(faults: Any, model: str) -> Any:
    environ = {
        "OPENAI_BASE_URL": f"{faults.url}/v1",
        "ANTHROPIC_BASE_URL": faults.url,
        "ANTHROPIC_API_KEY": "ant-key-0123456789",
        "GOOGLE_GEMINI_BASE_URL": f"{faults.url}/",
        "GEMINI_API_KEY": "gem-key-0123456789",
    }
    return open_provider(model, Surroundings(environ))


def stream(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def chat_event(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


CHAT_END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
WHOLE = [
    ("openai:m", chat("a", reasoning_content="hm")),
    ("openai:m", chat("a", reasoning="hm")),
    ("openai:m", chat("<think>hm</think>a")),
    ("anthropic:claude-opus-5", claude("a")),
    ("gemini:gemini-3-flash", google("a")),
]
PARTS = (
    {"content": {"parts": [{"text": "h", "thought": True}]}},
    {"content": {"parts": [{"text": "m", "thought": True}]}},
)
STREAMED = [
    (
        "openai:m",
        [chat_event(reasoning_content="h"), chat_event(reasoning_content="m"), chat_event(content="a"), CHAT_END],
    ),
    ("openai:m", [chat_event(content="<think>h"), chat_event(content="m</think>a"), CHAT_END]),
    (
        "anthropic:claude-opus-5",
        [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "h"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "xx"}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "a"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        ],
    ),
    (
        "gemini:gemini-3-flash",
        [
            {"candidates": [PARTS[0]]},
            {"candidates": [PARTS[1]]},
            {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]},
        ],
    ),
]


def apart(answers: tuple[Answer, ...]) -> None:
    (answer,) = answers
    assert (answer.text, answer.finish, answer.more) == ("a", "stop", {"reasoning": "hm"})


@pytest.mark.parametrize(("model", "reply"), WHOLE)
async def test_each_api_has_its_place_for_reasoning(faults: Any, model: str, reply: dict[str, Any]) -> None:
    faults.json(reply)
    served = opened(faults, model)
    apart(await ask(served))
    await served.close()


@pytest.mark.parametrize(("model", "events"), STREAMED)
async def test_a_stream_keeps_it_apart_too(faults: Any, model: str, events: list[Any]) -> None:
    faults.raw(stream(*events), kind="text/event-stream")
    served = opened(faults, model)
    apart(await ask(served, stream=True))
    await served.close()


async def test_an_answer_without_reasoning_has_nothing_beside_it(faults: Any) -> None:
    faults.json(chat("a"))
    served = opened(faults, "openai:m")
    (answer,) = await ask(served)
    await served.close()
    assert answer.more is None


CHAT_PROBS = {"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": [{"token": "no", "logprob": -2}]}]}
GOOGLE_PROBS = {
    "chosenCandidates": [{"token": "yes", "logProbability": -0.1}],
    "topCandidates": [{"candidates": [{"token": "no", "logProbability": -2}]}],
}


async def test_the_probabilities_of_tokens_have_one_form(faults: Any) -> None:
    reply = chat("yes")
    reply["choices"][0]["logprobs"] = CHAT_PROBS
    other = google("yes")
    other["candidates"][0]["logprobsResult"] = GOOGLE_PROBS
    for model, body in (("openai:m", reply), ("gemini:gemini-2.5-flash", other)):
        faults.json(body)
        served = opened(faults, model)
        (answer,) = await ask(served, options={"logprobs": True}, stream=True)
        await served.close()
        assert answer.more is not None
        assert answer.more["logprobs"] == [["yes", -0.1, [["no", -2]]]]
    assert "stream" not in faults.seen[0]


def test_a_terminal_shows_a_line_for_each_token() -> None:
    found = [["yes", -0.1, [["yes", -0.1], ["no", -2.5], ["\n", None]]], ["!", 0, []]]
    assert probabilities_text(found) == '"yes" 90.5 %  ("no" 8.2 %, "\\n" ?)\n"!" 100.0 %'
    junk: list[Any] = [{}, [5], [["a", "b", []]], [["a", -1, [5]]]]
    assert [probabilities_text(one) for one in junk] == [None] * 4


@pytest.mark.parametrize("junk", [5, "x", [], {"content": 5}, {"content": [5, {}, {"token": 5, "logprob": "x"}]}])
async def test_probabilities_in_no_form_do_no_harm(faults: Any, junk: Any) -> None:
    reply = chat("yes")
    reply["choices"][0]["logprobs"] = junk
    faults.json(reply)
    served = opened(faults, "openai:m")
    (answer,) = await ask(served, options={"logprobs": True})
    await served.close()
    assert answer.text == "yes"
