"""The probability of an answer at each API: its form of tokens, parts of characters, votes, batches and the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import pytest
from test_batch_apis import Place
from test_batch_apis import at as at  # noqa: PLC0414 (a fixture)

from flowrun.runtime.cli.views.probabilities import probabilities_text
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.logprobs import chat_logprobs
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.values.certainty import Token, certainty, tokens_of
from flowrun.runtime.values.sure import sure_word, sureness
from support import batch_server
from support.command_line import command
from support.hosted import ask, chat, claude, google, rejection

WORDS = ("größer", "gründlich", "垃圾")
FLOW = """
MODEL
flow rate(mail: text) {
  word = ask m "Which? {{ mail }}" -> "größer" | "gründlich" | "垃圾" with max_tokens: 20
  return { word, sure: sure(word) }
}
"""


def cut(text: str, *pieces: int) -> list[bytes]:
    """Divide a text into tokens of so many bytes. The last one has the rest."""
    data, found = text.encode(), []
    for size in pieces:
        found.append(data[:size])
        data = data[size:]
    return [*found, data] if data else found


def token(data: bytes, share: float, **more: Any) -> dict[str, Any]:
    """A token as servers write it: parts of characters have the sign of replacement in their text."""
    return {"token": data.decode("utf-8", "replace"), "bytes": [*data], "logprob": log(share), **more}


def content(tokens: list[bytes], chosen: int, share: float, other: bytes) -> dict[str, Any]:
    """The log-probabilities of an answer: all tokens are certain but one, in whose place another might have come."""
    rows = []
    for number, one in enumerate(tokens):
        own = token(one, share if number == chosen else 1.0)
        top = [own, token(other, 1 - share)] if number == chosen else [own]
        rows.append({"id": number, **own, "top_logprobs": top})
    return {"content": rows}


# `gr`, the first byte of `ö`, its second byte with `ßer"`: the other word goes on with the second byte of `ü`.
SPLIT = [b'{"answer":"gr', b"\xc3", b"\xb6\xc3\x9f", b'er"}']
PLAIN = [b"gr", b"\xc3", b"\xb6\xc3\x9f", b"er"]
OTHER = b"\xbc"


def whole(tokens: list[bytes]) -> str:
    return b"".join(tokens).decode()


@pytest.mark.parametrize("tokens", [SPLIT, PLAIN])
def test_tokens_that_are_parts_of_characters_count(tokens: list[bytes]) -> None:
    found = chat_logprobs(content(tokens, 2, 0.8, OTHER))
    assert json.loads(json.dumps(found)) == found
    assert found[1][0] == [0xC3] and found[2][0] == [*tokens[2]] and found[2][2][1][0] == [0xBC]
    assert b"".join(one.data for one in tokens_of(found)) == b"".join(tokens)
    assert sureness(sure_word("größer", WORDS, {"logprobs": found})) == pytest.approx(0.8)


def test_a_word_of_three_byte_characters() -> None:
    tokens = [b'{"answer": "', *cut("垃圾", 2, 2, 1), b'"}']
    found = chat_logprobs(content(tokens, 1, 0.6, b"gr"))
    assert sureness(sure_word("垃圾", WORDS, {"logprobs": found})) == pytest.approx(0.6)


def test_bytes_are_preferred_to_the_text_of_a_token() -> None:
    """vLLM and llama.cpp write the sign of replacement, or nothing, for a part of a character."""
    rows = content(SPLIT, 2, 0.8, OTHER)
    for row in rows["content"]:
        row["token"] = "\ufffd" if not row["token"].isascii() else row["token"]
    assert sureness(sure_word("größer", WORDS, {"logprobs": chat_logprobs(rows)})) == pytest.approx(0.8)


@pytest.mark.parametrize("junk", [[], ["a"], [300], [-1], [True], "x", 5, [1.5], None])
def test_bytes_in_no_form_leave_the_text(junk: Any) -> None:
    rows = {"content": [{"token": "größer", "bytes": junk, "logprob": -0.5, "top_logprobs": []}]}
    assert chat_logprobs(rows) == [["größer", -0.5, []]]


@pytest.mark.parametrize("junk", [[["x"], -1], [[256], -1], [[-1], -1], [[1.5], -1], [{}, -1], [None, -1]])
def test_a_journal_with_tokens_in_no_form_has_no_probability(junk: Any) -> None:
    assert tokens_of([junk]) == []


def test_an_answer_with_codes_for_its_letters() -> None:
    tokens = [
        Token(b'{"answer":"gr', 0.0),
        Token(b"\\u00f6", log(0.7), ((b"\\u00f6", log(0.7)), (b"\\u00fc", log(0.3)))),
        Token(b'\\u00dfer"}', 0.0),
    ]
    assert certainty(tokens, "größer", WORDS) == pytest.approx(0.7)


def test_tokens_that_contradict_the_answer_have_no_probability() -> None:
    assert certainty([Token(b"spam", float("-inf"))], "spam", ["spam", "ham"]) is None


def test_show_writes_parts_of_characters_as_their_bytes() -> None:
    assert probabilities_text([["a", -0.1, []], [[195], -0.1, [[[195], -0.1], ["b", -3]]]]) == (
        '"a" 90.5 %\n[195] 90.5 %  ("b" 5.0 %)'
    )


def chat_with(tokens: list[bytes]) -> dict[str, Any]:
    reply = chat(whole(tokens))
    reply["choices"][0]["logprobs"] = content(tokens, 2, 0.8, OTHER)
    return reply


def google_with(tokens: list[bytes]) -> dict[str, Any]:
    """Gemini names no bytes, and its tokens are whole characters."""
    reply = google(whole(tokens))
    reply["candidates"][0]["logprobsResult"] = {
        "chosenCandidates": [{"token": "gr", "logProbability": 0.0}, {"token": "ößer", "logProbability": log(0.8)}],
        "topCandidates": [
            {"candidates": [{"token": "gr", "logProbability": 0.0}]},
            {
                "candidates": [
                    {"token": "ößer", "logProbability": log(0.8)},
                    {"token": "ündlich", "logProbability": log(0.2)},
                ]
            },
        ],
    }
    return reply


APIS = [
    ('endpoint lab = "URL/v1"\nmodel m = "lab:llama"', chat_with(SPLIT)),
    ('endpoint lab = "URL/v1" with lacks: [json_schema, json_object]\nmodel m = "lab:llama"', chat_with(PLAIN)),
    ('model m = "gemini:gemini-2.0-flash"', google_with(PLAIN)),
]


@pytest.mark.parametrize(("model", "reply"), APIS)
async def test_a_run_and_its_resumption_know_it(
    faults: Any, flow: Callable[[str], Path], model: str, reply: dict[str, Any]
) -> None:
    faults.json(reply)
    path = flow(FLOW.replace("MODEL", model.replace("URL", faults.url)))
    environ = {"GOOGLE_GEMINI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "j.db"}
    first = await command("a.flow", "--mail", "hi", folder=path.parent, **environ)
    assert first.code == 0, first.err
    value = json.loads(first.out)
    assert value == {"word": "größer", "sure": pytest.approx(0.8)}
    again = await command("a.flow", "--mail", "hi", folder=path.parent, **environ)
    assert json.loads(again.out) == value
    resumed = await command("resume", "last", folder=path.parent, **environ)
    assert json.loads(resumed.out) == value
    assert len(faults.seen) == 1
    assert "stream" not in faults.seen[0]
    shown = await command("show", "last", "--json", folder=path.parent, **environ)
    assert shown.code == 0 and "logprobs" in shown.out


async def test_each_sample_of_a_request_has_its_own(faults: Any) -> None:
    reply = chat(*['{"answer":"größer"}'] * 2)
    for choice, share in zip(reply["choices"], (0.8, 0.3), strict=True):
        choice["logprobs"] = content(SPLIT, 2, share, OTHER)
    faults.json(reply)
    served = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": f"{faults.url}/v1"}))
    answers = await ask(served, 2, choices=WORDS, options={"logprobs": True})
    await served.close()
    assert faults.seen[0]["n"] == 2
    assert [sureness(sure_word(one.text, WORDS, one.more)) for one in answers] == pytest.approx([0.8, 0.3])


async def test_a_server_that_refuses_probabilities_is_asked_without_them(
    faults: Any, flow: Callable[[str], Path]
) -> None:
    faults.json(*rejection("Logprobs is not enabled for models/gemini-2.5-flash"))
    faults.json(google("größer"))
    path = flow(FLOW.replace("MODEL", 'model m = "gemini:gemini-2.5-flash"'))
    ran = await command("a.flow", "--mail", "hi", folder=path.parent, GOOGLE_GEMINI_BASE_URL=faults.url)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == {"word": "größer", "sure": None}
    assert "continuing without logprobs (Logprobs is not enabled" in ran.err
    assert ["logprobs" in one["generationConfig"] for one in faults.seen] == [True, False]
    assert "responseLogprobs" not in faults.seen[1]["generationConfig"]


SILENT = [
    ('model m = "anthropic:claude-haiku-4-5"', claude('{"answer": "größer"}'), "`anthropic`"),
    ('model m = "openai:gpt-5-mini"', chat('{"answer": "größer"}'), ""),
    ('endpoint lab = "URL/v1" with lacks: [logprobs]\nmodel m = "lab:x"', chat('{"answer": "größer"}'), "`lab`"),
]


@pytest.mark.parametrize(("model", "reply", "named"), SILENT)
async def test_where_there_are_none_the_run_goes_on_and_the_check_tells_it(
    faults: Any, flow: Callable[[str], Path], model: str, reply: dict[str, Any], named: str
) -> None:
    faults.json(reply)
    path = flow(FLOW.replace("MODEL", model.replace("URL", faults.url)))
    environ = {"ANTHROPIC_BASE_URL": faults.url, "OPENAI_BASE_URL": f"{faults.url}/v1"}
    checked = await command("validate", "a.flow", folder=path.parent, **environ)
    said = f"warning[F0770]: the endpoint {named} does not serve `sure(word)`"
    assert (said in checked.err + checked.out) == bool(named)
    ran = await command("a.flow", "--mail", "hi", folder=path.parent, **environ)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == {"word": "größer", "sure": None}
    assert len(faults.seen) == 1 and "logprobs" not in faults.seen[0]


async def test_an_option_that_is_written_is_still_refused(flow: Callable[[str], Path]) -> None:
    path = flow('flow f() { a = ask "hi" -> yes | no with logprobs: true return a }')
    ran = await command("a.flow", "--model", "anthropic:claude-haiku-4-5", folder=path.parent, ANTHROPIC_API_KEY="k")
    assert ran.code == 2 and "does not take its `logprobs`: Messages has no such option. Nothing was sent" in ran.err


async def test_the_line_of_a_batch_api_has_it(at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(body: Any) -> Any:
        assert body["logprobs"] is True and body["top_logprobs"] == 5
        return chat_with(SPLIT)

    monkeypatch.setitem(batch_server.REPLIES, "openai", reply)
    text = FLOW.replace("MODEL", 'model m = "openai:m" with batch: true, input_price: 10, output_price: 100')
    found = await at.run(text.replace("mail: text", "rows: [text]").replace("{{ mail }}", "{{ rows }}"), ["a"])
    assert found.value == {"word": "größer", "sure": pytest.approx(0.8)}
    assert at.count("line") == 1 and at.count("live") == 0
